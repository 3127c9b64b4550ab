// Package evaluate is the family of tools that judge: scoring a trained run on
// whole volumes, and comparing runs by those scores. The scoring happens in a
// worker and the statistics in the engine; here are the checks before, and the
// words after.
package evaluate

import (
	"context"
	"errors"
	"log/slog"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
)

const family = "evaluate"

// Launcher starts jobs; *jobs.Launcher is one.
type Launcher interface {
	Launch(ctx context.Context, spec runs.Spec) (string, error)
}

// Deps is what the tools of this family work on. Logger may be nil.
type Deps struct {
	Workspace *workspace.Workspace
	Launcher  Launcher
	Logger    *slog.Logger
}

// Register adds the family's tools in catalogue order.
func Register(r *tools.Registry, deps Deps) error {
	if deps.Workspace == nil || deps.Launcher == nil {
		return errors.New("the evaluate tools need a workspace and a launcher")
	}
	return errors.Join(
		tools.Register(r, evaluateRun{deps}),
		tools.Register(r, compareRuns{deps}),
	)
}
