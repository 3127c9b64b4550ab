package assistant

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/memory"
)

// session is one call's hold on a thread.
type session struct {
	a      *Assistant
	thread string
	held   *graph.Thread[state]
	at     graph.Snapshot[state]
	review *Review // what the thread waits for, if it does
	turn   int
	emit   func(Event)
	last   Outcome

	mu    sync.Mutex // puts the parts of an utterance and other events in one order
	shown int64      // the utterance whose parts may be shown
	part  int        // the number of its next part
}

// session holds the thread, works, lets the thread go and only then says that
// it is done, so that whoever hears it may begin the next call at once.
func (a *Assistant) session(ctx context.Context, thread string, work func(context.Context, *session) error) iter.Seq2[Event, error] {
	return graph.Stream(ctx, func(ctx context.Context, emit func(Event)) error {
		s := &session{a: a, thread: thread}
		s.emit = func(e Event) {
			e.Thread, e.Turn, e.Time = thread, s.turn, a.options.Now().UTC()
			s.mu.Lock()
			defer s.mu.Unlock()
			emit(e)
		}
		release, err := a.options.Threads.Acquire(ctx, thread)
		if err != nil {
			return err
		}
		stop := s.relay(emit)
		if err = s.look(ctx); err == nil {
			err = work(ctx, s)
			s.held.Close(context.WithoutCancel(ctx))
		}
		s.last.Dropped = stop()
		if err := errors.Join(err, release()); err != nil {
			return err
		}
		s.emit(Event{Kind: EventDone, Outcome: &s.last})
		return nil
	})
}

func reviewOf(pending []graph.Interrupt) (*Review, error) {
	if len(pending) == 0 {
		return nil, nil
	}
	var r Review
	if err := json.Unmarshal(pending[0].Payload, &r); err != nil {
		return nil, fmt.Errorf("read the pending review: %w", err)
	}
	r.ID, r.Fingerprint, r.Expires = pending[0].ID, pending[0].Fingerprint, pending[0].Expires
	return &r, nil
}

// look opens the thread and finds out where it is.
func (s *session) look(ctx context.Context) (err error) {
	if s.held, err = s.a.graph.Open(ctx, s.thread); err != nil {
		return err
	}
	if s.at, err = s.held.Snapshot(ctx); err == nil {
		s.turn = s.at.Run
		s.review, err = reviewOf(s.at.Pending)
	}
	if err != nil {
		s.held.Close(ctx)
	}
	return err
}

// start begins a turn with what the user says: what is meant for the memory or
// for a run that is under way is answered at once, the rest goes to the model.
func (s *session) start(ctx context.Context, text string) error {
	a, f := s.a, s.a.fields
	said := Message{Role: RoleUser, Text: text}
	answer, ok, err := a.remember(ctx, s.thread, s.at.Run+1, text)
	switch {
	case err != nil:
		return err
	case ok:
		return s.begin(ctx, text, []Message{said, {Role: RoleAssistant, Text: answer, Own: true}})
	case wantsNoFollowup(text) && len(s.at.State.followups(s.thread)) > 0:
		own := Message{Role: RoleAssistant, Text: "Nothing is followed up any more. Runs go on.", Own: true}
		return s.begin(ctx, text, []Message{said, own}, f.followups.Set(nil))
	}
	p, parted := partingIn(text)
	if parted && p.now == "" {
		if runs := s.under(p); len(runs) > 0 {
			wish := Followup{Thread: s.thread, ID: fmt.Sprintf("turn-%d", s.at.Run+1), Turn: s.at.Run + 1, Runs: runs, Say: p.then, Asked: a.options.Now().UTC()}
			own := Message{Role: RoleAssistant, Text: wish.promise(), Own: true}
			return s.begin(ctx, text, []Message{said, own}, f.followups.Set(append(s.at.State.followups(s.thread), wish)))
		}
	}
	heard := text
	var extra []graph.Write[state]
	if parted && p.now != "" && a.options.Watcher != nil {
		heard = p.now
		extra = append(extra, f.wish.Set(&Followup{Say: p.then}))
	}
	heard, said.Notes = a.hear(ctx, heard)
	if heard != text {
		said.Hears = heard
	}
	return s.begin(ctx, text, []Message{said}, extra...)
}

// under are the runs that a sentence about the end of a run means: the one that
// it names, else those that this thread launched last and has not seen ending.
func (s *session) under(p parting) []string {
	if id := p.named(); id != "" {
		return []string{id}
	}
	for _, m := range slices.Backward(s.at.State.Messages) {
		if m.Plan == nil {
			continue
		}
		var runs []string
		launched := false
		for i := range m.Plan.Steps {
			step := &m.Plan.Steps[i]
			launched = launched || step.Run != ""
			if step.Run != "" && step.Outcome == nil {
				runs = append(runs, step.Run)
			}
		}
		if launched {
			return runs
		}
	}
	return nil
}

