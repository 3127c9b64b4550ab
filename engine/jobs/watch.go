package jobs

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"time"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
)

// watchPoll is how often a watcher looks for more.
const watchPoll = 50 * time.Millisecond

// Watch yields a run's events from a byte offset on (0, or the Offset of a
// record seen before), old ones first, then new ones as they come. It ends
// when the run has ended, its worker is dead, or ctx is done; runs.Load then
// tells how it stands. An error is yielded once and ends the sequence.
func (l *Launcher) Watch(ctx context.Context, id string, from int64) iter.Seq2[journal.Record, error] {
	return func(yield func(journal.Record, error) bool) {
		if _, err := runs.Load(l.Workspace, id); err != nil {
			yield(journal.Record{}, err)
			return
		}
		tick := time.NewTicker(watchPoll)
		defer tick.Stop()
		var f runs.Fold
		visit := func(rec journal.Record) error {
			if rec.Offset > from && !yield(rec, nil) {
				return errEnough
			}
			return ctx.Err()
		}
		for {
			live, err := runs.Advance(l.Workspace, id, &f, visit)
			switch {
			case errors.Is(err, errEnough), ctx.Err() != nil:
				return
			case err != nil && !errors.Is(err, fs.ErrNotExist):
				yield(journal.Record{}, err)
				return
			case !live:
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}

// errEnough says that the consumer wants no more.
var errEnough = errors.New("enough")
