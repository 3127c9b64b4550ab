package graph_test

import (
	"context"
	"strings"
	"testing"

	"github.com/minivess/minivess/agent/graph"
)

// The benchmark is one looping node that appends a 100-byte text, 300 steps a
// run, which is what the peers were timed with.
func BenchmarkStep(b *testing.B) {
	const steps = 300
	text := []string{strings.Repeat("x", 100)}
	field := logField()
	for name, fresh := range map[string]func() graph.Checkpointer{
		"bare":   func() graph.Checkpointer { return nil },
		"memory": func() graph.Checkpointer { return &graph.Memory{} },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				g, err := graph.New[state]("bench", field).
					Node("say", func(context.Context, state, *graph.Runtime) (result, error) {
						return graph.Update(field.Set(text)), nil
					}).
					Entry("say").
					Branch("say", func(s state) string {
						if len(s.Log) < steps {
							return "say"
						}
						return graph.End
					}, "say", graph.End).
					Compile(graph.Options{Checkpointer: fresh(), StepLimit: steps})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := g.Start(b.Context(), "t", nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/steps, "ns/step")
		})
	}
}
