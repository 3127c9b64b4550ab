package resolve

import (
	"context"
	"fmt"

	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
)

// PreviewRun is the preview of a tool that does something ("resume", "show the
// log of") to one run. The picked run is zero when an earlier step of the plan
// is going to launch it.
func PreviewRun(ctx context.Context, ws *workspace.Workspace, selector, what string) (tools.Preview, Picked, error) {
	if planned, ok := RunInPlan(ctx, selector); ok {
		return tools.Preview{
			Summary: fmt.Sprintf("%s the run of step %s", what, planned.Step),
			Notes:   []string{fmt.Sprintf("the run is known once step %s has started it", planned.Step)},
		}, Picked{}, nil
	}
	picked, err := Run(ws, selector)
	if err != nil {
		return tools.Preview{}, picked, err
	}
	return tools.Preview{
		Summary: fmt.Sprintf("%s %s", what, picked.Label()),
		Notes:   []string{fmt.Sprintf("%q is %s: %s", tools.Plain(selector), picked.Run.ID(), picked.Why)},
	}, picked, nil
}
