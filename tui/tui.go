// Package tui is the terminal program: chat with streamed steps, a plan card
// to approve, edit or reject, live curves of the running job, a table of runs.
// It draws state and sends intents. All input and output happens in commands,
// never in Update; the engine is out of sight behind Assistant and Board.
package tui

import (
	"context"
	"fmt"
	"io"
	"iter"

	tea "charm.land/bubbletea/v2"

	"github.com/minivess/minivess/agent/assistant"
)

// Assistant is the conversation; *assistant.Assistant satisfies it. Every
// sequence ends with one EventDone or with an error. Ending its context
// detaches: launched jobs go on.
type Assistant interface {
	Turn(ctx context.Context, thread, text string) iter.Seq2[assistant.Event, error]
	Decide(ctx context.Context, thread string, d assistant.Decision) iter.Seq2[assistant.Event, error]
	Continue(ctx context.Context, thread string) iter.Seq2[assistant.Event, error]
	Abandon(ctx context.Context, thread string) error
}

// Follower takes up what the user wants when runs have ended;
// *assistant.Assistant satisfies it. Due waits until something is to be taken
// up, without holding the conversation, and returns assistant.ErrNoFollowup if
// nothing waits.
type Follower interface {
	Due(ctx context.Context, thread string, emit func(assistant.Event)) (assistant.Followup, error)
	Follow(ctx context.Context, thread string) iter.Seq2[assistant.Event, error]
}

// Board shows what runs there are and how they do.
type Board interface {
	// Runs returns the newest runs first.
	Runs(ctx context.Context) ([]Run, error)
	// Curves returns the series of one run by name ("loss", "val dice").
	Curves(ctx context.Context, run string) (map[string][]Point, error)
}

// Run is one row of the runs table.
type Run struct {
	ID, Name, Kind, Model, Dataset, State string
	Step, Steps                           int64
	Rate, ETASeconds                      float64
	// Score is the most recent test Dice, else the best validation Dice; it is
	// absent when HasScore is false.
	Score    float64
	HasScore bool
	Age      string
}

// Active says whether the run may still change.
func (r Run) Active() bool { return r.State == "running" || r.State == "queued" }

// Point is one value of a series.
type Point struct{ Step, Value float64 }

// Unfinished is what an earlier session left in the middle.
type Unfinished struct {
	Plan *assistant.Plan
	// Review is set when the turn waits for a decision, else it can continue.
	Review *assistant.Review
	Text   string // what the user had asked
}

// Options are what the program needs.
type Options struct {
	Assistant  Assistant
	Follower   Follower // nil: follow-ups wait for another program
	Board      Board
	Thread     string              // the conversation to append to
	Unfinished *Unfinished         // offered before anything else
	Messages   []assistant.Message // what was said before, when a conversation is taken up
	Model      string              // who plans, as shown in the header
	Workspace  string              // short name, as shown in the header
	Input      io.Reader
	Output     io.Writer
	Environ    []string // for colours: NO_COLOR, TERM, COLORTERM
}

// NewModel is the program without a terminal around it: Update takes messages
// and View draws, as for any Bubble Tea model.
func NewModel(ctx context.Context, o Options) tea.Model { return newModel(ctx, o) }

// Open runs the program and returns when the person leaves it.
func Open(ctx context.Context, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := newModel(ctx, o)
	program := tea.NewProgram(m,
		tea.WithContext(ctx), tea.WithInput(o.Input), tea.WithOutput(o.Output), tea.WithEnvironment(o.Environ))
	last, err := program.Run()
	// The turn that is being watched is let go of before anything is printed.
	cancel()
	if final, ok := last.(*model); ok {
		final.stream.drain()
		if note := final.farewell(); note != "" {
			_, _ = fmt.Fprintln(o.Output, note)
		}
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("terminal program: %w", err)
	}
	return nil
}
