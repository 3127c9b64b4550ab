package weights

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/minivess/minivess/engine/mapfile"
	"github.com/minivess/minivess/engine/nn"
)

// State reads the named tensors, all when none is named, in the order given or
// the file's. The state owns its memory: it outlives the file, and the file may
// be replaced or deleted meanwhile. Weights that are not finite are refused
// with ErrNonFinite unless the options allow them.
func (f *File) State(names ...string) (*nn.State, error) {
	chosen := f.items
	if len(names) > 0 {
		chosen = make([]item, len(names))
		for i, name := range names {
			x, err := f.find(name)
			if err != nil {
				return nil, err
			}
			chosen[i] = x
		}
	}
	tensors := make([]nn.Tensor, len(chosen))
	var g errgroup.Group
	g.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	for i, x := range chosen {
		tensors[i] = nn.Tensor{Name: x.Name, DType: x.DType, Shape: x.Shape.Clone()}
		f.load(&g, x, &tensors[i])
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("weights %q: %w", f.path, err)
	}
	s := &nn.State{}
	for _, t := range tensors {
		if err := s.Add(t); err != nil {
			return nil, fmt.Errorf("weights %q: %w", f.path, err)
		}
	}
	return s, nil
}

// load reads one tensor with the group's goroutines, a large one in pieces.
func (f *File) load(g *errgroup.Group, x item, t *nn.Tensor) {
	convert := f.options.Float32 && x.DType.Float() && x.DType != nn.F32
	if convert {
		t.DType = nn.F32
	}
	t.Data = make([]byte, x.Bytes/int64(x.DType.Size())*int64(t.DType.Size()))
	switch {
	case convert:
		g.Go(func() error { return f.view(x, func(data []byte) error { return f.convert(x, t.Data, data) }) })
		return
	case !x.stored:
		g.Go(func() error {
			if err := x.read(t.Data); err != nil {
				return fmt.Errorf("tensor %q: %w", x.Name, err)
			}
			return f.checkFinite(x, t.Data, 0)
		})
		return
	}
	const piece = 4 << 20 // a multiple of every element size
	for at := int64(0); at < x.Bytes; at += piece {
		dst := t.Data[at:min(at+piece, x.Bytes)]
		g.Go(func() error { return f.readChecked(x, dst, at) })
	}
}

// convert checks and converts the elements of a floating-point tensor; a float64
// may be finite and yet too large.
func (f *File) convert(x item, dst, src []byte) error {
	if err := f.checkFinite(x, src, 0); err != nil {
		return err
	}
	if err := toFloat32(dst, x.DType, src); err != nil {
		return err
	}
	x.DType = nn.F32
	return f.checkFinite(x, dst, 0)
}

// readChecked reads a piece that begins at byte at of the tensor. Each block is
// checked just after it was read, while it is in the cache. Reading beats copying
// out of the mapping: no page of the file has to be mapped in first.
func (f *File) readChecked(x item, dst []byte, at int64) error {
	const block = 64 << 10
	for i := 0; i < len(dst); i += block {
		b := dst[i:min(i+block, len(dst))]
		if n, err := f.source.ReadAt(b, x.at+at+int64(i)); n < len(b) {
			if errors.Is(err, io.EOF) {
				err = mapfile.ErrChanged
			}
			return fmt.Errorf("tensor %q: %w", x.Name, err)
		}
		if err := f.checkFinite(x, b, at+int64(i)); err != nil {
			return err
		}
	}
	return nil
}

// checkFinite checks data that begin at byte at of the tensor.
func (f *File) checkFinite(x item, data []byte, at int64) error {
	if f.options.AllowNonFinite {
		return nil
	}
	if i := NonFinite(x.DType, data); i >= 0 {
		return sick(x.Name, x.DType, data, i, i+int(at)/x.DType.Size())
	}
	return nil
}

// view lends a tensor's elements in C order, little-endian.
func (f *File) view(x item, use func([]byte) error) error {
	if x.stored {
		return mapfile.View(f.source, x.at, x.Bytes, use)
	}
	data := make([]byte, x.Bytes)
	if err := x.read(data); err != nil {
		return fmt.Errorf("tensor %q: %w", x.Name, err)
	}
	return use(data)
}

// View lends the elements of one tensor, in C order and little-endian, to use,
// which must neither keep nor change them. Where the file allows it nothing is
// copied.
func (f *File) View(name string, use func(data []byte) error) error {
	x, err := f.find(name)
	if err != nil {
		return err
	}
	return f.view(x, use)
}

// Digest returns the SHA-256 of the whole file, in hexadecimal.
func (f *File) Digest() (string, error) {
	var out string
	err := mapfile.View(f.source, 0, f.source.Size(), func(b []byte) error {
		out = digest(b)
		return nil
	})
	return out, err
}

// TensorDigest returns the SHA-256 of a tensor's elements in C order and
// little-endian, in hexadecimal: the same for the same weights in any format.
func (f *File) TensorDigest(name string) (out string, err error) {
	err = f.View(name, func(data []byte) error {
		out = digest(data)
		return nil
	})
	return out, err
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// toFloat32 converts the elements of a floating-point type.
func toFloat32(dst []byte, d nn.DType, src []byte) error {
	values, err := nn.Tensor{DType: d, Shape: nn.Shape{len(src) / d.Size()}, Data: src}.Float32()
	for i, v := range values {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
	}
	return err
}
