package vessels

import (
	"cmp"
	"context"
	"slices"

	"github.com/minivess/minivess/engine/metrics/topology"
)

// tabler fills a table.
type tabler struct {
	shape      [3]int
	spacing    [3]float64
	centreline []int32
	radii      []float64 // of the centreline's voxels
	component  []int32   // of the centreline's voxels, from 0
	table      Table
}

// spread is what is kept of a list of radii.
type spread struct {
	n             int
	sum, min, max float64
}

func (s *spread) add(v float64) {
	if s.n == 0 {
		s.min, s.max = v, v
	}
	s.n, s.sum, s.min, s.max = s.n+1, s.sum+v, min(s.min, v), max(s.max, v)
}

// pieces makes a row for each piece and finds which the centreline's voxels
// belong to.
func (t *tabler) pieces(p *topology.Pieces) {
	t.table.Components = make([]Component, p.Number)
	t.component = make([]int32, len(t.centreline))
	cursor, next := p.Cursor(), 0
	for run, ok := cursor.Next(); ok; run, ok = cursor.Next() {
		row := &t.table.Components[run.Piece-1]
		from, to := coordinates(run.From, t.shape), coordinates(run.To-1, t.shape)
		if row.Voxels == 0 {
			row.Number, row.First, row.Last = run.Piece, from, to
		}
		for axis := range 3 {
			row.First[axis] = min(row.First[axis], from[axis])
			row.Last[axis] = max(row.Last[axis], to[axis])
		}
		row.Voxels += run.To - run.From
		for ; next < len(t.centreline) && int(t.centreline[next]) < run.To; next++ {
			t.component[next] = int32(run.Piece - 1)
		}
	}
	voxel := t.spacing[0] * t.spacing[1] * t.spacing[2]
	for i := range t.table.Components {
		row := &t.table.Components[i]
		row.Volume = float64(row.Voxels) * voxel
	}
	t.spreads()
}

// spreads fills in what is known of the radii along each piece's centreline.
func (t *tabler) spreads() {
	all := make([]spread, len(t.table.Components))
	for i, c := range t.component {
		all[c].add(t.radii[i])
	}
	for i, s := range all {
		if s.n == 0 {
			continue
		}
		row := &t.table.Components[i]
		row.CentrelineVoxels = s.n
		row.RadiusMean, row.RadiusMin, row.RadiusMax = s.sum/float64(s.n), s.min, s.max
	}
}

// graph fills in what the centrelines' shape tells.
func (t *tabler) graph(g *graph) {
	for _, c := range g.clusters {
		row := &t.table.Components[t.component[c.voxels[0]]]
		switch {
		case len(c.exits) == 2:
			continue // a passage, whose length its line holds
		case len(c.exits) == 1:
			row.EndPoints++
		case len(c.exits) >= 3:
			row.BranchPoints++
		}
		row.Length += g.tree(c)
	}
	open := make([]spread, len(t.table.Components)) // chords
	arcs := make([]float64, len(t.table.Components))
	for _, line := range g.lines() {
		if len(line) == 1 {
			continue // a lone voxel has neither ends nor a length
		}
		c := t.component[line[0]]
		row, s := &t.table.Components[c], t.segment(g, line)
		row.Segments++
		row.Length += s.Length
		for _, end := range [2]int32{line[0], line[len(line)-1]} {
			if g.degree(end) == 1 {
				row.EndPoints++
			}
		}
		if s.Chord > 0 {
			arcs[c] += s.Length
			open[c].add(s.Chord)
		}
		t.table.Segments = append(t.table.Segments, s)
	}
	for i, chords := range open {
		if chords.n > 0 {
			t.table.Components[i].Tortuosity = arcs[i] / chords.sum
		}
	}
	slices.SortStableFunc(t.table.Segments, func(a, b Segment) int {
		return cmp.Or(cmp.Compare(a.Component, b.Component), t.before(a.From, b.From), t.before(a.To, b.To))
	})
}

// before compares two places by their order in the mask.
func (t *tabler) before(a, b [3]int) int {
	return cmp.Or(cmp.Compare(a[2], b[2]), cmp.Compare(a[1], b[1]), cmp.Compare(a[0], b[0]))
}

// segment measures one line of two voxels or more.
func (t *tabler) segment(g *graph, line []int32) Segment {
	first, last := line[0], line[len(line)-1]
	if first > last {
		slices.Reverse(line)
		first, last = last, first
	}
	s := Segment{
		Component: t.table.Components[t.component[first]].Number,
		From:      g.at(first), To: g.at(last), Voxels: len(line),
	}
	ring := first == last
	if ring {
		s.Voxels-- // the first is the last
	}
	var radii spread
	for i, v := range line {
		if i > 0 {
			s.Length += g.distance(line[i-1], v)
		}
		if i > 0 || !ring {
			radii.add(t.radii[v])
		}
	}
	s.RadiusMean, s.RadiusMin, s.RadiusMax = radii.sum/float64(radii.n), radii.min, radii.max
	if !ring && (g.cluster[first] < 0 || g.cluster[first] != g.cluster[last]) {
		s.Chord = g.distance(first, last)
		s.Tortuosity = s.Length / s.Chord
	}
	return s
}

// vanished lets the deepest voxel of a piece without a centreline, the first of
// equals, stand for one.
func (t *tabler) vanished(ctx context.Context, mask []uint8, p *topology.Pieces) error {
	var voxels []int32
	var owner []int
	cursor := p.Cursor()
	for run, ok := cursor.Next(); ok; run, ok = cursor.Next() {
		if t.table.Components[run.Piece-1].CentrelineVoxels > 0 {
			continue
		}
		for i := run.From; i < run.To; i++ {
			voxels, owner = append(voxels, int32(i)), append(owner, run.Piece-1)
		}
	}
	radii, err := Radii(ctx, mask, t.shape, t.spacing, voxels, 0)
	if err != nil {
		return err
	}
	for i, r := range radii {
		if row := &t.table.Components[owner[i]]; r > row.RadiusMax {
			row.RadiusMean, row.RadiusMin, row.RadiusMax = r, r, r
		}
	}
	return nil
}
