package govern

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/minivess/minivess/engine/report"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
)

// place works out where the report goes and checks that it may: the name says
// HTML, the folder is there (that of reports is made), and what it would replace is an earlier report.
func (t reportWrite) place(in *ReportIn, found chosen) (replaces bool, err error) {
	if in.Path == "" {
		in.Path = filepath.Join(t.reports(), fileName(found.evaluations))
	}
	path, err := filepath.Abs(in.Path)
	if err != nil {
		return false, tools.Errorf(tools.CodeBadArguments, "path %q: %w", in.Path, err)
	}
	in.Path = path
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".html" && ext != ".htm" {
		return false, tools.Errorf(tools.CodeBadArguments, "%q would hold HTML, but its name says otherwise", path).
			WithHint("name it %q", strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))+".html")
	}
	if info, err := os.Stat(filepath.Dir(path)); filepath.Dir(path) != t.reports() && (err != nil || !info.IsDir()) {
		return false, tools.Errorf(tools.CodeNotFound, "there is no folder %q", filepath.Dir(path)).WithHint("make it first, or choose another path")
	}
	return replaceable(path)
}

// replaceable tells whether there is an earlier report at path, and refuses
// whatever else is there.
func replaceable(path string) (bool, error) {
	foreign := tools.Errorf(tools.CodeConflict, "%q is there and is no report of minivess", path).WithHint("choose another path, or move it away")
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		return false, foreign // opening a pipe would wait for its other end
	}
	f, err := os.Open(path)
	if err != nil {
		return false, tools.Errorf(tools.CodeConflict, "%q cannot be looked at: %w", path, err).WithHint("choose another path")
	}
	defer func() { _ = f.Close() }() // it was only read
	start := make([]byte, report.MarkWithin)
	n, err := io.ReadFull(f, start)
	if (err == nil || errors.Is(err, io.ErrUnexpectedEOF)) && bytes.Contains(start[:n], []byte(report.Mark)) {
		return true, nil
	}
	return false, foreign
}

// nameable is how many runs a file name holds the ids of.
const nameable = 3

// fileName names a report after its runs.
func fileName(all []report.Evaluation) string {
	var ids []string
	for _, e := range all {
		if runs.ValidID(e.Run) {
			ids = append(ids, e.Run)
		} else {
			ids = append(ids, e.Job)
		}
	}
	if len(ids) <= nameable {
		return strings.Join(ids, "_") + ".html"
	}
	sum := sha256.Sum256([]byte(strings.Join(ids, " ")))
	return ids[0] + "_and-others-" + hex.EncodeToString(sum[:4]) + ".html"
}
