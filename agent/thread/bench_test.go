package thread_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/thread"
)

type words struct{ Said []string }

// The benchmarks are those of package graph, 300 steps that each append a
// 100-byte text, on a thread journal that is flushed to the disk. They also
// report the bytes there.
func BenchmarkStepJournalSync(b *testing.B)  { journalled(b, graph.Sync, false) }
func BenchmarkStepJournalAsync(b *testing.B) { journalled(b, graph.Async, false) }
func BenchmarkStepJournalExit(b *testing.B)  { journalled(b, graph.Exit, false) }

// BenchmarkStepJournalLazy leaves flushing to the operating system.
func BenchmarkStepJournalLazy(b *testing.B) { journalled(b, graph.Sync, true) }

func journalled(b *testing.B, d graph.Durability, lazy bool) {
	b.Helper()
	const steps = 300
	said := graph.NewField("said", func(w *words) *[]string { return &w.Said }, graph.Append[string])
	text := []string{strings.Repeat("x", 100)}
	dir := b.TempDir()
	store := thread.NewStore(dir, thread.Options{Lazy: lazy})
	g, err := graph.New("bench", said).
		Node("say", func(context.Context, words, *graph.Runtime) (graph.Result[words], error) {
			return graph.Update(said.Set(text)), nil
		}).
		Entry("say").
		Branch("say", func(w words) string {
			if len(w.Said) < steps {
				return "say"
			}
			return graph.End
		}, "say", graph.End).
		Compile(graph.Options{Checkpointer: store, StepLimit: steps, Durability: d})
	if err != nil {
		b.Fatal(err)
	}
	var id string
	for b.Loop() {
		info, err := store.Create(b.Context(), "bench")
		if err != nil {
			b.Fatal(err)
		}
		id = info.ID
		release, err := store.Acquire(b.Context(), id)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := g.Start(b.Context(), id, nil); err != nil {
			b.Fatal(err)
		}
		if err := release(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/steps, "ns/step")
	if st, err := os.Stat(filepath.Join(dir, id+".jsonl")); err == nil {
		b.ReportMetric(float64(st.Size())/steps, "B/step-on-disk")
	}
}
