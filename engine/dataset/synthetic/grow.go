package synthetic

import (
	"math"
	"math/rand/v2"
)

const (
	taper         = 0.1  // how much of its radius a branch loses
	attempts      = 16   // directions tried before a branch gives up
	longest       = 400  // µm that a vessel runs without branching
	curvature     = 0.09 // standard deviation of the curvature times the radius
	correlation   = 6    // length over which a bend persists, in radii
	glowVariation = 0.1  // standard deviation of the brightness along a vessel
	forkFreedom   = 4    // radii from a fork within which relatives may be near
)

// bud is where a branch will grow.
type bud struct {
	parent int // branch, -1 for a root
	node   int // the node it grows from, -1 for a root
	from   vec
	dir    vec
	r      float64
}

// grower grows one tree.
type grower struct {
	rng    *rand.Rand
	space  *space
	tree   *Tree
	buds   []bud
	first  int     // the number of the tree's first branch among all trees'
	budget float64 // µm³ that may still grow
	glow   float64
}

// grow gives a tree from a random place on the box's faces, or nil if the
// place is taken. Branches are numbered from first.
func grow(rng *rand.Rand, s *space, r, budget float64, first int) *Tree {
	g := &grower{rng: rng, space: s, tree: &Tree{}, first: first, budget: budget, glow: 0.8 + 0.3*rng.Float64()}
	from, dir := g.entrance()
	if !s.free(from, r, func(int, vec) bool { return false }) {
		return nil
	}
	g.buds = []bud{{parent: -1, node: -1, from: from, dir: dir, r: r}}
	for len(g.buds) > 0 {
		b := g.buds[0]
		g.buds = g.buds[1:]
		g.branch(b)
	}
	if len(g.tree.Edges) == 0 {
		return nil
	}
	return g.tree
}

// entrance draws a point on a face and a direction into the box. Half of the
// vessels dive from the surface or rise from below, as penetrating ones do.
func (g *grower) entrance() (vec, vec) {
	axis := 2
	if u := g.rng.Float64(); u < 0.6 {
		axis = int(u / 0.3)
	}
	s := g.space
	var p, dir vec
	for i := range p {
		p[i] = s.low[i] + (0.15+0.7*g.rng.Float64())*(s.high[i]-s.low[i])
	}
	p[axis], dir[axis] = s.low[axis], 1
	if g.rng.Float64() < 0.4 {
		p[axis], dir[axis] = s.high[axis], -1
	}
	return p, dir.tilt(0.6*g.rng.Float64(), 2*math.Pi*g.rng.Float64())
}

// branch grows a branch from its bud until it leaves the box, forks, or finds
// no way on.
func (g *grower) branch(b bud) {
	id := len(g.tree.Branches)
	g.tree.Branches = append(g.tree.Branches, Branch{Parent: b.parent, RadiusStart: b.r, RadiusEnd: b.r})
	node := b.node
	if node < 0 {
		node = g.put(b.from, b.r, -1, id)
	}
	nodes := []int{node}
	length := b.r * (3.5 + 6*g.rng.Float64())
	thin := cube(b.r) < 2.2*cube(g.space.leastR)
	if thin {
		length = longest
	}
	var bend vec
	p, dir, r := b.from, b.dir, b.r
	inside := b.node >= 0
	for run := 0.0; ; {
		step := max(0.35*r, 0.5)
		next, turned, ok := g.advance(id, b, p, dir, bend, r, step)
		if !ok {
			break
		}
		run += step
		bend, dir, p = turned.bend, turned.dir, next
		r = max(g.space.leastR, b.r*(1-taper*min(1, run/length)))
		g.budget -= math.Pi * r * r * step
		node = g.put(p, r, node, id)
		nodes = append(nodes, node)
		within := g.space.contains(p)
		inside = inside || within
		if inside && !within || run >= longest || g.budget < -0.01*g.space.volume() {
			break
		}
		if run >= length && !thin && g.fork(id, node, p, dir, r) {
			break
		}
	}
	branch := &g.tree.Branches[id]
	branch.Nodes, branch.RadiusEnd = nodes, r
}

