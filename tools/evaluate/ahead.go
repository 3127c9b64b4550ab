package evaluate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/estimate"
	"github.com/minivess/minivess/tools/resolve"
)

// previewAhead previews the evaluation of a run that an earlier step of the
// plan is going to launch, as far as that step's arguments tell.
func (t evaluateRun) previewAhead(ctx context.Context, in RunIn, planned resolve.PlannedRun, past estimate.History) (tools.Preview, error) {
	p := tools.Preview{
		Summary: fmt.Sprintf("evaluate the run of step %s on %s: %s", planned.Step, in.Split, strings.Join(in.Metrics, ", ")),
		Notes:   []string{fmt.Sprintf("the run is known once step %s has started it", planned.Step)},
	}
	launched, ok := launchOf(planned)
	if !ok {
		return p, nil
	}
	name := in.Dataset
	if name == "" {
		name = launched.Dataset
	}
	held, err := t.shapesAhead(ctx, name, launched.Fold, in.Split)
	if err != nil {
		return tools.Preview{}, err
	}
	p.Cost = launched.cost(held, past)
	return p, nil
}

// launch is the part of train_launch's arguments that decides what an
// evaluation costs.
type launch struct {
	Dataset   string   `json:"dataset"`
	Model     string   `json:"model"`
	PatchSize *[3]int  `json:"patch_size"`
	Fold      int      `json:"fold"`
	Overrides []string `json:"overrides"`
}

func launchOf(planned resolve.PlannedRun) (l launch, ok bool) {
	ok = planned.Tool == "train_launch" && json.Unmarshal(planned.Args, &l) == nil
	return l, ok
}

// cost is zero where nothing is known; what is wrong with the settings is for
// the launch's own preview to say.
func (l launch) cost(held [][3]int, past estimate.History) tools.Cost {
	settings := map[string]any{"model.name": l.Model}
	if s := l.PatchSize; s != nil {
		settings["train.patch_size"] = []any{s[0], s[1], s[2]}
	}
	r, err := config.Resolve(config.MapLayer("argument", settings), config.OverridesLayer(l.Overrides))
	if err != nil || len(held) == 0 {
		return tools.Cost{}
	}
	est, err := estimate.Evaluation(estimate.Job{Experiment: r.Experiment, Held: held}, past)
	if err != nil {
		return tools.Cost{}
	}
	return est.Cost
}

// shapesAhead are the shapes of the volumes that will be judged, as far as they
// are known.
func (t evaluateRun) shapesAhead(ctx context.Context, name string, fold int, split string) ([][3]int, error) {
	if planned, ok := resolve.DatasetInPlan(ctx, name); ok {
		if planned.Shape == [3]int{} {
			return nil, nil
		}
		return slices.Repeat([][3]int{planned.Shape}, max(1, planned.Volumes/5)), nil
	}
	d, err := resolve.Dataset(t.Workspace, name)
	if err != nil {
		return nil, err
	}
	refs, err := d.Refs(fold)
	if err != nil {
		return nil, tools.Errorf(tools.CodeBadArguments, "%w", err)
	}
	return shapes(part(refs, split)), nil
}