// begin starts a run of the graph with these messages of the new turn.
func (s *session) begin(ctx context.Context, text string, messages []Message, extra ...graph.Write[state]) error {
	s.turn = s.at.Run + 1
	f := s.a.fields
	for i := range messages {
		messages[i].Turn, messages[i].Time = s.turn, s.a.options.Now().UTC()
	}
	return s.traced(ctx, "", func(ctx context.Context, emit func(graph.Event)) (graph.Outcome[state], error) {
		s.emit(Event{Kind: EventTurn, Text: text})
		return s.held.Start(ctx, emit, append([]graph.Write[state]{
			f.messages.Set(messages), f.plan.Set(nil), f.round.Set(0), f.repairs.Set(0), f.rewrites.Set(0),
			f.problem.Set(nil), f.changed.Set(nil), f.wish.Set(nil), f.due.Set(nil), f.trace.Set(traceParent(ctx)),
		}, extra...)...)
	})
}

// reviewed takes what a person says while a plan waits: a decision, or a wish
// for the memory, which is told at once and changes the plan if it is about it.
func (s *session) reviewed(ctx context.Context, text string) error {
	answer, ok, err := s.a.remember(ctx, s.thread, s.turn, text)
	switch {
	case err != nil:
		return err
	case !ok:
		return s.decide(ctx, DecisionFor(text, s.review))
	}
	s.emit(Event{Kind: EventReply, Text: answer})
	edit := Decision{Verdict: Edit, Args: map[string]json.RawMessage{}}
	defaults := memory.Defaults(s.a.recalled(ctx), s.a.options.Registry.List())
	for i := range s.review.Plan.Steps {
		step := s.review.Plan.Steps[i]
		if step.State == StepPlanned && len(s.a.prefer(&step, defaults, s.assumed())) > 0 {
			edit.Args[step.ID] = step.Args
		}
	}
	if len(edit.Args) > 0 && memory.Read(text).Wish == memory.WishKeep {
		return s.decide(ctx, edit)
	}
	s.wait(s.review)
	return nil
}

// assumed are the arguments of the plan that no words of the user stand for.
func (s *session) assumed() []string {
	for _, m := range slices.Backward(s.at.State.Messages) {
		if m.Role == RoleAssistant {
			return m.Assumed
		}
	}
	return nil
}

// decide takes a decision on the pending review.
func (s *session) decide(ctx context.Context, d Decision) error {
	r := s.review
	if r == nil {
		return ErrNoReview
	}
	if err := s.a.fits(ctx, r, d); err != nil {
		return err
	}
	d = s.filledIn(d)
	return s.traced(ctx, s.at.State.Trace, func(ctx context.Context, emit func(graph.Event)) (graph.Outcome[state], error) {
		out, err := s.answer(ctx, d, emit)
		if errors.Is(err, graph.ErrExpired) {
			return s.tooLate(ctx, d, emit)
		}
		return out, err
	})
}

// answer gives a decision to the graph, which takes it if it is for what is
// asked, as it was shown, and in time.
func (s *session) answer(ctx context.Context, d Decision, emit func(graph.Event)) (graph.Outcome[state], error) {
	value, err := json.Marshal(d)
	if err != nil {
		return graph.Outcome[state]{}, fmt.Errorf("%w: %w", ErrDecision, err)
	}
	out, err := s.held.Answer(ctx, graph.Answer{Interrupt: d.Review, Fingerprint: d.Fingerprint, Verdict: d.Verdict, Value: value}, emit)
	if errors.Is(err, graph.ErrStale) {
		err = fmt.Errorf("%w: %w", ErrNoReview, err)
	}
	return out, err
}

// tooLate has an expired question asked again. What approves nothing is taken
// as the answer to it; an approval is not.
func (s *session) tooLate(ctx context.Context, d Decision, emit func(graph.Event)) (graph.Outcome[state], error) {
	expired := s.review.Expires
	out, err := s.held.Continue(ctx, emit)
	if err != nil || len(out.Pending) == 0 {
		return out, err
	}
	if d.Verdict != Approve {
		d.Review, d.Fingerprint = out.Pending[0].ID, out.Pending[0].Fingerprint
		return s.answer(ctx, d, emit)
	}
	s.emit(Event{Kind: EventProblem, Problem: &Problem{
		Code: CodeStale, Message: "the approval comes too late: the plan could be approved until " + expired.Format("2006-01-02 15:04 UTC"),
		Hint: "look at the plan again and decide",
	}})
	return out, nil
}

// filledIn is a decision on the pending review with what it leaves open.
func (s *session) filledIn(d Decision) Decision {
	d.Review, d.Fingerprint = s.review.ID, cmp.Or(d.Fingerprint, s.review.Fingerprint)
	d.At, d.By = s.a.options.Now().UTC(), cmp.Or(d.By, s.a.options.User)
	return d
}

