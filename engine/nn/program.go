package nn

import "slices"

// Program is a recorded forward pass for inputs of given shapes: a straight
// line of operations in single-assignment form. It is not to be changed after
// Trace made it and may be shared by goroutines.
type Program struct {
	// Params are the parameters in use, in order of first use.
	Params []Param
	// Values describes every tensor; operations refer to them by index.
	Values []ValueInfo
	// Nodes are the operations, in the order in which they can run.
	Nodes []Node
	// Inputs are value indices: the image first, then prompts by sorted name.
	Inputs []Input
	// Outputs are value indices: the logits first, then auxiliary heads.
	Outputs []int
	// Segments are the outermost ones, in order, not overlapping.
	Segments []Segment
}

// Source says where a value comes from.
type Source int

// The sources of values.
const (
	FromInput Source = iota
	FromParam
	FromNode
)

// ValueInfo describes one tensor of a Program.
type ValueInfo struct {
	Shape  Shape
	Source Source
	// Index points into Inputs, Params or Nodes.
	Index int
}

// Node is one operation. In and Out are value indices. Path is the chain of
// segment names around it, joined by "/".
type Node struct {
	Op   Op
	In   []int
	Out  int
	Path string
}

// Input is one input of a Program.
type Input struct {
	Name  string
	Value int
}

// Segment is the half-open range of nodes [First, Last) with its one result.
type Segment struct {
	Name        string
	First, Last int
	Result      int
}

// ImageInput is the name of the first input.
const ImageInput = "image"

// LastUses returns, for every node, the node-made and input values that no
// later node and no output needs, so that an interpreter can free them once
// that node has run. A result that nobody uses is freed at once.
func (p *Program) LastUses() [][]int {
	last := make([]int, len(p.Values))
	for i := range last {
		last[i] = -1
	}
	for i, n := range p.Nodes {
		last[n.Out] = i
		for _, v := range n.In {
			last[v] = i
		}
	}
	for _, v := range p.Outputs {
		last[v] = len(p.Nodes)
	}
	free := make([][]int, len(p.Nodes))
	for v, i := range last {
		if p.Values[v].Source != FromParam && i >= 0 && i < len(p.Nodes) {
			free[i] = append(free[i], v)
		}
	}
	return free
}

// UseCounts returns how often each value is read, by nodes and as an output.
func (p *Program) UseCounts() []int {
	uses := make([]int, len(p.Values))
	for _, n := range p.Nodes {
		for _, v := range n.In {
			uses[v]++
		}
	}
	for _, v := range p.Outputs {
		uses[v]++
	}
	return uses
}

// LogitsOnly returns the program without what only auxiliary heads need: the
// program itself when that is nothing.
func (p *Program) LogitsOnly() *Program {
	if len(p.Outputs) < 2 {
		return p
	}
	wanted := make([]bool, len(p.Values))
	wanted[p.Outputs[0]] = true
	for _, n := range slices.Backward(p.Nodes) {
		if wanted[n.Out] {
			for _, v := range n.In {
				wanted[v] = true
			}
		}
	}
	return p.only(wanted)
}

// only keeps the inputs, and the parameters and nodes whose values are wanted.
func (p *Program) only(wanted []bool) *Program {
	q := &Program{}
	value, node := make([]int, len(p.Values)), make([]int, len(p.Nodes)+1) // new indices; node[i] counts those kept before i
	for i, n := range p.Nodes {
		node[i+1] = node[i]
		if wanted[n.Out] {
			node[i+1]++
		}
	}
	for v, info := range p.Values {
		if info.Source != FromInput && !wanted[v] {
			continue
		}
		value[v] = len(q.Values)
		switch info.Source {
		case FromInput:
			q.Inputs = append(q.Inputs, Input{Name: p.Inputs[info.Index].Name, Value: value[v]})
		case FromParam:
			q.Params = append(q.Params, p.Params[info.Index])
			info.Index = len(q.Params) - 1
		case FromNode:
			info.Index = node[info.Index]
		}
		q.Values = append(q.Values, info)
	}
	for _, n := range p.Nodes {
		if wanted[n.Out] {
			in := make([]int, len(n.In))
			for i, v := range n.In {
				in[i] = value[v]
			}
			q.Nodes = append(q.Nodes, Node{Op: n.Op, In: in, Out: value[n.Out], Path: n.Path})
		}
	}
	q.Outputs = []int{value[p.Outputs[0]]}
	for _, s := range p.Segments {
		if first, last := node[s.First], node[s.Last]; last > first {
			q.Segments = append(q.Segments, Segment{Name: s.Name, First: first, Last: last, Result: value[s.Result]})
		}
	}
	return q
}
