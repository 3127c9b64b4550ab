package train

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/brief"
	"github.com/minivess/minivess/tools/resolve"
)

//go:embed job_status.md
var statusDoc string

// StatusIn names a run.
type StatusIn struct {
	Run string `json:"run" jsonschema:"which run: an id or its prefix, a name, latest, …"`
}

// StatusOut says how a run stands.
type StatusOut struct {
	tools.Line
	brief.Run
	Why      string                 `json:"why" jsonschema:"why it is this run"`
	Latest   map[string]runs.Number `json:"latest,omitempty" jsonschema:"latest value of each metric, by split/name"`
	RSSBytes int64                  `json:"rss_bytes,omitempty" jsonschema:"memory that the worker uses"`
	CPU      float64                `json:"cpu_percent,omitempty" jsonschema:"processor time that the worker uses, in per cent of one core"`
	Device   string                 `json:"device,omitempty" jsonschema:"device that it computes on"`
	Report   string                 `json:"report,omitempty" jsonschema:"of an evaluation: path of its HTML report"`
	Worst    *runs.Worst            `json:"worst,omitempty" jsonschema:"of an evaluation: the volume with the worst value of what was asked for first"`
}

type jobStatus struct{ Deps }

func (jobStatus) Spec() tools.Spec {
	return tools.Spec{Name: "job_status", Family: family, Effect: tools.Read, Doc: statusDoc}
}

func (t jobStatus) Preview(ctx context.Context, in StatusIn) (tools.Preview, error) {
	p, _, err := resolve.PreviewRun(ctx, t.Workspace, in.Run, "say how it stands with")
	return p, err
}

func (t jobStatus) Run(_ context.Context, in StatusIn, _ func(tools.Progress)) (StatusOut, error) {
	picked, err := resolve.Run(t.Workspace, in.Run)
	if err != nil {
		return StatusOut{}, err
	}
	r := picked.Run
	out := StatusOut{Run: brief.Of(r), Why: picked.Why, Latest: r.Latest, Device: r.Worker.Device, Report: r.Report(), Worst: r.Worst}
	if r.Resource != nil && r.State.Active() {
		out.RSSBytes, out.CPU = r.Resource.RSSBytes, r.Resource.CPUPercent
	}
	out.Summary = fmt.Sprintf("%s: %s", picked.Label(), out.Sentence())
	return out, nil
}
