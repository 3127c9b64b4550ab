package adapter

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"path"
	"slices"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/weights"
)

// LoadOptions say how weights are taken from a file. The zero value takes what
// fits; callers who pass on a person's wish should be strict unless told
// otherwise.
type LoadOptions struct {
	// Strict refuses a file whose tensors are not exactly the network's, Ignore
	// and Rename considered.
	Strict bool
	// Ignore are patterns (as of path.Match, where * also matches dots) of
	// parameters that are not loaded, whether the file has them or not: those of
	// an output layer for other classes, say.
	Ignore []string
	// Rename maps a name of the file to the network's; "" leaves the tensor out.
	// It sees names from which wrappers and prefixes were taken. Several names of
	// the file may lead to one of the network's when their tensors are equal:
	// PyTorch writes a module once for every attribute that leads to it.
	Rename func(string) string
	// Branch chooses among several sets of weights, as weights.Options.Branch.
	Branch string
	// AllowNonFinite loads weights even if some are NaN or infinite.
	AllowNonFinite bool
}

// LoadCheckpoint reads weights that must be exactly the declared parameters,
// from a file of any format that package weights knows. A file that says which
// model it belongs to must say this one; a foreign file that says nothing is
// judged by its tensors alone. Floating-point weights come as F32.
func LoadCheckpoint(file string, config Config, params []nn.Param) (*nn.State, error) {
	s, _, err := Load(file, config, params, LoadOptions{Strict: true})
	return s, err
}

// Load reads what a file of weights has for the declared parameters, in the
// parameters' order, floating-point weights as F32. The report names what
// matched, what the file lacks, what it has too much and what has another
// shape; parameters that Ignore names are in none of them. The state has the
// matched tensors alone: a caller who loads in part starts from initial values
// and lets those of the state replace them (nn/torch's Module.LoadState does).
//
// An error that comes of the tensors wraps ErrCheckpoint, and the report is
// filled; the state is then nil. A file of which nothing matches is an error
// even if not strict.
func Load(file string, config Config, params []nn.Param, o LoadOptions) (s *nn.State, report nn.KeyReport, err error) {
	if err := checkPatterns(o.Ignore); err != nil {
		return nil, report, err
	}
	wanted := slices.DeleteFunc(slices.Clone(params), func(p nn.Param) bool { return matches(o.Ignore, p.Name) })
	f, err := weights.Open(file, weights.Options{
		Branch: o.Branch, Names: inFile(wanted, o), Float32: true, AllowNonFinite: o.AllowNonFinite,
	})
	if err != nil {
		return nil, report, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if name := savedFrom(f); o.Strict && name != "" && name != config.Name {
		return nil, report, fmt.Errorf("checkpoint %q: %w: it was saved from %q, this is %q", file, ErrCheckpoint, name, config.Name)
	}
	names, found, err := survey(f, o)
	if err != nil {
		return nil, report, fmt.Errorf("checkpoint %q: %w: %w", file, ErrCheckpoint, err)
	}
	report = nn.CompareAll(wanted, headers(found))
	if err := judge(report, o.Strict); err != nil {
		return nil, report, fmt.Errorf("checkpoint %q: %w: %w", file, ErrCheckpoint, explain(err, f, o))
	}
	s, err = take(f, report.Matched, names)
	return s, report, err
}

// savedFrom is the model that a file says it is of. Only minivess's own formats
// say it: what a PyTorch checkpoint keeps under that key may mean anything.
func savedFrom(f *weights.File) string {
	if f.Format() != weights.Safetensors && f.Format() != weights.NPZ {
		return ""
	}
	return f.Metadata()[metaModel]
}

// inFile lists the names to expect in the file: the parameters', unless they
// are called differently there.
func inFile(params []nn.Param, o LoadOptions) []string {
	if o.Rename != nil {
		return nil
	}
	names := make([]string, len(params))
	for i, p := range params {
		names[i] = p.Name
	}
	return names
}

// survey lists the file's tensors under the network's names; names leads back
// to the file's own.
func survey(f *weights.File, o LoadOptions) (names map[string]string, found []weights.Info, err error) {
	names = make(map[string]string)
	first := make(map[string]weights.Info)
	for _, info := range f.Tensors() {
		name := info.Name
		if o.Rename != nil {
			name = o.Rename(name)
		}
		if name == "" || matches(o.Ignore, name) {
			continue
		}
		if other, ok := first[name]; ok {
			if err := equal(f, other, info); err != nil {
				return nil, nil, fmt.Errorf("%q and %q would both be %q: %w", other.Name, info.Name, name, err)
			}
			continue
		}
		names[name], first[name] = info.Name, info
		info.Name = name
		found = append(found, info)
	}
	return names, found, nil
}

// equal returns an error unless two of the file's tensors are the same.
func equal(f *weights.File, a, b weights.Info) error {
	if a.DType != b.DType || !a.Shape.Equal(b.Shape) {
		return fmt.Errorf("one is %s %v, the other %s %v", a.DType, a.Shape, b.DType, b.Shape)
	}
	return f.View(a.Name, func(x []byte) error {
		return f.View(b.Name, func(y []byte) error {
			if !bytes.Equal(x, y) {
				return errors.New("their values differ")
			}
			return nil
		})
	})
}

// headers yields tensors that have not been read: their names, types and shapes.
func headers(found []weights.Info) iter.Seq[nn.Tensor] {
	return func(yield func(nn.Tensor) bool) {
		for _, info := range found {
			if !yield(nn.Tensor{Name: info.Name, DType: info.DType, Shape: info.Shape}) {
				return
			}
		}
	}
}

// judge returns what is wrong with a report.
func judge(r nn.KeyReport, strict bool) error {
	if strict || len(r.Matched) == 0 {
		return r.Err()
	}
	return nil
}

// explain adds to a mismatch what can be done about it.
func explain(err error, f *weights.File, o LoadOptions) error {
	if s := f.Metadata()[metaOptions]; s != "" {
		err = fmt.Errorf("%w; the file was saved with options %q", err, s)
	}
	for _, note := range f.Notes() {
		err = fmt.Errorf("%w; %s", err, note)
	}
	if o.Strict {
		return fmt.Errorf("%w; inspect the file to see which model and options it fits, or load in part (not strict, or ignore patterns)", err)
	}
	return fmt.Errorf("%w; inspect the file to see which model it fits", err)
}

// take reads the tensors named and gives them the network's names.
func take(f *weights.File, matched []string, names map[string]string) (*nn.State, error) {
	if len(matched) == 0 {
		return &nn.State{}, nil
	}
	own := make([]string, len(matched))
	for i, name := range matched {
		own[i] = names[name]
	}
	read, err := f.State(own...)
	if err != nil {
		return nil, err
	}
	s := &nn.State{}
	for i, name := range matched {
		t, _ := read.Get(own[i])
		t.Name = name
		if err := s.Add(t); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// checkPatterns refuses a pattern that path.Match would not take.
func checkPatterns(patterns []string) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("%w: ignore pattern %q: %w", ErrOption, p, err)
		}
	}
	return nil
}

// matches reports whether any pattern matches the name.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return err == nil && ok
	})
}
