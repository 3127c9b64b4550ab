// Package runstest leaves run folders as workers leave them, for the tests of
// whoever reads runs.
package runstest

import (
	"path/filepath"
	"testing"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
)

// Create makes a run with the given events (kind, data, kind, data, …) and
// gives its folder. Nobody holds the journal when it returns, so that a run
// without a last word counts as dead.
func Create(tb testing.TB, ws *workspace.Workspace, spec runs.Spec, events ...any) string {
	tb.Helper()
	dir, err := runs.Create(ws, spec)
	if err != nil {
		tb.Fatal(err)
	}
	Append(tb, dir, events...)
	return dir
}

// Append adds events to a run's journal.
func Append(tb testing.TB, dir string, events ...any) {
	tb.Helper()
	w, err := journal.OpenWriter(tb.Context(), filepath.Join(dir, runs.EventsFile), journal.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	for i := 0; i < len(events); i += 2 {
		kind, ok := events[i].(string)
		if !ok {
			tb.Fatalf("%v is no kind of event", events[i])
		}
		if _, err := w.Append(kind, events[i+1]); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
}
