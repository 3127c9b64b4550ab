package train

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/models/bundle"
	"github.com/minivess/minivess/engine/nn/weights"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/train/start"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/resolve"
)

// beginning is where a training's first weights come from.
type beginning struct {
	file    runs.FileRef
	options map[string]any // of the network that the weights belong to
	said    string         // how those options are known, for job.json
	model   string         // that network, "" when it is not known
	notes   []string
}

// found looks up what a person named: a file, a bundle's folder, or a run.
func found(ws *workspace.Workspace, from, model string) (beginning, error) {
	path, err := filepath.Abs(from)
	if err != nil {
		return beginning{}, asError(err)
	}
	st, err := os.Stat(path)
	switch {
	case err == nil && st.IsDir():
		return ofBundle(from, path)
	case err == nil:
		return ofFile(runs.FileRef{From: from, Path: path}, model)
	case !errors.Is(err, fs.ErrNotExist):
		return beginning{}, asError(err)
	case strings.ContainsRune(from, filepath.Separator) || slices.Contains(endings(), strings.ToLower(filepath.Ext(from))):
		return beginning{}, tools.Errorf(tools.CodeNotFound, "there is no file of weights %q", path).WithHint("give its path from the working directory, or name a run")
	}
	picked, err := resolve.TrainedRun(ws, from)
	if err != nil {
		return beginning{}, err
	}
	return ofRun(from, picked, model)
}

// endings are those of files of weights.
func endings() []string {
	return []string{".safetensors", ".npz", ".pt", ".pth", ".ts", ".bin", ".ckpt"}
}

// ofRun takes the best checkpoint of a run that has ended.
func ofRun(from string, picked resolve.Picked, model string) (beginning, error) {
	r := picked.Run
	if r.State.Active() {
		return beginning{}, tools.Errorf(tools.CodeConflict, "run %s is still %s: its weights change", r.ID(), r.State).
			WithHint("begin with it when it has ended, or stop it with job_cancel")
	}
	for _, role := range []string{"best", "last"} {
		c, ok := r.Checkpoints[role]
		path := filepath.Join(r.Dir, filepath.FromSlash(c.Path))
		if _, err := os.Stat(path); !ok || err != nil {
			continue
		}
		b, err := ofFile(runs.FileRef{From: from, Run: r.ID(), Path: path}, model)
		b.notes = append([]string{fmt.Sprintf("%q is %s (%s): its %s checkpoint, of step %d", tools.Plain(from), picked.Label(), picked.Why, role, c.Step)}, b.notes...)
		return b, err
	}
	return beginning{}, tools.Errorf(tools.CodeConflict, "run %s has no checkpoint to begin with", r.ID()).
		WithHint("job_status says how it ended; job_resume may take it further")
}

// ofBundle takes the weights of a MONAI bundle, and its network's settings.
func ofBundle(from, folder string) (beginning, error) {
	read, err := bundle.Read(folder)
	if err != nil {
		return beginning{}, tools.Errorf(tools.CodeBadArguments, "%w", err).WithHint("give a MONAI bundle's folder, or a file of weights")
	}
	b := beginning{
		file: runs.FileRef{From: from, Path: read.WeightsPath}, model: read.Model, options: read.Options,
		said: "as the bundle " + tools.Plain(filepath.Base(folder)) + " has it", notes: read.Notes,
	}
	return b, b.pin()
}

// ofFile takes a file of weights.
func ofFile(ref runs.FileRef, model string) (beginning, error) {
	b := beginning{file: ref}
	s, err := start.Look(ref.Path, model)
	if err != nil {
		return b, asWeightsError(err)
	}
	b.model, b.options, b.notes = s.Model, s.Options, s.Notes
	b.said = "recognised in " + tools.Plain(filepath.Base(ref.Path))
	if s.Own {
		b.said = "as " + tools.Plain(filepath.Base(ref.Path)) + " has it"
	}
	if s.Model == "" {
		b.notes = append(b.notes, "its tensors are those of no known network: the network's options are the ones given, and defaults")
	}
	return b, b.pin()
}

// pin notes what the file is now.
func (b *beginning) pin() error {
	var err error
	b.file.SHA256, b.file.Bytes, err = runs.Digest(b.file.Path)
	return asError(err)
}

// take checks the weights against the network, without keeping them.
func (b *beginning) take(m models.Adapter, o config.Init) (string, error) {
	_, report, err := start.Of(m).Take(b.file.Path, o)
	if err == nil {
		return fmt.Sprintf("begins with %s: %s", tools.Plain(b.file.Path), report.Summary), nil
	}
	e := asWeightsError(err)
	switch {
	case b.model != "" && b.model != m.Config().Name:
		e = e.WithHint("the file's tensors are those of %s", b.model)
	case len(report.Mismatched) > 0 && len(report.Missing) == 0:
		e = e.WithHint("for another output, leave its layers out with init.ignore=NAME.*, or take what fits with init.strict=false")
	case len(report.Missing)+len(report.Mismatched)+len(report.Unexpected) > 0:
		e = e.WithHint("take what fits with init.strict=false; `minivess model inspect` shows the file")
	}
	return "", e
}

// asWeightsError gives errors about files of weights their codes.
func asWeightsError(err error) *tools.Error {
	code := tools.CodeBadArguments
	if errors.Is(err, fs.ErrNotExist) {
		code = tools.CodeNotFound
	}
	e := tools.Errorf(code, "%w", err)
	if errors.Is(err, weights.ErrNonFinite) {
		return e.WithHint("use an earlier checkpoint: no training can mend such weights")
	}
	return e
}
