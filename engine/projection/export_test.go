package projection

import (
	"context"

	"github.com/minivess/minivess/engine/workspace"
)

// OpenSaving is Open that saves a snapshot whenever anything new was read.
func OpenSaving(ctx context.Context, ws *workspace.Workspace) (*DB, error) {
	return open(ctx, ws, nil, func(read, _ int64) bool { return read > 0 })
}

// Snapshot is the path of the snapshot.
func Snapshot(ws *workspace.Workspace) string { return snapshotPath(ws) }

// Forbidden and Calls are the guard's parts.
func Forbidden(name string) bool { return forbidden(name) }

// Calls lists the functions that a statement seems to call.
func Calls(query string) []string {
	var out []string
	for name := range calls(query) {
		out = append(out, name)
	}
	return out
}
