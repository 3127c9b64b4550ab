package vessels

import (
	"cmp"
	"math"
	"slices"
)

// graph is a centreline's voxels and which of them touch, be it by a corner.
// Voxels are counted in the order of their list.
type graph struct {
	shape   [3]int
	spacing [3]float64
	voxels  []int32
	first   []int32 // neighbours of voxel i are touch[first[i]:first[i+1]]
	touch   []int32

	cluster  []int32 // the cluster of branch voxels that a voxel is in, or −1
	clusters []cluster
	grown    []bool // voxels that tree has been at
}

// cluster is branch voxels that touch one another.
type cluster struct {
	voxels []int32 // ascending
	exits  []step  // to voxels that are no branch voxels, ascending
}

// step is one between neighbours.
type step struct {
	from, to int32
}

func newGraph(voxels []int32, shape [3]int, spacing [3]float64) *graph {
	g := &graph{shape: shape, spacing: spacing, voxels: voxels}
	degree := make([]int32, len(voxels)+1)
	g.edges(func(a, b int32) { degree[a]++; degree[b]++ })
	g.first = make([]int32, len(voxels)+1)
	for i := range voxels {
		g.first[i+1] = g.first[i] + degree[i]
	}
	g.touch = make([]int32, g.first[len(voxels)])
	filled := slices.Clone(g.first)
	g.edges(func(a, b int32) {
		g.touch[filled[a]], g.touch[filled[b]] = b, a
		filled[a]++
		filled[b]++
	})
	for i := range voxels {
		slices.Sort(g.neighbours(int32(i)))
	}
	g.findClusters()
	g.grown = make([]bool, len(voxels))
	return g
}

// edges calls visit for each pair of voxels that touch, once. For each of the
// 13 ways forward, the partners ascend with the voxels, so each takes one walk
// over the list.
func (g *graph) edges(visit func(a, b int32)) {
	nx, slice := g.shape[0], g.shape[0]*g.shape[1]
	for k := 14; k < 27; k++ {
		d := [3]int{k%3 - 1, k/3%3 - 1, k/9 - 1}
		offset := d[0] + nx*d[1] + slice*d[2]
		j := 0
		for i, v := range g.voxels {
			want := int(v) + offset
			for j < len(g.voxels) && int(g.voxels[j]) < want {
				j++
			}
			if j == len(g.voxels) {
				break
			}
			// An offset may wrap around from one row or slice into the next.
			if int(g.voxels[j]) == want && g.between(int32(i), int32(j)) == d {
				visit(int32(i), int32(j))
			}
		}
	}
}

// between is the way from one voxel to another, in voxels.
func (g *graph) between(a, b int32) [3]int {
	p, q := g.at(a), g.at(b)
	return [3]int{q[0] - p[0], q[1] - p[1], q[2] - p[2]}
}

// at is where a voxel lies.
func (g *graph) at(i int32) [3]int {
	return coordinates(int(g.voxels[i]), g.shape)
}

// distance is that between two voxels' centres.
func (g *graph) distance(a, b int32) float64 {
	sum := 0.0
	for axis, d := range g.between(a, b) {
		far := float64(d) * g.spacing[axis]
		sum += far * far
	}
	return math.Sqrt(sum)
}

func (g *graph) neighbours(i int32) []int32 {
	return g.touch[g.first[i]:g.first[i+1]]
}

func (g *graph) degree(i int32) int {
	return int(g.first[i+1] - g.first[i])
}

// findClusters gathers the branch voxels, those with three neighbours or more.
func (g *graph) findClusters() {
	g.cluster = make([]int32, len(g.voxels))
	for i := range g.cluster {
		g.cluster[i] = -1
	}
	for i := range g.cluster {
		if g.cluster[i] >= 0 || g.degree(int32(i)) < 3 {
			continue
		}
		number := int32(len(g.clusters))
		c := cluster{voxels: []int32{int32(i)}}
		g.cluster[i] = number
		for k := 0; k < len(c.voxels); k++ {
			for _, j := range g.neighbours(c.voxels[k]) {
				switch {
				case g.degree(j) < 3:
					c.exits = append(c.exits, step{c.voxels[k], j})
				case g.cluster[j] < 0:
					g.cluster[j] = number
					c.voxels = append(c.voxels, j)
				}
			}
		}
		slices.Sort(c.voxels)
		slices.SortFunc(c.exits, func(a, b step) int {
			return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
		})
		g.clusters = append(g.clusters, c)
	}
}

// tree is the length of the shortest tree over a cluster's voxels (Prim's
// method). Steps have few different lengths, so they wait in a stack for each.
// It can be asked once for each cluster.
func (g *graph) tree(c cluster) float64 {
	ranks, lengths := g.steps()
	var waiting [7][]int32
	grown := 0
	grow := func(i int32) {
		grown++
		g.grown[i] = true
		for _, j := range g.neighbours(i) {
			if !g.grown[j] && g.cluster[j] == g.cluster[i] {
				rank := ranks[kind(g.between(i, j))]
				waiting[rank] = append(waiting[rank], j)
			}
		}
	}
	grow(c.voxels[0])
	length := 0.0
	for grown < len(c.voxels) {
		rank := 0
		for len(waiting[rank]) == 0 {
			rank++
		}
		last := len(waiting[rank]) - 1
		next := waiting[rank][last]
		waiting[rank] = waiting[rank][:last]
		if !g.grown[next] {
			length += lengths[rank]
			grow(next)
		}
	}
	return length
}

// kind is which axes a step runs along: 1 for x, 2 for y, 4 for z, added up.
func kind(way [3]int) int {
	return way[0]&1 | way[1]&1<<1 | way[2]&1<<2
}

// steps ranks the seven kinds of steps by length.
func (g *graph) steps() (ranks [8]int, lengths [7]float64) {
	var length [8]float64
	kinds := make([]int, 0, 7)
	for k := 1; k < 8; k++ {
		kinds = append(kinds, k)
		for axis, s := range g.spacing {
			length[k] += float64(k>>axis&1) * s * s
		}
		length[k] = math.Sqrt(length[k])
	}
	slices.SortStableFunc(kinds, func(a, b int) int { return cmp.Compare(length[a], length[b]) })
	for rank, k := range kinds {
		ranks[k], lengths[rank] = rank, length[k]
	}
	return ranks, lengths
}

// through is the shortest way through a cluster from one of its voxels to
// another, both included.
func (g *graph) through(from, to int32) []int32 {
	length := map[int32]float64{to: 0}
	onward := map[int32]int32{}
	for queue := []int32{to}; len(queue) > 0; queue = queue[1:] {
		i := queue[0]
		for _, j := range g.neighbours(i) {
			if g.cluster[j] != g.cluster[to] {
				continue
			}
			far := length[i] + g.distance(i, j)
			if known, ok := length[j]; !ok || far < known {
				length[j], onward[j] = far, i
				queue = append(queue, j)
			}
		}
	}
	way := []int32{from}
	for from != to {
		from = onward[from]
		way = append(way, from)
	}
	return way
}
