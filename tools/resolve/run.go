package resolve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
)

// Picked is a run with the reason for which it was taken.
type Picked struct {
	Run runs.Run
	// Why says how the selector led here, as in "its id".
	Why string
}

// Label is how a sentence names the run: its id, with its name if it has one.
func (p Picked) Label() string { return Label(p.Run) }

// Label is how a sentence names a run: its id, with its name if it has one.
func Label(r runs.Run) string {
	if name := tools.Plain(r.Spec.Name); name != "" {
		return fmt.Sprintf("%s (%s)", r.ID(), name)
	}
	return r.ID()
}

// Run gives the one run that a selector means.
func Run(ws *workspace.Workspace, selector string) (Picked, error) {
	all, err := runs.List(ws)
	if err != nil {
		return Picked{}, tools.Errorf(tools.CodeFailed, "%w", err)
	}
	r, why, err := runs.Select(all, selector)
	if err != nil {
		return Picked{}, selectError(err)
	}
	return Picked{Run: r, Why: why}, nil
}

// TrainedRun is Run for where a trained model is wanted.
func TrainedRun(ws *workspace.Workspace, selector string) (Picked, error) {
	p, err := Run(ws, selector)
	if err != nil {
		return p, err
	}
	if p.Run.Spec.Kind == runs.KindPredict {
		e := tools.Errorf(tools.CodeBadArguments, "run %s is a prediction, not a training run", p.Run.ID())
		if j := p.Run.Spec.Predict; j != nil && j.Run != "" {
			return p, e.WithHint("%s made it; name that run instead", j.Run)
		}
		return p, e
	}
	if p.Run.Spec.Kind != runs.KindTrain {
		e := tools.Errorf(tools.CodeBadArguments, "run %s is an evaluation, not a training run", p.Run.ID())
		if j := p.Run.Spec.Evaluate; j != nil {
			return p, e.WithHint("it judged %s; name that run instead", j.Run)
		}
		return p, e
	}
	return p, nil
}

// Runs gives the runs that selectors mean, each once, with the reason for each
// selector.
func Runs(ws *workspace.Workspace, selectors []string) ([]runs.Run, []string, error) {
	all, err := runs.List(ws)
	if err != nil {
		return nil, nil, tools.Errorf(tools.CodeFailed, "%w", err)
	}
	found, why, err := runs.SelectMany(all, selectors...)
	if err != nil {
		return nil, nil, selectError(err)
	}
	return found, why, nil
}

func selectError(err error) error {
	code := tools.CodeFailed
	switch {
	case errors.Is(err, runs.ErrNoRun):
		code = tools.CodeNotFound
	case errors.Is(err, runs.ErrAmbiguous):
		code = tools.CodeAmbiguous
	case errors.Is(err, runs.ErrBadSelector):
		code = tools.CodeBadArguments
	}
	e := tools.Errorf(code, "%w", err)
	var sel *runs.SelectError
	if !errors.As(err, &sel) {
		return e
	}
	e = e.WithCandidates(slices.Clone(sel.Candidates)...)
	switch {
	case code == tools.CodeAmbiguous:
		return e.WithHint("name one of them by its id")
	case code == tools.CodeNotFound && len(sel.Candidates) == 0:
		return e.WithHint("there is nothing to choose from; train_launch starts a run")
	case code == tools.CodeNotFound:
		return e.WithHint("runs_list shows all runs")
	}
	return e
}

// PlannedRun describes a run that an earlier step of the plan is going to
// launch. Args are that step's arguments; they are nil when the step is not
// known.
type PlannedRun struct {
	Step string
	Tool string
	Args json.RawMessage
}

// RunInPlan tells whether a selector is a reference, such as "@2.run", to a
// run that an earlier step is going to launch.
func RunInPlan(ctx context.Context, selector string) (PlannedRun, bool) {
	id, _, ok := tools.ParseRef(selector)
	if !ok {
		return PlannedRun{}, false
	}
	step, found := tools.PlannedStep(ctx, id)
	if !found {
		return PlannedRun{Step: id}, true
	}
	return PlannedRun{Step: id, Tool: step.Tool, Args: step.Args}, true
}
