package graph_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/agent/graph"
)

// ring is a graph that goes round these nodes, each of which writes nothing.
func ring(size, lead int) *graph.Builder[state] {
	b := graph.New[state]("ring", logField()).Node("begin", say("begin")).Entry("begin").
		Branch("begin", func(s state) string {
			if len(s.Log) < lead {
				return "begin"
			}
			return "n0"
		}, "begin", "n0")
	idle := func(context.Context, state, *graph.Runtime) (result, error) { return result{}, nil }
	for i := range size {
		name, next := fmt.Sprint("n", i), fmt.Sprint("n", (i+1)%size)
		b.Node(name, idle).Branch(name, func(state) string { return next }, next, graph.End)
	}
	return b
}

func TestLoopsOfAnyLengthAreFoundAndNamed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		size, lead := rapid.IntRange(1, 9).Draw(rt, "size"), rapid.IntRange(1, 9).Draw(rt, "lead")
		limit := rapid.IntRange(2, 5).Draw(rt, "limit")
		g, err := ring(size, lead).Compile(graph.Options{StepLimit: 1000, LoopLimit: limit})
		if err != nil {
			rt.Fatal(err)
		}
		out, err := g.Start(context.Background(), "t", nil)
		le, ok := errors.AsType[*graph.LoopError](err)
		if !ok || !errors.Is(err, graph.ErrLoop) || le.Times != limit {
			rt.Fatalf("%d steps, %v", out.Steps, err)
		}
		if len(le.Cycle) != size+1 || le.Cycle[0] != le.Cycle[size] {
			rt.Fatalf("cycle %v, want one of %d nodes", le.Cycle, size)
		}
		for i := range size {
			if !slices.Contains(le.Cycle, fmt.Sprint("n", i)) {
				rt.Fatalf("cycle %v lacks n%d", le.Cycle, i)
			}
		}
		if most := 4*(size+lead) + limit*size; out.Steps > most {
			rt.Errorf("found after %d steps, want at most %d", out.Steps, most)
		}
	})
}

func TestProgressIsNoLoop(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]graph.Options{
		"the state grows":       {StepLimit: 40},
		"loops are not watched": {StepLimit: 40, LoopLimit: -1},
	} {
		b := ring(1, 1000)
		if o.LoopLimit < 0 {
			b = ring(3, 1)
		}
		if _, err := compile(t, b, o).Start(t.Context(), "t", nil); !errors.Is(err, graph.ErrStepLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
