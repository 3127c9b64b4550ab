package assistant

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/tools"
)

// act is the node that does the approved steps: side by side where nothing
// speaks against it, each noted as it ends, so that after a kill what was done
// is not done again and what was launched is only watched again.
func (a *Assistant) act(ctx context.Context, s state, rt *graph.Runtime) (result, error) {
	x := &execution{a: a, rt: rt, plan: s.Plan.clone(), round: s.Round, leave: s.Wish != nil, ended: make(chan Step)}
	if err := x.recall(); err != nil {
		return result{}, err
	}
	if err := x.run(ctx); err != nil {
		return result{}, err
	}
	if len(x.plan.waiting()) > 0 {
		return a.to(nodeReview, a.fields.plan.Set(x.plan)), nil
	}
	if fresh, ok := a.replan(ctx, x.plan, rt); ok {
		return a.to(nodeReview, a.fields.plan.Set(fresh)), nil
	}
	told := a.message(rt, RolePlan, "")
	told.Plan = x.plan
	writes := append(s.settle(x.plan, a, rt.Thread(), rt.Run()), a.fields.messages.Set([]Message{told}), a.fields.plan.Set(nil))
	return a.to(nodeObserve, writes...), nil
}

// execution is one go at a plan.
type execution struct {
	a     *Assistant
	rt    *graph.Runtime
	plan  *Plan
	round int
	leave bool // runs that nothing in the plan needs are left to themselves
	ended chan Step
}

func noteKey(id string) string { return "step." + id }

// recall takes over what an earlier go at the same plan noted.
func (x *execution) recall() error {
	for i := range x.plan.Steps {
		var noted Step
		found, err := x.rt.Recall(noteKey(x.plan.Steps[i].ID), &noted)
		if err != nil {
			return err
		}
		if found {
			x.plan.Steps[i] = noted
		}
	}
	return nil
}

// run works until nothing runs and nothing can be begun. If ctx ends it waits
// for the tools to let go and leaves the rest for another time.
func (x *execution) run(ctx context.Context) error {
	running := make(map[string]bool)
	for {
		if ctx.Err() == nil {
			x.begin(ctx, running)
		}
		if len(running) == 0 {
			return ended(ctx)
		}
		done := <-x.ended
		delete(running, done.ID)
		if done.State == StepRunning {
			continue // cut off by ctx; nothing to keep but what was noted
		}
		*x.plan.Step(done.ID) = done
		if err := x.rt.Note(noteKey(done.ID), done); err != nil {
			return x.drain(running, err)
		}
		x.rt.Emit(Event{Kind: EventStep, Step: &done})
	}
}

// drain waits for the running steps after an error that forbids going on.
func (x *execution) drain(running map[string]bool, err error) error {
	for range running {
		<-x.ended
	}
	return err
}

// begin skips what cannot be done any more and starts what can.
func (x *execution) begin(ctx context.Context, running map[string]bool) {
	for i := range x.plan.Steps {
		s := &x.plan.Steps[i]
		if (s.State != StepApproved && s.State != StepRunning && s.State != StepPlanned) || running[s.ID] {
			continue
		}
		if lost := x.lostNeed(s); lost != "" {
			s.State = StepSkipped
			s.Error = &Problem{Code: string(tools.CodeConflict), Message: fmt.Sprintf("skipped, because step %s was not done", lost)}
			x.rt.Emit(Event{Kind: EventStep, Step: new(*s)})
			continue
		}
		if x.stale(s) {
			s.State, s.Approval = StepPlanned, nil
		}
		if s.State == StepPlanned || !x.met(s) || len(running) >= x.a.options.MaxParallel {
			continue
		}
		running[s.ID] = true
		step, results := *s, x.results()
		if step.State == StepApproved {
			step.State, step.Started = StepRunning, x.a.options.Now().UTC()
		}
		s.State = StepRunning
		go func() { x.ended <- x.do(ctx, step, results) }()
	}
}

// stale says whether a step's approval ran out before the step was begun, or
// was given for something else than the step now is. Reading needs none.
func (x *execution) stale(s *Step) bool {
	if s.State != StepApproved || s.free() && x.a.tools[s.Tool].Effect == tools.Read {
		return false
	}
	return !x.a.approved(s) || !x.a.options.Now().Before(s.Approval.Expires)
}

func (x *execution) met(s *Step) bool {
	return !slices.ContainsFunc(s.Needs, func(id string) bool { return x.plan.Step(id).State != StepDone })
}

// lostNeed is the first needed step that will never be done.
func (x *execution) lostNeed(s *Step) string {
	for _, id := range s.Needs {
		switch x.plan.Step(id).State {
		case StepFailed, StepSkipped, StepRejected:
			return id
		default:
		}
	}
	return ""
}

func (x *execution) results() map[string]*tools.Result {
	results := make(map[string]*tools.Result)
	for i := range x.plan.Steps {
		if s := &x.plan.Steps[i]; s.State == StepDone {
			results[s.ID] = s.Result
		}
	}
	return results
}

