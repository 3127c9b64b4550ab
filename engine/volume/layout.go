package volume

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
)

// The magic strings of the four kinds of file.
const (
	magicSingle1 = "n+1\x00"
	magicPair1   = "ni1\x00"
	magicSingle2 = "n+2\x00\r\n\x1a\n"
	magicPair2   = "ni2\x00\r\n\x1a\n"
)

// field visits a header's fields in the file's order. The same walk decodes
// and encodes, so that the two cannot disagree.
type field struct {
	b      []byte
	order  binary.ByteOrder
	encode bool
}

func (f *field) take(n int) []byte {
	b := f.b[:n]
	f.b = f.b[n:]
	return b
}

func (f *field) bytes(v []byte) {
	if b := f.take(len(v)); f.encode {
		copy(b, v)
	} else {
		copy(v, b)
	}
}

func (f *field) u8(v *uint8) {
	if b := f.take(1); f.encode {
		b[0] = *v
	} else {
		*v = b[0]
	}
}

// i16, i32 and i64 move an integer of that size in the file. Encoding wraps,
// so callers check the range first.
func i16[T ~uint8 | ~int16 | ~int32 | ~int64](f *field, v *T) {
	if b := f.take(2); f.encode {
		f.order.PutUint16(b, uint16(*v))
	} else {
		*v = T(int16(f.order.Uint16(b)))
	}
}

func i32[T ~uint8 | ~int16 | ~int32 | ~int64](f *field, v *T) {
	if b := f.take(4); f.encode {
		f.order.PutUint32(b, uint32(*v))
	} else {
		*v = T(int32(f.order.Uint32(b)))
	}
}

func (f *field) i64(v *int64) {
	if b := f.take(8); f.encode {
		f.order.PutUint64(b, uint64(*v))
	} else {
		*v = int64(f.order.Uint64(b))
	}
}

func (f *field) f32(v ...*float64) {
	for _, v := range v {
		if b := f.take(4); f.encode {
			f.order.PutUint32(b, math.Float32bits(float32(*v)))
		} else {
			*v = float64(math.Float32frombits(f.order.Uint32(b)))
		}
	}
}

func (f *field) f64(v ...*float64) {
	for _, v := range v {
		if b := f.take(8); f.encode {
			f.order.PutUint64(b, math.Float64bits(*v))
		} else {
			*v = math.Float64frombits(f.order.Uint64(b))
		}
	}
}

// walk1 visits the 340 bytes of NIfTI-1 between sizeof_hdr and the magic.
func (h *Header) walk1(f *field) {
	f.bytes(h.legacy1.dataType[:])
	f.bytes(h.legacy1.dbName[:])
	i32(f, &h.legacy1.extents)
	i16(f, &h.legacy1.sessionError)
	f.u8(&h.legacy1.regular)
	f.u8(&h.DimInfo)
	for i := range h.Dim {
		i16(f, &h.Dim[i])
	}
	f.f32(&h.IntentP[0], &h.IntentP[1], &h.IntentP[2])
	i16(f, &h.IntentCode)
	i16(f, &h.Datatype)
	i16(f, &h.Bitpix)
	i16(f, &h.SliceStart)
	for i := range h.Pixdim {
		f.f32(&h.Pixdim[i])
	}
	h.offset1(f)
	f.f32(&h.SclSlope, &h.SclInter)
	i16(f, &h.SliceEnd)
	small(f, &h.SliceCode)
	small(f, &h.XYZTUnits)
	f.f32(&h.CalMax, &h.CalMin, &h.SliceDuration, &h.TOffset)
	i32(f, &h.legacy1.glmax)
	i32(f, &h.legacy1.glmin)
	f.bytes(h.Descrip[:])
	f.bytes(h.AuxFile[:])
	i16(f, &h.QformCode)
	i16(f, &h.SformCode)
	f.f32(&h.Quatern[0], &h.Quatern[1], &h.Quatern[2])
	f.f32(&h.Qoffset[0], &h.Qoffset[1], &h.Qoffset[2])
	for i := range h.Srow {
		f.f32(&h.Srow[i][0], &h.Srow[i][1], &h.Srow[i][2], &h.Srow[i][3])
	}
	f.bytes(h.IntentName[:])
}

// small moves a one-byte field of NIfTI-1 that NIfTI-2 widened.
func small(f *field, v *int32) {
	b := uint8(*v)
	f.u8(&b)
	if !f.encode {
		*v = int32(b)
	}
}

