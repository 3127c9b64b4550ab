package probability

import (
	"context"
	"math"
	"runtime"
	"slices"

	"github.com/minivess/minivess/engine/metrics/internal/rows"
)

// A key is a value ≥ 0 and a truth in one number: the value's float32 bits,
// which order like the values, and below them 1 for a positive.
func key(value float32, positive bool) uint32 {
	k := math.Float32bits(value) << 1 // also drops the sign of −0
	if positive {
		k |= 1
	}
	return k
}

// keys writes the keys of the voxels [from, to) that count and tells how many.
type keys func(from, to int, out []uint32) int

// Keys are told apart in two steps: by their upper 16 bits into buckets, and by
// the lower 16 within a bucket.
const (
	buckets   = 1 << 16
	chunk     = 1 << 12 // keys made at a time; no more are sorted at once
	fewToSort = 1 << 10 // beyond it, counting every value of a bucket is faster
	walked    = 1 << 8  // buckets gone through at a time
)

// ranks is what the order of the values says about the truths.
type ranks struct {
	positives, negatives int64
	// twiceArea is twice the number of pairs of a positive and a negative in
	// which the positive has the greater value, ties counting half.
	twiceArea int64
	// precision is the average precision times the number of positives.
	precision float64
	// ties is Σ t³ − t over groups of t equal values, of which there are groups.
	ties   float64
	groups int64
}

// tally counts the keys of n voxels into buckets, and spreads the lower halves
// of those keys out by bucket whose order matters.
type tally struct {
	n, size int // voxels, and how many of them make a part
	threads int
	keys    keys
	counts  [][]uint32 // by part: of bucket b the negatives at 2b, the positives at 2b+1
	total   []int64    // the same of all parts
	starts  []uint32   // of bucket b in lower; the end is starts[b+1]
	lower   []uint16
}

// rank orders n voxels by their keys. A bucket without a positive bears only
// on ties, and takes no memory unless those are asked for; others take 2 bytes
// a voxel.
func rank(ctx context.Context, n, threads int, k keys, ties bool) (ranks, error) {
	if n <= chunk {
		var made [chunk]uint32
		return rankFew(made[:k(0, n, made[:])]), nil
	}
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	t := tally{n: n, threads: min(threads, 16), keys: k}
	t.size = max(chunk, (n+t.threads-1)/t.threads)
	if err := t.count(ctx); err != nil {
		return ranks{}, err
	}
	t.place(ties)
	if err := t.spread(ctx); err != nil {
		return ranks{}, err
	}
	return t.walk(ctx)
}

// rankFew sorts the keys.
func rankFew(keys []uint32) ranks {
	slices.Sort(keys)
	var all ranks
	for _, k := range keys {
		all.positives += int64(k & 1)
	}
	all.negatives = int64(len(keys)) - all.positives
	g := group{sums: &all, below: all.negatives}
	addSorted(&g, keys)
	return all
}

func (t *tally) each(ctx context.Context, work func(part int, keys []uint32)) error {
	return rows.Each(ctx, t.n, t.size, t.threads, func(from, to int) error {
		var made [chunk]uint32
		for at := from; at < to; at += chunk {
			if err := ctx.Err(); err != nil {
				return err
			}
			work(from/t.size, made[:t.keys(at, min(at+chunk, to), made[:])])
		}
		return nil
	})
}

func (t *tally) count(ctx context.Context) error {
	t.counts = make([][]uint32, (t.n+t.size-1)/t.size)
	for i := range t.counts {
		t.counts[i] = make([]uint32, 2*buckets)
	}
	err := t.each(ctx, func(part int, keys []uint32) {
		counts := t.counts[part]
		for _, k := range keys {
			counts[k>>16<<1|k&1]++
		}
	})
	t.total = make([]int64, 2*buckets)
	for _, counts := range t.counts {
		for i, c := range counts {
			t.total[i] += int64(c)
		}
	}
	return err
}

// place turns the counts at 2b into where each part writes its keys of bucket b.
func (t *tally) place(ties bool) {
	t.starts = make([]uint32, buckets+1)
	next := uint32(0)
	for b := range buckets {
		t.starts[b] = next
		if t.total[2*b+1] == 0 && !ties {
			continue
		}
		for _, counts := range t.counts {
			held := counts[2*b] + counts[2*b+1]
			counts[2*b] = next
			next += held
		}
	}
	t.starts[buckets] = next
	t.lower = make([]uint16, next)
}

func (t *tally) spread(ctx context.Context) error {
	err := t.each(ctx, func(part int, keys []uint32) {
		next := t.counts[part]
		for _, k := range keys {
			b := k >> 16
			if t.starts[b] == t.starts[b+1] {
				continue
			}
			t.lower[next[2*b]] = uint16(k)
			next[2*b]++
		}
	})
	t.counts = nil
	return err
}

// walk goes through the buckets from the greatest values to the least.
func (t *tally) walk(ctx context.Context) (ranks, error) {
	var all ranks
	above := make([][2]int64, buckets) // negatives and positives in greater buckets
	for b := buckets - 1; b >= 0; b-- {
		above[b] = [2]int64{all.negatives, all.positives}
		all.negatives += t.total[2*b]
		all.positives += t.total[2*b+1]
	}
	parts := make([]ranks, buckets/walked)
	err := rows.EachBy(ctx, buckets, walked, t.threads, func() func(from, to int) error {
		var table []uint32
		return func(from, to int) error {
			part := &parts[from/walked]
			for b := from; b < to; b++ {
				held := t.lower[t.starts[b]:t.starts[b+1]]
				if len(held) == 0 {
					continue
				}
				g := group{sums: part, below: all.negatives - above[b][0], negatives: above[b][0], positives: above[b][1]}
				if len(held) <= fewToSort {
					slices.Sort(held)
					addSorted(&g, held)
					continue
				}
				if table == nil {
					table = make([]uint32, 1<<16)
				}
				g.counted(held, table)
			}
			return nil
		}
	})
	for _, p := range parts {
		all.twiceArea += p.twiceArea
		all.precision += p.precision
		all.ties += p.ties
		all.groups += p.groups
	}
	return all, err
}

// group adds up groups of equal values, greatest first.
type group struct {
	sums                 *ranks
	negatives, positives int64 // of greater values
	below                int64 // negatives that are left
}

func (g *group) add(negatives, positives int64) {
	g.below -= negatives
	g.negatives += negatives
	g.positives += positives
	g.sums.twiceArea += positives * (2*g.below + negatives)
	if positives > 0 {
		g.sums.precision += float64(positives) * float64(g.positives) / float64(g.positives+g.negatives)
	}
	t := float64(negatives + positives)
	g.sums.ties += t*t*t - t
	g.sums.groups++
}

func addSorted[K uint16 | uint32](g *group, keys []K) {
	for end := len(keys); end > 0; {
		start, positives := end, int64(0)
		for start > 0 && keys[start-1]|1 == keys[end-1]|1 {
			start--
			positives += int64(keys[start] & 1)
		}
		g.add(int64(end-start)-positives, positives)
		end = start
	}
}

// counted needs a table of zeros and leaves it so.
func (g *group) counted(lower []uint16, table []uint32) {
	for _, v := range lower {
		table[v]++
	}
	for v := len(table) - 2; v >= 0; v -= 2 {
		if table[v]|table[v+1] != 0 {
			g.add(int64(table[v]), int64(table[v+1]))
			table[v], table[v+1] = 0, 0
		}
	}
}
