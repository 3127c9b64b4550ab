// Package data is the family of tools about datasets: listing, showing,
// making, importing, splitting and checking them. What a dataset is, and how
// vessels are grown, is the engine's; here are the arguments, the previews and
// the sentences.
package data

import (
	"context"
	"errors"
	"io/fs"

	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
)

const family = "data"

// Deps is what the tools of this family work on.
type Deps struct {
	Workspace *workspace.Workspace
}

// Register adds the family's tools in catalogue order.
func Register(r *tools.Registry, deps Deps) error {
	if deps.Workspace == nil {
		return errors.New("the data tools need a workspace")
	}
	return errors.Join(
		tools.Register(r, list{deps}),
		tools.Register(r, show{deps}),
		tools.Register(r, createSynthetic{deps}),
		tools.Register(r, importFolder{deps}),
		tools.Register(r, split{deps}),
		tools.Register(r, validate{deps}),
	)
}

func (d Deps) catalogue() *dataset.Catalogue { return dataset.Open(d.Workspace) }

// asError gives the engine's errors about datasets their codes.
func asError(err error) error {
	code := tools.CodeFailed
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	case errors.Is(err, dataset.ErrExists):
		code = tools.CodeConflict
	case errors.Is(err, dataset.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		code = tools.CodeNotFound
	case errors.Is(err, dataset.ErrName), errors.Is(err, dataset.ErrLayout), errors.Is(err, dataset.ErrSplit):
		code = tools.CodeBadArguments
	}
	return tools.Errorf(code, "%w", err)
}
