package query

import (
	"context"
	_ "embed"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/resolve"
)

//go:embed run_delete.md
var deleteDoc string

// DeleteIn names a run.
type DeleteIn struct {
	Run string `json:"run" jsonschema:"which run: an id or its prefix, a name, latest, …"`
}

// DeleteOut says what was removed. The run is gone, so it is called deleted.
type DeleteOut struct {
	tools.Line
	Deleted string `json:"deleted" jsonschema:"id of the run that was removed"`
	Why     string `json:"why" jsonschema:"why it was this run"`
	Bytes   int64  `json:"bytes" jsonschema:"disk space that its files took"`
}

type runDelete struct{ Deps }

func (runDelete) Spec() tools.Spec {
	return tools.Spec{Name: "run_delete", Family: family, Effect: tools.Destroy, Doc: deleteDoc}
}

func (t runDelete) Preview(ctx context.Context, in DeleteIn) (tools.Preview, error) {
	p, picked, err := resolve.PreviewRun(ctx, t.Workspace, in.Run, "delete")
	if err != nil || picked.Run.Dir == "" {
		return p, err
	}
	if err := deletable(picked.Run); err != nil {
		return p, err
	}
	bytes, files := size(picked.Run.Dir)
	p.Writes = []string{picked.Run.Dir}
	p.Notes = append(p.Notes, fmt.Sprintf("removes %s, %s, checkpoints included; this cannot be undone", tools.Count(files, "file"), tools.Bytes(bytes)))
	return p, nil
}

// deletable refuses runs at work. The engine refuses them again, under the
// run's lock.
func deletable(r runs.Run) error {
	if !r.State.Active() {
		return nil
	}
	return tools.Errorf(tools.CodeConflict, "run %s is %s and cannot be deleted", r.ID(), r.State).
		WithHint("stop it with job_cancel first")
}

func (t runDelete) Run(ctx context.Context, in DeleteIn, _ func(tools.Progress)) (DeleteOut, error) {
	picked, err := resolve.Run(t.Workspace, in.Run)
	if err != nil {
		return DeleteOut{}, err
	}
	if err := deletable(picked.Run); err != nil {
		return DeleteOut{}, err
	}
	bytes, _ := size(picked.Run.Dir)
	if err := runs.Delete(ctx, t.Workspace, picked.Run.ID()); err != nil {
		return DeleteOut{}, asError(err)
	}
	return DeleteOut{
		Line:    tools.Line{Summary: fmt.Sprintf("deleted %s, %s", picked.Label(), tools.Bytes(bytes))},
		Deleted: picked.Run.ID(), Why: picked.Why, Bytes: bytes,
	}, nil
}

// size adds up a folder's files. What vanishes meanwhile does not count.
func size(dir string) (bytes int64, files int) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // only a figure for the preview
		}
		if info, err := e.Info(); err == nil {
			bytes += info.Size()
			files++
		}
		return nil
	})
	return bytes, files
}
