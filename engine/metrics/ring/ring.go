// Package ring finds the nearest target of every query voxel in bit-packed
// volumes: around each query it visits rows in rising distance and reads 64
// voxels of a row at once, until no ring can improve. Its time depends on how
// far apart queries and targets are, not on the volume; where that is too far
// the distance transform takes over. What distances mean belongs elsewhere.
package ring

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/minivess/minivess/engine/metrics/edt"
	"github.com/minivess/minivess/engine/metrics/internal/bitmask"
	"github.com/minivess/minivess/engine/metrics/internal/rows"
)

// ErrInput says that volumes do not fit together, or that there is no target.
var ErrInput = errors.New("ring: unusable volumes")

// How the work is divided between rings and transform. The results do not
// depend on any of these.
const (
	nearRows   = 256  // rows around a query that the rings for all queries hold
	farRows    = 8192 // and those for the queries that these leave over
	rowsAVoxel = 3    // rows that can be visited while the transform handles a voxel
	pilot      = 61   // of so many rows one is tried, to foresee the cost of all
	chunk      = 16   // rows of queries that one goroutine takes at a time
)

// Search finds the nearest target of every query, both of one shape, with at
// least one target. Spacing is the voxel's size along x, y and z, positive.
// Every goroutine asks sinks for one of its own; each query is reported once,
// with how many voxels away along each axis its target is. Of several targets
// that are equally near up to the rounding of float64 any may be reported.
//
// Queries go through small rings, those left over through larger ones if they
// are few, and the rest through edt.Nearest; if a sample shows that the
// transform costs less than the rings, all of them do. Scratch, which may be nil,
// keeps the transform's memory for the next search.
func Search(ctx context.Context, queries, targets *bitmask.Volume, spacing [3]float64, threads int, scratch *edt.Scratch, sinks func() edt.Sink) error {
	if queries.Shape != targets.Shape || targets.Count() == 0 {
		return fmt.Errorf("%w: queries of shape %v, %d targets of shape %v", ErrInput, queries.Shape, targets.Count(), targets.Shape)
	}
	s := newSearch(targets, spacing, threads)
	budget := rowsAVoxel * queries.Shape[0] * queries.Rows()
	near := newRings(queries.Shape, spacing, nearRows)
	dear, err := s.tooDear(ctx, queries, near, budget)
	if err != nil {
		return err
	}
	left := queries
	if !dear {
		missed, err := s.run(ctx, near, &left, sinks)
		if err == nil && missed > 0 && missed*farRows < budget {
			missed, err = s.run(ctx, newRings(queries.Shape, spacing, farRows), &left, sinks)
		}
		if err != nil || missed == 0 {
			return err
		}
	}
	return edt.Nearest(ctx, left, targets, spacing, threads, scratch, sinks)
}

// tooDear tries a sample of the queries and tells whether the rings would cost
// more than the transform, or leave over so many that it is needed anyway.
func (s *search) tooDear(ctx context.Context, queries *bitmask.Volume, near *rings, budget int) (bool, error) {
	all := occupied(queries)
	var visits, missed int
	tried := 0
	for i := 0; i < len(all); i += pilot {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		v, m := s.row(near, queries, all[i], nil, discard{})
		visits, missed, tried = visits+v, missed+m, tried+1
	}
	if tried == 0 {
		return false, nil
	}
	scale := float64(len(all)) / float64(tried) / float64(budget)
	return max(float64(visits), float64(missed)*farRows)*scale > 1, nil
}

// run sends the queries through the rings and replaces them by those that are
// left over, which it counts.
func (s *search) run(ctx context.Context, r *rings, queries **bitmask.Volume, sinks func() edt.Sink) (missed int, err error) {
	asked, left := *queries, bitmask.New((*queries).Shape)
	filled := occupied(asked)
	var total atomic.Int64
	err = rows.EachBy(ctx, len(filled), chunk, s.threads, func() func(from, to int) error {
		sink := sinks()
		return func(from, to int) error {
			for _, row := range filled[from:to] {
				_, missed := s.row(r, asked, row, left, sink)
				total.Add(int64(missed))
			}
			return nil
		}
	})
	*queries = left
	return int(total.Load()), err
}

// occupied lists the rows that hold a set voxel.
func occupied(v *bitmask.Volume) []int {
	n := 0
	for row := range v.Rows() {
		if v.Any(row) {
			n++
		}
	}
	list := make([]int, 0, n)
	for row := range v.Rows() {
		if v.Any(row) {
			list = append(list, row)
		}
	}
	return list
}

// discard is a sink for what is only tried.
type discard struct{}

func (discard) Found(_, _, _, _, _ int) {}
