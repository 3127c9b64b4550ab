package weights

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/minivess/minivess/engine/nn/pickle"
)

// Limits on what a checkpoint's tensors may come to.
const (
	// maxTensors is the largest number of tensors.
	maxTensors = 100_000
	// maxGrowth is how many times the file's size all tensors may have, beyond
	// freeBytes: views may share a storage or repeat its elements.
	maxGrowth = 8
	freeBytes = 256 << 20
)

// openPickle reads a checkpoint of PyTorch's.
func (f *File) openPickle() error {
	p, err := pickle.NewFile(f.source, f.source.Size())
	if err != nil {
		return err
	}
	f.format = map[string]string{
		pickle.Zip: PyTorch, pickle.Legacy: PyTorchLegacy, pickle.TorchScript: TorchScript,
	}[p.Kind()]
	f.metadata = make(map[string]string)
	var found []named
	if p.Kind() == pickle.TorchScript {
		found, err = f.scripted(p.Root())
	} else {
		found, err = f.branch(p.Root())
	}
	if err != nil {
		return err
	}
	return f.addTensors(p, found)
}

// named is a tensor under its name in the file.
type named struct {
	name   string
	tensor *pickle.Tensor
}

// addTensors lists the tensors and checks what they come to.
func (f *File) addTensors(p *pickle.File, found []named) error {
	if len(found) > maxTensors {
		return fmt.Errorf("%w: %d tensors are more than %d", pickle.ErrLimit, len(found), maxTensors)
	}
	var total int64
	for _, x := range found {
		t := x.tensor
		if t.Unreadable != "" {
			return fmt.Errorf("%w: tensor %q is %s; %s", ErrTensor, x.name, t.Unreadable, pickle.Advice)
		}
		if !utf8.ValidString(x.name) {
			return fmt.Errorf("%w: the name %q is not valid UTF-8", ErrTensor, x.name)
		}
		n := t.Shape.Elements()
		limit := f.source.Size()*maxGrowth + freeBytes - total
		if size := int64(t.DType.Size()); n > limit/size {
			return fmt.Errorf("%w: with tensor %q of %v its tensors come to more than %d bytes, the file has %d",
				pickle.ErrLimit, x.name, t.Shape, f.source.Size()*maxGrowth+freeBytes, f.source.Size())
		}
		bytes := n * int64(t.DType.Size())
		total += bytes
		at, stored := p.Span(t)
		err := f.add(item{
			Info:   Info{Name: x.name, DType: t.DType, Shape: t.Shape, Bytes: bytes},
			stored: stored, at: at,
			read: func(dst []byte) error { return p.Read(t, dst) },
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// scripted lists the tensors of a TorchScript module, which is an object whose
// attributes are its parameters, buffers and modules.
func (f *File) scripted(root any) ([]named, error) {
	module, ok := root.(*pickle.Object)
	if !ok {
		return nil, fmt.Errorf("%w: the TorchScript file holds no module", ErrBranch)
	}
	f.note("a TorchScript program of class %q: its weights were taken, its code was not run", strings.TrimPrefix(module.Class.String(), "__torch__."))
	w := &walker{}
	if err := w.module("", module, 0); err != nil {
		return nil, err
	}
	if len(w.found) == 0 {
		return nil, fmt.Errorf("%w: the TorchScript module has no tensors", ErrBranch)
	}
	return w.found, nil
}

// maxDepth bounds how deep modules and dictionaries nest.
const maxDepth = 64

// maxVisits bounds the modules looked at: a file's values may refer to each other
// so that a walk would never end.
const maxVisits = 100_000

// walker collects the tensors of nested modules.
type walker struct {
	found  []named
	visits int
}

func (w *walker) module(prefix string, o *pickle.Object, depth int) error {
	if w.visits++; depth > maxDepth || w.visits > maxVisits {
		return fmt.Errorf("%w: modules nest deeper than %d or are more than %d", pickle.ErrLimit, maxDepth, maxVisits)
	}
	state, ok := o.State.(*pickle.Dict)
	if !ok {
		return nil
	}
	for k, v := range state.All() {
		name, ok := k.(string)
		if !ok {
			continue
		}
		switch v := v.(type) {
		case *pickle.Tensor:
			if len(w.found) > maxTensors {
				return fmt.Errorf("%w: more than %d tensors", pickle.ErrLimit, maxTensors)
			}
			w.found = append(w.found, named{prefix + name, v})
		case *pickle.Object:
			if err := w.module(prefix+name+".", v, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// plain writes a simple value for the metadata; false for anything else.
func plain(v any) (string, bool) {
	const longest = 200
	switch v := v.(type) {
	case string:
		return v, len(v) <= longest && utf8.ValidString(v)
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	default:
		return "", false
	}
}
