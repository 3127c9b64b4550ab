package assistant_test

import (
	"context"
	"iter"
	"testing"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/llm/llmtest"
	"github.com/minivess/minivess/agent/thread"
)

// readThreads counts how often a thread is read.
type readThreads struct {
	*thread.Store
	reads int
}

func (r *readThreads) Records(ctx context.Context, id string) iter.Seq2[graph.Record, error] {
	r.reads++
	return r.Store.Records(ctx, id)
}

// TestATurnReadsTheThreadOnce counts: the first turn of a process reads the
// thread, later ones find it as they left it, unless somebody else was there.
func TestATurnReadsTheThreadOnce(t *testing.T) {
	t.Parallel()
	var replies []llmtest.Reply
	for range 4 {
		replies = append(replies, llmtest.Reply{Calls: []llmtest.Call{{Tool: "look", Args: `{"query":"all"}`}}}, answering("The Dice is 0.861."))
	}
	r := newRig(t, assistant.Options{}, replies...)
	here := &readThreads{Store: r.store}
	mine := r.another(t, assistant.Options{Threads: here})
	turn := func(a *assistant.Assistant, want int) {
		t.Helper()
		here.reads = 0
		out, err := assistant.Wait(a.Turn(t.Context(), r.thread, "how good are they?"), nil)
		if err != nil || out.Status != assistant.StatusAnswered || len(out.Answer.Sources) == 0 {
			t.Fatalf("%+v, %v", out, err)
		}
		if here.reads != want {
			t.Errorf("the turn read the thread %d times, want %d", here.reads, want)
		}
	}
	turn(mine, 1)
	turn(mine, 0)
	shown, err := mine.Transcript(t.Context(), r.thread)
	if err != nil || here.reads != 0 || len(shown) != 6 {
		t.Errorf("the transcript of %d messages took %d reads, %v", len(shown), here.reads, err)
	}
	turn(r.Assistant, 0) // another one
	turn(mine, 1)
	if shown, err = mine.Transcript(t.Context(), r.thread); err != nil || len(shown) != 12 {
		t.Errorf("%d messages, %v; want 12", len(shown), err)
	}
	requests := r.model.Requests()
	if heard := lastTexts(requests[len(requests)-1], llms.ChatMessageTypeTool); len(heard) != 4 {
		t.Errorf("in the last turn the model heard of %d results, want 4", len(heard))
	}
}
