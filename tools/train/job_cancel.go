package train

import (
	"context"
	_ "embed"
	"fmt"
	"path/filepath"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/resolve"
)

//go:embed job_cancel.md
var cancelDoc string

// CancelIn names a run.
type CancelIn struct {
	Run string `json:"run" jsonschema:"which run: an id or its prefix, a name, latest, …"`
}

// CancelOut says that the run was asked to stop.
type CancelOut struct {
	tools.Line
	Run   string `json:"run" jsonschema:"id of the run"`
	Why   string `json:"why" jsonschema:"why it is this run"`
	State string `json:"state" jsonschema:"state right after it was asked; it may take a moment to save and stop"`
}

type jobCancel struct{ Deps }

func (jobCancel) Spec() tools.Spec {
	return tools.Spec{Name: "job_cancel", Family: family, Effect: tools.Destroy, Doc: cancelDoc}
}

func (t jobCancel) Preview(ctx context.Context, in CancelIn) (tools.Preview, error) {
	p, picked, err := resolve.PreviewRun(ctx, t.Workspace, in.Run, "stop")
	if err != nil || picked.Run.Dir == "" {
		return p, err
	}
	if !stoppable(picked.Run) {
		return p, tools.Errorf(tools.CodeConflict, "run %s is %s: there is nothing to stop", picked.Run.ID(), picked.Run.State)
	}
	p.Writes = []string{filepath.Join(picked.Run.Dir, runs.CancelFile)}
	p.Notes = append(p.Notes, fmt.Sprintf("it is %s at step %d and saves a checkpoint first; job_resume takes it up again", picked.Run.State, picked.Run.LastStep))
	return p, nil
}

// stoppable tells whether there is something to stop: a run at work, or one
// whose worker died, which cancelling closes.
func stoppable(r runs.Run) bool {
	return r.State.Active() || r.Failure != nil && (r.Failure.Code == runs.CodeWorkerDied || r.Failure.Code == runs.CodeNeverStarted)
}

func (t jobCancel) Run(ctx context.Context, in CancelIn, _ func(tools.Progress)) (CancelOut, error) {
	picked, err := resolve.Run(t.Workspace, in.Run)
	if err != nil {
		return CancelOut{}, err
	}
	id := picked.Run.ID()
	if err := t.Launcher.Cancel(ctx, id); err != nil {
		return CancelOut{}, asError(err)
	}
	after, err := runs.Load(t.Workspace, id)
	if err != nil {
		return CancelOut{}, asError(err)
	}
	out := CancelOut{Run: id, Why: picked.Why, State: string(after.State)}
	out.Summary = fmt.Sprintf("asked %s to stop; it saves its state first", picked.Label())
	if !after.State.Active() {
		out.Summary = fmt.Sprintf("%s is %s", picked.Label(), after.State)
	}
	return out, nil
}
