package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/evals"
	"github.com/minivess/minivess/tools"
)

// target opens a temporary workspace for each case of an eval suite, wired
// exactly like the one a person talks to.
type target struct{ env *environment }

// Open makes a workspace, and the assistant over it.
func (t target) Open(ctx context.Context, o evals.OpenOptions) (evals.Session, error) {
	dir, err := os.MkdirTemp("", "minivess-eval-")
	if err != nil {
		return nil, fmt.Errorf("making a workspace for case %s: %w", o.Case, err)
	}
	ws, err := workspace.Create(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s, err := t.env.openAt(ctx, ws, assistant.AskBeforeChange)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	info, err := s.threads.Create(ctx, o.Case)
	if err != nil {
		s.close()
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &evalSession{env: t.env, session: s, dir: dir, thread: info.ID}, nil
}

// evalSession is one case's conversation.
type evalSession struct {
	env     *environment
	session *session
	dir     string
	thread  string
}

// Call invokes a tool with an approval of its own.
func (e *evalSession) Call(ctx context.Context, tool string, args json.RawMessage) (json.RawMessage, error) {
	now := time.Now()
	ctx = tools.WithApproval(ctx, tools.Approval{Fingerprint: tools.Fingerprint(tool, args), By: "suite", At: now, ExpiresAt: now.Add(time.Hour)})
	result, err := e.session.registry.Invoke(ctx, tools.Call{Tool: tool, Args: args}, func(tools.Progress) {})
	if err != nil {
		return nil, err
	}
	if d, ok := e.session.registry.Lookup(tool); ok && d.Effect == tools.Launch && result.Run != "" {
		if _, err := e.session.watcher.Watch(ctx, result.Run, func(tools.Progress) {}); err != nil {
			return nil, err
		}
	}
	return result.Value, nil
}

// Say is one turn of the case's person.
func (e *evalSession) Say(ctx context.Context, text string, o evals.SayOptions) (evals.Turn, error) {
	if o.Mode == evals.Plan {
		plan, err := e.session.assistant.PlanOnly(ctx, text)
		if err != nil {
			return evals.Turn{}, err
		}
		return turnOf([]assistant.Plan{plan}, nil, false), nil
	}
	var told story
	outcome, err := assistant.Wait(e.session.assistant.Turn(ctx, e.thread, text), told.see)
	for err == nil && outcome.Status == assistant.StatusWaiting {
		outcome, err = assistant.Wait(e.session.assistant.Decide(ctx, e.thread, decisionFor(o.Approve, outcome.Review)), told.see)
	}
	if err != nil {
		return evals.Turn{}, err
	}
	return turnOf(told.plans, &outcome, true), nil
}

// Close removes the workspace.
func (e *evalSession) Close() error {
	e.session.close()
	if filepath.Clean(e.dir) == "/" {
		return nil
	}
	return os.RemoveAll(e.dir)
}

// decisionFor is what the case's person says to a plan. A blanket yes approves
// what destroys nothing; a plan that only destroys is then rejected.
func decisionFor(a evals.Approval, r *assistant.Review) assistant.Decision {
	d := r.Quoted(assistant.Decision{By: "suite"})
	switch {
	case a == evals.ApproveAll:
		d.Verdict, d.Steps = assistant.Approve, r.Steps
	case a == evals.ApproveBlanket && len(r.Confirm) < len(r.Steps):
		d.Verdict = assistant.Approve
	default:
		d.Verdict, d.Text = assistant.Reject, "not approved"
	}
	return d
}

// story collects the plans of a turn, each in its last state, and what went
// wrong in it.
type story struct {
	plans []assistant.Plan
	// rejected is why the last proposal could not become a plan; failed is the
	// first step's failure.
	rejected, failed *assistant.Problem
}

// trouble is what a script should notice about a turn that was answered: a
// step that failed, or a plan that could not be made.
func (s *story) trouble() *assistant.Problem { return cmp.Or(s.failed, s.rejected) }

func (s *story) see(e assistant.Event) {
	switch e.Kind {
	case assistant.EventPlan:
		if e.Plan != nil {
			s.plans = append(s.plans, *e.Plan)
			s.rejected = nil
		}
	case assistant.EventProblem:
		if e.Problem == nil || e.Problem.Code != assistant.CodeUnverified && e.Problem.Code != assistant.CodeStale {
			s.rejected = e.Problem // of these two the turn itself tells how it ended
		}
	case assistant.EventStep:
		if e.Step == nil || len(s.plans) == 0 {
			return
		}
		if e.Step.State == assistant.StepFailed {
			s.failed = cmp.Or(s.failed, e.Step.Error)
		}
		if n := len(e.Step.Attempts); n > 0 && e.Step.State == assistant.StepDone && s.failed != nil && e.Step.Attempts[0].Error != nil && s.failed.Message == e.Step.Attempts[0].Error.Message {
			s.failed = nil // another go at it did what was wanted
		}
		if known := s.plans[len(s.plans)-1].Step(e.Step.ID); known != nil {
			*known = *e.Step
		}
	default:
	}
}

// turnOf tells a turn in the words of evals.
func turnOf(plans []assistant.Plan, o *assistant.Outcome, acted bool) evals.Turn {
	var t evals.Turn
	for _, p := range plans {
		if p.Reply != "" {
			t.Reply += p.Reply + "\n"
		}
		for _, q := range p.Questions {
			t.Questions = append(t.Questions, q.Text)
		}
		for _, s := range p.Steps {
			t.Steps = append(t.Steps, evalStep(s, acted))
		}
	}
	if o != nil && o.Answer != nil {
		t.Reply += o.Answer.Text
		for _, q := range o.Answer.Questions {
			t.Questions = append(t.Questions, q.Text)
		}
	}
	if o != nil && o.Problem != nil {
		t.Reply += o.Problem.Message
	}
	return t
}

func evalStep(s assistant.Step, acted bool) evals.Step {
	out := evals.Step{ID: s.ID, Tool: s.Tool, Args: s.Args, Needs: s.Needs, Effect: string(s.Effect), Status: evals.Planned}
	if s.Error != nil {
		out.Error = s.Error.Message
	}
	if !acted {
		return out
	}
	switch s.State {
	case assistant.StepDone:
		out.Status = evals.Done
	case assistant.StepFailed, assistant.StepSkipped:
		out.Status = evals.Failed
	case assistant.StepRejected, assistant.StepPlanned:
		out.Status = evals.Refused
	case assistant.StepApproved, assistant.StepRunning:
	}
	return out
}
