package patches

import (
	"context"
	"fmt"
	"io"
	"sync"
)

// Batch is what one step trains on.
type Batch struct {
	Step  int64     // counted from 0
	Image []float32 // patches × 1 × x × y × z
	Label []float32 // patches × classes × x × y × z, one-hot
}

// Loader cuts the batches of consecutive steps ahead of time.
type Loader struct {
	store   *Store
	plan    Plan
	cancel  context.CancelFunc
	pending chan chan result
	free    chan *Batch
	workers sync.WaitGroup
}

type result struct {
	batch *Batch
	err   error
}

// NewLoader starts to prepare the steps from first (counted from 0) up to but
// not including end, at most ahead of them in advance. Close it.
func NewLoader(ctx context.Context, s *Store, p Plan, first, end int64, ahead int) *Loader {
	ctx, cancel := context.WithCancel(ctx)
	ahead = max(ahead, 1)
	l := &Loader{store: s, plan: p, cancel: cancel, pending: make(chan chan result, ahead), free: make(chan *Batch, ahead+2)}
	l.workers.Go(func() {
		defer close(l.pending)
		for step := first; step < end; step++ {
			ch := make(chan result, 1)
			select {
			case l.pending <- ch:
			case <-ctx.Done():
				return
			}
			l.workers.Go(func() {
				b, err := l.build(ctx, step)
				ch <- result{b, err}
			})
		}
	})
	return l
}

// Next gives the batches in order of their steps, and io.EOF after the last.
func (l *Loader) Next(ctx context.Context) (*Batch, error) {
	select {
	case ch, ok := <-l.pending:
		if !ok {
			return nil, io.EOF
		}
		select {
		case r := <-ch:
			return r.batch, r.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Recycle gives a batch's memory back once it is no longer needed.
func (l *Loader) Recycle(b *Batch) {
	select {
	case l.free <- b:
	default:
	}
}

// Close stops the preparation and waits for its goroutines.
func (l *Loader) Close() {
	l.cancel()
	l.workers.Wait()
}

func (l *Loader) build(ctx context.Context, step int64) (*Batch, error) {
	n := l.plan.Size[0] * l.plan.Size[1] * l.plan.Size[2]
	classes := l.store.o.Classes
	var b *Batch
	select {
	case b = <-l.free:
	default:
		b = &Batch{Image: make([]float32, l.plan.Batch*n), Label: make([]float32, l.plan.Batch*classes*n)}
	}
	b.Step = step
	for slot := range l.plan.Batch {
		d := l.store.Draw(l.plan, step, slot)
		c, err := l.store.Get(ctx, d.Volume)
		if err != nil {
			return nil, fmt.Errorf("patch %d of step %d: %w", slot, step+1, err)
		}
		cut(c, d, l.plan.Size, b.Image[slot*n:][:n], b.Label[slot*classes*n:][:classes*n])
	}
	return b, nil
}
