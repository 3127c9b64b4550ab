package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/agent/graph"
)

// recipe is a random graph: layers of nodes, each of which leads to some of
// the next layer's. A node may be plain, send tasks, ask, be a subgraph that
// asks, name its targets itself, or be declared to write.
type recipe struct {
	Layers [][]part
	Laps   int // how often the whole is gone through
}

type part struct {
	Kind string
	To   []int // in the next layer
}

func recipes() *rapid.Generator[recipe] {
	return rapid.Custom(func(t *rapid.T) recipe {
		widths := rapid.SliceOfN(rapid.IntRange(1, 3), 1, 4).Draw(t, "widths")
		r := recipe{Laps: rapid.IntRange(1, 2).Draw(t, "laps")}
		for i, width := range widths {
			next := 1
			if i+1 < len(widths) {
				next = widths[i+1]
			}
			layer := make([]part, width)
			for j := range layer {
				layer[j] = part{
					Kind: rapid.SampledFrom([]string{"plain", "plain", "sends", "asks", "nested", "goto", "writes"}).Draw(t, "kind"),
					To:   rapid.SliceOfNDistinct(rapid.IntRange(0, next-1), 1, next, rapid.ID[int]).Draw(t, "to"),
				}
			}
			for k := range next { // somebody leads to each
				if !slices.ContainsFunc(layer, func(p part) bool { return slices.Contains(p.To, k) }) {
					layer[k%width].To = append(layer[k%width].To, k)
				}
			}
			r.Layers = append(r.Layers, layer)
		}
		return r
	})
}

func nodeName(layer, i int) string { return fmt.Sprintf("n%d_%d", layer, i) }

// targets are the nodes that a part leads to.
func (r recipe) targets(layer, i int) []string {
	if layer+1 == len(r.Layers) {
		return []string{"again"}
	}
	var names []string
	for _, k := range r.Layers[layer][i].To {
		names = append(names, nodeName(layer+1, k))
	}
	return names
}

