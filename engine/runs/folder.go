package runs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/workspace"
)

// The names of the files in a run folder.
const (
	SpecFile       = "job.json"
	EventsFile     = "events.jsonl"
	TagsFile       = "tags.jsonl"
	CancelFile     = "cancel.json"
	WorkerLog      = "worker.log"
	WorkerFile     = "worker.json"
	CheckpointsDir = "checkpoints"
	ArtifactsDir   = "artifacts"
)

// maxSpec is the most bytes that a job.json may have.
const maxSpec = 64 << 20

var (
	// ErrBadSpec says that a specification cannot be run.
	ErrBadSpec = errors.New("bad job specification")
	// ErrExists says that the run is there already.
	ErrExists = errors.New("the run exists")
)

func eventsPath(dir string) string { return filepath.Join(dir, EventsFile) }

// Create makes the run folder of a specification, whole or not at all, and
// returns its path; the folder's name is the run's id. Schema, Created and
// RunID are filled in when they are empty. When a run with the same non-empty
// Key, or the same RunID, is there already, its folder is returned with
// ErrExists: of two processes that create at once, one wins.
func Create(ws *workspace.Workspace, spec Spec) (string, error) {
	if spec.Schema == 0 {
		spec.Schema = SpecSchema
	}
	if spec.Created.IsZero() {
		spec.Created = time.Now()
	}
	spec.Created = spec.Created.UTC().Round(0)
	if err := os.MkdirAll(ws.Runs(), 0o750); err != nil {
		return "", fmt.Errorf("create a run: %w", err)
	}
	if spec.RunID != "" {
		return createAs(ws, spec)
	}
	for n := 0; ; n++ {
		if spec.RunID = NewID(); spec.Key != "" {
			spec.RunID = keyedID(spec.Key, n)
		}
		dir, err := createAs(ws, spec)
		if !errors.Is(err, ErrExists) {
			return dir, err
		}
		if there, rerr := ReadSpec(dir); rerr == nil && spec.Key != "" && there.Key == spec.Key {
			return dir, err
		}
	}
}

func createAs(ws *workspace.Workspace, spec Spec) (dir string, err error) {
	if err := spec.Validate(); err != nil {
		return "", err
	}
	dir = ws.Run(spec.RunID)
	b, err := json.MarshalIndent(spec, "", "  ")
	if err != nil {
		return "", fmt.Errorf("create run %s: %w", spec.RunID, err)
	}
	// The folder is filled under a hidden name and renamed, so nobody ever
	// sees a run without its specification.
	tmp, err := os.MkdirTemp(ws.Runs(), ".new-")
	if err != nil {
		return "", fmt.Errorf("create run %s: %w", spec.RunID, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	if err := os.Chmod(tmp, 0o750); err != nil { //nolint:gosec // a folder
		return "", fmt.Errorf("create run %s: %w", spec.RunID, err)
	}
	for _, sub := range []string{CheckpointsDir, ArtifactsDir} {
		if err := os.Mkdir(filepath.Join(tmp, sub), 0o750); err != nil {
			return "", fmt.Errorf("create run %s: %w", spec.RunID, err)
		}
	}
	if err := atomicfile.WriteBytes(filepath.Join(tmp, SpecFile), 0o640, append(b, '\n')); err != nil {
		return "", fmt.Errorf("create run %s: %w", spec.RunID, err)
	}
	if err := os.Rename(tmp, dir); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return dir, fmt.Errorf("%w: %s", ErrExists, spec.RunID)
		}
		return "", fmt.Errorf("create run %s: %w", spec.RunID, err)
	}
	return dir, atomicfile.SyncDir(ws.Runs())
}

