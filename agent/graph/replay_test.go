package graph_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/minivess/minivess/agent/graph"
)

func TestReplayFindsWhatWouldGoAnotherWay(t *testing.T) {
	t.Parallel()
	word, fork, question, extra := "same", "b", "?", false
	build := func(c graph.Checkpointer) *graph.Graph[state] {
		return compile(t, graph.New[state]("g", logField()).
			Node("a", func(context.Context, state, *graph.Runtime) (result, error) {
				return graph.Update(logField().Set([]string{word})), nil
			}).
			Node("b", func(_ context.Context, _ state, rt *graph.Runtime) (result, error) {
				if _, ok := rt.Answer(); !ok {
					return graph.Pause[state](question), nil
				}
				if extra {
					return graph.Update(logField().Set([]string{"extra"})), nil
				}
				return result{}, nil
			}).
			Node("c", say("c")).Entry("a").
			Branch("a", func(state) string { return fork }, "b", "c").Edge("b", "c").Edge("c", graph.End), graph.Options{Checkpointer: c})
	}
	c := &graph.Memory{}
	g := build(c)
	out, err := g.Start(t.Context(), "t", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Answer(t.Context(), "t", graph.Answer{Interrupt: out.Pending[0].ID, Verdict: graph.Approve}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Replay(t.Context(), "t", 0, nil); err != nil {
		t.Fatalf("nothing has changed: %v", err)
	}
	for name, change := range map[string]func(){
		"a write":    func() { word = "other" },
		"a branch":   func() { fork = "c" },
		"a question": func() { question = "!" },
		"one more":   func() { extra = true },
	} {
		word, fork, question, extra = "same", "b", "?", false
		change()
		if _, err := g.Replay(t.Context(), "t", 0, nil); !errors.Is(err, graph.ErrDiverged) {
			t.Errorf("%s has changed: %v", name, err)
		}
	}
	word, fork, question, extra = "other", "b", "?", false
	if _, err := g.Replay(t.Context(), "t", 2, nil); err != nil { // after the step that would differ
		t.Errorf("from after the change: %v", err)
	}
	for _, at := range []graph.Point{-1, 100} {
		if _, err := g.Replay(t.Context(), "t", at, nil); !errors.Is(err, graph.ErrNoPoint) {
			t.Errorf("from point %d: %v", at, err)
		}
	}
	n := 0
	for _, err := range c.Records(t.Context(), "t") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 6 { // input, a, question, answer, b, c
		t.Errorf("%d records after the replays", n)
	}
}

// A node that writes is replayed by what it named, even if that was the end.
func TestReplayOfAWriterThatEndsTheRun(t *testing.T) {
	t.Parallel()
	runs := 0
	g := compile(t, graph.New[state]("g", logField()).
		Node("a", func(context.Context, state, *graph.Runtime) (result, error) {
			runs++
			return graph.Update(logField().Set([]string{"a"})).To(graph.End), nil
		}).
		Node("b", say("b")).Policy("a", graph.Policy[state]{Writes: true}).Entry("a").
		Edge("a", "b").Goto("a", graph.End).Edge("b", graph.End), graph.Options{Checkpointer: &graph.Memory{}})
	if _, err := g.Start(t.Context(), "t", nil); err != nil {
		t.Fatal(err)
	}
	out, err := g.Replay(t.Context(), "t", 0, nil)
	if err != nil || !slices.Equal(out.State.Log, []string{"a"}) || runs != 1 {
		t.Errorf("%v after %d runs, %v", out.State.Log, runs, err)
	}
}

// A thread that was cut off, given up, and begun anew.
func TestReplayOfAnUntidyThread(t *testing.T) {
	t.Parallel()
	broken := true
	b := func(context.Context, state, *graph.Runtime) (result, error) {
		if broken {
			return result{}, errors.New("cut off")
		}
		return graph.Update(logField().Set([]string{"b"})), nil
	}
	g := line(t, graph.Options{Checkpointer: &graph.Memory{}}, "", say("a"), b)
	if _, err := g.Start(t.Context(), "t", nil); err == nil {
		t.Fatal("want an error")
	}
	if err := g.Abandon(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Start(t.Context(), "t", nil); err == nil {
		t.Fatal("want an error")
	}
	broken = false
	want, err := g.Continue(t.Context(), "t", nil)
	if err != nil {
		t.Fatal(err)
	}
	for at := range graph.Point(7) {
		out, err := g.Replay(t.Context(), "t", at, nil)
		if err != nil || !slices.Equal(out.State.Log, want.State.Log) {
			t.Errorf("from %d: %v, %v; want %v", at, out.State.Log, err, want.State.Log)
		}
	}
}

func TestWithoutRecordsThereIsNoPast(t *testing.T) {
	t.Parallel()
	g := line(t, graph.Options{}, "", say("a"))
	_, inspect := g.Inspect(t.Context(), "t")
	_, at := g.At(t.Context(), "t", 1)
	_, replay := g.Replay(t.Context(), "t", 1, nil)
	_, prune := g.Prune(t.Context(), "t", 1)
	_, notes := g.Notes(t.Context(), "t", "n0")
	for i, err := range []error{inspect, at, replay, prune, notes, g.Fork(t.Context(), "t", 1, "u")} {
		if !errors.Is(err, graph.ErrNoRecords) {
			t.Errorf("%d: %v", i, err)
		}
	}
	bare := struct{ graph.Checkpointer }{&graph.Memory{}}
	if _, err := line(t, graph.Options{Checkpointer: bare}, "", say("a")).Prune(t.Context(), "t", 1); !errors.Is(err, graph.ErrCannotPrune) {
		t.Errorf("a checkpointer that cannot prune: %v", err)
	}
}

func TestMomentsAreForPeople(t *testing.T) {
	t.Parallel()
	c := &graph.Memory{}
	g := line(t, graph.Options{Checkpointer: c}, "", say("a"), say("b"))
	if _, err := g.Start(t.Context(), "t", nil, logField().Set([]string{"in"})); err != nil {
		t.Fatal(err)
	}
	var got []string
	for m, err := range graph.Moments(t.Context(), c, "t") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(m.At, m.Kind, m.Run, m.Step, m.Node, m.Next, m.Wrote, m.Bytes))
	}
	want := "1 input 1 0 [n0] [log] 6|2 step 1 1 n0 [n1] [log] 5|3 step 1 2 n1 [] [log] 5"
	if joined := strings.ReplaceAll(strings.Join(got, "|"), "  ", " "); strings.Join(strings.Fields(joined), "") != strings.Join(strings.Fields(want), "") {
		t.Errorf("got %s\nwant %s", joined, want)
	}
}