func (r recipe) build(t *rapid.T, c graph.Checkpointer, d graph.Durability) *graph.Graph[state] {
	b := graph.New[state]("random", logField(), seenField()).Node("begin", say("begin")).Entry("begin").Node("again", say("again"))
	b.Branch("again", func(s state) string {
		laps := 0
		for _, w := range s.Log {
			if w == "again" {
				laps++
			}
		}
		if laps < r.Laps {
			return "begin"
		}
		return graph.End
	}, "begin", graph.End)
	for j := range r.Layers[0] {
		b.Edge("begin", nodeName(0, j))
	}
	sub := innerAsking(t)
	for i, layer := range r.Layers {
		for j, p := range layer {
			r.add(b, i, j, p, sub)
		}
	}
	g, err := b.Compile(graph.Options{Checkpointer: c, Durability: d, StepLimit: 100, LoopLimit: -1, Parallel: 2})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func innerAsking(t *rapid.T) graph.Nested[state] {
	f := wordsField()
	inner, err := graph.New("inner", f).
		Node("think", func(_ context.Context, _ small, rt *graph.Runtime) (graph.Result[small], error) {
			return graph.Update(f.Set([]string{rt.Address()})), nil
		}).
		Node("ask", func(_ context.Context, s small, rt *graph.Runtime) (graph.Result[small], error) {
			if a, ok := rt.Answer(); ok {
				return graph.Update(f.Set([]string{string(a.Value)})), nil
			}
			return graph.Ask[small](graph.Question{Payload: len(s.Words)}), nil
		}).
		Entry("think").Edge("think", "ask").Edge("ask", graph.End).Compile(graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return graph.Over(inner,
		func(s state, _ *graph.Runtime) ([]graph.Write[small], error) {
			return []graph.Write[small]{f.Set([]string{fmt.Sprint(len(s.Log))})}, nil
		},
		func(_ state, in small) (result, error) { return graph.Update(logField().Set(in.Words)), nil })
}

func (r recipe) add(b *graph.Builder[state], i, j int, p part, sub graph.Nested[state]) {
	name, to := nodeName(i, j), r.targets(i, j)
	work := func(_ context.Context, s state, rt *graph.Runtime) (result, error) {
		res := graph.Update(logField().Set([]string{fmt.Sprint(name, " after ", len(s.Log))}), seenField().Set(map[string]int{name: len(s.Log), "last": j}))
		a, answered := rt.Answer()
		switch {
		case p.Kind == "sends":
			for k := range 1 + len(s.Log)%3 {
				res = res.Sending(graph.Send{Node: name + "w", Payload: k})
			}
		case p.Kind == "goto":
			res = res.To(to[len(s.Log)%len(to)])
		case p.Kind == "asks" && !answered:
			return graph.Ask[state](graph.Question{Payload: rt.Address()}), nil
		case p.Kind == "asks":
			res = graph.Update(logField().Set([]string{name + string(a.Value)}))
		}
		return res, nil
	}
	if p.Kind == "nested" {
		b.Subgraph(name, sub)
	} else {
		b.Node(name, work).Policy(name, graph.Policy[state]{Writes: p.Kind == "writes"})
	}
	from := name
	if p.Kind == "sends" {
		from = name + "w"
		b.Sends(name, 3, from).Node(from, func(_ context.Context, _ state, rt *graph.Runtime) (result, error) {
			n, err := graph.Payload[int](rt)
			return graph.Update(logField().Set([]string{fmt.Sprint(rt.Address(), n)})), err
		})
	}
	if p.Kind == "goto" {
		b.Goto(name, to...)
		return
	}
	for _, target := range to {
		b.Edge(from, target)
	}
}

// stops is a checkpointer that fails after a number of records.
type stops struct {
	*graph.Memory
	mu   sync.Mutex
	left int
}

var errStopped = errors.New("stopped")

func (s *stops) AppendAll(ctx context.Context, thread string, rs []graph.Record) error {
	for _, r := range rs {
		if err := s.Append(ctx, thread, r); err != nil {
			return err
		}
	}
	return nil
}

func (s *stops) Append(ctx context.Context, thread string, r graph.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == 0 {
		return errStopped
	}
	s.left--
	return s.Memory.Append(ctx, thread, r)
}

// toTheEnd goes on with a thread until it is through, and says what it came to.
func toTheEnd(ctx context.Context, g *graph.Graph[state], thread string) (string, error) {
	at, err := g.Inspect(ctx, thread)
	if err != nil {
		return "", err
	}
	var out graph.Outcome[state]
	switch {
	case at.Unfinished():
		out, err = g.Continue(ctx, thread, nil)
	case at.Run == 0:
		out, err = g.Start(ctx, thread, nil, logField().Set([]string{"in"}))
	default:
		out = graph.Outcome[state]{State: at.State}
	}
	for err == nil && len(out.Pending) > 0 {
		q := out.Pending[len(out.Pending)-1]
		value, merr := json.Marshal("yes to " + q.Node)
		if merr != nil {
			return "", merr
		}
		out, err = g.Answer(ctx, thread, graph.Answer{Interrupt: q.ID, Fingerprint: q.Fingerprint, Verdict: graph.Respond, Value: value}, nil)
	}
	if err != nil {
		return "", err
	}
	raw, err := g.Encode(out.State)
	return string(raw), err
}

// Whatever the graph: stopped anywhere, forked anywhere, replayed from
// anywhere, pruned to whatever length and stored whenever, it comes to the
// same state, byte for byte.
func TestEveryWayThroughARandomGraphEndsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		ctx, r := context.Background(), recipes().Draw(rt, "graph")
		c := &graph.Memory{}
		g := r.build(rt, c, rapid.SampledFrom([]graph.Durability{graph.Sync, graph.Async, graph.Exit}).Draw(rt, "durability"))
		want, err := toTheEnd(ctx, g, "t")
		if err != nil {
			rt.Fatal(err)
		}
		same := func(what, thread string) {
			if got, err := toTheEnd(ctx, g, thread); err != nil || got != want {
				rt.Fatalf("%s: %v\n got %s\nwant %s", what, err, got, want)
			}
		}
		last := 0
		for _, err := range c.Records(ctx, "t") {
			if err != nil {
				rt.Fatal(err)
			}
			last++
		}
		at := graph.Point(rapid.IntRange(1, last).Draw(rt, "at"))
		if err := g.Fork(ctx, "t", at, "fork"); err != nil {
			rt.Fatal(err)
		}
		if out, err := g.Replay(ctx, "t", at-1, nil); err != nil {
			rt.Fatal(err)
		} else if raw, err := g.Encode(out.State); err != nil || string(raw) != want {
			rt.Fatalf("replay from %d: %v\n got %s\nwant %s", at-1, err, raw, want)
		}
		s := &stops{Memory: c, left: rapid.IntRange(0, last).Draw(rt, "left")}
		if _, err := toTheEnd(ctx, r.build(rt, s, graph.Sync), "stopped"); err != nil && !errors.Is(err, errStopped) {
			rt.Fatal(err)
		}
		for _, thread := range []string{"fork", "stopped"} {
			if _, err := g.Prune(ctx, thread, rapid.IntRange(0, 3).Draw(rt, "keep")); err != nil {
				rt.Fatal(err)
			}
			same(thread, thread)
		}
	})
}
