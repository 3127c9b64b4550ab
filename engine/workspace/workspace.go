// Package workspace knows where things lie in a .minivess folder, and finds
// that folder. It makes paths; what lies at them belongs to other packages.
package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/minivess/minivess/engine/atomicfile"
)

// FolderName is the name of the folder that makes a project a workspace.
const FolderName = ".minivess"

// ErrNotFound says that there is no workspace at or above a folder.
var ErrNotFound = errors.New("no workspace")

// Workspace is one .minivess folder.
type Workspace struct{ root string }

// Find returns the workspace that dir belongs to: the .minivess folder in dir
// or in the nearest folder above it. A non-empty override (MINIVESS_HOME) is
// used instead of looking: it names a .minivess folder, or the folder that
// holds one. The error wraps ErrNotFound when there is none.
func Find(dir, override string) (*Workspace, error) {
	if override != "" {
		root, err := rootIn(override)
		if err != nil {
			return nil, err
		}
		if !isDir(root) {
			return nil, fmt.Errorf("%w: MINIVESS_HOME is %q, but there is no folder %q; create it, or unset MINIVESS_HOME",
				ErrNotFound, override, root)
		}
		return &Workspace{root: root}, nil
	}
	start, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the workspace of %q: %w", dir, err)
	}
	for at := start; ; {
		if root := filepath.Join(at, FolderName); isDir(root) {
			return &Workspace{root: root}, nil
		}
		up := filepath.Dir(at)
		if up == at {
			return nil, fmt.Errorf("%w: neither %q nor a folder above it holds %s; run minivess init there, or set MINIVESS_HOME",
				ErrNotFound, start, FolderName)
		}
		at = up
	}
}

// Create makes dir a workspace, or opens the one that is there. Dir may also
// name the .minivess folder itself.
func Create(dir string) (*Workspace, error) {
	root, err := rootIn(dir)
	if err != nil {
		return nil, err
	}
	w := &Workspace{root: root}
	for _, d := range []string{w.Runs(), w.Threads(), w.Traces(), w.Datasets(), w.Cache(), w.Slots()} {
		if err := os.MkdirAll(d, 0o750); err != nil {
			return nil, fmt.Errorf("create a workspace in %q: %w", dir, err)
		}
	}
	// Volumes, checkpoints and conversations do not belong into somebody's git.
	ignore := filepath.Join(root, ".gitignore")
	if _, err := os.Lstat(ignore); errors.Is(err, fs.ErrNotExist) {
		if err := atomicfile.WriteBytes(ignore, 0o644, []byte("*\n")); err != nil {
			return nil, fmt.Errorf("create a workspace in %q: %w", dir, err)
		}
	}
	return w, nil
}

// OfRun returns the workspace that a run folder (<root>/runs/<run-id>) lies
// in. It is how a worker, which is told only its run folder, finds the rest.
func OfRun(runDir string) (*Workspace, error) {
	abs, err := filepath.Abs(runDir)
	if err != nil {
		return nil, fmt.Errorf("find the workspace of run folder %q: %w", runDir, err)
	}
	runs := filepath.Dir(abs)
	if filepath.Base(runs) != "runs" || !isDir(runs) {
		return nil, fmt.Errorf("%w: %q is not a run folder; expected <workspace>/runs/<run-id>", ErrNotFound, runDir)
	}
	return &Workspace{root: filepath.Dir(runs)}, nil
}

// Root is the .minivess folder, absolute.
func (w *Workspace) Root() string { return w.root }

// Project is the folder that holds the .minivess folder.
func (w *Workspace) Project() string { return filepath.Dir(w.root) }

// Runs is the folder of run folders.
func (w *Workspace) Runs() string { return filepath.Join(w.root, "runs") }

// Run is one run's folder. The id is not checked here; package runs does.
func (w *Workspace) Run(id string) string { return filepath.Join(w.root, "runs", id) }

// Threads is the folder of conversation journals.
func (w *Workspace) Threads() string { return filepath.Join(w.root, "threads") }

// Traces is the folder of OTLP/JSON lines files, one a day.
func (w *Workspace) Traces() string { return filepath.Join(w.root, "traces") }

// Datasets is the folder that synthetic data are generated into.
func (w *Workspace) Datasets() string { return filepath.Join(w.root, "datasets") }

// DatasetCatalogue is the journal of known datasets.
func (w *Workspace) DatasetCatalogue() string { return filepath.Join(w.root, "datasets.jsonl") }

// Audit is the hash-chained journal of tool calls.
func (w *Workspace) Audit() string { return filepath.Join(w.root, "audit.jsonl") }

// Cache is the folder of files that can be deleted at any time.
func (w *Workspace) Cache() string { return filepath.Join(w.root, "cache") }

// Slots is the folder of the lock files by which jobs take turns.
func (w *Workspace) Slots() string { return filepath.Join(w.root, "slots") }

func rootIn(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("open the workspace %q: %w", dir, err)
	}
	if filepath.Base(abs) == FolderName {
		return abs, nil
	}
	return filepath.Join(abs, FolderName), nil
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}
