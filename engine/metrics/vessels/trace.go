package vessels

// tracer follows the lines between branch points and ends.
type tracer struct {
	*graph
	seen []bool // voxels that are no branch voxels and lie on a line already
}

// lines lists the lines of a graph, each as the voxels it runs through. A ring
// ends at the voxel that it begins with. Clusters that two lines meet in join
// them to one. A line between the same two nodes is found once, though nodes
// may have several lines between them.
func (g *graph) lines() [][]int32 {
	t := &tracer{graph: g, seen: make([]bool, len(g.voxels))}
	var out [][]int32
	for i := range g.voxels {
		v := int32(i)
		switch c := g.cluster[v]; {
		case c < 0 && g.degree(v) <= 1 && !t.seen[v]:
			out = append(out, t.fromEnd(v))
		case c >= 0 && v == g.clusters[c].voxels[0] && len(g.clusters[c].exits) != 2:
			for _, exit := range g.clusters[c].exits {
				if !t.seen[exit.to] {
					out = append(out, t.follow([]int32{exit.from}, exit.to))
				}
			}
		}
	}
	for i := range g.voxels {
		if v := int32(i); g.cluster[v] < 0 && !t.seen[v] {
			out = append(out, t.follow([]int32{v}, g.neighbours(v)[0]))
		}
	}
	return out
}

// fromEnd follows the line that begins at an end, which may be all there is.
func (t *tracer) fromEnd(v int32) []int32 {
	t.seen[v] = true
	next := t.neighbours(v)
	if len(next) == 0 {
		return []int32{v}
	}
	return t.follow([]int32{v}, next[0])
}

// follow goes on from the last voxel of a line to the next one, until the line
// reaches an end, a node or its own beginning.
func (t *tracer) follow(line []int32, next int32) []int32 {
	start := line[0]
	for {
		previous := line[len(line)-1]
		if number := t.cluster[next]; number >= 0 {
			c := t.clusters[number]
			if len(c.exits) != 2 {
				return append(line, next)
			}
			out := c.exits[0]
			if out == (step{next, previous}) {
				out = c.exits[1]
			}
			line = append(line, t.through(next, out.from)...)
			next = out.to
		}
		line, t.seen[next] = append(line, next), true
		if next == start || t.degree(next) == 1 {
			return line
		}
		onward := t.neighbours(next)
		if onward[0] == line[len(line)-2] {
			next = onward[1]
		} else {
			next = onward[0]
		}
	}
}
