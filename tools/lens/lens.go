// Package lens asks the workspace's DuckDB projection one question at a time.
// The projection is opened for the question and closed after it, so no tool
// holds a database, and tools that ask no SQL pay nothing.
package lens

import (
	"context"
	"errors"
	"log/slog"

	"github.com/minivess/minivess/engine/projection"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
)

// Ask runs one read-only statement over everything that has happened so far.
func Ask(ctx context.Context, ws *workspace.Workspace, logger *slog.Logger, sql string, limits projection.Limits) (_ projection.Table, err error) {
	db, err := projection.Open(ctx, ws, logger)
	if err != nil {
		return projection.Table{}, tools.Errorf(tools.CodeFailed, "%w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Query(ctx, sql, limits)
}
