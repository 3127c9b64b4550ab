package graph

import (
	"reflect"
	"slices"
)

// trailLength is how many of the last nodes a level remembers.
const trailLength = 64

// detector finds runs that go in circles. It keeps one earlier place and
// compares each new one with it; the place kept moves to the present after 1,
// 2, 4, 8 … steps (Brent's cycle finding), unless the run has been there
// before, so a cycle of any length is found with one comparison a step. What
// happened outside, such as an answer, begins anew with a new level.
type detector[S any] struct {
	seen  int // steps
	moved int // the step at which the place kept was taken
	kept  position[S]
	hits  int
	cycle []string
}

// see looks at the place that the run has come to.
func (d *detector[S]) see(p *position[S], limit int) error {
	if limit < 0 || len(p.next) == 0 {
		return nil
	}
	d.seen++
	if d.seen > 1 {
		if len(d.cycle) < trailLength {
			d.cycle = append(d.cycle, p.next...)
		}
		if d.same(p) {
			if d.hits++; d.hits+1 >= limit {
				return &LoopError{Times: d.hits + 1, Cycle: append([]string{d.cycle[len(d.cycle)-1]}, d.cycle...)}
			}
			d.cycle = d.cycle[:0]
		}
	}
	if d.seen == 1 || d.hits == 0 && d.seen >= 2*d.moved {
		d.kept = position[S]{state: p.state, next: p.next, sends: p.sends}
		d.moved, d.cycle = d.seen, d.cycle[:0]
	}
	return nil
}

func (d *detector[S]) same(p *position[S]) bool {
	return slices.Equal(d.kept.next, p.next) && reflect.DeepEqual(d.kept.sends, p.sends) && reflect.DeepEqual(&d.kept.state, &p.state)
}
