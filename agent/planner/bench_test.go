package planner_test

import (
	"testing"

	"github.com/minivess/minivess/agent/planner"
)

// BenchmarkPlan is one turn of the longest sentence that people are shown.
func BenchmarkPlan(b *testing.B) {
	tools, m := catalogue(b), planner.New()
	const say = "make a synthetic dataset called demo with 10 volumes, train a segresnt on it, evaluate it on the test volumes and tell me how good it is"
	b.ReportAllocs()
	for b.Loop() {
		if o := m.Plan(b.Context(), tools, say); len(o.Steps) != 3 {
			b.Fatal(o)
		}
	}
}

// BenchmarkNew is what start-up pays for the planner.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		planner.New()
	}
}
