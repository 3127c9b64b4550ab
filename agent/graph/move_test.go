package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/minivess/minivess/agent/graph"
)

func goTo(word string, targets ...string) node {
	return func(context.Context, state, *graph.Runtime) (result, error) {
		return graph.Update(logField().Set([]string{word})).To(targets...), nil
	}
}

func TestGotoTakesThePlaceOfTheEdges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first node
		want  []string
		err   error
	}{
		"no target: the edge":    {say("a"), []string{"a", "b"}, nil},
		"one target":             {goTo("a", "c"), []string{"a", "c"}, nil},
		"two, in order":          {goTo("a", "c", "b"), []string{"a", "c", "b"}, nil},
		"one of two is the end":  {goTo("a", graph.End, "c"), []string{"a", "c"}, nil},
		"the end":                {goTo("a", graph.End), []string{"a"}, nil},
		"the same twice":         {goTo("a", "c", "c"), []string{"a", "c"}, nil},
		"not declared":           {goTo("a", "d"), nil, graph.ErrUndeclared},
		"there is no such thing": {goTo("a", "nowhere"), nil, graph.ErrUndeclared},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := compile(t, graph.New[state]("g", logField()).
				Node("a", c.first).Node("b", say("b")).Node("c", say("c")).Node("d", say("d")).
				Entry("a").Edge("a", "b").Goto("a", "b", "c", graph.End).
				Edge("b", graph.End).Edge("c", graph.End).Goto("c", "d").Edge("d", graph.End), graph.Options{Checkpointer: &graph.Memory{}})
			out, err := g.Start(t.Context(), "t", nil)
			if !errors.Is(err, c.err) || err == nil && !slices.Equal(out.State.Log, c.want) {
				t.Errorf("%v, %v; want %v, %v", out.State.Log, err, c.want, c.err)
			}
		})
	}
}

func TestNodeThatNamesNoTargetAndHasNoEdge(t *testing.T) {
	t.Parallel()
	g := compile(t, graph.New[state]("g", logField()).Node("a", say("a")).Entry("a").Goto("a", graph.End), graph.Options{})
	if _, err := g.Start(t.Context(), "t", nil); !errors.Is(err, graph.ErrNoTarget) {
		t.Errorf("got %v", err)
	}
}

// fan is a graph whose first node sends these tasks to worker or other.
func fan(most int, worker node, tasks ...graph.Send) *graph.Builder[state] {
	return graph.New[state]("fan", logField(), seenField()).
		Node("begin", func(context.Context, state, *graph.Runtime) (result, error) {
			return graph.Update(logField().Set([]string{"begin"})).Sending(tasks...), nil
		}).
		Node("worker", worker).Node("other", worker).Node("join", say("join")).Entry("begin").
		Sends("begin", most, "worker", "other").Edge("begin", "join").
		Edge("worker", "join").Edge("other", "join").Edge("join", graph.End)
}

func TestSendsRunBoundedAndMergeInOrder(t *testing.T) {
	t.Parallel()
	const total, parallel = 20, 3
	var running, most atomic.Int64
	worker := func(_ context.Context, s state, rt *graph.Runtime) (result, error) {
		now := running.Add(1)
		defer running.Add(-1)
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
		}
		n, err := graph.Payload[int](rt)
		if err != nil || len(s.Log) != 1 {
			return result{}, fmt.Errorf("%v %w", s.Log, err)
		}
		return graph.Update(logField().Set([]string{fmt.Sprint(rt.Address(), " ", n)}), seenField().Set(map[string]int{"last": n})), nil
	}
	tasks := make([]graph.Send, total)
	want := []string{"begin"}
	for i := range tasks {
		tasks[i] = graph.Send{Node: []string{"worker", "other"}[i%2], Payload: i * i}
		want = append(want, fmt.Sprintf("%s[%d] %d", tasks[i].Node, i, i*i))
	}
	g := compile(t, fan(total, worker, tasks...), graph.Options{Parallel: parallel})
	out, err := g.Start(t.Context(), "t", nil)
	if err != nil || !slices.Equal(out.State.Log, append(want, "join")) || out.State.Seen["last"] != (total-1)*(total-1) {
		t.Errorf("%v, %v; want %v", out.State.Log, err, want)
	}
	if most.Load() > parallel {
		t.Errorf("%d tasks ran at once, want at most %d", most.Load(), parallel)
	}
}

