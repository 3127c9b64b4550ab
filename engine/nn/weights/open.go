package weights

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/minivess/minivess/engine/mapfile"
	"github.com/minivess/minivess/engine/nn/npz"
	"github.com/minivess/minivess/engine/nn/pickle"
	"github.com/minivess/minivess/engine/nn/safetensors"
)

// sniffed is how many of a file's first bytes tell its format.
const sniffed = 1024

// open recognises the format and lists the tensors.
func (f *File) open() error {
	var head []byte
	err := mapfile.View(f.source, 0, min(sniffed, f.source.Size()), func(b []byte) error {
		head = bytes.Clone(b)
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case strings.HasSuffix(firstEntry(head), ".npy"):
		err = f.openNPZ()
	case firstEntry(head) != "", pickle.IsLegacy(head):
		err = f.openPickle()
	case isSafetensors(head):
		err = f.openSafetensors()
	default:
		err = fmt.Errorf("%w: %s", ErrUnknown, describe(head))
	}
	if err != nil {
		return err
	}
	if f.options.Branch != "" && (f.format == Safetensors || f.format == NPZ || f.format == TorchScript) {
		return fmt.Errorf("%w: a %s file has one set of weights, there is no branch %q to choose", ErrBranch, f.format, f.options.Branch)
	}
	f.stripPrefixes()
	return nil
}

func (f *File) openNPZ() error {
	f.format = NPZ
	in, err := npz.NewFile(f.source, f.source.Size())
	if err != nil {
		return err
	}
	f.metadata = in.Metadata()
	for _, t := range in.Tensors() {
		err := f.add(item{
			Info: Info{Name: t.Name, DType: t.DType, Shape: t.Shape, Bytes: t.Bytes},
			read: func(dst []byte) error { return in.Read(t.Name, dst) },
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// firstEntry is the name of a zip file's first entry, "" for other files. That of
// a .npz is a .npy; PyTorch never writes one.
func firstEntry(head []byte) string {
	const nameLength, name = 26, 30 // of a local file header
	if len(head) < name || !bytes.HasPrefix(head, []byte(pickle.ZipMagic)) {
		return ""
	}
	n := int(binary.LittleEndian.Uint16(head[nameLength:]))
	return string(head[name:min(name+n, len(head))])
}

// isSafetensors recognises a header's length and its opening brace.
func isSafetensors(head []byte) bool {
	return len(head) > 8 && head[8] == '{' && binary.LittleEndian.Uint64(head) <= safetensors.MaxHeader
}

func (f *File) openSafetensors() error {
	f.format = Safetensors
	in, err := safetensors.NewFile(f.source, f.source.Size())
	if err != nil {
		return err
	}
	f.metadata = in.Metadata()
	for _, t := range in.Tensors() {
		err := f.add(item{
			Info:   Info{Name: t.Name, DType: t.DType, Shape: t.Shape, Bytes: t.End - t.Begin},
			stored: true, at: in.Offset() + t.Begin,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// describe says what a file looks like, for people who gave the wrong one.
func describe(head []byte) string {
	for _, known := range []struct {
		at         int
		magic, say string
	}{
		{0, "\x89HDF\r\n", "it is an HDF5 file, as Keras writes"},
		{0, "\x1f\x8b", "it is compressed with gzip; unpack it first"},
		{0, "\xfd7zXZ\x00", "it is compressed with xz; unpack it first"},
		{0, "7z\xbc\xaf\x27\x1c", "it is a 7z archive; unpack it first"},
		{0, "version https://git-lfs", "it is a pointer of Git LFS, not the file itself; fetch it with git lfs pull"},
		{0, "\x93NUMPY", "it is a single NumPy array; put all weights into one .npz with numpy.savez"},
		{257, "ustar", "it is a tar archive: a checkpoint of PyTorch before 0.1.10 or packed files; " +
			"unpack it, or load and save it again with a newer PyTorch"},
	} {
		if at := min(known.at, len(head)); bytes.HasPrefix(head[at:], []byte(known.magic)) {
			return known.say
		}
	}
	if len(head) == 0 {
		return "it is empty"
	}
	return fmt.Sprintf("it begins with %q; known are safetensors, .npz and PyTorch's .pt and .pth", head[:min(8, len(head))])
}
