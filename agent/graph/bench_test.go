package graph_test

import (
	"context"
	"strings"
	"testing"

	"github.com/minivess/minivess/agent/graph"
)

// The benchmarks are one looping node that appends a 100-byte text, 300 steps
// a run, which is what the peers are timed with.
const benchSteps = 300

func looping(b *testing.B, o graph.Options) *graph.Graph[state] {
	b.Helper()
	text := []string{strings.Repeat("x", 100)}
	field := logField()
	o.StepLimit = benchSteps
	g, err := graph.New[state]("bench", field).
		Node("say", func(context.Context, state, *graph.Runtime) (result, error) {
			return graph.Update(field.Set(text)), nil
		}).
		Entry("say").
		Branch("say", func(s state) string {
			if len(s.Log) < benchSteps {
				return "say"
			}
			return graph.End
		}, "say", graph.End).
		Compile(o)
	if err != nil {
		b.Fatal(err)
	}
	return g
}

func perStep(b *testing.B, run func() error) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		if err := run(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSteps, "ns/step")
}

func BenchmarkStepBare(b *testing.B) {
	g := looping(b, graph.Options{})
	perStep(b, func() error {
		_, err := g.Start(b.Context(), "t", nil)
		return err
	})
}

func BenchmarkStepMemory(b *testing.B) {
	perStep(b, func() error {
		_, err := looping(b, graph.Options{Checkpointer: &graph.Memory{}}).Start(b.Context(), "t", nil)
		return err
	})
}

// A worker for each of 300 tasks, at most four at a time.
func BenchmarkFanOut(b *testing.B) {
	field := logField()
	g, err := graph.New[state]("fan", field).
		Node("begin", func(context.Context, state, *graph.Runtime) (result, error) {
			tasks := make([]graph.Send, benchSteps)
			for i := range tasks {
				tasks[i] = graph.Send{Node: "worker", Payload: i}
			}
			return graph.Update[state]().Sending(tasks...), nil
		}).
		Node("worker", say("x")).Entry("begin").Sends("begin", benchSteps, "worker").Edge("worker", graph.End).
		Compile(graph.Options{})
	if err != nil {
		b.Fatal(err)
	}
	perStep(b, func() error {
		_, err := g.Start(b.Context(), "t", nil)
		return err
	})
}
