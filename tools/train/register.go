// Package train is the family of tools about jobs: launching a training,
// looking at jobs, resuming and cancelling them, and waiting for one to end.
// How a network is trained is the engine's and happens in the worker; here are
// the settings, the checks before a launch, the costs and the sentences.
package train

import (
	"context"
	"errors"
	"iter"

	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/engine/jobs"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
)

const family = "train"

// Launcher starts and steers jobs; *jobs.Launcher is one.
type Launcher interface {
	Launch(ctx context.Context, spec runs.Spec) (string, error)
	Resume(ctx context.Context, id string, epochs int) error
	Cancel(ctx context.Context, id string) error
	Watch(ctx context.Context, id string, from int64) iter.Seq2[journal.Record, error]
}

// Deps is what the tools of this family work on.
type Deps struct {
	Workspace *workspace.Workspace
	Launcher  Launcher
	// Memory is what a training may take, in bytes; 0 means as much as the system
	// says is free.
	Memory int64
}

// Register adds the family's tools in catalogue order.
func Register(r *tools.Registry, deps Deps) error {
	if deps.Workspace == nil || deps.Launcher == nil {
		return errors.New("the train tools need a workspace and a launcher")
	}
	return errors.Join(
		tools.Register(r, launch{deps}),
		tools.Register(r, jobList{deps}),
		tools.Register(r, jobStatus{deps}),
		tools.Register(r, jobLogs{deps}),
		tools.Register(r, jobResume{deps}),
		tools.Register(r, jobCancel{deps}),
	)
}

// asError gives the engine's errors about jobs their codes.
func asError(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []struct {
		is   error
		code tools.Code
	}{
		{runs.ErrNoRun, tools.CodeNotFound},
		{runs.ErrRunning, tools.CodeConflict},
		{jobs.ErrEnded, tools.CodeConflict},
		{jobs.ErrNotResumable, tools.CodeConflict},
		{runs.ErrBadSpec, tools.CodeBadArguments},
		{dataset.ErrSplit, tools.CodeBadArguments},
	} {
		if errors.Is(err, known.is) {
			return tools.Errorf(known.code, "%w", err)
		}
	}
	return tools.Errorf(tools.CodeFailed, "%w", err)
}
