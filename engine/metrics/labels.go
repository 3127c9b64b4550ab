package metrics

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/minivess/minivess/engine/metrics/internal/bitmask"
	"github.com/minivess/minivess/engine/metrics/internal/rows"
)

// LabelMap is a volume of labels of shape (x, y, z), one byte a voxel, 0 for
// background, x fastest.
type LabelMap struct {
	Shape [3]int
	Data  []uint8
}

// LabelChoice says which labels EvaluateLabels scores.
type LabelChoice struct {
	// Labels, not 0, are scored in this order; none means every label but 0 and Ignore
	// that occurs in either map, ascending.
	Labels []uint8
	// Ignore are labels of the reference where nothing is judged: such voxels
	// count as background in both maps.
	Ignore []uint8
}

// LabelResult is the scores of one label.
type LabelResult struct {
	Label  uint8  `json:"label"`
	Result Result `json:"result"`
}

// LabelResults is the scores of several labels of one pair of label maps.
type LabelResults struct {
	Labels []LabelResult `json:"labels"`
	// Mean is each metric's mean over the labels that have a finite value of
	// it, and Counted how many those are. A metric without any has no mean.
	Mean    map[string]float64 `json:"mean"`
	Counted map[string]int     `json:"counted"`
	// IgnoredVoxels is how many voxels were left out of account.
	IgnoredVoxels int `json:"ignored_voxels"`
}

// EvaluateLabels scores a label map against a reference, label by label, each
// as Evaluate would score the voxels that carry it. A label that neither map
// has is scored as a pair of empty masks by the policy. Both maps are looked
// through once; after that each label costs as much as the box around it.
func EvaluateLabels(ctx context.Context, ref, pred LabelMap, choice LabelChoice, o Options) (LabelResults, error) {
	o, err := o.resolve()
	if err != nil {
		return LabelResults{}, err
	}
	scores, ignored, err := compareLabels(ctx, ref, pred, choice, []Options{o})
	if err != nil {
		return LabelResults{}, err
	}
	out := LabelResults{Mean: map[string]float64{}, Counted: map[string]int{}, IgnoredVoxels: ignored}
	for _, s := range scores {
		out.Labels = append(out.Labels, LabelResult{Label: s.Label, Result: s.Results[0]})
	}
	out.average()
	return out, nil
}

// LabelComparison is the scores of one label under several definitions.
type LabelComparison struct {
	Label   uint8      `json:"label"`
	Results Comparison `json:"scores"`
}

// CompareLabels scores label by label under each of the definitions (none means
// all), as Compare does. It also says how many voxels were ignored.
func CompareLabels(ctx context.Context, ref, pred LabelMap, choice LabelChoice, o Options, definitions ...string) (scores []LabelComparison, ignored int, err error) {
	if len(definitions) == 0 {
		definitions = Definitions()
	}
	plans, err := plan(o, definitions)
	if err != nil {
		return nil, 0, err
	}
	return compareLabels(ctx, ref, pred, choice, plans)
}

// compareLabels does the work once for all plans.
func compareLabels(ctx context.Context, ref, pred LabelMap, choice LabelChoice, plans []Options) (scores []LabelComparison, ignored int, err error) {
	if err := checkPair(Mask(ref), Mask(pred)); err != nil {
		return nil, 0, err
	}
	if err := choice.check(); err != nil {
		return nil, 0, err
	}
	found, err := survey(ctx, ref, pred, choice.Ignore, plans[0].Threads)
	if err != nil {
		return nil, 0, err
	}
	if len(choice.Labels) == 0 {
		choice.Labels = found.labels()
	}
	for _, label := range choice.Labels {
		p, err := labelPair(ctx, ref, pred, label, found, plans[0])
		if err != nil {
			return nil, 0, err
		}
		s := LabelComparison{Label: label}
		for _, plan := range plans {
			r, err := p.evaluate(ctx, plan)
			if err != nil {
				return nil, 0, fmt.Errorf("label %d: %w", label, err)
			}
			s.Results = append(s.Results, r)
		}
		scores = append(scores, s)
	}
	return scores, found.ignored, nil
}

