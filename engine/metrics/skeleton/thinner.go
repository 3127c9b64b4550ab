package skeleton

import (
	"context"
	"encoding/binary"
	"math/bits"
)

// thinner removes voxels from an object. What can be said of a voxel depends on
// its 26 neighbours alone, so it is looked at again only once one of them is
// gone.
type thinner struct {
	volume
	object []uint8
	fresh  []uint8 // voxels not looked at since a neighbour was removed
	active []bool  // planes, by x+1, that may hold fresh voxels of the object
	tables *tables

	candidates []int // bits of the volume, in ascending order
}

func newThinner(mask []uint8, shape, first, size [3]int) *thinner {
	t := &thinner{volume: newVolume(size), tables: newTables()}
	t.object = t.pack(mask, shape, first)
	t.fresh = make([]uint8, len(t.object))
	copy(t.fresh, t.object)
	t.active = make([]bool, size[0]+2)
	for x := range size[0] {
		t.active[x+1] = true
	}
	return t
}

// run removes voxels until a whole round over the sides removes none. A flat
// object has no sides along x.
func (t *thinner) run(ctx context.Context, flat bool) error {
	row, plane := 8*t.row, 8*t.plane
	sides := []int{-row, row, 1, -1, plane, -plane}
	if flat {
		sides = sides[:4]
	}
	for unchanged := 0; unchanged < len(sides); {
		unchanged = 0
		for _, side := range sides {
			if err := ctx.Err(); err != nil {
				return err
			}
			t.collect(side)
			if !t.remove() {
				unchanged++
			}
		}
	}
	return nil
}

// collect lists the fresh voxels that are open on one side and removable.
func (t *thinner) collect(side int) {
	t.candidates = t.candidates[:0]
	for x, active := range t.active {
		if !active {
			continue
		}
		t.active[x] = false
		from := x * t.plane
		for i := from; i < from+t.plane; i += 8 {
			t.collectWord(i, from+t.plane-i, side, x)
		}
	}
}

// collectWord does so in the eight bytes from byte i on, or in as many as are
// left of a plane.
func (t *thinner) collectWord(i, left, side, x int) {
	fresh := binary.LittleEndian.Uint64(t.fresh[i:])
	if left < 8 {
		fresh &= 1<<(8*left) - 1
	}
	if fresh == 0 {
		return
	}
	if fresh &= binary.LittleEndian.Uint64(t.object[i:]); fresh == 0 {
		return
	}
	t.active[x] = true
	var beside uint64 // the neighbours on that side
	switch side {
	case 1:
		beside = binary.LittleEndian.Uint64(t.object[i:])>>1 | uint64(t.object[i+8])<<63
	case -1:
		beside = binary.LittleEndian.Uint64(t.object[i:])<<1 | uint64(t.object[i-1])>>7
	default:
		beside = binary.LittleEndian.Uint64(t.object[i+side/8:])
	}
	open := fresh &^ beside
	if open == 0 {
		return
	}
	binary.LittleEndian.PutUint64(t.fresh[i:], binary.LittleEndian.Uint64(t.fresh[i:])&^open)
	for ; open != 0; open &= open - 1 {
		at := 8*i + bits.TrailingZeros64(open)
		if t.tables.removable(t.neighbourhood(t.object, at)) {
			t.candidates = append(t.candidates, at)
		}
	}
}

// remove deletes, in order, the candidates whose removal still keeps their
// neighbourhood in one piece.
func (t *thinner) remove() (removed bool) {
	for _, at := range t.candidates {
		bit := uint8(1) << (at % 8)
		// Only a neighbour's removal can have changed what was found.
		if t.fresh[at/8]&bit != 0 && !connected(t.neighbourhood(t.object, at)) {
			continue
		}
		removed = true
		t.object[at/8] &^= bit
		t.mark(t.fresh, at)
		x := at / (8 * t.plane)
		t.active[x-1], t.active[x], t.active[x+1] = true, true, true
	}
	return removed
}
