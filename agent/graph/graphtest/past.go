package graphtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/minivess/minivess/agent/graph"
)

// snapshots reads a thread at every point that it has.
func snapshots(t *testing.T, g *graph.Graph[Work], c graph.Checkpointer, thread string) map[graph.Point]string {
	t.Helper()
	all := make(map[graph.Point]string)
	for m, err := range graph.Moments(t.Context(), c, thread) {
		if err != nil {
			t.Fatal(err)
		}
		s, err := g.At(t.Context(), thread, m.At)
		if err != nil {
			t.Fatalf("at point %d: %v", m.At, err)
		}
		raw, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		all[m.At] = string(raw)
	}
	return all
}

func twoRuns(t *testing.T, g *graph.Graph[Work], thread string) graph.Outcome[Work] {
	t.Helper()
	out, err := Drive(t.Context(), g, thread)
	if err != nil {
		t.Fatal(err)
	}
	if out, err = g.Start(t.Context(), thread, nil); err != nil {
		t.Fatal(err)
	}
	if out, err = g.Answer(t.Context(), thread, yes(out.Pending[0], out.Run), nil); err != nil {
		t.Fatal(err)
	}
	return out
}

// travel forks and replays a thread of two runs at each of its points, which
// lie between tasks, inside of the subgraph and around the question, too.
func travel(t *testing.T, f Fixture) {
	t.Helper()
	thread, count := f.Thread(), &counter{}
	g := workflow(t, graph.Options{Checkpointer: f.Checkpointer}, count.effect)
	want := twoRuns(t, g, thread)
	before := records(t, f.Checkpointer, thread)
	points := snapshots(t, g, f.Checkpointer, thread)
	if len(points) != len(before) {
		t.Fatalf("%d points, %d records", len(points), len(before))
	}
	for at := range graph.Point(len(before) + 1) {
		count.ran = nil
		out, err := g.Replay(t.Context(), thread, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		sameOutcome(t, fmt.Sprintf("replay from %d", at), out, want)
		for key := range count.ran {
			if len(key) > 6 && key[len(key)-6:] == "/train" {
				t.Errorf("replay from %d ran a node that writes: %s", at, key)
			}
		}
		if at > 0 {
			forkAt(t, f, g, thread, at, points[at], want)
		}
	}
	sameRecords(t, records(t, f.Checkpointer, thread), before)
	for _, at := range []graph.Point{-1, 0, graph.Point(len(before) + 1)} {
		if _, err := g.At(t.Context(), thread, at); !errors.Is(err, graph.ErrNoPoint) {
			t.Errorf("at point %d: %v", at, err)
		}
		if err := g.Fork(t.Context(), thread, at, f.Thread()); !errors.Is(err, graph.ErrNoPoint) {
			t.Errorf("fork at point %d: %v", at, err)
		}
	}
}

func forkAt(t *testing.T, f Fixture, g *graph.Graph[Work], thread string, at graph.Point, was string, want graph.Outcome[Work]) {
	t.Helper()
	fork := f.Thread()
	if err := g.Fork(t.Context(), thread, at, fork); err != nil {
		t.Fatalf("fork at %d: %v", at, err)
	}
	var then graph.Snapshot[Work]
	if err := json.Unmarshal([]byte(was), &then); err != nil {
		t.Fatal(err)
	}
	now, err := g.Inspect(t.Context(), fork)
	if err != nil {
		t.Fatal(err)
	}
	if len(now.Pending) > 0 {
		t.Errorf("the fork at %d took a question along: %+v", at, now.Pending)
	}
	then.At, then.Pending, now.At = 0, nil, 0
	if a, b := encoded(t, then), encoded(t, now); !bytes.Equal(a, b) {
		t.Errorf("fork at %d:\n was %s\n  is %s", at, a, b)
	}
	if err := g.Fork(t.Context(), thread, at, fork); !errors.Is(err, graph.ErrNotEmpty) {
		t.Errorf("a second fork to one thread: %v", err)
	}
	out, err := Drive(t.Context(), workflow(t, graph.Options{Checkpointer: f.reopen()}, nothing), fork)
	if err != nil {
		t.Fatalf("fork at %d: %v", at, err)
	}
	if out.Run == want.Run {
		sameOutcome(t, fmt.Sprintf("fork at %d", at), out, want)
	} else {
		sameOutcome(t, fmt.Sprintf("fork at %d", at), out, wanted(t))
	}
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func forkIsolation(t *testing.T, f Fixture) {
	t.Helper()
	thread, fork := f.Thread(), f.Thread()
	g := workflow(t, graph.Options{Checkpointer: f.Checkpointer}, nothing)
	out, err := g.Start(t.Context(), thread, nil)
	if err != nil {
		t.Fatal(err)
	}
	at, err := g.Inspect(t.Context(), thread)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Fork(t.Context(), thread, at.At, fork); err != nil {
		t.Fatal(err)
	}
	asked, err := g.Continue(t.Context(), fork, nil)
	if err != nil || len(asked.Pending) != 1 {
		t.Fatalf("the fork asks %+v, %v", asked.Pending, err)
	}
	stolen := yes(out.Pending[0], 1)
	if _, err := g.Answer(t.Context(), fork, stolen, nil); err == nil {
		t.Error("an approval of the origin was taken by the fork")
	}
	stolen.Interrupt = asked.Pending[0].ID
	if _, err := g.Answer(t.Context(), fork, stolen, nil); !errors.Is(err, graph.ErrStale) {
		t.Errorf("an approval of the origin for the fork's question: %v", err)
	}
	length := len(records(t, f.Checkpointer, fork))
	if _, err := Drive(t.Context(), g, thread); err != nil {
		t.Fatal(err)
	}
	if n := len(records(t, f.Checkpointer, fork)); n != length {
		t.Errorf("the fork has %d records, had %d", n, length)
	}
}

func pruning(t *testing.T, f Fixture) {
	t.Helper()
	if _, ok := f.Checkpointer.(graph.Pruner); !ok {
		t.Fatal("a checkpointer must be able to prune")
	}
	for _, keep := range []int{0, 1, 3, 100} {
		thread := f.Thread()
		g := workflow(t, graph.Options{Checkpointer: f.Checkpointer}, nothing)
		twoRuns(t, g, thread)
		if _, err := g.Start(t.Context(), thread, nil); err != nil { // waits for an answer
			t.Fatal(err)
		}
		before := snapshots(t, g, f.Checkpointer, thread)
		size := len(before)
		gone, err := g.Prune(t.Context(), thread, keep)
		if err != nil || keep == 100 && gone != 0 || keep == 0 && gone == 0 {
			t.Fatalf("keep %d: %d records gone, %v", keep, gone, err)
		}
		g = workflow(t, graph.Options{Checkpointer: f.reopen()}, nothing)
		after := snapshots(t, g, f.reopen(), thread)
		if len(after) != size-gone {
			t.Errorf("keep %d: %d points, want %d", keep, len(after), size-gone)
		}
		for at, s := range after {
			if s != before[at] {
				t.Errorf("keep %d, point %d:\n was %s\n  is %s", keep, at, before[at], s)
			}
		}
		if _, ok := after[graph.Point(size)]; !ok {
			t.Errorf("keep %d: the present is gone", keep)
		}
		if again, err := g.Prune(t.Context(), thread, keep); err != nil || again != 0 {
			t.Errorf("keep %d: pruned again, %d records gone, %v", keep, again, err)
		}
		afterPruning(t, f, g, thread, graph.Point(size))
	}
}

// afterPruning goes on with a pruned thread, and with a fork of it.
func afterPruning(t *testing.T, f Fixture, g *graph.Graph[Work], thread string, at graph.Point) {
	t.Helper()
	fork := f.Thread()
	if err := g.Fork(t.Context(), thread, at, fork); err != nil {
		t.Fatal(err)
	}
	// The record of the fork is one more, the question that is open one less.
	if now, err := g.Inspect(t.Context(), fork); err != nil || now.At != at {
		t.Errorf("the fork is at point %d, %v; want %d", now.At, err, at)
	}
	a, err := Drive(t.Context(), g, thread)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Drive(t.Context(), g, fork)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a.State, b.State) || a.Run != 3 || len(a.Pending) > 0 {
		t.Errorf("the thread came to %+v, its fork to %+v", a, b)
	}
	if _, err := g.Replay(t.Context(), thread, at, nil); err != nil {
		t.Error(err)
	}
	before := snapshots(t, g, f.Checkpointer, thread)
	if _, err := g.Prune(t.Context(), thread, 1); err != nil {
		t.Fatal(err)
	}
	after := snapshots(t, g, f.Checkpointer, thread)
	if len(after) == 0 || len(after) >= len(before) {
		t.Errorf("%d points of %d are left", len(after), len(before))
	}
	for at, s := range after {
		if s != before[at] {
			t.Errorf("pruned again, point %d:\n was %s\n  is %s", at, before[at], s)
		}
	}
}
