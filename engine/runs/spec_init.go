package runs

import (
	"fmt"
	"path/filepath"
)

// FileRef pins a file that a job needs beside its volumes: the weights that a
// training begins with, or a network in a file.
type FileRef struct {
	// From is how a person named it: a run, a file or a folder.
	From string `json:"from"`
	// Run is the run whose checkpoint the file is; empty for a file of other
	// origin.
	Run string `json:"run,omitempty"`
	// Path is absolute.
	Path string `json:"path"`
	// SHA256 and Bytes are of the file when the job was launched. A worker
	// refuses one that has changed since.
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

func (f *FileRef) validate(what string) error {
	switch {
	case f == nil:
		return nil
	case !filepath.IsAbs(f.Path):
		return fmt.Errorf("%w: the path of the %s, %q, must be absolute", ErrBadSpec, what, f.Path)
	case f.Run != "" && !ValidID(f.Run):
		return fmt.Errorf("%w: the %s come from run %q: use 1 to %d of a-z, 0-9 and '-'", ErrBadSpec, what, f.Run, maxID)
	}
	return nil
}
