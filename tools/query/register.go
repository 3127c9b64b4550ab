// Package query is the family of tools that look at what happened: lists and
// details of runs, curves, SQL over everything, and the two small changes that
// belong to looking, tagging and deleting. Nothing here trains or judges.
package query

import (
	"errors"
	"log/slog"
	"time"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
)

const family = "query"

// Deps is what the tools of this family work on. Logger may be nil.
type Deps struct {
	Workspace *workspace.Workspace
	Logger    *slog.Logger
	Now       func() time.Time
}

// Register adds the family's tools in catalogue order.
func Register(r *tools.Registry, deps Deps) error {
	if deps.Workspace == nil || deps.Now == nil {
		return errors.New("the query tools need a workspace and a clock")
	}
	return errors.Join(
		tools.Register(r, runsList{deps}),
		tools.Register(r, runShow{deps}),
		tools.Register(r, metricHistory{deps}),
		tools.Register(r, runsSQL{deps}),
		tools.Register(r, runTag{deps}),
		tools.Register(r, runDelete{deps}),
	)
}

// asError gives the engine's errors about runs their codes.
func asError(err error) error {
	code := tools.CodeFailed
	switch {
	case err == nil:
		return nil
	case errors.Is(err, runs.ErrNoRun):
		code = tools.CodeNotFound
	case errors.Is(err, runs.ErrRunning):
		code = tools.CodeConflict
	case errors.Is(err, runs.ErrBadTag):
		code = tools.CodeBadArguments
	}
	return tools.Errorf(code, "%w", err)
}
