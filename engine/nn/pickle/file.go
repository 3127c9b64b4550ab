package pickle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/minivess/minivess/engine/mapfile"
	"github.com/minivess/minivess/engine/nn/strided"
)

// The kinds of files.
const (
	Zip         = "zip"         // torch.save since 1.6
	Legacy      = "legacy"      // torch.save before
	TorchScript = "torchscript" // torch.jit.save
)

// File is an open file: the pickled values are in memory, tensors are read on
// demand. Its methods may be called concurrently.
type File struct {
	r      io.ReaderAt
	closer io.Closer
	size   int64
	kind   string
	root   any
	// bigEndian is the byte order of all storages.
	bigEndian bool
	storages  map[string]*Storage
}

// Open reads the pickle in a file and checks where its storages lie. Errors
// wrap ErrFormat, ErrRefused or ErrLimit, or fs.ErrNotExist and its like, and
// name the path.
func Open(path string) (*File, error) {
	m, err := mapfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	f, err := NewFile(m, m.Size())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("checkpoint %q: %w", path, err), m.Close())
	}
	f.closer = m
	return f, nil
}

// NewFile is Open for size bytes of r. The caller keeps owning r, which must
// stay usable for as long as the File.
func NewFile(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r, size: size, storages: make(map[string]*Storage)}
	var err error
	switch {
	case begins(r, ZipMagic):
		err = f.openZip()
	case IsLegacy(head(r)):
		err = f.openLegacy()
	default:
		err = malformed("it begins neither like a zip file nor like a legacy checkpoint")
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// ZipMagic begins every zip file that has entries.
const ZipMagic = "PK\x03\x04"

// legacyMagic is the number 0x1950a86a20f9469cfc6c as protocols 2 to 5 write it.
const legacyMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."

// IsLegacy recognises a legacy checkpoint by its first bytes, at least 32.
func IsLegacy(head []byte) bool {
	i := bytes.Index(head[:min(32, len(head))], []byte(legacyMagic))
	return i >= 2 && head[0] == 0x80
}

// head reads the first bytes; of what cannot be read there are none.
func head(r io.ReaderAt) []byte {
	var b [32]byte
	n, _ := r.ReadAt(b[:], 0)
	return b[:n]
}

func begins(r io.ReaderAt, magic string) bool { return bytes.HasPrefix(head(r), []byte(magic)) }

// Kind is Zip, Legacy or TorchScript.
func (f *File) Kind() string { return f.kind }

// Root is the value that was saved; see the package's value types.
func (f *File) Root() any { return f.root }

// Close closes the file that Open opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// storage makes or finds the storage of a persistent id.
func (f *File) storage(id any) (*Storage, any, error) {
	s, view, err := newStorage(id)
	if err != nil {
		return nil, nil, err
	}
	if known, ok := f.storages[s.Key]; ok {
		if known.Class != s.Class || known.Elements != s.Elements {
			return nil, nil, malformed("storage %q is both %d of %q and %d of %q", s.Key, known.Elements, known.Class, s.Elements, s.Class)
		}
		return known, view, nil
	}
	f.storages[s.Key] = s
	return s, view, nil
}

// Span returns the first byte in the file of a tensor's elements if they lie
// there as nn.Tensor wants them: in C order, little-endian, next to each other.
func (f *File) Span(t *Tensor) (at int64, ok bool) {
	size := t.DType.Size()
	if t.Unreadable != "" || (f.bigEndian && size > 1) || !t.contiguous() {
		return 0, false
	}
	return t.Storage.begin() + t.Offset*int64(size), true
}

// begin is the storage's first byte in the file.
func (s *Storage) begin() int64 {
	if s.root != nil {
		return s.root.begin() + s.skip*int64(s.size())
	}
	return s.at
}

// contiguous reports whether the elements lie in C order without gaps.
func (t *Tensor) contiguous() bool {
	next := int64(1)
	for i, size := range slices.Backward(t.Shape) {
		n := int64(size)
		if n == 0 {
			return true
		}
		if n > 1 && t.Strides[i] != next {
			return false
		}
		next *= n
	}
	return true
}

// Read writes a tensor's elements into dst in C order and little-endian. The
// length of dst must be elements × element size.
func (f *File) Read(t *Tensor, dst []byte) error {
	if t.Unreadable != "" {
		return refuse("a tensor is %s, which is not a plain array", t.Unreadable)
	}
	size := int64(t.DType.Size())
	if want := t.Shape.Elements() * size; int64(len(dst)) != want {
		return fmt.Errorf("read a tensor of %d bytes into %d", want, len(dst))
	}
	end, _ := t.end()
	if end == 0 {
		return nil
	}
	err := mapfile.View(f.r, t.Storage.begin()+t.Offset*size, (end-t.Offset)*size, func(src []byte) error {
		if t.contiguous() {
			copy(dst, src)
		} else {
			strided.Gather(dst, src, t.Shape, t.Strides, int(size))
		}
		return nil
	})
	if err == nil && f.bigEndian {
		strided.Swap(dst, int(size))
	}
	return err
}
