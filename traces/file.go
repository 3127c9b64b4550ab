package traces

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/sys/unix"
)

// DayLayout names a day's file, in UTC.
const DayLayout = "2006-01-02"

// files appends batches of spans to <dir>/<day>.jsonl. Control plane and
// workers share a file: each line is written whole, at the end, under a lock.
type files struct {
	dir     string
	now     func() time.Time
	logger  *slog.Logger
	cleaner *cleaner

	dropped  atomic.Int64
	reported atomic.Bool
}

var _ sdktrace.SpanExporter = (*files)(nil)

// ExportSpans appends one line. It never fails: what cannot be written is
// counted and reported once.
func (f *files) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	line, err := encode(spans, f.cleaner)
	if err == nil {
		err = appendLine(filepath.Join(f.dir, f.now().UTC().Format(DayLayout)+".jsonl"), line)
	}
	if err != nil {
		f.dropped.Add(int64(len(spans)))
		f.report(ctx, err)
	}
	return nil
}

// Shutdown has nothing to close: no file stays open between batches.
func (f *files) Shutdown(context.Context) error { return nil }

func (f *files) report(ctx context.Context, err error) {
	if !f.reported.Swap(true) {
		f.logger.WarnContext(ctx, "traces are not being written; the work goes on without them", "error", err)
	}
}

// complain takes what OpenTelemetry itself has to say.
func (f *files) complain(err error) {
	f.logger.Debug("OpenTelemetry", "error", err)
}

// appendLine adds a whole line, or nothing, to the file. A line that a killed
// process left unfinished is ended first, so that it spoils no other.
func appendLine(path string, line []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }() // closing also unlocks
	if err := lock(file); err != nil {
		return fmt.Errorf("traces: lock %q: %w", path, err)
	}
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	size := info.Size()
	if size > 0 {
		last := make([]byte, 1)
		if _, err := file.ReadAt(last, size-1); err != nil {
			return fmt.Errorf("traces: %w", err)
		}
		if last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	if _, err := file.Write(line); err != nil {
		return fmt.Errorf("traces: %w", errors.Join(err, file.Truncate(size)))
	}
	return nil
}

func lock(file *os.File) error {
	for {
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
