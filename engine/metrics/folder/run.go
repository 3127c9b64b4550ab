package folder

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// Failure is a pair that could not be scored.
type Failure struct {
	Pair
	Err error `json:"-"`
}

// Outcome is what came of several pairs.
type Outcome struct {
	Cases  []Case // in the order of the pairs
	Failed []Failure
}

// Progress tells that another pair is through.
type Progress struct {
	Done, Total int
	// Share is how much of all voxels has been seen, in [0, 1].
	Share float64
	Case  string
	Err   error // why this pair was not scored
}

// Run scores pairs, several at a time as far as memory and threads allow, and
// calls progress, which may be nil, after each, never twice at once. A pair that
// cannot be scored does not keep the others from it. The result does not depend
// on how many are scored at a time. It returns an error when the options make
// no sense, and what it has so far with one when the context ends.
func Run(ctx context.Context, pairs []Pair, o Options, progress func(Progress)) (Outcome, error) {
	o, err := o.resolve(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	r := newRunner(pairs, o, progress)
	workers := max(1, min(o.Threads, len(pairs)))
	o.Threads = max(1, o.Threads/workers)
	group := errgroup.Group{}
	group.SetLimit(workers)
	for i := range pairs {
		if ctx.Err() != nil || r.room.Acquire(ctx, r.needs[i]) != nil {
			break
		}
		group.Go(func() error {
			defer r.room.Release(r.needs[i])
			c, err := r.one(ctx, i, o)
			if ctx.Err() == nil {
				r.tell(i, c, err)
			}
			return nil
		})
	}
	_ = group.Wait() // pairs keep their errors
	out := r.outcome()
	if err := ctx.Err(); err != nil {
		return out, fmt.Errorf("scoring %d pairs: %w", len(pairs), err)
	}
	return out, nil
}

// runner is the state of one Run.
type runner struct {
	pairs    []Pair
	needs    []int64
	broken   []error // why a pair cannot even be tried
	room     *semaphore.Weighted
	progress func(Progress)

	mu         sync.Mutex
	cases      []*Case
	failed     []error
	done       int
	seen, size float64
}

// newRunner looks at all files' headers.
func newRunner(pairs []Pair, o Options, progress func(Progress)) *runner {
	limit := o.Memory
	if limit <= 0 {
		limit = 1 << 62
	}
	r := &runner{
		pairs: pairs, progress: progress, room: semaphore.NewWeighted(limit), needs: make([]int64, len(pairs)),
		broken: make([]error, len(pairs)), cases: make([]*Case, len(pairs)), failed: make([]error, len(pairs)),
	}
	for i, p := range pairs {
		r.needs[i], r.broken[i] = needed(p, o)
		r.size += float64(r.needs[i])
	}
	return r
}

// one scores a pair, unless its headers already told that it cannot be.
func (r *runner) one(ctx context.Context, i int, o Options) (Case, error) {
	if r.broken[i] != nil {
		return Case{}, r.broken[i]
	}
	return score(ctx, r.pairs[i], o)
}

// tell keeps what came of a pair and says so.
func (r *runner) tell(i int, c Case, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.failed[i] = err
	} else {
		r.cases[i] = &c
	}
	r.done++
	r.seen += float64(r.needs[i])
	if r.progress == nil {
		return
	}
	share := float64(r.done) / float64(len(r.pairs))
	if r.size > 0 {
		share = r.seen / r.size
	}
	r.progress(Progress{Done: r.done, Total: len(r.pairs), Share: share, Case: r.pairs[i].Case, Err: err})
}

func (r *runner) outcome() Outcome {
	var out Outcome
	for i, p := range r.pairs {
		switch {
		case r.failed[i] != nil:
			out.Failed = append(out.Failed, Failure{p, r.failed[i]})
		case r.cases[i] != nil:
			out.Cases = append(out.Cases, *r.cases[i])
		}
	}
	return out
}
