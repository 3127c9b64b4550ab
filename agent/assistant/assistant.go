// Package assistant is the MLOps agent: it understands what a person says
// (through any llms.Model), plans typed tool calls, has them reviewed, does
// them, looks at what came out and answers with numbers that it can source.
//
// It knows tools only through Registry and runs only through Watcher; how it
// is drawn, which model thinks and what the tools do is decided elsewhere.
package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tmc/langchaingo/llms"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/tools"
)

// Errors that a front end may want to tell apart. A thread that is in use is
// thread.ErrBusy.
var (
	ErrOptions     = errors.New("the assistant lacks a part")
	ErrNothing     = errors.New("there is nothing to go on with in this thread")
	ErrNothingSaid = errors.New("nothing was said")
	ErrUnfinished  = errors.New(`the thread has an unfinished turn; say "go on" or "abandon" first`)
	ErrNoReview    = errors.New("no plan waits for this decision; it may have been decided already")
	ErrDecision    = errors.New("the decision does not fit the plan")
	ErrUnconfirmed = errors.New("steps that destroy something must be approved by name")
)

// The defaults of Options.
const (
	defaultRounds      = 12
	defaultParallel    = 4
	defaultApprovalTTL = 7 * 24 * time.Hour
)

// Assistant answers turns. It is safe for concurrent use on different threads.
type Assistant struct {
	options Options
	tools   map[string]tools.Descriptor
	offered []llms.Tool
	fields  fields
	graph   *graph.Graph[state]

	readings   readings
	utterances atomic.Int64 // so many were begun
}

// New puts an assistant together.
func New(o Options) (*Assistant, error) {
	for name, missing := range map[string]bool{"Model": o.Model == nil, "Registry": o.Registry == nil, "Threads": o.Threads == nil} {
		if missing {
			return nil, fmt.Errorf("%w: Options.%s", ErrOptions, name)
		}
	}
	a := &Assistant{options: withDefaults(o), fields: newFields(), tools: make(map[string]tools.Descriptor)}
	descriptors := o.Registry.List()
	for _, d := range descriptors {
		a.tools[d.Name] = d
	}
	var err error
	if a.offered, err = offer(descriptors); err != nil {
		return nil, err
	}
	if a.graph, err = a.build(); err != nil {
		return nil, err
	}
	return a, nil
}

