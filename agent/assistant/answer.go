package assistant

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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
	if last.Own {
		out.Sources, _ = s.trace(rt.Run(), last.Text)
		return a.say(rt, out), nil
	}
	for _, f := range s.Followups {
		if f.Turn == rt.Run() {
			out.Followups = append(out.Followups, f)
		}
	}
	out.Sources, out.Unverified = s.trace(rt.Run(), last.Text)
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

// evidence is one step of the thread with the numbers that its result has.
type evidence struct {
	turn    int
	step    *Step
	numbers []float64
}

// trace finds for each number of an answer the tool results that have it.
// Sources are the results that numbers came from; unverified are the numbers
// that came from nowhere. Whole numbers that the user said may be repeated.
func (s *state) trace(turn int, text string) (sources []Source, unverified []string) {
	all := s.evidence()
	var said []float64
	for i := range s.Messages {
		if m := &s.Messages[i]; m.Turn == turn && m.Role == RoleUser {
			said = append(said, numbersOf(m.Text)...)
		}
	}
	found := make([][]string, len(all))
	for _, f := range figures(text) {
		known := f.trivial() || !f.decimal && f.stands(said)
		for i, e := range all {
			if f.stands(e.numbers) {
				known = true
				found[i] = union(found[i], []string{f.text})
				break
			}
		}
		if !known && !slices.Contains(unverified, f.text) {
			unverified = append(unverified, f.text)
		}
	}
	for i, e := range all {
		named := e.step.Run != "" && strings.Contains(text, e.step.Run)
		queried := e.step.Result != nil && e.step.Result.Query != ""
		if len(found[i]) > 0 || e.turn == turn && (named || queried) {
			sources = append(sources, e.step.source(found[i]))
		}
	}
	return sources, unverified
}

// evidence lists the done steps of the thread, the latest first.
func (s *state) evidence() []evidence {
	var all []evidence
	for i := len(s.Messages) - 1; i >= 0; i-- {
		m := &s.Messages[i]
		if m.Role != RolePlan || m.Plan == nil {
			continue
		}
		for j := len(m.Plan.Steps) - 1; j >= 0; j-- {
			if step := &m.Plan.Steps[j]; step.Result != nil || step.State == StepFailed {
				all = append(all, evidence{turn: m.Turn, step: step, numbers: step.numbers()})
			}
		}
	}
	return all
}

// numbers collects what a step's result, its run's outcome and its arguments
// say.
func (s *Step) numbers() []float64 {
	n := numbersIn(s.Resolved)
	if s.Result != nil {
		n = append(n, numbersIn(s.Result.Value)...)
		n = append(n, numbersOf(s.Result.Summary)...)
	}
	if s.Preview != nil {
		n = append(n, numbersIn(s.Preview.Args)...)
	}
	if s.Outcome != nil {
		n = append(n, numbersOf(s.Outcome.Summary)...)
		n = append(n, numbersOf(s.Outcome.Error)...)
	}
	if s.Error != nil {
		n = append(n, numbersOf(s.Error.String())...)
	}
	for _, a := range s.Attempts {
		n = append(n, numbersIn(a.Args)...)
		if a.Error != nil {
			n = append(n, numbersOf(a.Error.String())...)
		}
	}
	return n
}

func (s *Step) source(numbers []string) Source {
	src := Source{Step: s.ID, Tool: s.Tool, Run: s.Run, Numbers: numbers}
	if s.Result != nil {
		src.Query, src.Summary = s.Result.Query, s.Result.Summary
		src.Run = cmp.Or(src.Run, s.Result.Run)
	}
	return src
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
