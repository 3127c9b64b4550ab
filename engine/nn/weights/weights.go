package weights

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/minivess/minivess/engine/mapfile"
	"github.com/minivess/minivess/engine/nn"
)

// Options say how a file is to be understood. The zero value does what is
// wanted nearly always.
type Options struct {
	// Branch is the path of the dictionary that holds the weights, keys joined
	// by dots, such as "ema" or "callbacks.averaged". Empty: the obvious one.
	Branch string
	// Names are the names that the tensors ought to have. A prefix common to all
	// tensors is then only taken off if more of them match without it. Without
	// Names known prefixes (module., _orig_mod., net. and the like) are always
	// taken off.
	Names []string
	// KeepPrefixes leaves all names as they are.
	KeepPrefixes bool
	// Float32 converts tensors of other floating-point types as they are loaded.
	Float32 bool
	// AllowNonFinite loads weights even if some are NaN or infinite.
	AllowNonFinite bool
}

// Info describes one tensor.
type Info struct {
	Name  string   `json:"name"`
	DType nn.DType `json:"dtype"`
	Shape nn.Shape `json:"shape"`
	// Bytes is the size of the array: elements × element size.
	Bytes int64 `json:"bytes"`
}

// item is a tensor and how to get at its elements.
type item struct {
	Info

	// stored tells that the file holds the elements at byte at, as they are
	// wanted: C order, little-endian. Otherwise read makes them.
	stored bool
	at     int64
	read   func(dst []byte) error
}

// File is an open file of weights. Its methods may be called concurrently.
type File struct {
	path     string
	format   string
	options  Options
	source   *mapfile.File
	items    []item
	index    map[string]int
	metadata map[string]string
	notes    []string
	prefix   string
}

// Open finds the weights in a file and checks where they lie; no tensor is read
// yet. Errors name the path and say what was found and what to do.
func Open(path string, o Options) (*File, error) {
	source, err := mapfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	f := &File{path: path, options: o, source: source}
	if err := f.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("weights %q: %w", path, err), source.Close())
	}
	return f, nil
}

// Format is one of the constants of this package.
func (f *File) Format() string { return f.format }

// Tensors lists the weights in the file's order, under their final names.
func (f *File) Tensors() []Info {
	out := make([]Info, len(f.items))
	for i, x := range f.items {
		out[i] = x.Info
		out[i].Shape = x.Shape.Clone()
	}
	return out
}

// Metadata returns what the file says beside its weights: safetensors' strings,
// or the plain values (epoch, best_metric) beside a PyTorch state_dict.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Notes say in words what was done to find the weights and what was left out.
func (f *File) Notes() []string { return slices.Clone(f.notes) }

// Prefix is what was taken off all names, such as "module.", or "".
func (f *File) Prefix() string { return f.prefix }

// Close closes the file. States that were read from it stay valid.
func (f *File) Close() error { return f.source.Close() }

// find returns the named tensor.
func (f *File) find(name string) (item, error) {
	i, ok := f.index[name]
	if !ok {
		return item{}, fmt.Errorf("weights %q: %w: there is no tensor %q", f.path, ErrTensor, name)
	}
	return f.items[i], nil
}

// add appends an item, whose name must be new.
func (f *File) add(x item) error {
	if _, ok := f.index[x.Name]; ok {
		return fmt.Errorf("%w: %q is there twice", ErrTensor, x.Name)
	}
	if f.index == nil {
		f.index = make(map[string]int)
	}
	f.index[x.Name] = len(f.items)
	f.items = append(f.items, x)
	return nil
}

func (f *File) note(format string, args ...any) {
	f.notes = append(f.notes, fmt.Sprintf(format, args...))
}
