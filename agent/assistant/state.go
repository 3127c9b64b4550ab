package assistant

import (
	"context"
	"slices"

	"github.com/minivess/minivess/agent/graph"
)

// The nodes of the assistant's graph.
const (
	nodeUnderstand = "understand"
	nodePlan       = "plan"
	nodeReview     = "review"
	nodeAct        = "act"
	nodeObserve    = "observe"
	nodeAnswer     = "answer"
)

// stepLimit bounds a turn's graph steps; MaxRounds ends a turn long before.
const stepLimit = 500

// keptThreads is how many conversations stay in memory between their turns.
const keptThreads = 4

// state is what the graph carries. Messages grow over the whole thread and
// Followups wait for runs to end; the rest belongs to the turn.
type state struct {
	Messages  []Message
	Followups []Followup
	Plan      *Plan     // the plan that is being made, reviewed or done
	Round     int       // how often the model was asked in this turn
	Repairs   int       // invalid plans in a row
	Rewrites  int       // answers sent back for numbers without a source
	Problem   *Problem  // why the turn failed
	Changed   []string  // what is different from the plan that was approved
	Wish      *Followup // what the user wants when the runs of this turn have ended
	Due       *due      // the follow-up that this turn takes up
	Trace     string    // traceparent of the turn's first span
	Next      string    // where the node that ran last wants to go
}

type fields struct {
	messages  graph.Field[state, []Message]
	followups graph.Field[state, []Followup]
	wish      graph.Field[state, *Followup]
	due       graph.Field[state, *due]
	plan      graph.Field[state, *Plan]
	round     graph.Field[state, int]
	repairs   graph.Field[state, int]
	rewrites  graph.Field[state, int]
	problem   graph.Field[state, *Problem]
	changed   graph.Field[state, []string]
	trace     graph.Field[state, string]
	next      graph.Field[state, string]
}

func newFields() fields {
	return fields{
		messages:  graph.NewField(fieldMessages, func(s *state) *[]Message { return &s.Messages }, graph.Append[Message]),
		followups: graph.NewValue(fieldFollowups, func(s *state) *[]Followup { return &s.Followups }),
		wish:      graph.NewValue("wish", func(s *state) **Followup { return &s.Wish }),
		due:       graph.NewValue("due", func(s *state) **due { return &s.Due }),
		plan:      graph.NewValue("plan", func(s *state) **Plan { return &s.Plan }),
		round:     graph.NewValue("round", func(s *state) *int { return &s.Round }),
		repairs:   graph.NewValue("repairs", func(s *state) *int { return &s.Repairs }),
		rewrites:  graph.NewValue("rewrites", func(s *state) *int { return &s.Rewrites }),
		problem:   graph.NewValue("problem", func(s *state) **Problem { return &s.Problem }),
		changed:   graph.NewValue("changed", func(s *state) *[]string { return &s.Changed }),
		trace:     graph.NewValue("trace", func(s *state) *string { return &s.Trace }),
		next:      graph.NewValue("next", func(s *state) *string { return &s.Next }),
	}
}

// result is what the assistant's nodes return.
type result = graph.Result[state]

// to is the result that goes on at a node, with these writes.
func (a *Assistant) to(node string, writes ...graph.Write[state]) result {
	return graph.Update(append(writes, a.fields.next.Set(node))...)
}

// fail is the result that ends the turn with an honest error.
func (a *Assistant) fail(p *Problem, writes ...graph.Write[state]) result {
	return a.to(nodeAnswer, append(writes, a.fields.problem.Set(p))...)
}

// build wires understand → plan → review → act → observe → answer.
func (a *Assistant) build() (*graph.Graph[state], error) {
	f := a.fields
	next := func(s state) string { return s.Next }
	return graph.New("assistant", f.messages, f.followups, f.wish, f.due, f.plan, f.round, f.repairs, f.rewrites, f.problem, f.changed, f.trace, f.next).
		Node(nodeUnderstand, a.understand).
		Node(nodePlan, a.plan).
		Node(nodeReview, a.review).
		Node(nodeAct, a.act).
		Node(nodeObserve, a.observe).
		Node(nodeAnswer, a.answer).
		Policy(nodeAct, graph.Policy[state]{Writes: true}).
		Entry(nodeUnderstand).
		Branch(nodeUnderstand, next, nodePlan, nodeReview, nodeAnswer).
		Branch(nodePlan, next, nodeReview, nodeUnderstand, nodeAnswer).
		Branch(nodeReview, next, nodeAct, nodeReview, nodeUnderstand).
		Branch(nodeAct, next, nodeObserve, nodeReview).
		Branch(nodeObserve, next, nodeUnderstand, nodeAnswer).
		Branch(nodeAnswer, next, graph.End, nodeUnderstand).
		Compile(graph.Options{Checkpointer: a.options.Threads, StepLimit: stepLimit, Keep: keptThreads, Clock: graph.ClockOf(a.options.Now)})
}

// hasRead says whether the model has seen anything that tools returned.
func (s *state) hasRead() bool {
	for i := range s.Messages {
		p := s.Messages[i].Plan
		if p != nil && slices.ContainsFunc(p.Steps, func(step Step) bool { return step.Result != nil || step.State == StepFailed }) {
			return true
		}
	}
	return false
}

// notes are what is to be said beside a plan about how the user was understood.
func (s *state) notes(turn int) []string {
	var all []string
	for i := range s.Messages {
		if m := &s.Messages[i]; m.Turn == turn && m.Role == RoleUser {
			all = append(all, m.Notes...)
		}
	}
	return all
}

// said is what the user said at the beginning of a turn.
func (s *state) said(turn int) string {
	for i := range s.Messages {
		if m := &s.Messages[i]; m.Turn == turn && m.Role == RoleUser {
			return m.Text
		}
	}
	return ""
}

// currentPlan is the plan at hand, or the last one that the turn ended.
func (s *state) currentPlan(turn int) *Plan {
	if s.Plan != nil {
		return s.Plan
	}
	for i := len(s.Messages) - 1; i >= 0 && s.Messages[i].Turn == turn; i-- {
		if m := &s.Messages[i]; m.Role == RolePlan && !m.Invalid {
			return m.Plan
		}
	}
	return nil
}

// finalAnswer is the answer that the turn ended with.
func (s *state) finalAnswer(turn int) *Answer {
	for i := len(s.Messages) - 1; i >= 0 && s.Messages[i].Turn == turn; i-- {
		if s.Messages[i].Answer != nil {
			return s.Messages[i].Answer
		}
	}
	return nil
}

func (a *Assistant) message(rt *graph.Runtime, role Role, text string) Message {
	return Message{Turn: rt.Run(), Time: a.options.Now().UTC(), Role: role, Text: text}
}

// emitter sends events of one node.
func emitter(rt *graph.Runtime) func(Event) {
	return func(e Event) { rt.Emit(e) }
}

// ended says why ctx is over, or nil. A node that finds itself cut off returns
// this, and a later Continue runs it again.
func ended(ctx context.Context) error {
	return context.Cause(ctx)
}
