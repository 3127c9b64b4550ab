// Package inspect tells what is in a file of weights: format, tensors, totals,
// oddities, and which model they might be. It reads headers alone unless asked
// for more, so that it answers at once whatever the file's size. Loading
// belongs to adapter, reading to engine/nn/weights.
package inspect

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/weights"
)

// Options ask for what takes time: both read the whole file.
type Options struct {
	// Digests computes the SHA-256 of the file and of each tensor.
	Digests bool
	// Values looks for NaN, infinities and tensors that are all zeros.
	Values bool
	// Branch chooses among several sets of weights in one file.
	Branch string
}

// Guess is a model that the tensors fit.
type Guess struct {
	Model   string         `json:"model"`
	Options map[string]any `json:"options,omitempty"`
}

// Tensor is one tensor of a file.
type Tensor struct {
	Name   string   `json:"name"`
	DType  nn.DType `json:"dtype"`
	Shape  nn.Shape `json:"shape"`
	Bytes  int64    `json:"bytes"`
	SHA256 string   `json:"sha256,omitempty"`
}

// Report is what is known about a file.
type Report struct {
	Path string `json:"path"`
	// Format is one of the constants of engine/nn/weights.
	Format    string `json:"format"`
	FileBytes int64  `json:"file_bytes"`
	SHA256    string `json:"sha256,omitempty"`
	// Metadata are the file's own words.
	Metadata map[string]string `json:"metadata,omitempty"`
	Tensors  []Tensor          `json:"tensors"`
	// Parameters counts the elements of floating-point tensors, Bytes all
	// tensors' sizes; Types counts tensors by element type.
	Parameters int64            `json:"parameters"`
	Bytes      int64            `json:"bytes"`
	Types      map[nn.DType]int `json:"types"`
	// Notes say how the weights were found.
	Notes []string `json:"notes,omitempty"`
	// Guesses are the models that fit, best first.
	Guesses []Guess `json:"guesses,omitempty"`
	// Warnings are oddities that a person should know of before using the file.
	Warnings []string `json:"warnings,omitempty"`
}

// File looks into a file. recognise, which may be nil, says which models have
// tensors of these names and shapes.
func File(path string, recognise func(map[string]nn.Shape) []Guess, o Options) (r Report, err error) {
	f, err := weights.Open(path, weights.Options{Branch: o.Branch})
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r = Report{
		Path: path, Format: f.Format(), Metadata: f.Metadata(), Notes: f.Notes(), Types: make(map[nn.DType]int),
	}
	if info, err := os.Stat(path); err == nil {
		r.FileBytes = info.Size()
	}
	shapes := make(map[string]nn.Shape)
	for _, t := range f.Tensors() {
		r.Tensors = append(r.Tensors, Tensor{Name: t.Name, DType: t.DType, Shape: t.Shape, Bytes: t.Bytes})
		r.Types[t.DType]++
		r.Bytes += t.Bytes
		if t.DType.Float() {
			r.Parameters += t.Shape.Elements()
		}
		shapes[t.Name] = t.Shape
	}
	if recognise != nil {
		r.Guesses = guess(recognise, shapes, f.Prefix())
	}
	if err := r.read(f, o); err != nil {
		return Report{}, fmt.Errorf("inspect %q: %w", path, err)
	}
	return r, nil
}

// guess asks for the names as they are and, since some networks' own names begin
// with "model." or the like, with the parts of the prefix put back.
func guess(recognise func(map[string]nn.Shape) []Guess, shapes map[string]nn.Shape, prefix string) []Guess {
	for {
		if guesses := recognise(shapes); len(guesses) > 0 || prefix == "" {
			return guesses
		}
		i := strings.LastIndexByte(strings.TrimSuffix(prefix, "."), '.') + 1
		longer := make(map[string]nn.Shape, len(shapes))
		for name, shape := range shapes {
			longer[prefix[i:]+name] = shape
		}
		shapes, prefix = longer, prefix[:i]
	}
}

// read adds what takes reading the tensors.
func (r *Report) read(f *weights.File, o Options) error {
	if o.Digests {
		var err error
		if r.SHA256, err = f.Digest(); err != nil {
			return err
		}
		for i := range r.Tensors {
			if r.Tensors[i].SHA256, err = f.TensorDigest(r.Tensors[i].Name); err != nil {
				return err
			}
		}
	}
	if !o.Values {
		return nil
	}
	for _, t := range r.Tensors {
		err := f.View(t.Name, func(data []byte) error {
			switch i := weights.NonFinite(t.DType, data); {
			case i >= 0:
				r.warn("tensor %q is NaN or infinite, first at element %d", t.Name, i)
			case t.DType.Float() && len(t.Shape) > 1 && allZeros(data): // biases often are
				r.warn("tensor %q is all zeros", t.Name)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// allZeros is true for one element or more of nothing but zeros.
func allZeros(data []byte) bool {
	return len(data) > 0 && !slices.ContainsFunc(data, func(b byte) bool { return b != 0 })
}

func (r *Report) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}
