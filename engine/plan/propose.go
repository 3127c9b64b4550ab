package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"sort"

	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn/cost"
)

// Propose makes a plan. The same request always gives the same plan. Errors
// wrap ErrRequest or ErrMemory, say what was asked for and what would fit, or
// come from the model.
func Propose(ctx context.Context, r Request) (Proposal, error) {
	e, err := asTheyAre(r.Fingerprint)
	if err != nil {
		return Proposal{}, err
	}
	if err := r.check(); err != nil {
		return Proposal{}, err
	}
	widths, err := r.widths()
	if err != nil {
		return Proposal{}, err
	}
	var narrow error
	for i, options := range widths {
		s, err := newSearch(ctx, r, e, options)
		if err != nil {
			return Proposal{}, err
		}
		p, err := s.run()
		roomy := err == nil && s.share(p.Patch) >= leastShare
		if i == len(widths)-1 || roomy {
			if i > 0 && err == nil {
				p.Reasons = append([]string{"A network of the usual width leaves too little room for patches here, so the small configuration is taken."}, p.Reasons...)
			}
			return p, err
		}
		if err != nil && !errors.Is(err, ErrMemory) {
			return Proposal{}, err
		}
		narrow = err
	}
	return Proposal{}, narrow
}

// leastShare is the part of the wanted patch that must be left for a network of
// the usual width to be worth it.
const leastShare = 1.0 / 16

func (r Request) check() error {
	if r.Memory < 0 || r.StepSeconds < 0 || r.Speed < 0 || r.Batch < 0 || min(r.Patch[0], r.Patch[1], r.Patch[2]) < 0 {
		return fmt.Errorf("%w: memory of %d bytes, steps of %g s at %g FLOP/s, batch of %d, patch %v: none may be negative",
			ErrRequest, r.Memory, r.StepSeconds, r.Speed, r.Batch, r.Patch)
	}
	return nil
}

// widths are the options to try: those asked for, or first the model's own width
// and then its small configuration.
func (r Request) widths() ([]map[string]any, error) {
	d, err := models.Describe(r.Model)
	if err != nil {
		return nil, err
	}
	own := maps.Clone(r.Options)
	if own == nil {
		own = map[string]any{}
	}
	for key := range d.Small {
		if _, chosen := own[key]; chosen {
			return []map[string]any{own}, nil
		}
	}
	for _, key := range []string{"init_filters", "feature_size"} {
		if _, chosen := own[key]; chosen || len(d.Small) == 0 {
			return []map[string]any{own}, nil
		}
	}
	small := maps.Clone(d.Small)
	for _, key := range levelKeys(r.Model) { // the plan chooses those
		delete(small, key)
	}
	maps.Copy(small, own)
	return []map[string]any{own, small}, nil
}

// search looks for the largest patch of the right shape that fits.
type search struct {
	Request

	ctx     context.Context //nolint:containedctx // lives as long as one call of Propose
	extent  extent
	options map[string]any
	levels  *levels // nil for a network whose levels are fixed
	network models.Adapter
	limit   string // what stopped the patch: "memory" or "time"
}

func newSearch(ctx context.Context, r Request, e extent, options map[string]any) (*search, error) {
	s := &search{Request: r, ctx: ctx, extent: e, options: options, levels: levelsOf(r.Model, options)}
	if s.Precision == "" {
		s.Precision = cost.Float32
	}
	var err error
	s.network, err = models.New(r.Model, options)
	return s, err
}

// run finds patch and batch.
func (s *search) run() (Proposal, error) {
	batch := cmp.Or(s.Batch, s.leastBatch())
	l, c, err := s.largest(batch)
	if err != nil {
		return Proposal{}, err
	}
	if s.Batch == 0 {
		if batch, c, err = s.fill(l, batch, c); err != nil {
			return Proposal{}, err
		}
	}
	options := maps.Clone(s.options)
	p := Proposal{
		Model: s.Model, Options: options, Patch: l.patch, Batch: batch, Spacing: s.extent.spacing, MedianShape: rounded(s.extent.median),
		Normalise: normalisation(s.Modality), Cost: c,
	}
	if s.levels != nil {
		maps.Copy(options, s.levels.options(l))
		l.Features = s.levels.widths(len(l.Strides))
		p.Topology = &l.Topology
	}
	p.Reasons = s.reasons(p, l)
	return p, nil
}

// leastBatch is 2 when training, as in nnU-Net, else 1.
func (s *search) leastBatch() int {
	if s.Training {
		return leastBatch
	}
	return 1
}

// lay makes the network's levels for a size, or rounds the size up to what the
// network takes.
func (s *search) lay(size [3]float64) layout {
	if s.levels != nil {
		return lay(s.extent.spacing, size)
	}
	l := layout{divisor: s.network.Config().Divisor}
	for i, d := range l.divisor {
		l.patch[i] = max(1, int(math.Ceil(size[i]/float64(d)))) * d
	}
	return l
}

// cost is what one step takes.
func (s *search) cost(l layout, batch int) (cost.Cost, error) {
	if err := s.ctx.Err(); err != nil {
		return cost.Cost{}, err
	}
	network := s.network
	if s.levels != nil {
		options := maps.Clone(s.options)
		maps.Copy(options, s.levels.options(l))
		var err error
		if network, err = models.New(s.Model, options); err != nil {
			return cost.Cost{}, err
		}
	}
	return cost.Of(network, cost.Request{
		Batch: batch, Patch: l.patch, Precision: s.Precision, Training: s.Training, Checkpointing: s.Checkpointing,
		Optimiser: s.Optimiser, Threads: s.Threads, Auxiliary: true,
	})
}

