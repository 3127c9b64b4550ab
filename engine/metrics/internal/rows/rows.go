// Package rows splits the rows of a volume between goroutines. It knows
// nothing of what is done with a row.
package rows

import (
	"context"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Each calls work for consecutive, disjoint ranges [from, to) that together
// cover [0, n), on at most threads goroutines (0 means GOMAXPROCS). A chunk is
// at most size long. It stops early with the context's error, or with the
// first error of work.
func Each(ctx context.Context, n, size, threads int, work func(from, to int) error) error {
	return EachBy(ctx, n, size, threads, func() func(from, to int) error { return work })
}

// EachBy is Each for work that needs scratch space: every goroutine calls
// worker once, and what that returns for each of its ranges.
func EachBy(ctx context.Context, n, size, threads int, worker func() func(from, to int) error) error {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	size = max(size, 1)
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range min(threads, (n+size-1)/size) {
		group.Go(func() error {
			work := worker()
			for {
				from := int(next.Add(int64(size))) - size
				if from >= n {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := work(from, min(from+size, n)); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}