func (c LabelChoice) check() error {
	for i, label := range c.Labels {
		if label == 0 {
			return fmt.Errorf("%w: 0 is the background, and no structure", ErrLabel)
		}
		if slices.Contains(c.Ignore, label) {
			return fmt.Errorf("%w: %d is to be scored and to be ignored; drop one of the two", ErrLabel, label)
		}
		if slices.Contains(c.Labels[:i], label) {
			return fmt.Errorf("%w: %d is listed twice", ErrLabel, label)
		}
	}
	return nil
}

func (r *LabelResults) average() {
	for _, l := range r.Labels {
		for name, v := range l.Result.Values {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				r.Mean[name] += v
				r.Counted[name]++
			}
		}
	}
	for name, n := range r.Counted {
		r.Mean[name] /= float64(n)
	}
}

// labelPair packs one label of both maps, in the box around it.
func labelPair(ctx context.Context, ref, pred LabelMap, label uint8, found *extents, o Options) (*pair, error) {
	first, size := found.boxes[label].bounds()
	keep := [256]bool{}
	keep[label] = true
	r, err := bitmask.Select(ctx, ref.Data, ref.Shape, first, size, &keep, o.Threads)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	p, err := bitmask.Select(ctx, pred.Data, pred.Shape, first, size, &keep, o.Threads)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	if found.ignored > 0 {
		out, err := bitmask.Select(ctx, ref.Data, ref.Shape, first, size, &found.ignore, o.Threads)
		if err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
		p.Remove(out)
	}
	return pairOf(ref.Shape, first, r, p, o), nil
}

// extents is where labels lie.
type extents struct {
	boxes   [256]box // around the voxels of each label in either map
	ignore  [256]bool
	ignored int
}

// box is the span of voxels along each axis, inclusive; some is false if there
// are none.
type box struct {
	lo, hi [3]int
	some   bool
}

func (b *box) add(lo, hi [3]int) {
	if !b.some {
		*b = box{lo, hi, true}
		return
	}
	for axis := range lo {
		b.lo[axis], b.hi[axis] = min(b.lo[axis], lo[axis]), max(b.hi[axis], hi[axis])
	}
}

// bounds is the box as first voxel and size; that of no voxels is one voxel.
func (b box) bounds() (first, size [3]int) {
	for axis := range size {
		size[axis] = b.hi[axis] - b.lo[axis] + 1
	}
	return b.lo, size
}

func (e *extents) labels() []uint8 {
	var list []uint8
	for label := 1; label < len(e.boxes); label++ {
		if e.boxes[label].some && !e.ignore[label] {
			list = append(list, uint8(label))
		}
	}
	return list
}

// survey looks where the labels of both maps lie.
func survey(ctx context.Context, ref, pred LabelMap, ignore []uint8, threads int) (*extents, error) {
	whole := &extents{}
	for _, label := range ignore {
		whole.ignore[label] = true
	}
	var mu sync.Mutex
	err := rows.Each(ctx, ref.Shape[2], 1, threads, func(from, to int) error {
		part := extents{ignore: whole.ignore}
		for row := from * ref.Shape[1]; row < to*ref.Shape[1]; row++ {
			at := row * ref.Shape[0]
			part.row(ref.Data[at:at+ref.Shape[0]], pred.Data[at:at+ref.Shape[0]], row%ref.Shape[1], row/ref.Shape[1])
		}
		mu.Lock()
		defer mu.Unlock()
		whole.ignored += part.ignored
		for label, b := range part.boxes {
			if b.some {
				whole.boxes[label].add(b.lo, b.hi)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return whole, nil
}

// row takes in one row of both maps, eight voxels at once where all are background.
func (e *extents) row(ref, pred []uint8, y, z int) {
	for x := 0; x < len(ref); x++ {
		if !e.ignore[0] {
			for len(ref)-x >= 8 && binary.LittleEndian.Uint64(ref[x:])|binary.LittleEndian.Uint64(pred[x:]) == 0 {
				x += 8
			}
			if x == len(ref) {
				return
			}
		}
		r, p := ref[x], pred[x]
		if e.ignore[r] {
			e.ignored++
			continue
		}
		at := [3]int{x, y, z}
		if r != 0 {
			e.boxes[r].add(at, at)
		}
		if p != 0 && p != r {
			e.boxes[p].add(at, at)
		}
	}
}
