package export

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
	"github.com/minivess/minivess/engine/runs"
)

// Request says what is exported, and how it is checked.
type Request struct {
	Source *Source
	Format Format
	// Path is where the file goes; a relative path starts at the working
	// directory. Its folder must exist.
	Path string
	// Overwrite replaces a file that is there.
	Overwrite bool
	// External puts an ONNX model's weights into a file beside it.
	External bool
	// Version names the program, for the metadata.
	Version string
	Verify  Verify
	// Progress, if set, is told what is being done, and how far it is.
	Progress func(phase string, done, total int)
}

// Verify bounds the check of an ONNX model. The zero value does without ONNX
// Runtime.
type Verify struct {
	// Library is the path of ONNX Runtime; where there is none, the report says
	// that the model was not run.
	Library string
	Threads int
	// Volumes is the most volumes that are predicted, and Time how long that may
	// take; whichever is reached first.
	Volumes int
	Time    time.Duration
}

func (r Request) tell(phase string, done, total int) {
	if r.Progress != nil {
		r.Progress(phase, done, total)
	}
}

// Export writes a run's weights in the format asked for and checks what was
// written. A file that fails its check, or whose check was interrupted, is
// removed again. Errors wrap ErrFormat, ErrExists, ErrSource, ErrCheck, or are
// those of reading the checkpoint and writing the file.
func Export(ctx context.Context, r Request) (_ Report, err error) {
	if err := r.check(); err != nil {
		return Report{}, err
	}
	r.tell("load", 0, 0)
	digest, _, err := runs.Digest(r.Source.Path)
	if err != nil {
		return Report{}, fmt.Errorf("export: %w", err)
	}
	state, err := r.Source.load()
	if err != nil {
		return Report{}, fmt.Errorf("export: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return Report{}, fmt.Errorf("export: %w", err)
	}
	e := &exporter{Request: r, state: state, metadata: r.Source.metadata(digest)}
	if r.Version != "" {
		e.metadata["minivess"] = r.Version
	}
	e.report = Report{
		Format: r.Format, Run: r.Source.Run.ID(), Model: r.Source.Adapter.Config().Name,
		Checkpoint: r.Source.Checkpoint.Role, Step: r.Source.Checkpoint.Step,
		Parameters: nn.CountElements(r.Source.Adapter.TrainableParameters()),
	}
	if err := e.run(ctx); err != nil {
		return Report{}, fmt.Errorf("export: %w", errors.Join(err, e.undo()))
	}
	return e.report, nil
}

// check makes the checks for which nothing needs to be read.
func (r Request) check() error {
	if err := r.Format.Check(); err != nil {
		return err
	}
	if r.Source == nil || r.Path == "" {
		return fmt.Errorf("%w: no run or no path is given", ErrSource)
	}
	if st, err := os.Stat(filepath.Dir(r.Path)); err != nil {
		return fmt.Errorf("export to %q: %w; make the folder first", r.Path, err)
	} else if !st.IsDir() {
		return fmt.Errorf("export to %q: %q is not a folder", r.Path, filepath.Dir(r.Path))
	}
	st, err := os.Lstat(r.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("export: %w", err)
	case st.IsDir():
		return fmt.Errorf("%w: %q is a folder; name a file in it", ErrExists, r.Path)
	case !r.Overwrite:
		return fmt.Errorf("%w: %q; choose another path, or ask to overwrite it", ErrExists, r.Path)
	}
	return nil
}

// Measure says what Export would write, without writing it.
func Measure(r Request) (onnx.Written, error) {
	if err := r.check(); err != nil {
		return onnx.Written{}, err
	}
	p, isONNX := r.Format.precision()
	if !isONNX {
		return onnx.Written{Path: r.Path, Bytes: 4 * nn.CountElements(r.Source.Adapter.TrainableParameters())}, nil
	}
	state, err := r.Source.load()
	if err != nil {
		return onnx.Written{}, err
	}
	digest := make([]byte, 2*sha256.Size) // as long as the real one
	return onnx.Measure(r.Path, r.Source.Adapter, state,
		onnx.Spec{Patch: r.Source.patch(), Weights: p, Metadata: r.Source.metadata(string(digest))}, onnx.FileOptions{External: r.External})
}

// patch is the size that an ONNX model must take: that of the windows.
func (s *Source) patch() [3]int { return s.Experiment.WindowSize() }

// exporter is one export under way.
type exporter struct {
	Request

	state    *nn.State
	metadata map[string]string
	report   Report
	written  []string
}

func (e *exporter) run(ctx context.Context) error {
	e.tell("write", 0, 0)
	var err error
	if p, ok := e.Format.precision(); ok {
		err = e.model(ctx, p)
	} else {
		err = e.bare()
	}
	if err != nil {
		return err
	}
	for _, path := range e.written {
		sum, n, err := runs.Digest(path)
		if err != nil {
			return err
		}
		e.report.Files = append(e.report.Files, File{Path: path, Bytes: n, SHA256: sum})
	}
	return nil
}

// bare writes the weights alone and reads them back.
func (e *exporter) bare() error {
	if err := adapter.Export(e.Path, e.Format.weightsFormat(), e.Source.Adapter, e.state, e.metadata); err != nil {
		return err
	}
	e.written = append(e.written, e.Path)
	again, err := e.Source.Adapter.LoadCheckpoint(e.Path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCheck, err)
	}
	for t := range e.state.All() {
		u, ok := again.Get(t.Name)
		if !ok || !u.Shape.Equal(t.Shape) || u.DType != t.DType || string(u.Data) != string(t.Data) {
			return fmt.Errorf("%w: tensor %q did not come back as it was", ErrCheck, t.Name)
		}
	}
	e.checked("reads back", "%d tensors, bit for bit", e.state.Len())
	return nil
}

// checked notes a check that was made.
func (e *exporter) checked(name, format string, args ...any) {
	e.report.Checks = append(e.report.Checks, Check{Name: name, Made: true, Found: fmt.Sprintf(format, args...)})
}

// unchecked notes one that could not be.
func (e *exporter) unchecked(name, format string, args ...any) {
	e.report.Checks = append(e.report.Checks, Check{Name: name, Found: fmt.Sprintf(format, args...)})
}

// undo removes what was written.
func (e *exporter) undo() (err error) {
	for _, path := range e.written {
		if rm := os.Remove(path); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
		}
	}
	return err
}
