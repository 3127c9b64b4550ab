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

//go:embed job_resume.md
var resumeDoc string

// ResumeIn names a run and, if it is to go further than planned, how far.
type ResumeIn struct {
	Run    string `json:"run" jsonschema:"which run: an id or its prefix, a name, latest, …"`
	Epochs int    `json:"epochs,omitempty" jsonschema:"new total number of epochs; left out, the run goes on to what it was launched with" minimum:"1"`
}

// ResumeOut is the run that goes on.
type ResumeOut struct {
	tools.Line
	Run  string `json:"run" jsonschema:"id of the run"`
	Why  string `json:"why" jsonschema:"why it is this run"`
	Step int64  `json:"step" jsonschema:"step of the checkpoint that it goes on from; 0 when there is none"`
}

type jobResume struct{ Deps }

func (jobResume) Spec() tools.Spec {
	return tools.Spec{Name: "job_resume", Family: family, Effect: tools.Launch, Doc: resumeDoc}
}

func (t jobResume) Preview(ctx context.Context, in ResumeIn) (tools.Preview, error) {
	p, picked, err := resolve.PreviewRun(ctx, t.Workspace, in.Run, "resume")
	if err != nil || picked.Run.Dir == "" {
		return p, err
	}
	r := picked.Run
	if err := resumable(r, in.Epochs); err != nil {
		return p, err
	}
	if r.Spec.Kind != runs.KindTrain {
		p.Summary += goingOn(r)
		p.Writes = []string{filepath.Join(r.Dir, runs.EventsFile), filepath.Join(r.Dir, runs.ArtifactsDir)}
		return p, nil
	}
	p.Summary += fmt.Sprintf(" from step %d", from(r))
	if in.Epochs > 0 {
		p.Summary += fmt.Sprintf(", to %s", tools.Count(in.Epochs, "epoch"))
	}
	p.Writes = []string{filepath.Join(r.Dir, runs.EventsFile), filepath.Join(r.Dir, runs.CheckpointsDir)}
	p.Cost = t.costOfResuming(r, in.Epochs)
	return p, nil
}

// resumable refuses what the launcher would refuse, before anyone is asked to
// approve it.
func resumable(r runs.Run, epochs int) error {
	switch {
	case r.State.Active():
		return tools.Errorf(tools.CodeConflict, "run %s is %s already", r.ID(), r.State).WithHint("job_status shows how far it is")
	case epochs > 0 && r.Spec.Kind != runs.KindTrain:
		return tools.Errorf(tools.CodeBadArguments, "run %s is no training and has no epochs", r.ID()).WithHint("leave epochs out")
	case r.State == runs.StateFinished && r.Spec.Kind != runs.KindTrain:
		return tools.Errorf(tools.CodeConflict, "run %s has finished: there is nothing left to do", r.ID()).WithHint("launch it anew")
	case r.State == runs.StateFinished && epochs == 0:
		return tools.Errorf(tools.CodeConflict, "run %s has finished", r.ID()).WithHint("give epochs, the new total, to train it further")
	case r.State != runs.StateFinished && !r.Resumable && r.Failure != nil:
		return tools.Errorf(tools.CodeConflict, "run %s failed and would fail again: %s", r.ID(), tools.Plain(r.Failure.Error)).
			WithHint("mend the cause and launch a new run")
	}
	return nil
}

// goingOn says how far an evaluation or a prediction was.
func goingOn(r runs.Run) string {
	if p := r.Progress; p != nil && p.Done > 0 && r.Spec.Kind == runs.KindEvaluate {
		return fmt.Sprintf(" after the volumes that are judged, at most %d of %d", p.Done, p.Total)
	}
	return " after what it has done"
}

// from is the step that the last checkpoint was taken at.
func from(r runs.Run) int64 { return r.Checkpoints["last"].Step }

func (t jobResume) Run(ctx context.Context, in ResumeIn, _ func(tools.Progress)) (ResumeOut, error) {
	picked, err := resolve.Run(t.Workspace, in.Run)
	if err != nil {
		return ResumeOut{}, err
	}
	if err := resumable(picked.Run, in.Epochs); err != nil {
		return ResumeOut{}, err
	}
	id := picked.Run.ID()
	if err := t.Launcher.Resume(ctx, id, in.Epochs); err != nil {
		return ResumeOut{}, asError(err)
	}
	out := ResumeOut{Run: id, Why: picked.Why, Step: from(picked.Run)}
	if picked.Run.Spec.Kind != runs.KindTrain {
		out.Summary = fmt.Sprintf("%s goes on%s", picked.Label(), goingOn(picked.Run))
		return out, nil
	}
	out.Summary = fmt.Sprintf("%s goes on from step %d", picked.Label(), out.Step)
	if out.Step == 0 {
		out.Summary = fmt.Sprintf("%s starts again: it had no checkpoint", picked.Label())
	}
	return out, nil
}
