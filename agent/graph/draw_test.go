package graph_test

import (
	"context"
	"testing"

	"github.com/charmbracelet/x/exp/golden"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/graph/graphtest"
)

func TestMermaid(t *testing.T) {
	t.Parallel()
	g, err := graphtest.Workflow(graph.Options{}, func(string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	golden.RequireEqual(t, g.Shape().Mermaid())
}

// Names are data to the drawing: they cannot end a label or add an edge.
func TestMermaidLabelsAreQuoted(t *testing.T) {
	t.Parallel()
	idle := func(context.Context, state, *graph.Runtime) (result, error) { return result{}, nil }
	nasty := "a\"; click b \"x\n<script>`&"
	g := compile(t, graph.New[state]("g", logField()).Node(nasty, idle).Entry(nasty).
		Branch(nasty, func(state) string { return graph.End }, nasty, graph.End), graph.Options{})
	golden.RequireEqual(t, g.Shape().Mermaid())
}
