// Package journal is the one primitive below everything that minivess
// remembers: an append-only file of JSON lines with one writer, by file lock,
// and any number of readers that can follow it.
//
// A line is
//
//	{"seq":1,"time":"…","kind":"…","data":{…},"crc":"xxxxxxxx"}
//
// where crc is the CRC-32C of the line's bytes before `,"crc"`, and seq rises
// by one from 1. A chained journal has `,"prev":"…","hash":"…"` before the
// crc: hash is the SHA-256 of the line's bytes before `,"hash"`, and prev the
// hash of the line before (64 zeros in the first).
//
// A last line without its end is what a crash leaves: readers stop before it
// and the next writer cuts it off. Anything else that does not check out is
// damage, reported with its byte offset and never repaired silently.
//
// What the kinds and data mean is up to the packages that own the journals.
package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/minivess/minivess/engine/filelock"
)

// MaxLine is the most bytes that one line may have.
const MaxLine = 64 << 20

var (
	// ErrLocked is returned when another process, or another Writer of this
	// one, writes the journal.
	ErrLocked = filelock.ErrLocked
	// ErrDamaged is wrapped by every DamageError.
	ErrDamaged = errors.New("damaged journal")
	// ErrClosed is returned by Append after Close.
	ErrClosed = errors.New("the journal writer is closed")
)

// Record is one line of a journal.
type Record struct {
	Seq  int64
	Time time.Time
	Kind string
	Data json.RawMessage
	// Prev and Hash are set in chained journals: hexadecimal SHA-256.
	Prev, Hash string
	// Offset is not part of the line: it is the byte offset just after it,
	// where a reader goes on.
	Offset int64
}

// Decode reads the record's data into v, which must be a pointer.
func (r Record) Decode(v any) error {
	if err := json.Unmarshal(r.Data, v); err != nil {
		return fmt.Errorf("record %d (%s): %w", r.Seq, r.Kind, err)
	}
	return nil
}

// DamageError says where a journal does not check out. It wraps ErrDamaged.
type DamageError struct {
	Path   string
	Offset int64 // of the first byte of the damaged line
	Reason string
}

// Error names the file, the byte and the reason.
func (e *DamageError) Error() string {
	return fmt.Sprintf("damaged journal %q at byte %d: %s; nothing was changed: restore the file from a backup, or move it away to start anew",
		e.Path, e.Offset, e.Reason)
}

// Unwrap makes errors.Is(err, ErrDamaged) true.
func (e *DamageError) Unwrap() error { return ErrDamaged }

// Locked reports whether a writer has the journal open. The kernel drops the
// lock when the writer dies, so this is also how to tell whether a worker is
// alive. It disturbs nobody. A journal that does not exist is not locked.
func Locked(path string) (bool, error) { return filelock.HeldPath(path) }
