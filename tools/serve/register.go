// Package serve is the family of tools that put trained models to use: listing
// the networks there are, writing a run's weights for others, and predicting
// volumes with a run or with a model file. Exporting happens here, in engine/export;
// predicting happens in a worker.
package serve

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"

	"github.com/minivess/minivess/engine/export"
	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
	"github.com/minivess/minivess/engine/nn/ort"
	"github.com/minivess/minivess/engine/nn/weights"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
)

const family = "serve"

// Launcher starts jobs; *jobs.Launcher is one.
type Launcher interface {
	Launch(ctx context.Context, spec runs.Spec) (string, error)
}

// Deps is what the tools of this family work on. Logger may be nil.
type Deps struct {
	Workspace *workspace.Workspace
	Launcher  Launcher
	Logger    *slog.Logger
	// Runtime is the path of ONNX Runtime's library. Exports are written without
	// it, but not checked by running them.
	Runtime string
	// Version of the program, which exported files carry.
	Version string
}

// Register adds the family's tools in catalogue order.
func Register(r *tools.Registry, deps Deps) error {
	if deps.Workspace == nil || deps.Launcher == nil {
		return errors.New("the serve tools need a workspace and a launcher")
	}
	return errors.Join(
		tools.Register(r, modelList{}),
		tools.Register(r, modelExport{deps}),
		tools.Register(r, predictVolume{deps}),
	)
}

// asError gives the engine's errors their codes.
func asError(err error) error {
	code := tools.CodeFailed
	switch {
	case err == nil:
		return nil
	case errors.Is(err, export.ErrCheck):
	case errors.Is(err, export.ErrExists), errors.Is(err, export.ErrSource):
		code = tools.CodeConflict
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, runs.ErrNoRun):
		code = tools.CodeNotFound
	case errors.Is(err, export.ErrFormat), errors.Is(err, runs.ErrBadSpec), errors.Is(err, onnx.ErrFormat), errors.Is(err, ort.ErrModel),
		errors.Is(err, nn.ErrShape), errors.Is(err, adapter.ErrSize), errors.Is(err, weights.ErrUnknown):
		code = tools.CodeBadArguments
	}
	return tools.Errorf(code, "%w", err)
}
