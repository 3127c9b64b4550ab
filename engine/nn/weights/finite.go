package weights

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/minivess/minivess/engine/nn"
)

// CheckFinite returns ErrNonFinite with the name of the first tensor that has a
// NaN or infinite element, and the element's index in C order. Tensors of
// integers are always finite.
func CheckFinite(s *nn.State) error {
	for t := range s.All() {
		if i := NonFinite(t.DType, t.Data); i >= 0 {
			return sick(t.Name, t.DType, t.Data, i, i)
		}
	}
	return nil
}

// sick makes the error for element i of data, which is element index of the
// tensor.
func sick(name string, d nn.DType, data []byte, i, index int) error {
	what := "infinite"
	one := nn.Tensor{DType: d, Shape: nn.Shape{1}, Data: data[i*d.Size() : (i+1)*d.Size()]}
	if v, err := one.Float32(); err == nil && math.IsNaN(float64(v[0])) {
		what = "NaN"
	}
	return fmt.Errorf("%w: tensor %q is %s at element %d; the training that wrote it had diverged: use an earlier checkpoint",
		ErrNonFinite, name, what, index)
}

// pattern recognises exponents that are all ones, in eight bytes at a time:
// masked by exponent, adding one carries into the sign's place.
type pattern struct{ exponent, one, sign uint64 }

func patternOf(d nn.DType) (pattern, bool) {
	const each32, each16 = 1<<32 | 1, 1<<48 | 1<<32 | 1<<16 | 1
	switch d {
	case nn.F64:
		return pattern{0x7ff0 << 48, 0x0010 << 48, 1 << 63}, true
	case nn.F32:
		return pattern{0x7f800000 * each32, 0x00800000 * each32, 0x80000000 * each32}, true
	case nn.F16:
		return pattern{0x7c00 * each16, 0x0400 * each16, 0x8000 * each16}, true
	case nn.BF16:
		return pattern{0x7f80 * each16, 0x0080 * each16, 0x8000 * each16}, true
	default:
		return pattern{}, false
	}
}

// NonFinite returns the index of the first element that is NaN or infinite, or
// -1 when there is none. The data are little-endian and whole elements.
func NonFinite(d nn.DType, data []byte) int {
	p, ok := patternOf(d)
	if !ok {
		return -1
	}
	const block = 4096
	size := d.Size()
	for at := 0; at < len(data); at += block {
		b := data[at:min(at+block, len(data))]
		if !p.in(b) {
			continue
		}
		for i := 0; i < len(b); i += size {
			var element [8]byte
			copy(element[:], b[i:i+size])
			if p.in(element[:]) {
				return (at + i) / size
			}
		}
	}
	return -1
}

// in reports whether any element of b has an exponent of ones.
func (p pattern) in(b []byte) bool {
	var s0, s1, s2, s3 uint64
	for len(b) >= 64 {
		q := (*[64]byte)(b)
		s0 |= binary.LittleEndian.Uint64(q[0:])&p.exponent + p.one
		s1 |= binary.LittleEndian.Uint64(q[8:])&p.exponent + p.one
		s2 |= binary.LittleEndian.Uint64(q[16:])&p.exponent + p.one
		s3 |= binary.LittleEndian.Uint64(q[24:])&p.exponent + p.one
		s0 |= binary.LittleEndian.Uint64(q[32:])&p.exponent + p.one
		s1 |= binary.LittleEndian.Uint64(q[40:])&p.exponent + p.one
		s2 |= binary.LittleEndian.Uint64(q[48:])&p.exponent + p.one
		s3 |= binary.LittleEndian.Uint64(q[56:])&p.exponent + p.one
		b = b[64:]
	}
	for len(b) > 0 {
		var last [8]byte
		b = b[copy(last[:], b):]
		s0 |= binary.LittleEndian.Uint64(last[:])&p.exponent + p.one
	}
	return (s0|s1|s2|s3)&p.sign != 0
}