func withDefaults(o Options) Options {
	if o.Policy == "" {
		o.Policy = AskBeforeChange
	}
	if o.Numbers == "" {
		o.Numbers = NumbersRefuse
	}
	if o.User == "" {
		o.User = "user"
	}
	if o.MaxRounds <= 0 {
		o.MaxRounds = defaultRounds
	}
	if o.MaxParallel <= 0 {
		o.MaxParallel = defaultParallel
	}
	if o.ApprovalTTL <= 0 {
		o.ApprovalTTL = defaultApprovalTTL
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tracer == nil {
		o.Tracer = noop.NewTracerProvider().Tracer("")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Turn takes what a person says and yields what happens, ending with an
// EventDone. If a plan waits for a decision, the text is taken as one: a plain
// yes or no, or a wish that changes the plan. If a turn was cut off, "go on" and
// "abandon" are understood, and anything else is ErrUnfinished. Ending ctx, or leaving the
// sequence early, detaches: launched jobs go on and Continue takes the turn up
// again. The error, if any, comes last and means that the turn could not be
// recorded or run at all; a tool that fails is part of the story, not an error.
func (a *Assistant) Turn(ctx context.Context, thread, text string) iter.Seq2[Event, error] {
	return a.session(ctx, thread, func(ctx context.Context, s *session) error {
		text = strings.TrimSpace(text)
		switch {
		case text == "":
			return ErrNothingSaid
		case s.review != nil:
			return s.reviewed(ctx, text)
		case s.at.Unfinished():
			return s.goOn(ctx, text)
		}
		return s.start(ctx, text)
	})
}

// Decide answers the pending review and goes on, yielding events like Turn.
func (a *Assistant) Decide(ctx context.Context, thread string, d Decision) iter.Seq2[Event, error] {
	return a.session(ctx, thread, func(ctx context.Context, s *session) error {
		return s.decide(ctx, d)
	})
}

// Continue goes on with a turn that a kill, a detach or an error cut off.
// Steps that were done are not done again and launched runs are re-attached.
// If the turn waits for a decision, the review is yielded again.
func (a *Assistant) Continue(ctx context.Context, thread string) iter.Seq2[Event, error] {
	return a.session(ctx, thread, func(ctx context.Context, s *session) error {
		return s.resume(ctx)
	})
}

// Abandon gives up an unfinished turn without asking the model anything. Runs
// that were launched go on.
func (a *Assistant) Abandon(ctx context.Context, thread string) error {
	release, err := a.options.Threads.Acquire(ctx, thread)
	if err != nil {
		return err
	}
	err = a.graph.Abandon(ctx, thread)
	if errors.Is(err, graph.ErrNoRun) {
		err = ErrNothing
	}
	return errors.Join(err, release())
}

// Pending is what a thread waits for.
type Pending struct {
	// Review is set when a plan waits for a decision.
	Review *Review `json:"review,omitempty"`
	// Unfinished is set when a turn was cut off and Continue would go on.
	Unfinished bool `json:"unfinished,omitempty"`
	// Plan is the plan of the unfinished turn, with the states of its steps.
	Plan *Plan `json:"plan,omitempty"`
	// Said is what the user said at the beginning of that turn.
	Said string `json:"said,omitempty"`
}

// Pending says what the thread waits for; the zero value means nothing.
func (a *Assistant) Pending(ctx context.Context, thread string) (Pending, error) {
	at, err := a.graph.Inspect(ctx, thread)
	if err != nil || !at.Unfinished() {
		return Pending{}, err
	}
	p := Pending{Plan: at.State.Plan, Said: at.State.said(at.Run)}
	if p.Review, err = reviewOf(at.Pending); err != nil {
		return Pending{}, err
	}
	if p.Review != nil {
		p.Plan = p.Review.Plan
		return p, nil
	}
	p.Unfinished = true
	notes, err := a.graph.Notes(ctx, thread, nodeAct)
	if err == nil {
		p.Plan, err = noted(p.Plan, notes)
	}
	if err != nil {
		return Pending{}, fmt.Errorf("thread %s: %w", thread, err)
	}
	return p, nil
}

// noted is the plan with what its steps had come to when the turn was cut off.
func noted(p *Plan, notes map[string]json.RawMessage) (*Plan, error) {
	if p == nil {
		return nil, nil
	}
	p = p.clone()
	for i := range p.Steps {
		if raw, ok := notes[noteKey(p.Steps[i].ID)]; ok {
			if err := reread(raw, &p.Steps[i]); err != nil {
				return nil, fmt.Errorf("read step %s: %w", p.Steps[i].ID, err)
			}
		}
	}
	return p, nil
}

// Transcript is the conversation so far, for drawing an opened thread. A turn
// that is not finished shows up to where it got; see Pending for its plan.
func (a *Assistant) Transcript(ctx context.Context, thread string) ([]Message, error) {
	at, err := a.graph.Inspect(ctx, thread)
	if err != nil {
		return nil, err
	}
	var shown []Message
	for i := range at.State.Messages {
		if m := &at.State.Messages[i]; m.shown() {
			shown = append(shown, *m)
		}
	}
	return shown, nil
}

// PlanOnly says what would be done, without a thread and without doing it. A
// step that is not possible as things are carries the reason in Error; a plan
// that is no valid plan even at the second try is returned with an error.
func (a *Assistant) PlanOnly(ctx context.Context, text string) (Plan, error) {
	heard, notes := a.hear(ctx, text)
	messages := []Message{{Turn: 1, Time: a.options.Now().UTC(), Role: RoleUser, Text: heard}}
	ctx, options := inTrace(ctx, "", 1, "")
	ctx, span := a.options.Tracer.Start(ctx, turnSpan, options...)
	defer span.End()
	for try := 0; ; try++ {
		said, err := a.ask(ctx, messages)
		if err != nil {
			return Plan{}, fmt.Errorf("the language model could not be asked: %w", err)
		}
		p := a.draft(said.Calls)
		p.Reply, p.Assumptions, p.Questions = said.Text, append(notes, said.Assumptions...), said.Questions
		if a.previewAll(ctx, p, lenient, said.Assumed) {
			return *p, nil
		}
		if try > 0 {
			problem := p.firstProblem()
			return *p, tools.Errorf(tools.Code(problem.Code), "the plan is not valid: %s", problem.Message).
				WithHint("%s", problem.Hint).WithCandidates(problem.Candidates...)
		}
		said.Turn, said.Role = 1, RoleAssistant
		messages = append(messages, said, Message{Turn: 1, Role: RolePlan, Plan: p, Invalid: true})
	}
}

// Wait reads a sequence to its end and returns the outcome. See, if not nil,
// is called with each event.
func Wait(events iter.Seq2[Event, error], see func(Event)) (Outcome, error) {
	var out Outcome
	for e, err := range events {
		if err != nil {
			return out, err
		}
		if e.Outcome != nil {
			out = *e.Outcome
		}
		if see != nil {
			see(e)
		}
	}
	return out, nil
}