// goOn takes what a person says while a turn is cut off.
func (s *session) goOn(ctx context.Context, text string) error {
	switch {
	case wantsOn(text):
		return s.resume(ctx)
	case !wantsOut(text):
		return fmt.Errorf("%w; it began with %q", ErrUnfinished, s.at.State.said(s.turn))
	}
	if err := s.held.Abandon(ctx); err != nil {
		return err
	}
	out := Answer{Text: "The unfinished turn is given up. Runs that it started go on."}
	s.emit(Event{Kind: EventAnswer, Answer: &out})
	s.last.Status, s.last.Answer = StatusAnswered, &out
	return nil
}

// resume goes on with what was cut off, or shows the pending review again.
func (s *session) resume(ctx context.Context) error {
	if !s.at.Unfinished() {
		return ErrNothing
	}
	s.emit(Event{Kind: EventTurn, Text: s.at.State.said(s.turn)})
	if s.review != nil {
		s.emit(Event{Kind: EventPlan, Plan: s.review.Plan})
		s.wait(s.review)
		return nil
	}
	notes, err := s.held.Notes(ctx, nodeAct)
	if err != nil {
		return err
	}
	plan, err := noted(s.at.State.Plan, notes)
	if err != nil {
		return fmt.Errorf("thread %s: %w", s.thread, err)
	}
	if plan != nil {
		s.emit(Event{Kind: EventPlan, Plan: plan})
	}
	return s.traced(ctx, s.at.State.Trace, func(ctx context.Context, emit func(graph.Event)) (graph.Outcome[state], error) {
		return s.held.Continue(ctx, emit)
	})
}

func (s *session) wait(r *Review) {
	s.emit(Event{Kind: EventReview, Plan: r.Plan, Review: r})
	s.last.Status, s.last.Review, s.last.Plan = StatusWaiting, r, r.Plan
}

// traced runs the graph within the turn's span and draws up the outcome.
func (s *session) traced(ctx context.Context, parent string, run func(context.Context, func(graph.Event)) (graph.Outcome[state], error)) error {
	ctx, options := inTrace(ctx, s.thread, s.turn, parent)
	ctx, span := s.a.options.Tracer.Start(ctx, turnSpan, options...)
	defer span.End()
	out, err := run(ctx, func(e graph.Event) {
		switch v := e.Value.(type) {
		case Event:
			s.emit(v)
		case opened:
			s.open(v)
		}
	})
	if id := span.SpanContext().TraceID(); id.IsValid() {
		s.last.TraceID = id.String()
	}
	switch {
	case err != nil && ctx.Err() != nil:
		s.last.Status, s.last.Plan = StatusDetached, out.State.Plan
	case err != nil:
		span.SetStatus(codes.Error, "turn failed")
		return err
	case len(out.Pending) > 0:
		r, err := reviewOf(out.Pending)
		if err != nil {
			return err
		}
		s.wait(r)
	default:
		id := s.last.TraceID
		s.last = s.a.outcome(&out.State, s.turn)
		s.last.TraceID = id
	}
	span.SetAttributes(attribute.String("minivess.turn.status", string(s.last.Status)))
	if p := s.last.Problem; p != nil {
		span.SetAttributes(attribute.String("error.type", p.Code))
		span.SetStatus(codes.Error, p.Code)
	}
	return nil
}

// turnSpan is the name of a turn's span.
const turnSpan = "invoke_agent minivess"

// inTrace prepares the span of a turn, or of the part of a turn that follows a
// decision or a kill, within the trace that the turn began.
func inTrace(ctx context.Context, thread string, turn int, parent string) (context.Context, []trace.SpanStartOption) {
	if sc, ok := parseTraceParent(parent); ok {
		ctx = trace.ContextWithRemoteSpanContext(ctx, sc)
	}
	attrs := []attribute.KeyValue{
		attribute.String("gen_ai.operation.name", "invoke_agent"),
		attribute.String("gen_ai.agent.name", "minivess"),
		attribute.String("langfuse.observation.type", "agent"),
		attribute.Int("minivess.turn", turn),
		attribute.Bool("minivess.turn.resumed", parent != ""),
	}
	if thread != "" {
		attrs = append(attrs, attribute.String("gen_ai.conversation.id", thread), attribute.String("session.id", thread))
	}
	return ctx, []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindInternal), trace.WithAttributes(attrs...)}
}

// traceParent is the span of ctx in the form of the W3C header.
func traceParent(ctx context.Context) string {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return ""
	}
	return "00-" + sc.TraceID().String() + "-" + sc.SpanID().String() + "-" + sc.TraceFlags().String()
}

func parseTraceParent(s string) (trace.SpanContext, bool) {
	parts := strings.Split(s, "-")
	if len(parts) != 4 {
		return trace.SpanContext{}, false
	}
	traceID, err1 := trace.TraceIDFromHex(parts[1])
	spanID, err2 := trace.SpanIDFromHex(parts[2])
	var flags trace.TraceFlags
	if parts[3] == "01" {
		flags = trace.FlagsSampled
	}
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID, TraceFlags: flags, Remote: true})
	return sc, err1 == nil && err2 == nil
}
