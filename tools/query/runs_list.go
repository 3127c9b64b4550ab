package query

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/brief"
)

//go:embed runs_list.md
var runsListDoc string

// RunsListIn narrows the list down and orders it.
type RunsListIn struct {
	Model      string `json:"model,omitempty" jsonschema:"only runs of this model"`
	Dataset    string `json:"dataset,omitempty" jsonschema:"only runs on this dataset"`
	State      string `json:"state,omitempty" jsonschema:"only runs in this state" enum:"queued,running,finished,failed,cancelled"`
	Tag        string `json:"tag,omitempty" jsonschema:"only runs with this tag: KEY or KEY=VALUE"`
	Since      string `json:"since,omitempty" jsonschema:"only runs launched since then: a date (2026-03-01), a time (RFC 3339), or how long ago (36h, 7d)"`
	OrderBy    string `json:"order_by" jsonschema:"created, name, model, dataset, state, step, or a metric such as dice or val/dice" default:"created"`
	Descending *bool  `json:"descending,omitempty" jsonschema:"largest, newest or last first; left out, the best of a metric and the newest of a time come first"`
	Limit      int    `json:"limit" jsonschema:"most rows to return" default:"20" minimum:"1" maximum:"1000"`
}

// RunsListOut is the runs in order.
type RunsListOut struct {
	tools.Line
	Runs  []brief.Run `json:"runs" jsonschema:"the runs in order"`
	Total int         `json:"total" jsonschema:"number of runs that match, before the limit"`
}

type runsList struct{ Deps }

func (runsList) Spec() tools.Spec {
	return tools.Spec{Name: "runs_list", Family: family, Effect: tools.Read, Doc: runsListDoc}
}

func (t runsList) Preview(_ context.Context, in RunsListIn) (tools.Preview, error) {
	if _, err := t.since(in.Since); err != nil {
		return tools.Preview{}, err
	}
	return tools.Preview{Summary: fmt.Sprintf("list up to %s by %s", tools.Count(in.Limit, "run"), tools.Plain(in.OrderBy))}, nil
}

func (t runsList) Run(_ context.Context, in RunsListIn, _ func(tools.Progress)) (RunsListOut, error) {
	since, err := t.since(in.Since)
	if err != nil {
		return RunsListOut{}, err
	}
	all, err := runs.List(t.Workspace)
	if err != nil {
		return RunsListOut{}, asError(err)
	}
	scores := runs.Scores(all)
	kept := slices.DeleteFunc(all, func(r runs.Run) bool { return !in.keeps(r, since) })
	if err := in.order(kept, scores); err != nil {
		return RunsListOut{}, err
	}
	out := RunsListOut{Total: len(kept), Runs: []brief.Run{}}
	for _, r := range kept[:min(len(kept), in.Limit)] {
		b := brief.Of(r)
		if s := scores[r.ID()]; len(s) > 0 {
			b.Best = brief.Held(s)
		}
		out.Runs = append(out.Runs, b)
	}
	out.Summary = tools.Count(out.Total, "run")
	if len(out.Runs) < out.Total {
		out.Summary += fmt.Sprintf(", the first %d shown", len(out.Runs))
	}
	if len(out.Runs) > 0 {
		out.Summary += fmt.Sprintf("; first: %s, %s", out.Runs[0].Run, out.Runs[0].Sentence())
	}
	return out, nil
}

// since reads a date, a time or an age.
func (t runsList) since(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, t.Now().Location()); err == nil {
		return day, nil
	}
	var days float64
	if n, err := fmt.Sscanf(text, "%gd", &days); n == 1 && err == nil && strings.HasSuffix(text, "d") && days >= 0 {
		return t.Now().Add(-time.Duration(days * 24 * float64(time.Hour))), nil
	}
	if age, err := time.ParseDuration(text); err == nil && age >= 0 {
		return t.Now().Add(-age), nil
	}
	return time.Time{}, tools.Errorf(tools.CodeBadArguments, "since is %q, which is neither a date, a time nor an age", text).
		WithHint("write 2026-03-01, 2026-03-01T12:00:00Z, 36h or 7d")
}

func (in RunsListIn) keeps(r runs.Run, since time.Time) bool {
	key, value, withValue := strings.Cut(in.Tag, "=")
	tag, tagged := r.Tags[key]
	return (in.Model == "" || r.Spec.Model == in.Model) &&
		(in.Dataset == "" || r.Spec.Dataset.Name == in.Dataset) &&
		(in.State == "" || string(r.State) == in.State) &&
		(in.Tag == "" || tagged && (!withValue || tag == value)) &&
		!r.Spec.Created.Before(since)
}

// order sorts the runs; equal ones stay newest first.
func (in RunsListIn) order(all []runs.Run, scores map[string]map[string]runs.Number) error {
	columns := map[string]func(a, b runs.Run) int{
		"created": func(a, b runs.Run) int { return a.Spec.Created.Compare(b.Spec.Created) },
		"name":    func(a, b runs.Run) int { return cmp.Compare(a.Spec.Name, b.Spec.Name) },
		"model":   func(a, b runs.Run) int { return cmp.Compare(a.Spec.Model, b.Spec.Model) },
		"dataset": func(a, b runs.Run) int { return cmp.Compare(a.Spec.Dataset.Name, b.Spec.Dataset.Name) },
		"state":   func(a, b runs.Run) int { return cmp.Compare(a.State, b.State) },
		"step":    func(a, b runs.Run) int { return cmp.Compare(a.LastStep, b.LastStep) },
	}
	if by, ok := columns[in.OrderBy]; ok {
		descending := in.OrderBy == "created" || in.OrderBy == "step"
		if in.Descending != nil {
			descending = *in.Descending
		}
		slices.SortStableFunc(all, func(a, b runs.Run) int {
			if descending {
				a, b = b, a
			}
			return by(a, b)
		})
		return nil
	}
	return in.orderByMetric(all, scores)
}

// orderByMetric sorts by a score, of the test split where a run has one, else
// of val. Runs without it come last.
func (in RunsListIn) orderByMetric(all []runs.Run, scores map[string]map[string]runs.Number) error {
	_, name, full := strings.Cut(in.OrderBy, "/")
	keys := []string{in.OrderBy}
	if !full {
		name, keys = in.OrderBy, []string{"test/" + in.OrderBy, "val/" + in.OrderBy}
	}
	descending := !runs.LowerIsBetter(name)
	if in.Descending != nil {
		descending = *in.Descending
	}
	value := func(r runs.Run) (float64, bool) {
		for _, k := range keys {
			if v, ok := scores[r.ID()][k]; ok {
				return float64(v), true
			}
		}
		return 0, false
	}
	if len(all) > 0 && !slices.ContainsFunc(all, func(r runs.Run) bool { _, ok := value(r); return ok }) {
		return tools.Errorf(tools.CodeNotFound, "no run has a column or metric %q to order by", in.OrderBy).
			WithHint("order by created, name, model, dataset, state, step, or a metric such as dice")
	}
	slices.SortStableFunc(all, func(a, b runs.Run) int {
		x, okX := value(a)
		y, okY := value(b)
		switch {
		case !okX && !okY:
			return 0
		case !okX:
			return 1
		case !okY:
			return -1
		case descending:
			return cmp.Compare(y, x)
		}
		return cmp.Compare(x, y)
	})
	return nil
}
