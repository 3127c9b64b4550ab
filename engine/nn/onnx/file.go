package onnx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/nn"
)

// ErrExists means that a file is there already and was not to be replaced.
var ErrExists = errors.New("the file exists")

// DataSuffix is what the name of the file of weights has after the model's.
const DataSuffix = ".data"

// FileOptions say how ExportFile lays a model on disk.
type FileOptions struct {
	// External puts weights into a file beside the model, FILE.onnx.data. It is
	// done without asking when one file could not hold them.
	External bool
	// Overwrite replaces files that are there.
	Overwrite bool
}

// Written is what ExportFile wrote.
type Written struct {
	Path      string `json:"path"`
	Bytes     int64  `json:"bytes"`
	Data      string `json:"data,omitempty"` // file of weights beside the model
	DataBytes int64  `json:"data_bytes,omitempty"`
}

// ExportFile is Export into a file. Nothing half-written ever looks whole: files
// appear under their names when they are complete, the weights before the model
// that refers to them. When it fails, what was at path is still there, unless
// its weights lay in a file beside it and were already being replaced. The model
// finds its weights by a relative name, so both can be moved together.
func ExportFile(path string, network Network, s *nn.State, spec Spec, o FileOptions) (Written, error) {
	g, metadata, err := build(network, s, spec)
	if err != nil {
		return Written{}, err
	}
	l := g.lay(path, network.Config().Name, metadata, o.External)
	if err := l.free(o.Overwrite); err != nil {
		return Written{}, fmt.Errorf("export: %w", err)
	}
	if l.written.Data != "" {
		if err := l.writeData(g); err != nil {
			return Written{}, fmt.Errorf("export: %w", err)
		}
	}
	err = atomicfile.Write(path, 0o644, func(w io.Writer) error { return g.write(w, l.document, l.where) })
	if err != nil {
		return Written{}, fmt.Errorf("export: %w", errors.Join(err, l.removeData()))
	}
	return l.written, nil
}

// Measure is ExportFile without writing: what it would write for weights of
// these values.
func Measure(path string, network Network, s *nn.State, spec Spec, o FileOptions) (Written, error) {
	g, metadata, err := build(network, s, spec)
	if err != nil {
		return Written{}, err
	}
	return g.lay(path, network.Config().Name, metadata, o.External).written, nil
}

// laid is a model ready to be written.
type laid struct {
	written  Written
	where    placement
	document document
}

func (g *graph) lay(path, name string, metadata map[string]string, external bool) laid {
	l := laid{written: Written{Path: path}, where: make(placement, len(g.tensors))}
	if !external {
		l.document = g.document(name, metadata, l.where)
	}
	if external || l.document.size > largest {
		l.written.Data = path + DataSuffix
		l.where = g.outside(filepath.Base(l.written.Data))
		l.document = g.document(name, metadata, l.where)
		for i, at := range l.where {
			if at != nil {
				l.written.DataBytes = at.offset + g.tensors[i].size
			}
		}
	}
	l.written.Bytes = l.document.size
	return l
}

// free refuses to replace files unless that was asked for.
func (l laid) free(overwrite bool) error {
	for _, path := range []string{l.written.Path, l.written.Data} {
		if path == "" {
			continue
		}
		switch st, err := os.Lstat(path); {
		case err == nil && !overwrite:
			return fmt.Errorf("%w: %q", ErrExists, path)
		case err == nil && st.IsDir():
			return fmt.Errorf("%w: %q is a folder", ErrExists, path)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	return nil
}

// writeData writes the file of weights. A model that is there is removed first:
// it must not be found with another's weights.
func (l laid) writeData(g *graph) error {
	err := os.Remove(l.written.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return atomicfile.Write(l.written.Data, 0o644, func(w io.Writer) error { return g.writeOutside(w, l.where) })
}

func (l laid) removeData() error {
	if l.written.Data == "" {
		return nil
	}
	return os.Remove(l.written.Data)
}
