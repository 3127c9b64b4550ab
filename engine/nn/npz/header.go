package npz

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/minivess/minivess/engine/nn"
)

// magic begins every array.
const magic = "\x93NUMPY"

// header describes an array.
type header struct {
	dtype   nn.DType
	big     bool
	fortran bool
	shape   nn.Shape
	length  int64 // bytes before the elements
}

// readHeader reads the header of versions 1 to 3.
func readHeader(r io.Reader) (header, error) {
	var fixed [len(magic) + 2]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil || string(fixed[:len(magic)]) != magic {
		return header{}, malformed("an array does not begin with NumPy's magic bytes")
	}
	size := 2
	switch version := fixed[len(magic)]; version {
	case 1:
	case 2, 3:
		size = 4
	default:
		return header{}, malformed("an array of version %d, known are 1 to 3", version)
	}
	var length [4]byte
	if _, err := io.ReadFull(r, length[:size]); err != nil {
		return header{}, malformed("an array's header is cut off: %v", err)
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n > maxHeader {
		return header{}, malformed("an array's header of %d bytes is over the limit of %d", n, maxHeader)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return header{}, malformed("an array's header is cut off: %v", err)
	}
	h, err := parseHeader(string(text))
	h.length = int64(len(fixed)+size) + int64(n)
	return h, err
}

// parseHeader reads the Python dictionary {'descr': '<f4', 'fortran_order':
// False, 'shape': (2, 3), }, its keys in any order.
func parseHeader(s string) (h header, err error) {
	p := &literal{rest: strings.TrimSpace(s)}
	p.expect("{")
	seen := make(map[string]bool)
	for p.err == nil && !p.accept("}") {
		key := p.text()
		p.expect(":")
		if seen[key] {
			return h, malformed("header %q has %q twice", s, key)
		}
		seen[key] = true
		switch key {
		case "descr":
			if p.err == nil && p.next() != '\'' && p.next() != '"' {
				return h, fmt.Errorf("%w: a structured array; weights are plain ones", ErrType)
			}
			h.dtype, h.big, err = elementType(p.text())
			if p.err == nil && err != nil {
				return h, err
			}
		case "fortran_order":
			h.fortran = p.boolean()
		case "shape":
			h.shape = p.shape()
		default:
			return h, malformed("header %q has the unknown key %q", s, key)
		}
		if !p.accept(",") && p.next() != '}' {
			p.fail("a comma")
		}
	}
	if p.err == nil && p.rest != "" {
		p.fail("the end")
	}
	if p.err == nil && len(seen) != 3 {
		p.fail("descr, fortran_order and shape")
	}
	if p.err != nil {
		return h, malformed("header %q: %v", s, p.err)
	}
	return h, nil
}

// elementType reads NumPy's code of an element type.
func elementType(code string) (d nn.DType, big bool, err error) {
	if code == "" {
		return "", false, malformed("an empty element type")
	}
	switch rest := code[1:]; code[0] {
	case '>':
		d, big = known()[rest], true
	case '<', '|', '=':
		d = known()[rest]
		if rest == "V2" {
			return "", false, fmt.Errorf("%w is %q, as ml_dtypes writes bfloat16: convert to float32 before saving", ErrType, code)
		}
	}
	if d == "" {
		return "", false, fmt.Errorf("%w is %q; known are float16 to 64, int8 to 64, uint8 and bool", ErrType, code)
	}
	return d, big, nil
}

// known maps NumPy's codes without the byte order to our types.
func known() map[string]nn.DType {
	return map[string]nn.DType{
		"f8": nn.F64, "f4": nn.F32, "f2": nn.F16, "i8": nn.I64, "i4": nn.I32, "i2": nn.I16, "i1": nn.I8, "u1": nn.U8, "b1": nn.Bool,
	}
}

// encodeHeader writes a version 1 header, padded so that the elements begin at
// a multiple of 64 bytes as NumPy does it.
func encodeHeader(d nn.DType, shape nn.Shape) ([]byte, error) {
	code := ""
	for c, known := range known() {
		if known == d {
			code = c
		}
	}
	order := "<"
	if d.Size() == 1 {
		order = "|"
	}
	axes := make([]string, len(shape))
	for i, n := range shape {
		axes[i] = strconv.Itoa(n)
	}
	tuple := strings.Join(axes, ", ")
	if len(axes) == 1 {
		tuple += ","
	}
	text := fmt.Sprintf("{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }", order, code, tuple)
	const align, fixed = 64, len(magic) + 4
	padded := (fixed+len(text)+1+align-1)/align*align - fixed
	if padded > math.MaxUint16 {
		return nil, malformed("a header of %d bytes", padded)
	}
	var b bytes.Buffer
	b.WriteString(magic)
	b.Write([]byte{1, 0, byte(padded), byte(padded >> 8)})
	b.WriteString(text)
	b.WriteString(strings.Repeat(" ", padded-len(text)-1) + "\n")
	return b.Bytes(), nil
}
