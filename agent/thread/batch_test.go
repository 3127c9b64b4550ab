package thread_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/thread"
)

func TestPruningKeepsWhatAListShows(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	dir := t.TempDir()
	s := thread.NewStore(dir, thread.Options{Now: func() time.Time { clock = clock.Add(time.Second); return clock }})
	id := create(t, s, "first").ID
	said := graph.NewField("said", func(w *words) *[]string { return &w.Said }, graph.Append[string])
	g, err := graph.New("g", said).
		Node("say", func(context.Context, words, *graph.Runtime) (graph.Result[words], error) {
			return graph.Update(said.Set([]string{"x"})), nil
		}).
		Entry("say").Edge("say", graph.End).Compile(graph.Options{Checkpointer: s})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := g.Start(t.Context(), id, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Rename(t.Context(), id, "second"); err != nil {
		t.Fatal(err)
	}
	before, err := s.Get(t.Context(), id)
	if err != nil || before.Turns != 5 {
		t.Fatalf("%+v, %v", before, err)
	}
	release, err := s.Acquire(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Prune(t.Context(), id, 1); !errors.Is(err, thread.ErrBusy) {
		t.Errorf("pruned while it is held: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if gone, err := g.Prune(t.Context(), id, 1); err != nil || gone != 8 {
		t.Fatalf("%d records gone, %v; want 8 of 10", gone, err)
	}
	if after, err := s.Get(t.Context(), id); err != nil || after != before {
		t.Errorf("%v\n was %+v\n  is %+v", err, before, after)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
	for _, drop := range []int{0, 3} {
		if err := s.Prune(t.Context(), id, drop, graph.Record{Kind: graph.KindSnapshot}); !errors.Is(err, graph.ErrNoPoint) {
			t.Errorf("dropping %d of 2 records: %v", drop, err)
		}
	}
	if err := s.Prune(t.Context(), "none", 1, graph.Record{}); !errors.Is(err, thread.ErrNotFound) {
		t.Errorf("a thread that there is not: %v", err)
	}
	if err := s.AppendAll(t.Context(), "none", nil); !errors.Is(err, thread.ErrNotFound) {
		t.Errorf("appending to a thread that there is not: %v", err)
	}
}

// What a pruning that was killed left behind does not disturb the next one.
func TestPruningAfterAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := store(t, dir)
	id := create(t, s, "x").ID
	for i := range 3 {
		if err := s.Append(t.Context(), id, graph.Record{Kind: graph.KindStep, Step: i}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, id+".jsonl.pruned"), []byte("half a li"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Prune(t.Context(), id, 2, graph.Record{Kind: graph.KindSnapshot, Before: 2}); err != nil {
		t.Fatal(err)
	}
	var steps []int
	for r, err := range s.Records(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, r.Step)
	}
	if len(steps) != 2 || steps[1] != 2 {
		t.Errorf("steps %v", steps)
	}
}
