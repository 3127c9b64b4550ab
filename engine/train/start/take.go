package start

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/weights"
	"github.com/minivess/minivess/engine/runs"
)

// loader takes weights from a file, as adapter.Load does. A model that has such
// a method of its own knows more ways to read foreign files than others.
type loader interface {
	Load(file string, o adapter.LoadOptions) (*nn.State, nn.KeyReport, error)
}

// Network is what weights are taken for.
type Network struct {
	Config nn.Config
	Params []nn.Param // and buffers
	own    loader
}

// Of is the network of a model.
func Of(m models.Adapter) Network {
	n := Network{Config: m.Config(), Params: m.TrainableParameters()}
	n.own, _ = m.(loader)
	return n
}

// Take reads a file's weights for the network and reports what matched, as the
// journal has it; File and SHA256 are left to the caller. An optimiser's state
// in the file is passed over. When the weights do not fit or are not finite,
// the error wraps adapter.ErrCheckpoint or weights.ErrNonFinite and nothing is
// taken. A pattern to ignore that matches nothing of the network is refused
// with adapter.ErrOption.
func (n Network) Take(file string, o config.Init) (*nn.State, runs.Weights, error) {
	ignored, err := n.ignored(o.Ignore)
	report := runs.Weights{Tensors: len(n.Params), Ignored: ignored}
	if err != nil {
		return nil, report, err
	}
	options := adapter.LoadOptions{Strict: o.Strict, Ignore: o.Ignore}
	if with, err := withOptimiser(file); err != nil {
		return nil, report, err
	} else if with {
		options.Rename = func(name string) string {
			if strings.HasPrefix(name, optimiserPrefix) {
				return ""
			}
			return name
		}
	}
	s, keys, err := n.load(file, options)
	return s, fill(report, keys), err
}

func (n Network) load(file string, o adapter.LoadOptions) (*nn.State, nn.KeyReport, error) {
	if n.own != nil {
		return n.own.Load(file, o)
	}
	return adapter.Load(file, n.Config, n.Params, o)
}

// ignored lists the network's tensors that the patterns name.
func (n Network) ignored(patterns []string) ([]string, error) {
	var all []string
	for _, pattern := range patterns {
		some := false
		for _, p := range n.Params {
			if ok, err := path.Match(pattern, p.Name); err == nil && ok {
				some = true
				if !slices.Contains(all, p.Name) {
					all = append(all, p.Name)
				}
			}
		}
		if !some {
			return nil, fmt.Errorf("%w: init.ignore %q matches none of the network's %d tensors", adapter.ErrOption, pattern, len(n.Params))
		}
	}
	return all, nil
}

// withOptimiser tells whether a file also holds an optimiser's state.
func withOptimiser(file string) (with bool, err error) {
	f, err := weights.Open(file, weights.Options{KeepPrefixes: true})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return slices.ContainsFunc(f.Tensors(), func(t weights.Info) bool { return strings.HasPrefix(t.Name, optimiserPrefix) }), nil
}

// fill puts a key report into a record.
func fill(r runs.Weights, keys nn.KeyReport) runs.Weights {
	r.Matched, r.Missing, r.Unexpected = len(keys.Matched), keys.Missing, keys.Unexpected
	for _, m := range keys.Mismatched {
		r.Mismatched = append(r.Mismatched, fmt.Sprintf("%s: the network's is %v, the file's %v", m.Name, m.Want, m.Got))
	}
	r.Summary = fmt.Sprintf("matched %d of %d", r.Matched, r.Tensors)
	for _, part := range []struct {
		n    int
		what string
	}{{len(r.Ignored), "ignored"}, {len(r.Missing), "missing"}, {len(r.Mismatched), "of another shape"}, {len(r.Unexpected), "unexpected"}} {
		if part.n > 0 {
			r.Summary += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	return r
}
