package govern

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/report"
	"github.com/minivess/minivess/engine/report/collect"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
)

//go:embed report_write.md
var reportDoc string

// ReportIn says which runs to report on, and where.
type ReportIn struct {
	Runs []string `json:"runs" jsonschema:"which runs: ids, names, selectors, or all:tag=baseline; one is reported on, several are compared"`
	Path string   `json:"path,omitempty" jsonschema:"HTML file to write, from the working directory; left out, it goes among the workspace's reports" path:"write"`
}

// ReportOut is the file that was written.
type ReportOut struct {
	tools.Line
	Path        string   `json:"path" jsonschema:"the file"`
	Bytes       int64    `json:"bytes" jsonschema:"its size"`
	Run         string   `json:"run,omitempty" jsonschema:"id of the run, when it is about one"`
	Runs        []string `json:"runs" jsonschema:"ids of the runs that it is about"`
	Evaluations []string `json:"evaluations" jsonschema:"ids of the evaluations that its scores are from, one a run"`
	Split       string   `json:"split" jsonschema:"part of the dataset that was judged"`
	Volumes     int      `json:"volumes" jsonschema:"number of volumes in it"`
	Pictures    int      `json:"pictures" jsonschema:"number of volumes that are pictured"`
	Notes       []string `json:"notes,omitempty" jsonschema:"what to keep in mind"`
	Why         []string `json:"why" jsonschema:"why it is these runs, for each selector"`
}

type reportWrite struct{ Deps }

func (reportWrite) Spec() tools.Spec {
	return tools.Spec{Name: "report_write", Family: family, Effect: tools.Write, Doc: reportDoc}
}

func (t reportWrite) Preview(ctx context.Context, in ReportIn) (tools.Preview, error) {
	for _, s := range in.Runs {
		if id, _, ok := tools.ParseRef(s); ok {
			return t.previewAhead(in, id)
		}
	}
	found, err := t.find(ctx, in.Runs)
	if err != nil {
		return tools.Preview{}, err
	}
	replaces, err := t.place(&in, found)
	if err != nil {
		return tools.Preview{}, err
	}
	args, err := json.Marshal(in)
	if err != nil {
		return tools.Preview{}, tools.Errorf(tools.CodeFailed, "%w", err)
	}
	p := tools.Preview{
		Summary: tools.Plain(fmt.Sprintf("write %s to %s", found.what(), in.Path)),
		Args:    args, Writes: []string{in.Path}, Notes: append(found.reasons(), found.notes...),
	}
	if replaces {
		p.Notes = append(p.Notes, "it replaces an earlier report there")
	}
	return p, nil
}

// previewAhead previews a report on runs some of which an earlier step of the
// plan is going to start.
func (t reportWrite) previewAhead(in ReportIn, step string) (tools.Preview, error) {
	p := tools.Preview{
		Summary: "write a report on " + tools.Plain(strings.Join(in.Runs, ", ")),
		Notes:   []string{fmt.Sprintf("the runs are known once step %s has started them; they have to be evaluated before", step)},
	}
	if in.Path == "" {
		return p, nil
	}
	replaces, err := t.place(&in, chosen{})
	if err != nil {
		return p, err
	}
	p.Writes = []string{in.Path}
	if replaces {
		p.Notes = append(p.Notes, "it replaces an earlier report there")
	}
	return p, nil
}

func (t reportWrite) Run(ctx context.Context, in ReportIn, emit func(tools.Progress)) (ReportOut, error) {
	found, err := t.find(ctx, in.Runs)
	if err != nil {
		return ReportOut{}, err
	}
	if _, err := t.place(&in, found); err != nil {
		return ReportOut{}, err
	}
	out := ReportOut{Path: in.Path, Split: found.split, Notes: found.notes, Why: found.why}
	for _, e := range found.evaluations {
		out.Runs, out.Evaluations = append(out.Runs, e.Run), append(out.Evaluations, e.Job)
	}
	if len(found.evaluations) == 1 {
		out.Run = out.Runs[0]
		e, err := t.pictured(ctx, found.jobs[0], emit)
		if err != nil {
			return ReportOut{}, err
		}
		found.evaluations[0] = e
	}
	out.count(found.evaluations)
	if filepath.Dir(in.Path) == t.reports() {
		if err := os.MkdirAll(t.reports(), 0o750); err != nil {
			return ReportOut{}, tools.Errorf(tools.CodeFailed, "make the folder of reports: %w", err)
		}
	}
	err = atomicfile.Write(in.Path, 0o640, func(w io.Writer) error { return t.write(w, found) })
	if err != nil {
		return ReportOut{}, tools.Errorf(tools.CodeFailed, "%w", err)
	}
	info, err := os.Stat(in.Path)
	if err != nil {
		return ReportOut{}, tools.Errorf(tools.CodeFailed, "%w", err)
	}
	out.Bytes = info.Size()
	out.Summary = tools.Plain(fmt.Sprintf("wrote %s to %s (%s)", found.what(), out.Path, tools.Bytes(out.Bytes)))
	return out, nil
}

// pictured reads the evaluation of one run once more, with pictures of as many
// of the worst volumes as it was asked for.
func (t reportWrite) pictured(ctx context.Context, job runs.Run, emit func(tools.Progress)) (report.Evaluation, error) {
	worst := runs.DefaultWorst
	if n := job.Spec.Evaluate.Worst; n != nil {
		worst = *n
	}
	e, err := collect.Evaluation(ctx, t.Workspace, job, collect.Options{Pictures: worst, Progress: func(done, total int) {
		emit(tools.Progress{Run: job.ID(), Phase: "draw", Done: int64(done), Total: int64(total)})
	}})
	if err != nil {
		return e, tools.Errorf(tools.CodeFailed, "%w", err)
	}
	return e, nil
}

// write writes what was found: one evaluation, or several side by side.
func (t reportWrite) write(w io.Writer, found chosen) error {
	if len(found.evaluations) == 1 {
		e := found.evaluations[0]
		e.Version, e.Notes = t.Version, slices.Concat(found.notes, e.Notes)
		return report.WriteHTML(w, e)
	}
	c := report.Comparison{Evaluations: found.evaluations, Version: t.Version, Notes: found.notes}
	for _, e := range found.evaluations {
		if e.Made.After(c.Made) {
			c.Made = e.Made
		}
	}
	return report.WriteComparison(w, c)
}

// count counts what is in the report.
func (o *ReportOut) count(all []report.Evaluation) {
	seen := map[string]bool{}
	for _, e := range all {
		for _, c := range e.Cases {
			seen[c.Volume] = true
			if c.Pictures != nil {
				o.Pictures++
			}
		}
		for _, n := range e.Notes {
			o.Notes = append(o.Notes, tools.Plain(e.Run+": "+n))
		}
	}
	o.Volumes = len(seen)
}

// reports is the folder of reports that were given no other place.
func (t reportWrite) reports() string { return filepath.Join(t.Workspace.Root(), "reports") }
