package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/minivess/minivess/engine/mapfile"
	"github.com/minivess/minivess/engine/nn"
)

// File is an open file: the header is in memory, tensors are read one at a
// time. Its methods may be called concurrently.
type File struct {
	r        io.ReaderAt
	closer   io.Closer
	data     int64 // where the tensors begin
	tensors  []Info
	index    map[string]int
	metadata map[string]string
}

// Open reads and checks the header of a file. Errors wrap ErrFormat, or
// os.ErrNotExist and its like, and name the path.
func Open(path string) (*File, error) {
	m, err := mapfile.Open(path)
	if errors.Is(err, mapfile.ErrNotRegular) {
		return nil, fmt.Errorf("checkpoint: %w: %w", ErrFormat, err)
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	s, err := NewFile(m, m.Size())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("checkpoint %q: %w", path, err), m.Close())
	}
	s.closer = m
	return s, nil
}

// NewFile reads and checks the header of size bytes of r. The caller keeps
// owning r, which must stay usable for as long as the File.
func NewFile(r io.ReaderAt, size int64) (*File, error) {
	const prefix = 8
	if size < prefix {
		return nil, malformed("%d bytes are too few", size)
	}
	var length [prefix]byte
	if _, err := r.ReadAt(length[:], 0); err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > MaxHeader {
		return nil, malformed("a header of %d bytes is over the limit of %d", n, MaxHeader)
	}
	if int64(n) > size-prefix {
		return nil, malformed("a header of %d bytes does not fit into %d: the file is truncated or something else", n, size)
	}
	header := make([]byte, n)
	if _, err := r.ReadAt(header, prefix); err != nil && (n > 0 || !errors.Is(err, io.EOF)) {
		return nil, fmt.Errorf("read header: %w", err)
	}
	f := &File{r: r, data: prefix + int64(n)}
	var err error
	if f.tensors, f.metadata, err = parseHeader(header, size-f.data); err != nil {
		return nil, err
	}
	f.index = make(map[string]int, len(f.tensors))
	for i, t := range f.tensors {
		f.index[t.Name] = i
	}
	return f, nil
}

// Tensors lists what the file holds, in the header's order.
func (f *File) Tensors() []Info { return slices.Clone(f.tensors) }

// Offset is where the tensors' data begin in the file: the tensor of an Info
// lies at Offset()+Begin.
func (f *File) Offset() int64 { return f.data }

// Metadata returns the header's free-form strings. Do not change it.
func (f *File) Metadata() map[string]string { return f.metadata }

// Tensor reads one tensor. Its data are the caller's and outlive the file.
func (f *File) Tensor(name string) (nn.Tensor, error) {
	i, ok := f.index[name]
	if !ok {
		return nn.Tensor{}, fmt.Errorf("%w: no tensor %q", ErrFormat, name)
	}
	info := f.tensors[i]
	t := nn.Tensor{Name: info.Name, DType: info.DType, Shape: info.Shape.Clone(), Data: make([]byte, info.End-info.Begin)}
	n, err := f.r.ReadAt(t.Data, f.data+info.Begin)
	if n < len(t.Data) {
		return nn.Tensor{}, fmt.Errorf("read tensor %q: %w", name, err)
	}
	return t, nil
}

// State reads all tensors.
func (f *File) State() (*nn.State, error) {
	s := &nn.State{}
	for _, info := range f.tensors {
		t, err := f.Tensor(info.Name)
		if err != nil {
			return nil, err
		}
		if err := s.Add(t); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Close closes the file that Open opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Read reads a whole file.
func Read(path string) (s *nn.State, metadata map[string]string, err error) {
	f, err := Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if s, err = f.State(); err != nil {
		return nil, nil, fmt.Errorf("checkpoint %q: %w", path, err)
	}
	return s, f.metadata, nil
}
