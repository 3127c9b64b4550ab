package pickle

import (
	"archive/zip"
	"errors"
	"path"
	"strings"

	"github.com/minivess/minivess/engine/mapfile"
)

// MaxEntries bounds the entries of a zip file.
const MaxEntries = 500_000

// openZip reads what torch.save and torch.jit.save write: a zip file of stored
// entries below one folder, data.pkl with the values and data/KEY with each
// storage.
func (f *File) openZip() error {
	z, err := zip.NewReader(f.r, f.size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return malformed("zip: %v: the file is damaged or truncated", err)
	}
	entries, root, err := f.listZip(z)
	if err != nil {
		return err
	}
	f.kind = Zip
	if _, ok := entries[root+"constants.pkl"]; ok {
		f.kind = TorchScript
	}
	if order, ok := entries[root+"byteorder"]; ok {
		if err := f.readOrder(order); err != nil {
			return err
		}
	}
	at, n, err := f.locate(entries[root+"data.pkl"])
	if err != nil {
		return err
	}
	err = mapfile.View(f.r, at, n, func(b []byte) error {
		m := newMachine(b, func(id any) (any, error) {
			s, _, err := f.storage(id)
			return s, err
		})
		f.root, err = m.run()
		return err
	})
	if err != nil {
		return err
	}
	return f.placeZip(entries, root)
}

// listZip finds the entries by name, and the folder that data.pkl is in.
func (f *File) listZip(z *zip.Reader) (entries map[string]*zip.File, root string, err error) {
	if len(z.File) > MaxEntries {
		return nil, "", malformed("zip: %d entries, more than %d", len(z.File), MaxEntries)
	}
	entries = make(map[string]*zip.File, len(z.File))
	found := false
	for _, e := range z.File {
		if entries[e.Name] != nil {
			return nil, "", malformed("zip: entry %q is there twice", e.Name)
		}
		entries[e.Name] = e
		if dir, base := path.Split(e.Name); base == "data.pkl" && strings.Count(dir, "/") <= 1 && !found {
			root, found = dir, true
		}
	}
	if !found {
		return nil, "", malformed("zip: there is no data.pkl among its %d entries", len(z.File))
	}
	return entries, root, nil
}

// locate finds an entry's bytes in the file.
func (f *File) locate(e *zip.File) (at, n int64, err error) {
	const encrypted = 1
	switch {
	case e.Flags&encrypted != 0:
		return 0, 0, refuse("entry %q is encrypted", e.Name)
	case e.Method != zip.Store || e.CompressedSize64 != e.UncompressedSize64:
		return 0, 0, refuse("entry %q is compressed (%d bytes to %d), which PyTorch never does",
			e.Name, e.UncompressedSize64, e.CompressedSize64)
	}
	if at, err = e.DataOffset(); err != nil {
		return 0, 0, malformed("zip: entry %q: %v", e.Name, err)
	}
	if size := e.UncompressedSize64; at > f.size || size > uint64(f.size-at) {
		return 0, 0, malformed("zip: entry %q of %d bytes at %d reaches past the file's end at %d", e.Name, size, at, f.size)
	}
	return at, int64(e.UncompressedSize64), nil
}

func (f *File) readOrder(e *zip.File) error {
	at, n, err := f.locate(e)
	if err != nil {
		return err
	}
	return mapfile.View(f.r, at, min(n, maxName), func(b []byte) error {
		switch string(b) {
		case "little":
		case "big":
			f.bigEndian = true
		default:
			return malformed("the byte order is %q", b)
		}
		return nil
	})
}

// placeZip finds the bytes of all storages.
func (f *File) placeZip(entries map[string]*zip.File, root string) error {
	var total int64
	for _, s := range f.storages {
		if s.dtype == "" {
			continue
		}
		name := root + "data/" + s.Key
		e, ok := entries[name]
		if !ok {
			return malformed("storage %q has no entry %q in the zip file", s.Key, name)
		}
		at, n, err := f.locate(e)
		if err != nil {
			return err
		}
		if want := s.Elements * int64(s.size()); n != want {
			return malformed("storage %q of %d elements of %q needs %d bytes, its entry has %d", s.Key, s.Elements, s.Class, want, n)
		}
		if total += n; total > f.size {
			return malformed("the storages claim more bytes than the file has: entries overlap")
		}
		s.at = at
	}
	return nil
}
