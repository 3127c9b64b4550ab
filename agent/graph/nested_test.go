package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/agent/graph"
)

type small struct{ Words []string }

func wordsField() graph.Field[small, []string] {
	return graph.NewField("words", func(s *small) *[]string { return &s.Words }, graph.Append[string])
}

// asking is a graph of two nodes, the second of which asks.
func asking(t *testing.T) *graph.Graph[small] {
	t.Helper()
	f := wordsField()
	g, err := graph.New("asking", f).
		Node("think", func(_ context.Context, s small, rt *graph.Runtime) (graph.Result[small], error) {
			return graph.Update(f.Set([]string{rt.Address()})), nil
		}).
		Node("ask", func(_ context.Context, s small, rt *graph.Runtime) (graph.Result[small], error) {
			if a, ok := rt.Answer(); ok {
				return graph.Update(f.Set([]string{string(a.Value)})), nil
			}
			return graph.Pause[small](rt.Key()), nil
		}).
		Entry("think").Edge("think", "ask").Edge("ask", graph.End).Compile(graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func over(t *testing.T, inner *graph.Graph[small]) graph.Nested[state] {
	t.Helper()
	return graph.Over(inner,
		func(_ state, rt *graph.Runtime) ([]graph.Write[small], error) {
			n, err := graph.Payload[int](rt)
			if errors.Is(err, graph.ErrNoPayload) {
				return nil, nil
			}
			return []graph.Write[small]{wordsField().Set([]string{fmt.Sprint(n)})}, err
		},
		func(_ state, in small) (result, error) { return graph.Update(logField().Set(in.Words)), nil })
}

// Two subgraphs at once, two levels deep: their questions are answered one by
// one and each goes on where it was.
func TestSubgraphsSideBySideAndInsideOfEachOther(t *testing.T) {
	t.Parallel()
	inner := asking(t)
	middle, err := graph.New("middle", logField()).
		Subgraph("deep", over(t, inner)).Entry("deep").Edge("deep", graph.End).Compile(graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	wrap := graph.Over(middle,
		func(state, *graph.Runtime) ([]graph.Write[state], error) { return nil, nil },
		func(_, in state) (result, error) { return graph.Update(logField().Set(in.Log)), nil })
	c := &graph.Memory{}
	g := compile(t, graph.New[state]("outer", logField()).
		Node("begin", func(context.Context, state, *graph.Runtime) (result, error) {
			return graph.Update[state]().To("wrap").Sending(graph.Send{Node: "sub", Payload: 7}, graph.Send{Node: "sub", Payload: 8}), nil
		}).
		Subgraph("sub", over(t, inner)).Subgraph("wrap", wrap).
		Entry("begin").Goto("begin", "wrap").Sends("begin", 2, "sub").Edge("sub", graph.End).Edge("wrap", graph.End),
		graph.Options{Checkpointer: c})
	out, err := g.Start(t.Context(), "t", nil)
	if err != nil || len(out.Pending) != 3 {
		t.Fatalf("%+v, %v", out.Pending, err)
	}
	asked := map[string]graph.Interrupt{}
	for _, p := range out.Pending {
		asked[p.Node] = p
	}
	wantKeys := map[string]string{
		"sub[0]/ask": `"t@1.1.1/sub[0]/ask"`, "sub[1]/ask": `"t@1.1.1/sub[1]/ask"`, "wrap/deep/ask": `"t@1.1.0.1/wrap/deep/ask"`,
	}
	for node, key := range wantKeys {
		if string(asked[node].Payload) != key {
			t.Errorf("%s asks %s, want %s", node, asked[node].Payload, key)
		}
	}
	at, err := g.Inspect(t.Context(), "t")
	if err != nil || len(at.Inside) != 4 {
		t.Fatalf("inside %+v, %v", at.Inside, err)
	}
	if want := (graph.Inside{Path: "sub[0]", State: json.RawMessage(`{"words":["7","sub[0]/think"]}`), Step: 1, Next: []string{"ask"}}); cmp.Diff(want, at.Inside[0]) != "" {
		t.Error(cmp.Diff(want, at.Inside[0]))
	}
	for i, node := range []string{"sub[1]/ask", "wrap/deep/ask", "sub[0]/ask"} {
		if out, err = g.Answer(t.Context(), "t", graph.Answer{Interrupt: asked[node].ID, Verdict: graph.Respond, Value: []byte(fmt.Sprint(i))}, nil); err != nil {
			t.Fatal(err)
		}
		if len(out.Pending) != 2-i {
			t.Fatalf("after answering %s: %+v", node, out.Pending)
		}
	}
	want := []string{"wrap/deep/think", "1", "7", "sub[0]/think", "2", "8", "sub[1]/think", "0"}
	if !slices.Equal(out.State.Log, want) {
		t.Errorf("log %q, want %q", out.State.Log, want)
	}
}

func TestSubgraphErrorsNameTheWay(t *testing.T) {
	t.Parallel()
	cause := errors.New("deep trouble")
	f := wordsField()
	inner, err := graph.New("inner", f).
		Node("bad", func(context.Context, small, *graph.Runtime) (graph.Result[small], error) {
			return graph.Result[small]{}, cause
		}).
		Entry("bad").Edge("bad", graph.End).Compile(graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := func(state, *graph.Runtime) ([]graph.Write[small], error) { return nil, nil }
	out := func(state, small) (result, error) { return result{}, nil }
	for name, c := range map[string]struct {
		nested graph.Nested[state]
		says   string
	}{
		"a node":       {graph.Over(inner, in, out), "sub/bad"},
		"the mapping":  {graph.Over(inner, func(state, *graph.Runtime) ([]graph.Write[small], error) { return nil, cause }, out), "sub"},
		"panic within": {graph.Over(inner, func(state, *graph.Runtime) ([]graph.Write[small], error) { panic(cause) }, out), "sub"},
	} {
		g := compile(t, graph.New[state]("outer", logField()).Subgraph("sub", c.nested).Entry("sub").Edge("sub", graph.End), graph.Options{Checkpointer: &graph.Memory{}})
		_, err := g.Start(t.Context(), "t", nil)
		deepest := ""
		for e := err; e != nil; e = errors.Unwrap(e) {
			if ne, ok := e.(*graph.NodeError); ok { //nolint:errorlint // each link of the chain is looked at
				deepest = ne.Node
			}
		}
		if name != "panic within" && !errors.Is(err, cause) || deepest != c.says {
			t.Errorf("%s: %v at %q, want %q", name, err, deepest, c.says)
		}
		if _, err := g.Continue(t.Context(), "t", nil); err == nil || errors.Is(err, graph.ErrIncompatible) {
			t.Errorf("%s, continued: %v", name, err)
		}
	}
	ask := graph.Over(asking(t), in, func(state, small) (result, error) { return graph.Pause[state]("?"), nil })
	g := compile(t, graph.New[state]("outer", logField()).Subgraph("sub", ask).Entry("sub").Edge("sub", graph.End), graph.Options{Checkpointer: &graph.Memory{}})
	o, err := g.Start(t.Context(), "t", nil)
	if err != nil || len(o.Pending) != 1 {
		t.Fatalf("%+v, %v", o, err)
	}
	if _, err := g.Answer(t.Context(), "t", graph.Answer{Interrupt: o.Pending[0].ID, Value: []byte("1")}, nil); !errors.Is(err, graph.ErrUndeclared) {
		t.Errorf("a mapping that asks: %v", err)
	}
}

func TestNotesOfANodeInASubgraph(t *testing.T) {
	t.Parallel()
	f := wordsField()
	inner, err := graph.New("inner", f).
		Node("half", func(_ context.Context, _ small, rt *graph.Runtime) (graph.Result[small], error) {
			return graph.Result[small]{}, errors.Join(rt.Note("k", 1), errors.New("cut off"))
		}).
		Entry("half").Edge("half", graph.End).Compile(graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := compile(t, graph.New[state]("outer", logField()).Subgraph("sub", over(t, inner)).Entry("sub").Edge("sub", graph.End), graph.Options{Checkpointer: &graph.Memory{}})
	if _, err := g.Start(t.Context(), "t", nil); err == nil {
		t.Fatal("want an error")
	}
	for task, want := range map[string]string{"sub/half": "1", "half": "", "sub": "", "other/half": ""} {
		notes, err := g.Notes(t.Context(), "t", task)
		if err != nil || string(notes["k"]) != want {
			t.Errorf("notes of %s: %s, %v", task, notes, err)
		}
	}
}
