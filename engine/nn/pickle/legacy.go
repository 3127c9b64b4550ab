package pickle

import (
	"encoding/binary"
	"math"

	"github.com/minivess/minivess/engine/mapfile"
)

// legacyProtocol is the only version of the legacy format there was.
const legacyProtocol = 1001

// openLegacy reads five pickles in a row (a magic number, the version, facts
// about the machine, the values, the storages' keys) and the storages, each its
// number of elements and then the elements, always little-endian.
func (f *File) openLegacy() error {
	f.kind = Legacy
	return mapfile.View(f.r, 0, f.size, func(b []byte) error {
		m := newMachine(b, f.legacyStorage)
		preamble := make([]any, 3)
		for i := range preamble {
			var err error
			if preamble[i], err = m.run(); err != nil {
				return err
			}
		}
		if preamble[1] != int64(legacyProtocol) {
			return malformed("the legacy format's version is %s, not %d", kind(preamble[1]), legacyProtocol)
		}
		var err error
		if f.root, err = m.run(); err != nil {
			return err
		}
		listed, err := m.run()
		if err != nil {
			return err
		}
		keys, err := items(listed)
		if err != nil {
			return err
		}
		return f.placeLegacy(keys, b, int64(m.at))
	})
}

// legacyStorage makes a storage or, in very old files, a view of one.
func (f *File) legacyStorage(id any) (any, error) {
	if t, ok := id.(Tuple); ok && len(t) > 1 && asText(t[0]) == "module" {
		return t[1], nil // a class with its source code, which is not needed
	}
	s, view, err := f.storage(id)
	if err != nil || view == nil {
		return s, err
	}
	v, err := items(view)
	if err != nil || len(v) != 3 {
		return nil, malformed("a storage's view is %s", kind(view))
	}
	skip, ok := v[1].(int64)
	n, also := v[2].(int64)
	if !ok || !also || skip < 0 || n < 0 || n > s.Elements || skip > s.Elements-n {
		return nil, malformed("a view of storage %q is not within its %d elements", s.Key, s.Elements)
	}
	return &Storage{Key: asText(v[0]), Class: s.Class, Elements: n, Location: s.Location, dtype: s.dtype, root: s, skip: skip}, nil
}

// placeLegacy finds the storages, which follow each other in the order of keys.
func (f *File) placeLegacy(keys []any, b []byte, at int64) error {
	placed := make(map[string]bool, len(keys))
	for _, k := range keys {
		s, ok := f.storages[asText(k)]
		if !ok || placed[s.Key] {
			return malformed("a storage is listed as %q, which no tensor uses or which is listed twice", asText(k))
		}
		if s.dtype == "" {
			return refuse("storage %q holds elements of %q, whose size is not known", s.Key, s.Class)
		}
		const count = 8
		if int64(len(b))-at < count {
			return malformed("the file ends before storage %q: it is truncated", s.Key)
		}
		n := binary.LittleEndian.Uint64(b[at:])
		at += count
		if n != uint64(s.Elements) {
			return malformed("storage %q has %d elements, %d were announced", s.Key, n, s.Elements)
		}
		if n > math.MaxInt64/8 || s.Elements*int64(s.size()) > int64(len(b))-at {
			return malformed("storage %q of %d elements reaches past the file's end: it is truncated", s.Key, n)
		}
		s.at = at
		at += s.Elements * int64(s.size())
		placed[s.Key] = true
	}
	for key := range f.storages {
		if !placed[key] {
			return malformed("storage %q is not in the file", key)
		}
	}
	return nil
}
