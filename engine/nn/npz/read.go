package npz

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/mapfile"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/strided"
)

// Info describes one array.
type Info struct {
	Name  string
	DType nn.DType
	Shape nn.Shape
	// Bytes is elements × element size.
	Bytes int64
}

// array is an entry of the zip file.
type array struct {
	Info

	header header
	entry  *zip.File
	at     int64 // of a stored entry
}

// File is an open file: headers are in memory, arrays are read one at a time.
// Its methods may be called concurrently.
type File struct {
	r        io.ReaderAt
	closer   io.Closer
	size     int64
	arrays   []array
	index    map[string]int
	metadata map[string]string
}

// Open reads and checks all headers of a file. Errors wrap ErrFormat, ErrType
// or ErrLimit, or fs.ErrNotExist and its like, and name the path.
func Open(path string) (*File, error) {
	m, err := mapfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	f, err := NewFile(m, m.Size())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("weights %q: %w", path, err), m.Close())
	}
	f.closer = m
	return f, nil
}

// NewFile is Open for size bytes of r. The caller keeps owning r, which must
// stay usable for as long as the File.
func NewFile(r io.ReaderAt, size int64) (*File, error) {
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, malformed("zip: %v: the file is damaged or truncated", err)
	}
	if len(z.File) > MaxArrays {
		return nil, malformed("%d arrays are more than %d", len(z.File), MaxArrays)
	}
	f := &File{r: r, size: size, index: make(map[string]int, len(z.File))}
	if z.Comment != "" {
		// A comment of somebody else's is none of our metadata.
		if err := json.Unmarshal([]byte(z.Comment), &f.metadata); err != nil {
			f.metadata = nil
		}
	}
	var total uint64
	for _, e := range z.File {
		if total += min(e.UncompressedSize64, 1<<62); total > uint64(size)*MaxRatio+freeBytes {
			return nil, fmt.Errorf("%w: %d bytes claim to hold more than %d", ErrLimit, size, total)
		}
		a, err := f.open(e)
		if err != nil {
			return nil, fmt.Errorf("array %q: %w", e.Name, err)
		}
		if _, ok := f.index[a.Name]; ok {
			return nil, malformed("array %q is there twice", a.Name)
		}
		f.index[a.Name] = len(f.arrays)
		f.arrays = append(f.arrays, a)
	}
	return f, nil
}

// open reads an array's header.
func (f *File) open(e *zip.File) (array, error) {
	name, ok := strings.CutSuffix(e.Name, ".npy")
	if !ok {
		return array{}, malformed("it is not a .npy: the zip file holds something else")
	}
	a := array{entry: e}
	const encrypted = 1
	if e.Flags&encrypted != 0 || (e.Method != zip.Store && e.Method != zip.Deflate) {
		return array{}, malformed("it is encrypted or packed by method %d", e.Method)
	}
	content, err := f.locate(&a)
	if err != nil {
		return array{}, err
	}
	a.header, err = readHeader(content)
	if err = errors.Join(err, content.Close()); err != nil {
		return array{}, err
	}
	h := a.header
	n, err := h.shape.CheckElements()
	if err != nil {
		return array{}, malformed("%v", err)
	}
	size := int64(h.dtype.Size())
	held := int64(e.UncompressedSize64) - h.length
	if n > held/size || n*size != held {
		return array{}, malformed("%s of %v needs %d elements, the file has %d bytes: it is truncated or its header lies",
			h.dtype, h.shape, n, held)
	}
	a.Info = Info{Name: name, DType: h.dtype, Shape: h.shape, Bytes: held}
	return a, nil
}

// locate finds a stored entry's bytes, and opens any entry to read its header.
func (f *File) locate(a *array) (io.ReadCloser, error) {
	e := a.entry
	if e.Method != zip.Store {
		r, err := e.Open()
		if err != nil {
			return nil, malformed("%v", err)
		}
		return r, nil
	}
	at, err := e.DataOffset()
	if err != nil {
		return nil, malformed("%v", err)
	}
	n := e.UncompressedSize64
	if n != e.CompressedSize64 || at > f.size || n > uint64(f.size-at) {
		return nil, malformed("its %d bytes reach past the file's end", n)
	}
	a.at = at
	return io.NopCloser(io.NewSectionReader(f.r, at, int64(n))), nil
}