// offset1 moves vox_offset, which NIfTI-1 stores as a float. What is not a
// whole number of bytes becomes -1, which check refuses.
func (h *Header) offset1(f *field) {
	v := float64(h.VoxOffset)
	f.f32(&v)
	switch {
	case f.encode:
	case v != math.Trunc(v) || v < 0 || v > maxExtensions:
		h.VoxOffset = -1
	default:
		h.VoxOffset = int64(v)
	}
}

// walk2 visits the 528 bytes of NIfTI-2 after sizeof_hdr and the magic.
func (h *Header) walk2(f *field) {
	i16(f, &h.Datatype)
	i16(f, &h.Bitpix)
	for i := range h.Dim {
		f.i64(&h.Dim[i])
	}
	f.f64(&h.IntentP[0], &h.IntentP[1], &h.IntentP[2])
	for i := range h.Pixdim {
		f.f64(&h.Pixdim[i])
	}
	f.i64(&h.VoxOffset)
	f.f64(&h.SclSlope, &h.SclInter)
	f.f64(&h.CalMax, &h.CalMin, &h.SliceDuration, &h.TOffset)
	f.i64(&h.SliceStart)
	f.i64(&h.SliceEnd)
	f.bytes(h.Descrip[:])
	f.bytes(h.AuxFile[:])
	i32(f, &h.QformCode)
	i32(f, &h.SformCode)
	f.f64(&h.Quatern[0], &h.Quatern[1], &h.Quatern[2])
	f.f64(&h.Qoffset[0], &h.Qoffset[1], &h.Qoffset[2])
	for i := range h.Srow {
		f.f64(&h.Srow[i][0], &h.Srow[i][1], &h.Srow[i][2], &h.Srow[i][3])
	}
	i32(f, &h.SliceCode)
	i32(f, &h.XYZTUnits)
	i32(f, &h.IntentCode)
	f.bytes(h.IntentName[:])
	f.u8(&h.DimInfo)
	f.bytes(h.unused2[:])
}

// sniff tells version and byte order from a file's first four bytes. Version 0
// means neither NIfTI-1 nor NIfTI-2.
func sniff(b [4]byte) (version int, bigEndian bool) {
	little, big := binary.LittleEndian.Uint32(b[:]), binary.BigEndian.Uint32(b[:])
	switch {
	case little == header1Size:
		return 1, false
	case big == header1Size:
		return 1, true
	case little == header2Size:
		return 2, false
	case big == header2Size:
		return 2, true
	}
	return 0, false
}

// decodeHeader decodes the fixed part of a header: 348 or 540 bytes whose
// first four have been sniffed.
func decodeHeader(path string, b []byte, version int, bigEndian bool) (*Header, error) {
	h := &Header{Version: version, BigEndian: bigEndian}
	f := &field{b: b[4:], order: h.order()}
	var magic []byte
	if version == 1 {
		magic = b[344:348]
		h.walk1(f)
	} else {
		magic = f.take(8)
		h.walk2(f)
	}
	switch string(magic) {
	case magicSingle1, magicSingle2:
		h.Single = true
	case magicPair1, magicPair2:
	case "\x00\x00\x00\x00":
		return nil, failure(path, ErrNotNIfTI, "it looks like ANALYZE 7.5; convert it to NIfTI first")
	default:
		if version == 2 && bytes.HasPrefix(magic, []byte("n")) {
			return nil, failure(path, ErrNotNIfTI, "the signature %q was changed, as a transfer in text mode does; copy the file again", magic)
		}
		return nil, failure(path, ErrNotNIfTI, "its signature is %q", magic)
	}
	return h, nil
}

// encode gives the fixed part's bytes. A value that the version cannot hold is
// refused.
func (h *Header) encode() ([]byte, error) {
	if h.Version != 1 && h.Version != 2 {
		return nil, fmt.Errorf("%w: NIfTI version %d; 1 and 2 exist", ErrHeader, h.Version)
	}
	b := make([]byte, h.size())
	h.order().PutUint32(b, uint32(len(b)))
	f := &field{b: b[4:], order: h.order(), encode: true}
	if h.Version == 2 {
		copy(f.take(8), h.pick(magicSingle2, magicPair2))
		h.walk2(f)
		return b, nil
	}
	for _, d := range h.Dim {
		if d > maxDim1 {
			return nil, fmt.Errorf("%w: NIfTI-1 holds at most %d voxels an axis; write version 2", ErrRange, maxDim1)
		}
	}
	h.walk1(f)
	copy(b[344:], h.pick(magicSingle1, magicPair1))
	return b, nil
}

func (h *Header) pick(single, pair string) string {
	if h.Single {
		return single
	}
	return pair
}
