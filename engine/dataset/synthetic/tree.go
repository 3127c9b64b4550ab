package synthetic

// Node is a point of a centreline: x, y, z and radius in micrometres.
type Node [4]float64

func (n Node) at() vec         { return vec{n[0], n[1], n[2]} }
func (n Node) radius() float64 { return n[3] }

// Branch is an unbranched stretch of a tree. Its first node is the last of its
// parent's, except in the root.
type Branch struct {
	Parent int   `json:"parent"` // index in Branches, -1 for the root
	Nodes  []int `json:"nodes"`
	// RadiusStart and RadiusEnd are the radii at which Murray's law holds:
	// RadiusEnd³ is the sum of the children's RadiusStart³.
	RadiusStart float64 `json:"radius_start"`
	RadiusEnd   float64 `json:"radius_end"`
}

// Tree is one vessel tree.
type Tree struct {
	Nodes    []Node   `json:"nodes"`
	Edges    [][2]int `json:"edges"` // pairs of indices in Nodes
	Branches []Branch `json:"branches"`

	glow []float64 // relative brightness at each node
}

// addNode adds a node, joined to another unless that is negative.
func (t *Tree) addNode(n Node, from int, glow float64) int {
	t.Nodes = append(t.Nodes, n)
	t.glow = append(t.glow, glow)
	if from >= 0 {
		t.Edges = append(t.Edges, [2]int{from, len(t.Nodes) - 1})
	}
	return len(t.Nodes) - 1
}
