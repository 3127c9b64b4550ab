package assistant

import (
	"context"
	"fmt"
	"strings"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/tools"
)

// sameLimit is how often in a row a model may ask for the very same calls and
// get the very same results.
const sameLimit = 3

// observe is the node that looks at what the plan came to: it reports what
// failed and stops a model that goes in circles.
func (a *Assistant) observe(_ context.Context, s state, rt *graph.Runtime) (result, error) {
	last := s.Messages[len(s.Messages)-1].Plan
	for i := range last.Steps {
		if step := &last.Steps[i]; step.State == StepFailed {
			emitter(rt)(Event{Kind: EventProblem, StepID: step.ID, Problem: step.Error})
		}
	}
	if s.repeated(rt.Run()) >= sameLimit {
		return a.fail(&Problem{
			Code: CodeLoop, Message: fmt.Sprintf("the model asked for %s %d times and got the same result", last.Steps[0].Tool, sameLimit),
			Hint: "say it in other words",
		}), nil
	}
	return a.to(nodeUnderstand), nil
}

// repeated counts the plans at the end of the turn that equal each other in
// calls and outcome.
func (s *state) repeated(turn int) int {
	n, want := 0, ""
	for i := len(s.Messages) - 1; i >= 0 && s.Messages[i].Turn == turn; i-- {
		m := &s.Messages[i]
		if m.Role != RolePlan || m.Plan == nil {
			continue
		}
		same := m.Plan.fingerprint()
		if want == "" {
			want = same
		}
		if same != want {
			break
		}
		n++
	}
	return n
}

func (p *Plan) fingerprint() string {
	var all strings.Builder
	for i := range p.Steps {
		s := &p.Steps[i]
		all.WriteString(tools.Fingerprint(s.Tool, s.Args) + s.report())
	}
	return all.String()
}
