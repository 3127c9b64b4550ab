package train

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/brief"
)

//go:embed job_list.md
var listDoc string

// ListIn narrows the list down.
type ListIn struct {
	State string `json:"state,omitempty" jsonschema:"only jobs in this state" enum:"queued,running,finished,failed,cancelled"`
}

// ListOut is the jobs, newest first.
type ListOut struct {
	tools.Line
	Jobs []brief.Run `json:"jobs" jsonschema:"the jobs, newest first"`
}

type jobList struct{ Deps }

func (jobList) Spec() tools.Spec {
	return tools.Spec{Name: "job_list", Family: family, Effect: tools.Read, Doc: listDoc}
}

func (jobList) Preview(_ context.Context, in ListIn) (tools.Preview, error) {
	return tools.Preview{Summary: strings.TrimSpace("list the " + in.State + " jobs")}, nil
}

func (t jobList) Run(_ context.Context, in ListIn, _ func(tools.Progress)) (ListOut, error) {
	all, err := runs.List(t.Workspace)
	if err != nil {
		return ListOut{}, asError(err)
	}
	out := ListOut{Jobs: []brief.Run{}}
	counts := map[runs.State]int{}
	for _, r := range all {
		if in.State != "" && string(r.State) != in.State {
			continue
		}
		counts[r.State]++
		out.Jobs = append(out.Jobs, brief.Of(r))
	}
	var parts []string
	for _, s := range []runs.State{runs.StateRunning, runs.StateQueued, runs.StateFinished, runs.StateFailed, runs.StateCancelled} {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	out.Summary = "no jobs"
	if in.State != "" {
		out.Summary = fmt.Sprintf("no job is %s", in.State)
	}
	if len(parts) > 0 {
		out.Summary = fmt.Sprintf("%s: %s", tools.Count(len(out.Jobs), "job"), strings.Join(parts, ", "))
	}
	return out, nil
}
