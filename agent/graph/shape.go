package graph

import "slices"

// Shape is what a compiled graph looks like, without its functions.
type Shape struct {
	Name  string      `json:"name"`
	Entry string      `json:"entry"`
	Nodes []NodeShape `json:"nodes"` // in the order in which they were added
	Edges []EdgeShape `json:"edges"`
}

// NodeShape is one node.
type NodeShape struct {
	Name   string `json:"name"`
	Writes bool   `json:"writes,omitempty"` // declared to write
	Inner  *Shape `json:"inner,omitempty"`  // of a subgraph
}

// EdgeShape leads from a node to another, or to End.
type EdgeShape struct {
	From string   `json:"from"`
	To   string   `json:"to"`
	Kind EdgeKind `json:"kind"`
	Most int      `json:"most,omitempty"` // tasks that may be sent
}

// EdgeKind says when an edge is taken.
type EdgeKind string

// The kinds of edge.
const (
	EdgeAlways EdgeKind = "always"
	EdgeBranch EdgeKind = "branch" // one of the branch's targets
	EdgeGoto   EdgeKind = "goto"   // if the node's result names it
	EdgeSend   EdgeKind = "send"   // once for each task that the node's result sends
)

// Shape describes the graph.
func (g *Graph[S]) Shape() Shape {
	s := Shape{Name: g.name, Entry: g.entry, Nodes: []NodeShape{}, Edges: []EdgeShape{}}
	for _, name := range g.order {
		v := g.nodes[name]
		n := NodeShape{Name: name, Writes: v.policy.Writes}
		if v.nested != nil {
			inner := v.nested.shape()
			n.Inner = &inner
		}
		s.Nodes = append(s.Nodes, n)
		for _, e := range v.out {
			kind := EdgeAlways
			if e.kind == branchEdge {
				kind = EdgeBranch
			}
			for _, to := range e.targets {
				s.add(EdgeShape{From: name, To: to, Kind: kind})
			}
		}
		for _, to := range v.gotos {
			s.add(EdgeShape{From: name, To: to, Kind: EdgeGoto})
		}
		for _, to := range v.sends {
			s.add(EdgeShape{From: name, To: to, Kind: EdgeSend, Most: v.maxSends})
		}
	}
	return s
}

func (s *Shape) add(e EdgeShape) {
	if !slices.Contains(s.Edges, e) {
		s.Edges = append(s.Edges, e)
	}
}