// Tensors lists what the file holds, in its order.
func (f *File) Tensors() []Info {
	out := make([]Info, len(f.arrays))
	for i, a := range f.arrays {
		out[i] = a.Info
	}
	return out
}

// Metadata returns what Write put beside the arrays: nil for a file of NumPy's.
func (f *File) Metadata() map[string]string { return f.metadata }

// Close closes the file that Open opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Read writes an array's elements into dst in C order and little-endian, having
// checked the checksum. The length of dst must be Bytes.
func (f *File) Read(name string, dst []byte) error {
	i, ok := f.index[name]
	if !ok {
		return malformed("there is no array %q", name)
	}
	a := f.arrays[i]
	if int64(len(dst)) != a.Bytes {
		return fmt.Errorf("array %q: read %d bytes into %d", name, a.Bytes, len(dst))
	}
	if err := f.read(a, dst); err != nil {
		return fmt.Errorf("array %q: %w", name, err)
	}
	return nil
}

func (f *File) read(a array, dst []byte) error {
	src, transposed := dst, a.header.fortran && len(a.header.shape) > 1 && len(dst) > 0
	if transposed {
		src = make([]byte, len(dst))
	}
	var err error
	if a.entry.Method == zip.Store {
		err = f.readStored(a, src)
	} else {
		err = inflate(a, src)
	}
	if err != nil {
		return err
	}
	if transposed {
		a.header.toC(dst, src)
	}
	if a.header.big {
		strided.Swap(dst, a.header.dtype.Size())
	}
	return nil
}

// readStored reads an entry that is not packed, and checks its checksum block by
// block, while each is in the cache.
func (f *File) readStored(a array, dst []byte) error {
	head := make([]byte, a.header.length)
	if _, err := f.r.ReadAt(head, a.at); err != nil {
		return malformed("%v: the file changed", err)
	}
	sum := crc32.ChecksumIEEE(head)
	const block = 64 << 10
	for i := 0; i < len(dst); i += block {
		b := dst[i:min(i+block, len(dst))]
		if n, err := f.r.ReadAt(b, a.at+a.header.length+int64(i)); n < len(b) {
			return malformed("%v: the file changed", err)
		}
		sum = crc32.Update(sum, crc32.IEEETable, b)
	}
	if sum != a.entry.CRC32 {
		return malformed("the checksum is wrong: the file is damaged")
	}
	return nil
}

// inflate unpacks an entry.
func inflate(a array, dst []byte) error {
	r, err := a.entry.Open()
	if err != nil {
		return malformed("%v", err)
	}
	_, err = io.CopyN(io.Discard, r, a.header.length)
	if err == nil {
		_, err = io.ReadFull(r, dst)
	}
	if err == nil {
		// The checksum is compared where the entry ends.
		var more int64
		if more, err = io.CopyN(io.Discard, r, 1); more > 0 {
			err = errors.New("more bytes than announced")
		} else if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return malformed("%v: the file is damaged", err)
	}
	return nil
}

// toC copies elements in Fortran order, first axis fastest, into C order.
func (h header) toC(dst, src []byte) {
	strides := make([]int64, len(h.shape))
	next := int64(1)
	for i, n := range h.shape {
		strides[i] = next
		next *= int64(n)
	}
	strided.Gather(dst, src, h.shape, strides, h.dtype.Size())
}

// Read reads a whole file.
func Read(path string) (s *nn.State, metadata map[string]string, err error) {
	f, err := Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s = &nn.State{}
	for _, a := range f.arrays {
		t := nn.Tensor{Name: a.Name, DType: a.DType, Shape: slices.Clone(a.Shape), Data: make([]byte, a.Bytes)}
		if err := f.Read(a.Name, t.Data); err != nil {
			return nil, nil, fmt.Errorf("weights %q: %w", path, err)
		}
		if err := s.Add(t); err != nil {
			return nil, nil, err
		}
	}
	return s, f.metadata, nil
}
