// Package assistant is the MLOps agent: it understands what a person says
// (through any llms.Model), plans typed tool calls, has them reviewed, does
// them, looks at what came out and answers with numbers that it can source.
//
// It knows tools only through Registry and runs only through Watcher; how it
// is drawn, which model thinks and what the tools do is decided elsewhere.
package assistant

import (
	"context"
	"errors"
	"iter"
)

// Errors that a front end may want to tell apart.
var (
	ErrOptions      = errors.New("the assistant lacks a part")
	ErrNothing      = errors.New("there is nothing to go on with in this thread")
	ErrUnfinished   = errors.New("the thread has an unfinished turn; continue it or abandon it first")
	ErrNoReview     = errors.New("no plan waits for a decision, or it was decided already")
	ErrDecision     = errors.New("the decision does not fit the plan")
	ErrUnconfirmed  = errors.New("steps that destroy something must be approved one by one")
	errNotAnswering = errors.New("the assistant is not running")
)

// Assistant answers turns. It is safe for concurrent use on different threads.
type Assistant struct {
	options Options
}

// New puts an assistant together.
func New(o Options) (*Assistant, error) { return &Assistant{options: o}, nil }

// Turn takes what a person says and yields what happens, ending with an
// EventDone. If a plan waits for a decision, the text is taken as one: a plain
// yes or no, or a wish that changes the plan. Ending ctx, or leaving the
// sequence early, detaches: launched jobs go on and Continue takes the turn up
// again. The error, if any, comes last and means that the turn could not be
// recorded or run at all; a tool that fails is part of the story, not an error.
func (a *Assistant) Turn(ctx context.Context, thread, text string) iter.Seq2[Event, error] {
	return none
}

// Decide answers the pending review and goes on, yielding events like Turn.
func (a *Assistant) Decide(ctx context.Context, thread string, d Decision) iter.Seq2[Event, error] {
	return none
}

// Continue goes on with a turn that a kill, a detach or an error cut off.
// Steps that were done are not done again and launched runs are re-attached.
func (a *Assistant) Continue(ctx context.Context, thread string) iter.Seq2[Event, error] {
	return none
}

// Abandon gives up an unfinished turn without asking the model anything. Runs
// that were launched go on.
func (a *Assistant) Abandon(ctx context.Context, thread string) error { return errNotAnswering }

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
	return Pending{}, errNotAnswering
}

// PlanOnly says what would be done, without a thread and without doing it.
// A step whose preview fails carries the problem in Error.
func (a *Assistant) PlanOnly(ctx context.Context, text string) (Plan, error) {
	return Plan{}, errNotAnswering
}

// Transcript is the conversation so far, for drawing an opened thread.
func (a *Assistant) Transcript(ctx context.Context, thread string) ([]Message, error) {
	return nil, errNotAnswering
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

func none(func(Event, error) bool) {}
