package sandbox

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// forbidden refuses what no tool may touch on anybody's word: the kernel's
// files, what is neither file nor folder, and what the workspace's own record
// of things is kept in.
func (r Roots) forbidden(p Place) error {
	for _, system := range []string{"/proc", "/sys", "/dev"} {
		if within(p.Real, system) || within(p.Path, system) {
			return fmt.Errorf("%q: %w: it belongs to the operating system", p.Path, ErrForbidden)
		}
	}
	st, err := os.Lstat(p.Real)
	if err == nil && !st.Mode().IsRegular() && !st.IsDir() {
		return fmt.Errorf("%q: %w: it is neither a file nor a folder", p.Path, ErrForbidden)
	}
	if r.Workspace == "" {
		return nil
	}
	workspace, err := Resolve(r.Workspace)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(workspace, p.Real)
	if err == nil && filepath.IsLocal(rel) && kept(rel, st) {
		return fmt.Errorf("%q: %w: the workspace keeps its records in it", p.Path, ErrForbidden)
	}
	return nil
}

// kept reports whether a path within a workspace holds its records: the files
// that lie in it directly (audit trail, ledgers, policy, keys), conversations,
// traces and locks, and of a run whatever is not an artifact or a checkpoint.
func kept(rel string, st fs.FileInfo) bool {
	parts := strings.Split(rel, string(filepath.Separator))
	if ext := filepath.Ext(rel); ext == ".jsonl" || ext == ".lock" {
		return true
	}
	switch {
	case rel == ".":
		return true
	case len(parts) == 1:
		return st == nil || !st.IsDir() || slices.Contains([]string{"threads", "traces", "slots", "runs"}, parts[0])
	case parts[0] == "runs":
		return len(parts) < 3 || !slices.Contains([]string{"artifacts", "checkpoints"}, parts[2])
	}
	return slices.Contains([]string{"threads", "traces", "slots"}, parts[0])
}
