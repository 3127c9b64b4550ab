package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/planner"
)

// stateUnavailable is the state of a step that was understood, but cannot be
// done in this version.
const stateUnavailable assistant.StepState = "unavailable"

// codeUnavailable is the code of such a step's problem.
const codeUnavailable = "unavailable"

// whole adds to a plan of the built-in planner the steps whose tools this
// version does not have, in the order in which they were asked for, and says
// which these are. A plan of another model is left as it is.
func (s *session) whole(ctx context.Context, text string, plan assistant.Plan) (assistant.Plan, []string) {
	if s.model != planner.Name {
		return plan, nil
	}
	outcome := s.planner.Plan(ctx, s.registry.List(), text)
	calls, ids := outcome.Callable()
	sameTools := slices.EqualFunc(calls, plan.Steps, func(c planner.Step, have assistant.Step) bool { return c.Tool == have.Tool })
	if len(calls) == len(outcome.Steps) || !sameTools {
		return plan, nil
	}
	back := map[string]string{} // an id among the calls → in the whole plan
	for whole, call := range maps.All(ids) {
		back[call] = whole
	}
	var steps []assistant.Step
	var unavailable []string
	for _, step := range outcome.Steps {
		if call, ok := ids[step.ID]; ok {
			steps = append(steps, renumbered(*plan.Step(call), step.ID, back))
			continue
		}
		args, err := json.Marshal(step.Args)
		if err != nil {
			continue
		}
		out := assistant.Step{ID: step.ID, Tool: step.Tool, Args: args, Needs: append([]string{}, step.Needs...), State: stateUnavailable}
		out.Error = &assistant.Problem{Code: codeUnavailable, Message: step.Tool + " is not available in this version"}
		if !step.Unavailable {
			out.Error.Message = fmt.Sprintf("it waits for step %s, which is not available in this version", strings.Join(step.Needs, " and step "))
		}
		steps, unavailable = append(steps, out), append(unavailable, step.ID)
	}
	plan.Steps = steps
	return plan, unavailable
}

var (
	stepRef  = regexp.MustCompile(`"@(\d+)\.`)      //nolint:gochecknoglobals // a compiled pattern
	stepText = regexp.MustCompile(`\bstep (\d+)\b`) //nolint:gochecknoglobals // a compiled pattern
)

// renumbered is a step under its id in the whole plan, with what it says of
// other steps.
func renumbered(s assistant.Step, id string, back map[string]string) assistant.Step {
	swap := func(pattern *regexp.Regexp, text string) string {
		return pattern.ReplaceAllStringFunc(text, func(m string) string {
			old := pattern.FindStringSubmatch(m)[1]
			return strings.Replace(m, old, back[old], 1)
		})
	}
	s.ID, s.Args = id, json.RawMessage(swap(stepRef, string(s.Args)))
	needs := make([]string, len(s.Needs))
	for i, n := range s.Needs {
		needs[i] = back[n]
	}
	s.Needs = needs
	if s.Preview != nil {
		p := *s.Preview
		p.Summary, p.Args = swap(stepText, p.Summary), json.RawMessage(swap(stepRef, string(p.Args)))
		s.Preview = &p
	}
	return s
}
