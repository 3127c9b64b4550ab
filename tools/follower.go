package tools

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/minivess/minivess/engine/journal"
)

// follower keeps what a journal says in step with the file, which several
// processes write. The lock guards whatever take fills as well.
type follower struct {
	path string
	now  func() time.Time
	take func(journal.Record) error // called once for each record, in order

	sync.Mutex
	offset int64 // behind the last record taken
}

// turn writes with everything that others wrote already taken, under the
// journal's lock, and takes what it wrote. The caller holds f.
func (f *follower) turn(ctx context.Context, write func(*journal.Writer) error) error {
	err := appendTo(ctx, f.path, journal.Options{Sync: true, Now: f.now}, func(w *journal.Writer) error {
		if err := f.catchUp(); err != nil {
			return err
		}
		return write(w)
	})
	if err != nil {
		return err
	}
	return f.catchUp()
}

// catchUp takes the records that are new in the file. The caller holds f.
func (f *follower) catchUp() error {
	for rec, err := range journal.Read(f.path, f.offset) {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			err = f.take(rec)
		}
		if err != nil {
			return fmt.Errorf("reading %q: %w", f.path, err)
		}
		f.offset = rec.Offset
	}
	return nil
}