// ReadSpec reads and checks the job.json of a run folder.
func ReadSpec(dir string) (Spec, error) {
	var spec Spec
	path := filepath.Join(dir, SpecFile)
	f, err := os.Open(path)
	if err != nil {
		return spec, fmt.Errorf("%w: %w", ErrBadSpec, err)
	}
	defer f.Close() //nolint:errcheck // only read from
	b, err := io.ReadAll(io.LimitReader(f, maxSpec+1))
	switch {
	case err != nil:
		return spec, fmt.Errorf("%w: %w", ErrBadSpec, err)
	case len(b) > maxSpec:
		return spec, fmt.Errorf("%w: %q has more than %d bytes", ErrBadSpec, path, maxSpec)
	}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(&spec); err != nil {
		return spec, fmt.Errorf("%w: %q: %w", ErrBadSpec, path, err)
	}
	if err := spec.Validate(); err != nil {
		return spec, fmt.Errorf("%q: %w", path, err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return spec, fmt.Errorf("%w: %w", ErrBadSpec, err)
	}
	if name := filepath.Base(abs); name != spec.RunID {
		return spec, fmt.Errorf("%w: %q is about run %s, but lies in the folder of %q", ErrBadSpec, path, spec.RunID, name)
	}
	return spec, nil
}

// Validate checks the parts of a specification that do not depend on its
// kind's configuration. The error wraps ErrBadSpec.
func (s Spec) Validate() error {
	switch {
	case s.Schema > SpecSchema:
		return fmt.Errorf("%w: schema %d is newer than this program's %d; update minivess", ErrBadSpec, s.Schema, SpecSchema)
	case s.Schema < 1:
		return fmt.Errorf("%w: schema %d; this program writes %d", ErrBadSpec, s.Schema, SpecSchema)
	case !ValidID(s.RunID):
		return fmt.Errorf("%w: run id %q: use 1 to %d of a-z, 0-9 and '-'", ErrBadSpec, s.RunID, maxID)
	case s.Kind != KindTrain && s.Kind != KindEvaluate && s.Kind != KindPredict:
		return fmt.Errorf("%w: unknown kind %q; known are %s, %s and %s", ErrBadSpec, s.Kind, KindTrain, KindEvaluate, KindPredict)
	case s.Kind == KindPredict && s.Predict == nil:
		return fmt.Errorf("%w: kind %s needs the part \"predict\"", ErrBadSpec, s.Kind)
	case s.Kind == KindEvaluate && s.Evaluate == nil:
		return fmt.Errorf("%w: kind %s needs the part \"evaluate\"", ErrBadSpec, s.Kind)
	case s.Kind == KindEvaluate && !ValidID(s.Evaluate.Run):
		return fmt.Errorf("%w: the judged run's id %q: use 1 to %d of a-z, 0-9 and '-'", ErrBadSpec, s.Evaluate.Run, maxID)
	}
	if s.Kind == KindPredict {
		if err := s.Predict.Validate(); err != nil {
			return err
		}
	}
	if err := errors.Join(s.Init.validate("first weights"), s.Network.validate("network")); err != nil {
		return err
	}
	if err := validName(s.Name); err != nil {
		return fmt.Errorf("%w: run name %q: %w", ErrBadSpec, s.Name, err)
	}
	for what, v := range map[string]string{"model": s.Model, "dataset": s.Dataset.Name} {
		if !printable(v) || len(v) > maxName {
			return fmt.Errorf("%w: %s %q: use at most %d printable characters", ErrBadSpec, what, v, maxName)
		}
	}
	for k, v := range s.Tags {
		if err := validTag(k, v); err != nil {
			return fmt.Errorf("%w: %w", ErrBadSpec, err)
		}
	}
	return nil
}

// maxName is the most bytes that a name may have.
const maxName = 200

// validName refuses names that could not be used as a selector, that would
// write to the terminal, or that mean something in a path.
func validName(name string) error {
	switch {
	case name == "":
		return nil
	case len(name) > maxName:
		return fmt.Errorf("at most %d bytes", maxName)
	case !printable(name):
		return errors.New("no control characters")
	case strings.ContainsAny(name, `/\:,=`):
		return errors.New(`none of / \ : , =`)
	case name == selectLatest, name == selectAll, strings.HasPrefix(name, "@"), strings.HasPrefix(name, "."), strings.TrimSpace(name) != name:
		return errors.New("not latest, not all, no @, dot or space in front, no space behind")
	}
	return nil
}

// printable reports whether s is valid text without control or formatting
// characters (terminal escapes, line ends, changes of writing direction).
func printable(s string) bool {
	for _, r := range s {
		if r == unicode.ReplacementChar || r != ' ' && !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