// fits tells whether a step stays within memory and time. Time counts only as
// long as the patch is not small already.
func (s *search) fits(c cost.Cost, patch [3]int) bool {
	const small = 32 * 32 * 16 // voxels
	switch {
	case s.Memory > 0 && c.PeakBytes > s.Memory:
		s.limit = "memory"
	case s.StepSeconds > 0 && s.Speed > 0 && float64(c.FLOPs)/s.Speed > s.StepSeconds && patch[0]*patch[1]*patch[2] > small:
		s.limit = "time"
	default:
		return true
	}
	return false
}

// largest finds the largest patch for a batch, or takes the one that was chosen.
func (s *search) largest(batch int) (layout, cost.Cost, error) {
	if s.Patch != [3]int{} {
		return s.chosen(batch)
	}
	// What a smaller patch takes is never more, so the first that fits is found
	// by halving the list.
	all := s.candidates()
	costs := make([]cost.Cost, len(all))
	limits := make([]string, len(all))
	var failure error
	at := sort.Search(len(all), func(i int) bool {
		if failure == nil {
			costs[i], failure = s.cost(all[i], batch)
		}
		ok := failure != nil || s.fits(costs[i], all[i].patch)
		limits[i] = s.limit
		return ok
	})
	switch last := len(all) - 1; {
	case failure != nil:
		return layout{}, cost.Cost{}, failure
	case at > last:
		return all[last], costs[last], fmt.Errorf("%w: %s needs %s for its smallest patch, %s in batches of %d, and %s are there; take a narrower network, bfloat16 or recomputation",
			ErrMemory, s.Model, bytesWords(costs[last].PeakBytes), extentWords(all[last].patch), batch, bytesWords(s.Memory))
	case at > 0:
		s.limit = limits[at-1]
	}
	return all[at], costs[at], nil
}

// chosen judges a patch that somebody chose, which time does not change.
func (s *search) chosen(batch int) (layout, cost.Cost, error) {
	l := s.lay(float3(s.Patch))
	if l.patch != s.Patch {
		return l, cost.Cost{}, fmt.Errorf("%w: %s does not take patches of %s; %s would fit", ErrRequest, s.Model, extentWords(s.Patch), extentWords(l.patch))
	}
	c, err := s.cost(l, batch)
	if err != nil || s.Memory == 0 || c.PeakBytes <= s.Memory {
		return l, c, err
	}
	hint := "no patch fits"
	free := *s
	free.Patch = [3]int{}
	if smaller, _, err := free.largest(batch); err == nil {
		hint = fmt.Sprintf("a patch of %s would fit", extentWords(smaller.patch))
	}
	return l, c, fmt.Errorf("%w: %s needs %s for patches of %s in batches of %d, and %s are there; %s",
		ErrMemory, s.Model, bytesWords(c.PeakBytes), extentWords(s.Patch), batch, bytesWords(s.Memory), hint)
}

// candidates are patches from the size that is wanted to the smallest.
func (s *search) candidates() []layout {
	var all []layout
	size := first(s.extent)
	if s.levels != nil {
		for edge := 2.0 * minEdge; len(s.lay(size).Strides) < s.levels.least; edge *= 2 { // padded, then
			for i := range size {
				size[i] = max(size[i], edge)
			}
		}
		shrink(s.extent, size, func(l layout) bool {
			enough := len(l.Strides) >= s.levels.least
			if enough {
				all = append(all, l)
			}
			return !enough
		})
		return all
	}
	for l := s.lay(size); ; {
		all = append(all, l)
		axis, most := -1, 0.0
		for _, i := range nnunetOrder(s.extent.spacing) {
			if share := float64(l.patch[i]) / s.extent.median[i]; l.patch[i] > l.divisor[i] && share >= most {
				axis, most = i, share
			}
		}
		if axis < 0 {
			return all
		}
		l.patch[axis] -= l.divisor[axis]
	}
}

// mostBatch bounds the search.
const mostBatch = 32

// fill raises the batch for as long as it fits and does not cover more of the
// dataset than it should. A prediction takes four windows at most: more bring
// nothing.
func (s *search) fill(l layout, batch int, c cost.Cost) (int, cost.Cost, error) {
	most := mostBatch
	if s.Training {
		most = min(most, int(covered(s.extent, l.patch)))
	} else {
		most = 4
	}
	limit := s.limit
	for batch < most && limit == "" {
		more, err := s.cost(l, batch+1)
		if err != nil {
			return 0, c, err
		}
		if !s.fits(more, l.patch) || s.tooSlow(more) {
			break
		}
		batch, c = batch+1, more
	}
	s.limit = limit
	return batch, c, nil
}

// tooSlow tells whether a step takes longer than it should.
func (s *search) tooSlow(c cost.Cost) bool {
	return s.StepSeconds > 0 && s.Speed > 0 && float64(c.FLOPs)/s.Speed > s.StepSeconds
}

// share is the part of the wanted patch's voxels that a patch has.
func (s *search) share(patch [3]int) float64 {
	want := s.lay(first(s.extent)).patch
	have := float3(patch)
	return have[0] * have[1] * have[2] / (float64(want[0]) * float64(want[1]) * float64(want[2]))
}
