package graph_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/minivess/minivess/agent/graph"
)

func opened(t *testing.T, g *graph.Graph[state]) *graph.Thread[state] {
	t.Helper()
	open, err := g.Open(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { open.Close(context.Background()) })
	return open
}

func TestAnOpenThreadIsBusy(t *testing.T) {
	t.Parallel()
	g := compile(t, graph.New[state]("g", logField()).Node("n", say("n")).Entry("n").Edge("n", graph.End), graph.Options{Checkpointer: &graph.Memory{}})
	open := opened(t, g)
	if _, err := g.Open(t.Context(), "t"); !errors.Is(err, graph.ErrBusy) {
		t.Errorf("opening it again: %v", err)
	}
	if _, err := g.Start(t.Context(), "t", nil); !errors.Is(err, graph.ErrBusy) {
		t.Errorf("starting beside it: %v", err)
	}
	if _, err := g.Inspect(t.Context(), "t"); err != nil {
		t.Errorf("reading beside it: %v", err)
	}
	open.Close(t.Context())
	open.Close(t.Context())
	if _, err := open.Start(t.Context(), nil); !errors.Is(err, graph.ErrClosed) {
		t.Errorf("starting on a closed one: %v", err)
	}
	if _, err := open.Snapshot(t.Context()); !errors.Is(err, graph.ErrClosed) {
		t.Errorf("looking at a closed one: %v", err)
	}
	if _, err := g.Start(t.Context(), "t", nil); err != nil {
		t.Errorf("after it was closed: %v", err)
	}
}

// TestAnOpenThreadGoesThroughEverything has one open thread fail, be continued,
// answered, abandoned and started again.
func TestAnOpenThreadGoesThroughEverything(t *testing.T) {
	t.Parallel()
	fails := true
	g := compile(t, graph.New[state]("g", logField()).
		Node("first", say("first")).
		Node("breaks", func(_ context.Context, _ state, rt *graph.Runtime) (result, error) {
			var part string
			found, err := rt.Recall("part", &part)
			if err != nil {
				return result{}, err
			}
			if fails {
				fails = false
				return result{}, errors.Join(rt.Note("part", "half"), errors.New("broken"))
			}
			if rt.Run() == 1 && (!found || part != "half") {
				t.Errorf("what was noted before the error is gone: %q", part)
			}
			return graph.Update(logField().Set([]string{"mended"})), nil
		}).
		Node("asks", func(_ context.Context, _ state, rt *graph.Runtime) (result, error) {
			if a, ok := rt.Answer(); ok {
				return graph.Update(logField().Set([]string{string(a.Verdict)})), nil
			}
			return graph.Pause[state]("well?"), rt.Note("asked", true)
		}).
		Entry("first").Edge("first", "breaks").Edge("breaks", "asks").Edge("asks", graph.End),
		graph.Options{Checkpointer: &graph.Memory{}, Keep: 1})
	open := opened(t, g)
	if _, err := open.Start(t.Context(), nil); err == nil {
		t.Fatal("it does not fail")
	}
	if notes, err := open.Notes(t.Context(), "breaks"); err != nil || string(notes["part"]) != `"half"` {
		t.Errorf("notes %s, %v", notes, err)
	}
	if _, err := open.Start(t.Context(), nil); !errors.Is(err, graph.ErrUnfinished) {
		t.Errorf("starting an unfinished run: %v", err)
	}
	out, err := open.Continue(t.Context(), nil)
	if err != nil || len(out.Pending) != 1 {
		t.Fatalf("%+v, %v; want a question", out, err)
	}
	if _, err := open.Answer(t.Context(), graph.Answer{Interrupt: "another"}, nil); !errors.Is(err, graph.ErrNoInterrupt) {
		t.Errorf("an answer to another question: %v", err)
	}
	out, err = open.Answer(t.Context(), graph.Answer{Interrupt: out.Pending[0].ID, Verdict: graph.Approve}, nil)
	if want := []string{"first", "mended", "approve"}; err != nil || !slices.Equal(out.State.Log, want) {
		t.Fatalf("%v, %v; want %v", out.State.Log, err, want)
	}
	if _, err := open.Continue(t.Context(), nil); !errors.Is(err, graph.ErrNoRun) {
		t.Errorf("going on with nothing: %v", err)
	}
	if err := open.Abandon(t.Context()); !errors.Is(err, graph.ErrNoRun) {
		t.Errorf("giving up nothing: %v", err)
	}
	if out, err = open.Start(t.Context(), nil); err != nil || len(out.Pending) != 1 {
		t.Fatalf("the second run: %+v, %v", out, err)
	}
	if err := open.Abandon(t.Context()); err != nil {
		t.Fatal(err)
	}
	at, err := open.Snapshot(t.Context())
	if want := []string{"first", "mended", "approve", "first", "mended"}; err != nil || at.Unfinished() || len(at.Pending) > 0 || !slices.Equal(at.State.Log, want) {
		t.Errorf("after abandoning: %+v, %v", at, err)
	}
	open.Close(t.Context())
	again, err := g.At(t.Context(), "t", at.At)
	if err != nil || again.Run != at.Run || !slices.Equal(again.State.Log, at.State.Log) {
		t.Errorf("the records say %+v, %v; the open thread said %+v", again, err, at)
	}
}

// TestOverwrittenValuesAreNotDecoded reads a thread with values that this
// version cannot read any more: that matters only if they still count.
func TestOverwrittenValuesAreNotDecoded(t *testing.T) {
	t.Parallel()
	for last, want := range map[string]error{`7`: nil, `"old"`: graph.ErrIncompatible} {
		memory := &graph.Memory{}
		type counted struct{ N int }
		g, err := graph.New[counted]("g", graph.NewValue("n", func(c *counted) *int { return &c.N })).
			Node("n", func(context.Context, counted, *graph.Runtime) (graph.Result[counted], error) {
				return graph.Update[counted](), nil
			}).Entry("n").Edge("n", graph.End).Compile(graph.Options{Checkpointer: memory})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []graph.Record{
			{Kind: graph.KindInput, Run: 1, Next: []string{"n"}, Writes: []graph.Change{{Field: "n", Value: []byte(`"older"`)}}},
			{Kind: graph.KindStep, Run: 1, Step: 1, Node: "n", Writes: []graph.Change{{Field: "n", Value: []byte(last)}}},
		} {
			if err := memory.Append(t.Context(), "t", r); err != nil {
				t.Fatal(err)
			}
		}
		at, err := g.Inspect(t.Context(), "t")
		if !errors.Is(err, want) || err == nil && at.State.N != 7 {
			t.Errorf("%s: %+v, %v; want %v", last, at, err, want)
		}
	}
}
