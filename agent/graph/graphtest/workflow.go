package graphtest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/minivess/minivess/agent/graph"
)

// Work is the state of Workflow.
type Work struct {
	Log   []string
	Parts map[string]int
	Sum   int
	Last  string // the task that said so last
}

// inner is the state of the subgraph.
type inner struct {
	Sum  int
	Said []string
}

// parts is how many tasks the workflow sends.
const parts = 3

// Effect is what a node of Workflow does to the world: it is called once in
// each attempt, with the task's stable key.
type Effect func(key string) error

// Workflow is the graph that the suite runs, of six nodes: plan sends three
// tasks to work, gather adds up what they found, review is a subgraph whose
// second node asks for approval, train is declared to write and keeps a note
// of what it did, report ends the run. Each attempt at a node has its effect.
func Workflow(o graph.Options, effect Effect) (*graph.Graph[Work], error) {
	w := newWords()
	sub, err := w.review(effect)
	if err != nil {
		return nil, err
	}
	step := func(do func(s Work, rt *graph.Runtime) (graph.Result[Work], error)) graph.Node[Work] {
		return func(_ context.Context, s Work, rt *graph.Runtime) (graph.Result[Work], error) {
			if err := effect(rt.Key()); err != nil {
				return graph.Result[Work]{}, err
			}
			return do(s, rt)
		}
	}
	return graph.New("suite", w.log, w.parts, w.sum, w.last).
		Node("plan", step(w.plan)).
		Node("work", step(w.work)).
		Node("gather", step(w.gather)).
		Subgraph("review", graph.Over(sub,
			func(s Work, _ *graph.Runtime) ([]graph.Write[inner], error) {
				return []graph.Write[inner]{w.innerSum.Set(s.Sum)}, nil
			},
			func(_ Work, in inner) (graph.Result[Work], error) {
				return graph.Update(w.log.Set(in.Said)).To("train"), nil
			})).
		Node("train", w.train(effect)).
		Node("report", step(w.report)).
		Policy("train", graph.Policy[Work]{Writes: true}).
		Entry("plan").Sends("plan", parts, "work").Edge("work", "gather").Edge("gather", "review").
		Goto("review", "train", graph.End).Edge("train", "report").Edge("report", graph.End).
		Compile(o)
}

type words struct {
	log      graph.Field[Work, []string]
	parts    graph.Field[Work, map[string]int]
	sum      graph.Field[Work, int]
	last     graph.Field[Work, string]
	innerSum graph.Field[inner, int]
	said     graph.Field[inner, []string]
}

func newWords() words {
	return words{
		log:      graph.NewField("log", func(w *Work) *[]string { return &w.Log }, graph.Append[string]),
		parts:    graph.NewField("parts", func(w *Work) *map[string]int { return &w.Parts }, graph.Merge[string, int]),
		sum:      graph.NewField("sum", func(w *Work) *int { return &w.Sum }, func(a, b int) int { return a + b }),
		last:     graph.NewValue("last", func(w *Work) *string { return &w.Last }),
		innerSum: graph.NewValue("sum", func(i *inner) *int { return &i.Sum }),
		said:     graph.NewField("said", func(i *inner) *[]string { return &i.Said }, graph.Append[string]),
	}
}

func (w words) plan(Work, *graph.Runtime) (graph.Result[Work], error) {
	tasks := make([]graph.Send, parts)
	for i := range tasks {
		tasks[i] = graph.Send{Node: "work", Payload: (i + 1) * 10}
	}
	return graph.Update(w.log.Set([]string{"plan"}), w.last.Set("plan")).Sending(tasks...), nil
}

func (w words) work(_ Work, rt *graph.Runtime) (graph.Result[Work], error) {
	n, err := graph.Payload[int](rt)
	return graph.Update(
		w.log.Set([]string{rt.Address()}), w.parts.Set(map[string]int{rt.Address(): n, "last": n}), w.sum.Set(n), w.last.Set(rt.Address()),
	), err
}

func (w words) gather(s Work, _ *graph.Runtime) (graph.Result[Work], error) {
	return graph.Update(w.log.Set([]string{fmt.Sprintf("gather %d of %d", s.Sum, len(s.Parts)-1)})), nil
}

func (w words) report(s Work, _ *graph.Runtime) (graph.Result[Work], error) {
	return graph.Update(w.log.Set([]string{fmt.Sprintf("report %d", len(s.Log))})), nil
}

// train acts once, however often it is run: it notes what it has done.
func (w words) train(effect Effect) graph.Node[Work] {
	return func(_ context.Context, _ Work, rt *graph.Runtime) (graph.Result[Work], error) {
		var id string
		found, err := rt.Recall("launched", &id)
		if err != nil {
			return graph.Result[Work]{}, err
		}
		if err := effect(rt.Key()); err != nil {
			return graph.Result[Work]{}, err
		}
		if !found {
			id = "run of " + rt.Address()
			if err := rt.Note("launched", id); err != nil {
				return graph.Result[Work]{}, err
			}
		}
		return graph.Update(w.log.Set([]string{id}), w.last.Set(id)), nil
	}
}

func (w words) review(effect Effect) (*graph.Graph[inner], error) {
	check := func(_ context.Context, s inner, rt *graph.Runtime) (graph.Result[inner], error) {
		return graph.Update(w.said.Set([]string{fmt.Sprintf("check %d", s.Sum)})), effect(rt.Key())
	}
	approve := func(_ context.Context, s inner, rt *graph.Runtime) (graph.Result[inner], error) {
		if err := effect(rt.Key()); err != nil {
			return graph.Result[inner]{}, err
		}
		a, ok := rt.Answer()
		if !ok {
			return graph.Ask[inner](graph.Question{Payload: s.Sum, Binding: "train", Allow: []graph.Verdict{graph.Approve, graph.Edit}}), nil
		}
		if err := rt.StillBound("train"); err != nil {
			return graph.Result[inner]{}, err
		}
		return graph.Update(w.said.Set([]string{string(a.Verdict) + string(a.Value)})), nil
	}
	return graph.New("review", w.innerSum, w.said).
		Node("check", check).Node("approve", approve).
		Entry("check").Edge("check", "approve").Edge("approve", graph.End).
		Compile(graph.Options{})
}

// Drive brings a thread of Workflow to its end from wherever it is. Questions
// are answered with yes, for the n-th run of the thread with the edit n.
func Drive(ctx context.Context, g *graph.Graph[Work], thread string) (graph.Outcome[Work], error) {
	at, err := g.Inspect(ctx, thread)
	if err != nil {
		return graph.Outcome[Work]{}, err
	}
	var out graph.Outcome[Work]
	switch {
	case at.Unfinished():
		out, err = g.Continue(ctx, thread, nil)
	case at.Run == 0:
		out, err = g.Start(ctx, thread, nil)
	default:
		return graph.Outcome[Work]{State: at.State, Run: at.Run, Steps: at.Step}, nil
	}
	for err == nil && len(out.Pending) > 0 {
		out, err = g.Answer(ctx, thread, yes(out.Pending[0], out.Run), nil)
	}
	return out, err
}

func yes(in graph.Interrupt, run int) graph.Answer {
	return graph.Answer{
		Interrupt: in.ID, Fingerprint: in.Fingerprint,
		Verdict: graph.Edit, Value: json.RawMessage(fmt.Sprint(run)),
	}
}
