package graph_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/graph/graphtest"
)

// FuzzRecords feeds arbitrary records to a graph: what does not fit is refused
// with ErrIncompatible, and what fits can be read, drawn from, forked, pruned
// and continued without a panic.
func FuzzRecords(f *testing.F) {
	c := &graph.Memory{}
	g, err := graphtest.Workflow(graph.Options{Checkpointer: c}, func(string) error { return nil })
	if err != nil {
		f.Fatal(err)
	}
	if _, err := graphtest.Drive(f.Context(), g, "seed"); err != nil {
		f.Fatal(err)
	}
	var whole []byte
	for r, err := range c.Records(f.Context(), "seed") {
		if err != nil {
			f.Fatal(err)
		}
		line, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		whole = append(append(whole, line...), '\n')
		f.Add(bytes.Clone(whole))
	}
	f.Add([]byte(`{"kind":"input","next":["work[1]"],"sends":[]}`))
	f.Add([]byte(`{"kind":"inner","path":"review/approve/x","step":-1}`))
	f.Add([]byte(`{"kind":"snapshot","before":-5,"writes":[{"field":"sum","value":"x"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c := &graph.Memory{}
		n := 0
		for line := range bytes.SplitSeq(raw, []byte("\n")) {
			var r graph.Record
			if json.Unmarshal(line, &r) == nil && n < 100 {
				n++
				if err := c.Append(t.Context(), "t", r); err != nil {
					t.Fatal(err)
				}
			}
		}
		g, err := graphtest.Workflow(graph.Options{Checkpointer: c}, func(string) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		at, err := g.Inspect(t.Context(), "t")
		if err != nil {
			if !errors.Is(err, graph.ErrIncompatible) {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		for _, err := range graph.Moments(t.Context(), c, "t") {
			if err != nil {
				t.Fatal(err)
			}
		}
		if n > 0 {
			if err := g.Fork(t.Context(), "t", at.At, "fork"); err != nil {
				t.Fatal(err)
			}
			if _, err := g.Inspect(t.Context(), "fork"); err != nil {
				t.Fatalf("the fork cannot be read: %v", err)
			}
		}
		_, _ = g.Replay(t.Context(), "t", 0, nil)
		if _, err := g.Prune(t.Context(), "t", 1); err != nil {
			t.Fatal(err)
		}
		now, err := g.Inspect(t.Context(), "t")
		if err != nil || len(now.Next) != len(at.Next) || now.At != at.At {
			t.Fatalf("pruned, it is at %+v, %v; was at %+v", now, err, at)
		}
		_, _ = graphtest.Drive(t.Context(), g, "t")
	})
}
