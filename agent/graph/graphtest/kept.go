package graphtest

import (
	"bytes"
	"context"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/minivess/minivess/agent/graph"
)

// A marking checkpointer counts how often threads are read.
type marking struct {
	graph.Checkpointer
	graph.Marker
	reads atomic.Int64
}

func (m *marking) Records(ctx context.Context, thread string) iter.Seq2[graph.Record, error] {
	m.reads.Add(1)
	return m.Checkpointer.Records(ctx, thread)
}

// keptThread has one graph that keeps threads and one, as another process has
// it, that does not take turns at the same thread.
func keptThread(t *testing.T, f Fixture) {
	t.Helper()
	marker, ok := f.Checkpointer.(graph.Marker)
	if !ok {
		return // it need not be one
	}
	m := &marking{Checkpointer: f.Checkpointer, Marker: marker}
	keeping := workflow(t, graph.Options{Checkpointer: m, Keep: 1}, nothing)
	thread := f.Thread()
	turn := func(who string, g *graph.Graph[Work], reads int64) {
		t.Helper()
		before := m.reads.Load()
		out, err := g.Start(t.Context(), thread, nil)
		for err == nil && len(out.Pending) > 0 {
			out, err = g.Answer(t.Context(), thread, yes(out.Pending[0], out.Run), nil)
		}
		if err != nil {
			t.Fatalf("%s: %v", who, err)
		}
		if n := m.reads.Load() - before; n != reads {
			t.Errorf("%s read the thread %d times, want %d", who, n, reads)
		}
		sameSnapshot(t, who, inspect(t, keeping, thread), inspect(t, workflow(t, graph.Options{Checkpointer: f.reopen()}, nothing), thread))
	}
	// Each run asks a question, and what waits for an answer is read again.
	turn("the first run", keeping, 2)
	turn("a further run", keeping, 1)
	turn("another process", workflow(t, graph.Options{Checkpointer: f.reopen()}, nothing), 0)
	turn("a run after another process", keeping, 2)
	if _, ok := f.Checkpointer.(graph.Pruner); ok {
		if _, err := workflow(t, graph.Options{Checkpointer: f.Checkpointer}, nothing).Prune(t.Context(), thread, 1); err != nil {
			t.Fatal(err)
		}
		turn("a run after pruning", keeping, 2)
	}
	other := f.Thread()
	if _, err := Drive(t.Context(), keeping, other); err != nil {
		t.Fatal(err)
	}
	turn("a run after another thread took the place", keeping, 2)
}

func inspect(t *testing.T, g *graph.Graph[Work], thread string) graph.Snapshot[Work] {
	t.Helper()
	at, err := g.Inspect(t.Context(), thread)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func sameSnapshot(t *testing.T, who string, got, want graph.Snapshot[Work]) {
	t.Helper()
	g := workflow(t, graph.Options{}, nothing)
	a, err := g.Encode(got.State)
	if err != nil {
		t.Fatal(err)
	}
	b, err := g.Encode(want.State)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) || got.At != want.At || got.Run != want.Run || got.Step != want.Step || len(got.Next)+len(want.Next) > 0 {
		t.Errorf("%s: kept\n%s at %d (run %d, step %d), read\n%s at %d (run %d, step %d)",
			who, a, got.At, got.Run, got.Step, b, want.At, want.Run, want.Step)
	}
}
