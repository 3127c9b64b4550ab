package govern

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/report"
	"github.com/minivess/minivess/engine/report/collect"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/resolve"
)

// chosen is what a report is going to be about. Jobs and evaluations are in the
// order in which the runs were named.
type chosen struct {
	jobs        []runs.Run
	evaluations []report.Evaluation
	split       string
	why         []string
	selectors   []string
	notes       []string
}

// find resolves the selectors and reads the evaluation of each run: the newest
// one with scores on the split that most of the runs were judged on, the test
// split before the others. An evaluation may also be named itself.
func (t reportWrite) find(ctx context.Context, selectors []string) (chosen, error) {
	if len(selectors) == 0 {
		return chosen{}, tools.Errorf(tools.CodeBadArguments, "report_write: no run is named").WithHint("name one, several, or say all")
	}
	named, why, err := resolve.Runs(t.Workspace, selectors)
	if err != nil {
		return chosen{}, err
	}
	if i := slices.IndexFunc(named, func(r runs.Run) bool { return r.Spec.Kind == runs.KindPredict }); i >= 0 {
		return chosen{}, tools.Errorf(tools.CodeBadArguments, "run %s is a prediction: nothing was judged, so there is nothing to report", named[i].ID()).
			WithHint("name a trained run that evaluate_run has judged")
	}
	all, err := runs.List(t.Workspace)
	if err != nil {
		return chosen{}, tools.Errorf(tools.CodeFailed, "%w", err)
	}
	runs.Sort(all)
	out := chosen{why: why, selectors: selectors}
	out.split = splitOf(named, all)
	var without []string
	for _, r := range named {
		job, e, err := t.newest(ctx, r, all, out.split)
		switch {
		case errors.Is(err, collect.ErrNoScores):
			without = append(without, r.ID())
		case err != nil:
			return chosen{}, tools.Errorf(tools.CodeFailed, "%w", err)
		case !slices.ContainsFunc(out.jobs, func(o runs.Run) bool { return o.ID() == job.ID() }):
			out.jobs, out.evaluations = append(out.jobs, job), append(out.evaluations, e)
		}
	}
	if len(out.jobs) == 0 {
		return chosen{}, tools.Errorf(tools.CodeNotFound, "none of %s has been evaluated", tools.Count(len(named), "run")).
			WithHint("evaluate_run does that; a report is about its scores").WithCandidates(without...)
	}
	if len(without) > 0 {
		out.notes = append(out.notes, fmt.Sprintf("left out, without scores on the %s split (evaluate_run makes them): %s", out.split, strings.Join(without, ", ")))
	}
	return out, nil
}

// splitOf is the split that most of the runs were judged on; of equals, test
// before val before train.
func splitOf(named, all []runs.Run) string {
	best, most := "test", 0
	for _, split := range []string{"test", "val", "train"} {
		n := 0
		for _, r := range named {
			if slices.ContainsFunc(all, func(j runs.Run) bool { return judges(j, r, split) }) {
				n++
			}
		}
		if n > most {
			best, most = split, n
		}
	}
	return best
}

// judges reports whether a job is the evaluation of a run on a split, or the
// very run that was named.
func judges(job, r runs.Run, split string) bool {
	e := job.Spec.Evaluate
	return job.Spec.Kind == runs.KindEvaluate && e != nil && (e.Run == r.ID() || job.ID() == r.ID()) && cmp.Or(e.Split, "test") == split
}

// newest reads the newest evaluation of a run that has scores.
func (t reportWrite) newest(ctx context.Context, r runs.Run, all []runs.Run, split string) (runs.Run, report.Evaluation, error) {
	for _, job := range all {
		if !judges(job, r, split) {
			continue
		}
		e, err := collect.Evaluation(ctx, t.Workspace, job, collect.Options{})
		if errors.Is(err, collect.ErrNoScores) {
			continue
		}
		return job, e, err
	}
	return runs.Run{}, report.Evaluation{}, collect.ErrNoScores
}

// what says what the report is.
func (c chosen) what() string {
	volumes := 0
	for _, e := range c.evaluations {
		volumes = max(volumes, len(e.Cases))
	}
	if len(c.evaluations) == 1 {
		return fmt.Sprintf("a report on %s (%s of the %s split)", c.evaluations[0].Run, tools.Count(volumes, "volume"), c.split)
	}
	return fmt.Sprintf("a comparison of %s (up to %s of the %s split)", tools.Count(len(c.evaluations), "run"), tools.Count(volumes, "volume"), c.split)
}

// reasons says what each selector led to, and which evaluation is read.
func (c chosen) reasons() []string {
	var out []string
	for i, s := range c.selectors {
		out = append(out, fmt.Sprintf("%q: %s", tools.Plain(s), c.why[i]))
	}
	for i, e := range c.evaluations {
		out = append(out, fmt.Sprintf("the scores of %s are from %s", e.Run, c.jobs[i].ID()))
	}
	return out
}
