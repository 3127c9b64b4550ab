package assistant

import (
	"context"
	"fmt"
	"strings"

	"github.com/minivess/minivess/agent/graph"
)

// maxRewrites is how often an answer goes back for numbers without a source.
const maxRewrites = 1

// answer is the node that ends a turn. What it says either comes from the
// model, with every number traced to a tool result, or is an honest error.
func (a *Assistant) answer(_ context.Context, s state, rt *graph.Runtime) (result, error) {
	if s.Problem != nil {
		return a.say(rt, Answer{Text: s.Problem.String()}), nil
	}
	last := s.Messages[len(s.Messages)-1]
	out := Answer{Text: last.Text, Questions: last.Questions}
	if last.Own || a.options.Fixed && s.currentPlan(rt.Run()) == nil {
		out.Sources, _ = s.trace(&a.readings, rt.Run(), last.Text)
		return a.say(rt, out), nil
	}
	for _, f := range s.followups(rt.Thread()) {
		if f.Turn == rt.Run() {
			out.Followups = append(out.Followups, f)
		}
	}
	out.Sources, out.Unverified = s.trace(&a.readings, rt.Run(), last.Text)
	if len(out.Unverified) == 0 || a.options.Numbers == NumbersAnnotate {
		for _, f := range out.Followups {
			out.Text = strings.TrimRight(out.Text, " \n") + "\n" + f.promise()
		}
		return a.say(rt, out), nil
	}
	listed := strings.Join(out.Unverified, ", ")
	if s.Rewrites < maxRewrites {
		note := a.message(rt, RoleNote, "These numbers of your answer stand in no tool result: "+listed+
			". Say it again with numbers from tool results only, or look them up first.")
		emitter(rt)(Event{Kind: EventProblem, Problem: &Problem{
			Code: CodeUnverified, Message: "the answer has numbers without a source: " + listed,
		}, Text: "asking the model once more"})
		return a.to(nodeUnderstand, a.fields.messages.Set([]Message{note}), a.fields.rewrites.Set(s.Rewrites+1)), nil
	}
	p := &Problem{
		Code: CodeUnverified, Message: "the answer is withheld: it states numbers that no tool result supports (" + listed + ")",
		Hint: "ask for the numbers themselves, or look at the run",
	}
	withheld := a.say(rt, Answer{Text: p.String(), Unverified: out.Unverified}, a.fields.problem.Set(p))
	return withheld, nil
}

// say writes the final words and ends the run.
func (a *Assistant) say(rt *graph.Runtime, out Answer, writes ...graph.Write[state]) result {
	emitter(rt)(Event{Kind: EventAnswer, Answer: &out})
	m := a.message(rt, RoleAssistant, out.Text)
	m.Answer = &out
	return a.to(graph.End, append(writes, a.fields.messages.Set([]Message{m}))...)
}

// outcome says how a turn ended.
func (a *Assistant) outcome(s *state, turn int) Outcome {
	out := Outcome{Status: StatusAnswered, Plan: s.currentPlan(turn), Answer: s.finalAnswer(turn)}
	switch {
	case s.Problem != nil:
		out.Status, out.Problem = StatusFailed, s.Problem
	case out.Plan != nil:
		if p := out.Plan.failure(); p != nil {
			out.Status, out.Problem = StatusFailed, p
		}
	}
	return out
}

// failure is the first error of a plan that was done; what a person rejected
// is not one.
func (p *Plan) failure() *Problem {
	for i := range p.Steps {
		if s := &p.Steps[i]; s.State == StepFailed && s.Error != nil {
			e := *s.Error
			if len(p.Steps) > 1 {
				e.Message = fmt.Sprintf("step %s (%s): %s", s.ID, s.Tool, e.Message)
			}
			return &e
		}
	}
	return nil
}