// do carries one step out and returns it as it ended; StepRunning means that
// ctx ended first.
func (x *execution) do(ctx context.Context, s Step, results map[string]*tools.Result) (out Step) {
	ctx, span := x.a.options.Tracer.Start(ctx, "step "+s.ID+" "+s.Tool, trace.WithAttributes(
		attribute.String("langfuse.observation.type", "span"),
		attribute.String("session.id", x.rt.Thread()),
		attribute.String("minivess.step.id", s.ID),
		attribute.String("minivess.step.effect", string(s.Effect)),
	))
	defer span.End()
	defer func() {
		if v := recover(); v != nil {
			x.a.options.Logger.ErrorContext(ctx, "a step panicked", "step", s.ID, "tool", s.Tool, "stack", string(debug.Stack()))
			out = x.failed(s, &Problem{Code: string(tools.CodeFailed), Message: fmt.Sprintf("%s: internal error: %v", s.Tool, v)})
		}
		span.SetAttributes(attribute.String("minivess.step.state", string(out.State)))
		if out.State == StepFailed {
			span.SetStatus(codes.Error, out.Error.Code)
		}
	}()
	x.rt.Emit(Event{Kind: EventStep, Step: new(s)})
	if s.Result == nil {
		var problem *Problem
		if s, problem = x.invoke(ctx, s, results); problem != nil {
			return x.unlessCut(ctx, s, problem)
		}
	}
	if s.Run != "" && x.a.options.Watcher != nil && (!x.leave || x.needed(s.ID)) {
		return x.watch(ctx, s)
	}
	return x.done(s)
}

// invoke calls the tool, with the approval that the step was given bound to
// the very arguments that it has become.
func (x *execution) invoke(ctx context.Context, s Step, results map[string]*tools.Result) (Step, *Problem) {
	args, err := resolve(s.Args, results)
	if err != nil {
		return s, problemOf(CodeBadRef, err)
	}
	s.Resolved = args
	if s.Approval != nil {
		ctx = tools.WithApproval(ctx, tools.Approval{
			Fingerprint: tools.Fingerprint(s.Tool, args), By: s.Approval.By,
			At: s.Approval.At, ExpiresAt: s.Approval.Expires, Blanket: s.Approval.Blanket, Reads: s.shownReads(),
		})
	}
	call := tools.Call{ID: x.callID(&s), Tool: s.Tool, Args: args}
	res, err := x.a.options.Registry.Invoke(ctx, call, x.progress(s.ID))
	if err != nil {
		return s, problemOf(string(tools.CodeFailed), err)
	}
	s.Result = &res
	if s.Effect == tools.Launch && res.Run != "" {
		s.Run = res.Run
		if x.a.options.Watcher != nil {
			if err := x.rt.Note(noteKey(s.ID), s); err != nil {
				return s, problemOf(string(tools.CodeFailed), err)
			}
			x.rt.Emit(Event{Kind: EventStep, Step: new(s)})
		}
	}
	return s, nil
}

// shownReads are the files outside of the project that whoever approved the step
// was shown though no argument names them.
func (s *Step) shownReads() []string {
	if s.Preview == nil {
		return nil
	}
	return s.Preview.Ruling.Unnamed()
}

// needed says whether another step of the plan waits for this one.
func (x *execution) needed(id string) bool {
	return slices.ContainsFunc(x.plan.Steps, func(s Step) bool { return slices.Contains(s.Needs, id) })
}

// callID is the same whenever this go at this step of this plan is done again.
func (x *execution) callID(s *Step) string {
	id := fmt.Sprintf("%s/%d/%d/%s", x.rt.Thread(), x.rt.Run(), x.round, s.ID)
	if n := len(s.Attempts); n > 0 {
		id += fmt.Sprintf("/again-%d", n)
	}
	return id
}

// watch waits for the run that the step launched.
func (x *execution) watch(ctx context.Context, s Step) Step {
	out, err := x.a.options.Watcher.Watch(ctx, s.Run, x.progress(s.ID))
	if err != nil {
		return x.unlessCut(ctx, s, problemOf(CodeRun, fmt.Errorf("run %s: %w", s.Run, err)))
	}
	s.Outcome = &out
	if out.State == runFinished {
		return x.done(s)
	}
	return x.failed(s, problemOfRun(s.Run, out))
}

// runFinished is the state of a run that did all it was asked to.
const runFinished = "finished"

func (x *execution) progress(step string) func(tools.Progress) {
	return func(p tools.Progress) {
		x.rt.Emit(Event{Kind: EventProgress, StepID: step, Progress: &p})
	}
}

// unlessCut fails the step, unless it only failed because ctx ended.
func (x *execution) unlessCut(ctx context.Context, s Step, p *Problem) Step {
	if ctx.Err() != nil {
		s.State = StepRunning
		return s
	}
	return x.failed(s, p)
}

func (x *execution) done(s Step) Step {
	s.State, s.Ended = StepDone, x.a.options.Now().UTC()
	return s
}

func (x *execution) failed(s Step, p *Problem) Step {
	s.State, s.Error, s.Ended = StepFailed, p, x.a.options.Now().UTC()
	return s
}
