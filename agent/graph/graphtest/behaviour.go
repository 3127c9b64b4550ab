package graphtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/minivess/minivess/agent/graph"
)

// A dying checkpointer lets a number of records through and then fails like a
// disk that is gone, which is what a kill at that record looks like afterwards.
type dying struct {
	graph.Checkpointer
	mu   sync.Mutex
	left int
}

var errKilled = errors.New("killed")

func (d *dying) Append(ctx context.Context, thread string, r graph.Record) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left == 0 {
		return errKilled
	}
	d.left--
	return d.Checkpointer.Append(ctx, thread, r)
}

// counter counts the attempts at each task.
type counter struct {
	mu  sync.Mutex
	ran map[string]int
}

func (c *counter) effect(key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ran == nil {
		c.ran = make(map[string]int)
	}
	c.ran[key]++
	return nil
}

func workflow(t *testing.T, o graph.Options, effect Effect) *graph.Graph[Work] {
	t.Helper()
	g, err := Workflow(o, effect)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func nothing(string) error { return nil }

// wanted is what Workflow comes to.
func wanted(t *testing.T) graph.Outcome[Work] {
	t.Helper()
	out, err := Drive(t.Context(), workflow(t, graph.Options{Checkpointer: &graph.Memory{}}, nothing), "t")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func sameOutcome(t *testing.T, what string, got, want graph.Outcome[Work]) {
	t.Helper()
	if !reflect.DeepEqual(got.State, want.State) || got.Steps != want.Steps || len(got.Pending) > 0 {
		t.Errorf("%s: state %+v after %d steps, want %+v after %d", what, got.State, got.Steps, want.State, want.Steps)
	}
}

func killEverywhere(t *testing.T, f Fixture) {
	t.Helper()
	want := wanted(t)
	for kill := range 60 {
		thread, count := f.Thread(), &counter{}
		d := &dying{Checkpointer: f.Checkpointer, left: kill}
		_, err := Drive(t.Context(), workflow(t, graph.Options{Checkpointer: d, Parallel: 1}, count.effect), thread)
		if err != nil && !errors.Is(err, errKilled) {
			t.Fatalf("kill at record %d: %v", kill, err)
		}
		got, err2 := Drive(t.Context(), workflow(t, graph.Options{Checkpointer: f.reopen()}, count.effect), thread)
		if err2 != nil {
			t.Fatalf("restart after a kill at record %d: %v", kill, err2)
		}
		sameOutcome(t, fmt.Sprintf("kill at record %d", kill), got, want)
		again := 0
		for _, n := range count.ran {
			again += n - 1
		}
		// The task that asks runs twice; the one that was cut off once more.
		if allowed := 2; again > allowed || err == nil && again != 1 {
			t.Errorf("kill at record %d: tasks ran %v", kill, count.ran)
		}
		if err == nil {
			return // the kill came after the end
		}
	}
	t.Error("the workflow never came to its end")
}

func durabilities(t *testing.T, f Fixture) {
	t.Helper()
	want := wanted(t)
	for _, d := range []graph.Durability{graph.Sync, graph.Async, graph.Exit} {
		thread, count := f.Thread(), &counter{}
		out, err := workflow(t, graph.Options{Checkpointer: f.Checkpointer, Durability: d}, count.effect).Start(t.Context(), thread, nil)
		if err != nil || len(out.Pending) != 1 {
			t.Fatalf("%s: %+v, %v; want a question", d, out.Pending, err)
		}
		got, err := Drive(t.Context(), workflow(t, graph.Options{Checkpointer: f.reopen(), Durability: d}, count.effect), thread)
		if err != nil {
			t.Fatalf("%s: %v", d, err)
		}
		sameOutcome(t, string(d), got, want)
		sameOutcome(t, string(d)+", read again", stored(t, f.reopen(), thread), want)
	}
}

func stored(t *testing.T, c graph.Checkpointer, thread string) graph.Outcome[Work] {
	t.Helper()
	at, err := workflow(t, graph.Options{Checkpointer: c}, nothing).Inspect(t.Context(), thread)
	if err != nil {
		t.Fatal(err)
	}
	return graph.Outcome[Work]{State: at.State, Run: at.Run, Steps: at.Step, Pending: at.Pending}
}

func interruptOnce(t *testing.T, f Fixture) {
	t.Helper()
	thread, count := f.Thread(), &counter{}
	out, err := workflow(t, graph.Options{Checkpointer: f.Checkpointer}, count.effect).Start(t.Context(), thread, nil)
	if err != nil || len(out.Pending) != 1 {
		t.Fatalf("want one interrupt, got %+v, %v", out.Pending, err)
	}
	g := workflow(t, graph.Options{Checkpointer: f.reopen()}, count.effect)
	again, err := g.Continue(t.Context(), thread, nil)
	if err != nil || !reflect.DeepEqual(again.Pending, out.Pending) {
		t.Fatalf("after a restart: %+v, %v; want the same interrupt", again.Pending, err)
	}
	right := yes(out.Pending[0], 1)
	for what, c := range map[string]struct {
		change func(a *graph.Answer)
		want   error
	}{
		"an answer to another question": {func(a *graph.Answer) { a.Interrupt = "other" }, graph.ErrNoInterrupt},
		"an answer without fingerprint": {func(a *graph.Answer) { a.Fingerprint = "" }, graph.ErrStale},
		"an answer to an older state":   {func(a *graph.Answer) { a.Fingerprint = out.Pending[0].Fingerprint[1:] + "0" }, graph.ErrStale},
		"a verdict that is not offered": {func(a *graph.Answer) { a.Verdict = graph.Reject }, graph.ErrVerdict},
		"an edit without a value":       {func(a *graph.Answer) { a.Value = nil }, graph.ErrVerdict},
		"an edit that is not JSON":      {func(a *graph.Answer) { a.Value = []byte("{") }, graph.ErrVerdict},
	} {
		a := right
		c.change(&a)
		if _, err := g.Answer(t.Context(), thread, a, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	got, err := g.Answer(t.Context(), thread, right, nil)
	if err != nil {
		t.Fatal(err)
	}
	sameOutcome(t, "answered", got, wanted(t))
	if _, err := g.Answer(t.Context(), thread, right, nil); !errors.Is(err, graph.ErrNoInterrupt) {
		t.Errorf("the same answer again: %v", err)
	}
}
