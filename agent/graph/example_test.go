package graph_test

import (
	"context"
	"fmt"

	"github.com/minivess/minivess/agent/graph"
)

// Example asks before it launches, in a graph that a process could leave and
// another take up between any two lines.
func Example() {
	type state struct {
		Rate     float64
		Launched []string
	}
	rate := graph.NewField("rate", func(s *state) *float64 { return &s.Rate }, graph.Replace[float64])
	launched := graph.NewField("launched", func(s *state) *[]string { return &s.Launched }, graph.Append[string])

	propose := func(context.Context, state, *graph.Runtime) (graph.Result[state], error) {
		return graph.Update(rate.Set(0.001)), nil
	}
	approve := func(_ context.Context, s state, rt *graph.Runtime) (graph.Result[state], error) {
		a, ok := rt.Answer()
		switch {
		case !ok:
			return graph.Ask[state](graph.Question{Payload: fmt.Sprintf("train at %g?", s.Rate), Binding: s.Rate}), nil
		case a.Verdict == graph.Approve:
			return graph.Update[state]().To("launch"), nil
		default:
			return graph.Update[state]().To(graph.End), nil
		}
	}
	launch := func(_ context.Context, s state, rt *graph.Runtime) (graph.Result[state], error) {
		return graph.Update(launched.Set([]string{fmt.Sprintf("run at %g, known as %s", s.Rate, rt.Key())})), nil
	}

	g, err := graph.New("example", rate, launched).
		Node("propose", propose).Node("approve", approve).Node("launch", launch).
		Policy("launch", graph.Policy[state]{Writes: true}).
		Entry("propose").Edge("propose", "approve").Goto("approve", "launch", graph.End).Edge("launch", graph.End).
		Compile(graph.Options{Checkpointer: &graph.Memory{}, Durability: graph.Async})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	out, err := g.Start(ctx, "thread", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	question := out.Pending[0]
	fmt.Printf("%s asks %s\n", question.Node, question.Payload)
	out, err = g.Answer(ctx, "thread", graph.Answer{
		Interrupt: question.ID, Fingerprint: question.Fingerprint, Verdict: graph.Approve,
	}, nil)
	fmt.Println(out.State.Launched, err)
	// Output:
	// approve asks "train at 0.001?"
	// [run at 0.001, known as thread@1.2/launch] <nil>
}