// put adds a node to the tree and to the space.
func (g *grower) put(p vec, r float64, from, branch int) int {
	glow := g.glow
	if from >= 0 {
		// An autoregressive walk around the tree's own brightness.
		glow += 0.9*(g.tree.glow[from]-g.glow) + 0.43*glowVariation*g.rng.NormFloat64()
	}
	g.space.add(obstacle{at: p, r: r, branch: g.first + branch})
	return g.tree.addNode(Node{p[0], p[1], p[2], r}, from, max(0.5*g.glow, glow))
}

// heading is a direction and how it bends.
type heading struct {
	dir, bend vec
}

// advance finds the next point, bending at random and away from what is in the
// way.
func (g *grower) advance(id int, b bud, p, dir, bend vec, r, step float64) (vec, heading, bool) {
	keep := math.Exp(-step / (correlation * r))
	spread := curvature / r * math.Sqrt(1-keep*keep)
	for try := range attempts {
		s := spread * (1 + float64(try))
		h := heading{bend: bend.scale(keep).add(vec{s * g.rng.NormFloat64(), s * g.rng.NormFloat64(), s * g.rng.NormFloat64()})}
		h.dir = dir.add(h.bend.scale(step)).unit()
		next := p.add(h.dir.scale(step))
		if g.space.free(next, r, g.relatives(id, b)) {
			return next, h, true
		}
	}
	return vec{}, heading{}, false
}

// relatives tells which branches may be near: the branch itself, and around
// the fork that it comes from, its parent and sibling.
func (g *grower) relatives(id int, b bud) func(int, vec) bool {
	return func(branch int, at vec) bool {
		branch -= g.first
		switch {
		case branch == id:
			return true
		case branch < 0 || branch >= len(g.tree.Branches) || b.parent < 0:
			return false
		}
		related := branch == b.parent || g.tree.Branches[branch].Parent == b.parent
		reach := forkFreedom * g.tree.Branches[b.parent].RadiusStart
		return related && at.sub(b.from).norm() < reach
	}
}

// fork ends a branch in two, in a plane where both have room, and tells
// whether there was one.
func (g *grower) fork(id, node int, p, dir vec, r float64) bool {
	least := g.space.leastR
	if cube(r) < 2.05*cube(least) || g.budget <= 0 {
		return false
	}
	// The thinner child is drawn; Murray's law gives the thicker one.
	r2 := least + (r*math.Cbrt(0.5)-least)*g.rng.Float64()
	r1 := math.Cbrt(cube(r) - cube(r2))
	a1, a2 := forkAngle(r, r1, r2), forkAngle(r, r2, r1)
	stretch := 0.8 + 0.4*g.rng.Float64()
	for range attempts {
		phi := 2 * math.Pi * g.rng.Float64()
		d1, d2 := dir.tilt(stretch*a1, phi), dir.tilt(stretch*a2, phi+math.Pi)
		if g.room(id, p, d1, r, r1) && g.room(id, p, d2, r, r2) {
			g.buds = append(g.buds,
				bud{parent: id, node: node, from: p, dir: d1, r: r1},
				bud{parent: id, node: node, from: p, dir: d2, r: r2})
			return true
		}
	}
	return false
}

// room tells whether a child could grow some way in a direction.
func (g *grower) room(id int, p, dir vec, parent, r float64) bool {
	for _, d := range []float64{2, 4, 6, 8} {
		at := p.add(dir.scale(d * parent))
		own := func(branch int, o vec) bool {
			return branch-g.first == id && o.sub(p).norm() < forkFreedom*parent
		}
		if !g.space.free(at, r, own) {
			return false
		}
	}
	return true
}

// forkAngle gives the angle between a parent of radius r0 and its child of
// radius r1 whose sibling has r2, by Murray's principle of least work.
func forkAngle(r0, r1, r2 float64) float64 {
	c := (math.Pow(r0, 4) + math.Pow(r1, 4) - math.Pow(r2, 4)) / (2 * r0 * r0 * r1 * r1)
	return math.Acos(min(1, max(-1, c)))
}

func cube(r float64) float64 { return r * r * r }
