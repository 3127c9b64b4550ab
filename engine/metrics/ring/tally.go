package ring

import (
	"cmp"
	"slices"
)

// short is the side of the cube of offsets that are counted in a table.
const short = 16

// Count is how many queries, of one kind, have their target at one distance.
type Count struct {
	Squared float64
	Kind    uint8
	N       int
}

// Tally is a sink that counts offsets, so that millions of distances become a
// few thousand counts. Kinds, if set, tells queries apart that are counted on
// their own.
type Tally struct {
	Kinds  func(x, row int) uint8
	tables [256][]uint32 // by kind, each by dz, dy and dx
	other  map[offset]int
}

type offset struct {
	dx, dy, dz int32
	kind       uint8
}

// NewTally makes a tally that has counted nothing.
func NewTally() *Tally {
	return &Tally{other: map[offset]int{}}
}

// Found counts one query.
func (t *Tally) Found(x, row, dx, dy, dz int) {
	var kind uint8
	if t.Kinds != nil {
		kind = t.Kinds(x, row)
	}
	if dx|dy|dz < short {
		table := t.tables[kind]
		if table == nil {
			table = make([]uint32, short*short*short)
			t.tables[kind] = table
		}
		table[(dz*short+dy)*short+dx]++
		return
	}
	t.other[offset{int32(dx), int32(dy), int32(dz), kind}]++
}

// Counts adds up tallies, by rising distance, then kind. Squared distances are
// summed up in the order x, y, z.
func Counts(spacing [3]float64, tallies ...*Tally) []Count {
	most := 0
	for _, t := range tallies {
		most += len(t.other)
		for _, table := range t.tables {
			for _, n := range table {
				most += int(min(n, 1))
			}
		}
	}
	list := make([]Count, 0, most)
	add := func(o offset, n int) {
		a, b, c := float64(o.dx)*spacing[0], float64(o.dy)*spacing[1], float64(o.dz)*spacing[2]
		list = append(list, Count{a*a + b*b + c*c, o.kind, n})
	}
	for _, t := range tallies {
		for kind, table := range t.tables {
			for i, n := range table {
				if n > 0 {
					add(offset{int32(i % short), int32(i / short % short), int32(i / short / short), uint8(kind)}, int(n))
				}
			}
		}
		for o, n := range t.other {
			add(o, n)
		}
	}
	slices.SortFunc(list, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Squared, b.Squared), cmp.Compare(a.Kind, b.Kind))
	})
	merged := list[:0]
	for _, c := range list {
		if last := len(merged) - 1; last >= 0 && merged[last].Squared == c.Squared && merged[last].Kind == c.Kind {
			merged[last].N += c.N
			continue
		}
		merged = append(merged, c)
	}
	return merged
}
