package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/minivess/minivess/engine/workspace"
)

// place says what to do where there is no workspace yet.
type place int

const (
	makeOne  place = iota // what is about to be done keeps something
	mustBe                // it only looks: an empty answer from the wrong folder would mislead
	anywhere              // it needs no workspace: a temporary one will do
)

// find returns the workspace to use, and what to do when it is let go.
func (env *environment) find(p place) (*workspace.Workspace, func() error, error) {
	ws, err := env.existing()
	keep := func() error { return nil }
	switch {
	case err == nil || !errors.Is(err, workspace.ErrNotFound):
		return ws, keep, err
	case p == anywhere:
		dir, err := os.MkdirTemp("", "minivess-")
		if err != nil {
			return nil, nil, fmt.Errorf("making a temporary workspace: %w", err)
		}
		ws, err := workspace.Create(dir)
		return ws, func() error { return os.RemoveAll(dir) }, err
	case p == mustBe || env.Dir == "" && env.Streams.Getenv("MINIVESS_HOME") != "":
		return nil, nil, err
	}
	dir := env.workDir()
	if st, statErr := os.Stat(dir); statErr != nil || !st.IsDir() {
		return nil, nil, err
	}
	ws, err = workspace.Create(dir)
	return ws, keep, err
}

// existing finds the workspace: the one that --workspace names, else
// MINIVESS_HOME's, else the one that this folder lies in.
func (env *environment) existing() (*workspace.Workspace, error) {
	if env.Dir == "" {
		return workspace.Find(env.workDir(), env.Streams.Getenv("MINIVESS_HOME"))
	}
	root := env.workDir()
	if filepath.Base(root) != workspace.FolderName {
		root = filepath.Join(root, workspace.FolderName)
	}
	if st, err := os.Stat(root); err != nil || !st.IsDir() {
		return nil, fmt.Errorf("%w: there is no folder %q\n  minivess init %s makes one", workspace.ErrNotFound, root, filepath.Dir(root))
	}
	return workspace.Find(root, root)
}
