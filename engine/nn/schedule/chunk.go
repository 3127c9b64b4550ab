package schedule

import "github.com/minivess/minivess/engine/nn"

// Chunk is the half-open range of nodes [First, Last). One to be recomputed is
// a segment whose activations are thrown away after the forward pass and made
// again in the backward pass.
type Chunk struct {
	First, Last int
	Recompute   bool
	// In and Out are the values that cross the chunk's borders, parameters left
	// out.
	In, Out []int
}

// sameChunk reports whether two nodes are in one chunk.
func (l *Plan) sameChunk(a, b int) bool {
	for _, c := range l.Chunks {
		if a < c.Last || b < c.Last {
			return a >= c.First && a < c.Last && b >= c.First && b < c.Last
		}
	}
	return false
}

// split cuts the program at its segments.
func split(p *nn.Program) []Chunk {
	var chunks []Chunk
	at := 0
	for _, s := range p.Segments {
		if s.First > at {
			chunks = append(chunks, Chunk{First: at, Last: s.First})
		}
		chunks = append(chunks, Chunk{First: s.First, Last: s.Last, Recompute: true})
		at = s.Last
	}
	if at < len(p.Nodes) {
		chunks = append(chunks, Chunk{First: at, Last: len(p.Nodes)})
	}
	for i := range chunks {
		chunks[i].borders(p)
	}
	return chunks
}

// borders finds the values that enter and leave the chunk.
func (c *Chunk) borders(p *nn.Program) {
	inside := func(v int) bool {
		info := p.Values[v]
		return info.Source == nn.FromNode && info.Index >= c.First && info.Index < c.Last
	}
	seenIn, seenOut := make(map[int]bool), make(map[int]bool)
	for _, n := range p.Nodes[c.First:c.Last] {
		for _, v := range n.In {
			if !inside(v) && p.Values[v].Source != nn.FromParam && !seenIn[v] {
				seenIn[v] = true
				c.In = append(c.In, v)
			}
		}
	}
	leave := func(v int) {
		if inside(v) && !seenOut[v] {
			seenOut[v] = true
			c.Out = append(c.Out, v)
		}
	}
	for _, n := range p.Nodes[c.Last:] {
		for _, v := range n.In {
			leave(v)
		}
	}
	for _, v := range p.Outputs {
		leave(v)
	}
}
