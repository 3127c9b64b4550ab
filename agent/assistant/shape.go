package assistant

import "github.com/minivess/minivess/agent/graph"

// Shape describes the assistant's graph, for drawings.
func Shape() (graph.Shape, error) {
	a := &Assistant{fields: newFields()}
	g, err := a.build()
	if err != nil {
		return graph.Shape{}, err
	}
	return g.Shape(), nil
}
