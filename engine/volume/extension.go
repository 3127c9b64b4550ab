package volume

import (
	"encoding/binary"
)

// decodeExtensions takes apart the bytes between the fixed header and the
// voxels: four extender bytes, and extensions if the first of them is not 0.
func (h *Header) decodeExtensions(path string, b []byte) error {
	if len(b) < 4 {
		h.bare = true
		return nil
	}
	h.extender = [4]byte(b)
	b = b[4:]
	if h.extender[0] == 0 {
		return nil
	}
	for len(b) >= 8 {
		size := int64(int32(h.order().Uint32(b)))
		code := int32(h.order().Uint32(b[4:]))
		if size == 0 && code == 0 && allZero(b) {
			return nil // padding up to the voxels
		}
		if size < 8 || size > int64(len(b)) {
			return failure(path, ErrHeader, "header extension %d states %d bytes, %d are left", len(h.Extensions)+1, size, len(b))
		}
		h.Extensions = append(h.Extensions, Extension{Code: code, Data: append([]byte(nil), b[8:size]...)})
		b = b[size:]
	}
	return nil
}

func allZero(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

// encodeExtensions gives what follows the fixed header: the extender bytes and
// the extensions, each as it was.
func (h *Header) encodeExtensions() []byte {
	extender := h.extender
	if h.bare && !h.Single && len(h.Extensions) == 0 {
		return nil
	}
	switch {
	case len(h.Extensions) == 0:
		extender[0] = 0
	case extender[0] == 0:
		extender[0] = 1
	}
	b := append([]byte(nil), extender[:]...)
	for _, e := range h.Extensions {
		// The size is a multiple of 16 by the standard. One that was read
		// with another size keeps it.
		b = h.appendU32(b, uint32(8+len(e.Data)))
		b = h.appendU32(b, uint32(e.Code))
		b = append(b, e.Data...)
	}
	return b
}

func (h *Header) appendU32(b []byte, v uint32) []byte {
	if h.BigEndian {
		return binary.BigEndian.AppendUint32(b, v)
	}
	return binary.LittleEndian.AppendUint32(b, v)
}
