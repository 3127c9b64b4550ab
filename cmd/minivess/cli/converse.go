package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/minivess/minivess/agent/assistant"
)

// converse follows a turn to its end. What needs a word is asked at the
// terminal; without one the turn waits, and the person is told how to go on.
func (env *environment) converse(ctx context.Context, s *session, thread string, events iter.Seq2[assistant.Event, error]) error {
	var told story
	if p, err := s.assistant.Pending(ctx, thread); err == nil && p.Plan != nil {
		told.plans = append(told.plans, *p.Plan)
	}
	show := newNarrator(env.Streams, env.JSON)
	see := func(e assistant.Event) {
		told.see(e)
		show.see(e)
	}
	outcome, err := assistant.Wait(events, see)
	for err == nil && outcome.Status == assistant.StatusWaiting {
		show.finish()
		decision, ok := env.decide(ctx, outcome.Review)
		if !ok {
			return env.needsApproval(thread, outcome)
		}
		before := outcome
		outcome, err = assistant.Wait(s.assistant.Decide(ctx, thread, outcome.Review.Quoted(decision)), see)
		if errors.Is(err, assistant.ErrDecision) { // a slip; the plan still waits
			_, _ = fmt.Fprintln(env.Streams.Err, printable(err.Error()))
			outcome, err = before, nil
		}
	}
	show.finish()
	if err != nil {
		return err
	}
	return env.report(thread, outcome, &told)
}

// report prints the outcome of a turn: the answer to stdout, or the problem.
func (env *environment) report(thread string, o assistant.Outcome, told *story) error {
	if env.JSON {
		if err := env.printJSON(turnJSON(thread, o)); err != nil {
			return err
		}
	} else if o.Answer != nil {
		if err := env.printAnswer(o.Answer, told.plans); err != nil {
			return err
		}
	}
	switch o.Status {
	case assistant.StatusFailed:
		if o.Problem == nil || env.JSON {
			return &silentError{ExitFailed}
		}
		return problemError{o.Problem}
	case assistant.StatusDetached:
		_, _ = fmt.Fprintf(env.Streams.Err, "interrupted; launched jobs go on\n  minivess threads continue %s takes it up again\n", thread)
		return &silentError{ExitFailed}
	case assistant.StatusAnswered:
		if p := told.trouble(); p != nil {
			return &silentError{complaintOf(problemError{p}).exit} // the answer told it
		}
	case assistant.StatusWaiting:
	}
	return nil
}

// turnOutput is what `minivess ask --json` prints.
type turnOutput struct {
	Thread  string             `json:"thread"`
	Status  assistant.Status   `json:"status"`
	Plan    []assistant.Step   `json:"plan"`
	Reply   string             `json:"reply,omitempty"`
	Answer  *assistant.Answer  `json:"answer,omitempty"`
	Review  *assistant.Review  `json:"review,omitempty"`
	Problem *assistant.Problem `json:"problem,omitempty"`
	TraceID string             `json:"trace_id,omitempty"`
}

func turnJSON(thread string, o assistant.Outcome) turnOutput {
	out := turnOutput{Thread: thread, Status: o.Status, Plan: []assistant.Step{}, Answer: o.Answer, Review: o.Review, Problem: o.Problem, TraceID: o.TraceID}
	if o.Plan != nil {
		out.Plan, out.Reply = o.Plan.Steps, o.Plan.Reply
	}
	return out
}

// needsApproval says how to approve a plan that nobody was there to approve.
func (env *environment) needsApproval(thread string, o assistant.Outcome) error {
	if env.JSON {
		if err := env.printJSON(turnJSON(thread, o)); err != nil {
			return err
		}
		return &silentError{ExitNeedsApproval}
	}
	yes := "yes"
	if o.Review != nil && len(o.Review.Confirm) > 0 {
		yes = `"approve ` + strings.Join(o.Review.Steps, " ") + `"`
	}
	_, _ = fmt.Fprintf(env.Streams.Err, "This plan needs your approval.\n  minivess ask --thread %s %s      approves it\n"+
		"  minivess ask --thread %s no       rejects it\n  anything else changes it: \"use batch 2\", \"drop step 3\", \"1.epochs=5\"\n"+
		"  --yes on the first line approves everything except what destroys.\n", thread, yes, thread)
	return &silentError{ExitNeedsApproval}
}

// decide asks the person at the terminal; ok is false when there is none.
func (env *environment) decide(ctx context.Context, r *assistant.Review) (assistant.Decision, bool) {
	if !env.Streams.Terminal || env.JSON || r == nil {
		return assistant.Decision{}, false
	}
	_, _ = fmt.Fprint(env.Streams.Err, "approve? [a]pprove  [r]eject  or change it: drop step 2, 1.epochs=5, or in words: ")
	answer, ok := env.readLine(ctx)
	if !ok {
		_, _ = fmt.Fprintln(env.Streams.Err)
		return assistant.Decision{}, false
	}
	return env.decision(ctx, answer, r), true
}

// decision reads what was typed at the question. What destroys is confirmed by
// a word of its own, whatever was typed.
func (env *environment) decision(ctx context.Context, answer string, r *assistant.Review) assistant.Decision {
	var d assistant.Decision
	switch strings.ToLower(answer) {
	case "a":
		d.Verdict = assistant.Approve
	case "r", "":
		d.Verdict = assistant.Reject
	default:
		d = assistant.DecisionFor(answer, r)
	}
	d.Review = r.ID
	if d.Verdict == assistant.Approve && len(r.Confirm) > 0 {
		if d.Steps = env.confirm(ctx, r); len(d.Steps) == 0 {
			d.Verdict, d.Text = assistant.Reject, "not confirmed"
		}
	}
	return d
}

// confirm asks for a word of its own for every step that destroys.
func (env *environment) confirm(ctx context.Context, r *assistant.Review) []string {
	destroys := map[string]bool{}
	for _, id := range r.Confirm {
		destroys[id] = true
	}
	var approved []string
	for _, id := range r.Steps {
		if destroys[id] {
			_, _ = fmt.Fprintf(env.Streams.Err, "step %s destroys and cannot be undone. Type %s to confirm: ", id, id)
			if line, _ := env.readLine(ctx); line != id {
				continue
			}
		}
		approved = append(approved, id)
	}
	return approved
}
