package tools

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/minivess/minivess/engine/journal"
)

// journalPatience is how long a call waits for its turn to write a journal
// that other processes write too. Their turns last milliseconds.
const journalPatience = 30 * time.Second

// AuditLog is the Auditor that writes a hash-chained journal. It holds the
// file only while it writes an entry, so several processes share one trail.
type AuditLog struct {
	path string
	now  func() time.Time
}

// NewAuditLog returns an audit log on the journal at path, which is created
// with the first entry.
func NewAuditLog(path string, now func() time.Time) *AuditLog {
	return &AuditLog{path: path, now: now}
}

// Record appends one entry; it is on disk, chained to the one before, when
// Record returns without an error.
func (l *AuditLog) Record(ctx context.Context, kind string, entry AuditEntry) error {
	return appendTo(ctx, l.path, journal.Options{Chain: true, Now: l.now}, func(w *journal.Writer) error {
		_, err := w.Append(kind, entry)
		return err
	})
}

// Verify checks the whole chain.
func (l *AuditLog) Verify() error { return journal.VerifyChain(l.path) }

// appendTo opens a journal for one short turn of writing.
func appendTo(ctx context.Context, path string, o journal.Options, write func(*journal.Writer) error) error {
	ctx, cancel := context.WithTimeout(ctx, journalPatience)
	defer cancel()
	o.Wait = true
	w, err := journal.OpenWriter(ctx, path, o)
	if err != nil {
		return fmt.Errorf("opening %q: %w", path, err)
	}
	return errors.Join(write(w), w.Close())
}