func TestSendsThatAreRefused(t *testing.T) {
	t.Parallel()
	sent := func(node string, payload any) graph.Send { return graph.Send{Node: node, Payload: payload} }
	for name, c := range map[string]struct {
		tasks []graph.Send
		want  error
	}{
		"too many":            {[]graph.Send{sent("worker", 1), sent("worker", 2), sent("worker", 3)}, graph.ErrFanOut},
		"undeclared":          {[]graph.Send{sent("join", 1)}, graph.ErrUndeclared},
		"not JSON":            {[]graph.Send{sent("worker", func() {})}, nil},
		"none: the edge":      {nil, graph.ErrNoPayload},
		"payload of nobody's": {[]graph.Send{sent("worker", "x")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read := func(_ context.Context, _ state, rt *graph.Runtime) (result, error) {
				_, err := graph.Payload[int](rt)
				return result{}, err
			}
			b := fan(2, read, c.tasks...)
			if c.tasks == nil {
				b = graph.New[state]("g", logField()).Node("a", read).Entry("a").Edge("a", graph.End)
			}
			_, err := compile(t, b, graph.Options{}).Start(t.Context(), "t", nil)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			var mistyped *json.UnmarshalTypeError
			if name == "payload of nobody's" && !errors.As(err, &mistyped) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A failed task of several leaves the others' results in place.
func TestSiblingsOfAFailedTaskStayDone(t *testing.T) {
	t.Parallel()
	var ran [3]atomic.Int64
	worker := func(_ context.Context, _ state, rt *graph.Runtime) (result, error) {
		n, err := graph.Payload[int](rt)
		if err != nil {
			return result{}, err
		}
		if ran[n].Add(1) == 1 && n == 1 {
			return result{}, errors.New("once")
		}
		return graph.Update(logField().Set([]string{fmt.Sprint(n)})), nil
	}
	tasks := []graph.Send{{Node: "worker", Payload: 0}, {Node: "worker", Payload: 1}, {Node: "other", Payload: 2}}
	g := compile(t, fan(3, worker, tasks...), graph.Options{Checkpointer: &graph.Memory{}})
	_, err := g.Start(t.Context(), "t", nil)
	var ne *graph.NodeError
	if !errors.As(err, &ne) || ne.Node != "worker[1]" {
		t.Fatalf("got %v", err)
	}
	out, err := g.Continue(t.Context(), "t", nil)
	if err != nil || !slices.Equal(out.State.Log, []string{"begin", "0", "1", "2", "join"}) {
		t.Errorf("%v, %v", out.State.Log, err)
	}
	if ran[0].Load() != 1 || ran[1].Load() != 2 || ran[2].Load() != 1 {
		t.Errorf("ran %d, %d and %d times", ran[0].Load(), ran[1].Load(), ran[2].Load())
	}
}

func TestOneRunAThread(t *testing.T) {
	t.Parallel()
	begun, goOn := make(chan struct{}), make(chan struct{})
	g := compile(t, graph.New[state]("g", logField()).Node("a", func(context.Context, state, *graph.Runtime) (result, error) {
		close(begun)
		<-goOn
		return result{}, nil
	}).Entry("a").Edge("a", graph.End), graph.Options{Checkpointer: &graph.Memory{}})
	first := make(chan error)
	go func() {
		_, err := g.Start(t.Context(), "t", nil)
		first <- err
	}()
	<-begun
	if _, err := g.Start(t.Context(), "t", nil); !errors.Is(err, graph.ErrBusy) {
		t.Errorf("a second run: %v", err)
	}
	if err := g.Abandon(t.Context(), "t"); !errors.Is(err, graph.ErrBusy) {
		t.Errorf("abandoning it: %v", err)
	}
	if at, err := g.Inspect(t.Context(), "t"); err != nil || !at.Unfinished() {
		t.Errorf("reading it: %+v, %v", at, err)
	}
	close(goOn)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if _, err := g.Continue(t.Context(), "t", nil); !errors.Is(err, graph.ErrNoRun) {
		t.Errorf("afterwards: %v", err)
	}
}
