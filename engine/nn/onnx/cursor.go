package onnx

import (
	"errors"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxText is the most bytes of a name, a metadata value or another message that
// is kept in memory. Weights are stepped over, never read.
const maxText = 16 << 20

// cursor walks through the fields of one message without loading it.
type cursor struct {
	r       io.ReaderAt
	at, end int64
}

// field is one field of a message: a number, or the bytes [at, end) of the file.
type field struct {
	number  protowire.Number
	kind    protowire.Type
	varint  uint64
	at, end int64
}

// next steps to the following field. There must be one.
func (c *cursor) next() (field, error) {
	tag, err := c.readVarint()
	if err != nil {
		return field{}, err
	}
	number, kind := protowire.DecodeTag(tag)
	if number < 1 {
		return field{}, fmt.Errorf("%w: no field begins at byte %d", ErrFormat, c.at)
	}
	f := field{number: number, kind: kind}
	size := int64(0)
	switch kind {
	case protowire.VarintType:
		f.varint, err = c.readVarint()
		return f, err
	case protowire.Fixed32Type:
		size = 4
	case protowire.Fixed64Type:
		size = 8
	case protowire.BytesType:
		n, err := c.readVarint()
		if err != nil {
			return field{}, err
		}
		size = int64(min(n, math.MaxInt64))
	default:
		return field{}, fmt.Errorf("%w: a field at byte %d is of a kind that ONNX does not use", ErrFormat, c.at)
	}
	if size > c.end-c.at {
		return field{}, fmt.Errorf("%w: a field at byte %d claims %d bytes, %d are left; the file was cut off or is no ONNX model", ErrFormat, c.at, size, c.end-c.at)
	}
	f.at, f.end = c.at, c.at+size
	c.at = f.end
	return f, nil
}

func (c *cursor) readVarint() (uint64, error) {
	var b [10]byte
	n, err := c.r.ReadAt(b[:min(int64(len(b)), c.end-c.at)], c.at)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	v, n := protowire.ConsumeVarint(b[:n])
	if n < 0 {
		return 0, fmt.Errorf("%w: no number begins at byte %d; the file was cut off or is no ONNX model", ErrFormat, c.at)
	}
	c.at += int64(n)
	return v, nil
}

// inside walks through the message that the field holds.
func (c *cursor) inside(f field) *cursor { return &cursor{r: c.r, at: f.at, end: f.end} }

// bytes reads a field of limited size.
func (c *cursor) bytes(f field) ([]byte, error) {
	if f.kind != protowire.BytesType || f.end-f.at > maxText {
		return nil, fmt.Errorf("%w: a text at byte %d has %d bytes, at most %d are expected", ErrFormat, f.at, f.end-f.at, maxText)
	}
	b := make([]byte, f.end-f.at)
	if _, err := c.r.ReadAt(b, f.at); err != nil {
		return nil, fmt.Errorf("%w: byte %d: %w", ErrFormat, f.at, err)
	}
	return b, nil
}

func (c *cursor) text(f field) (string, error) {
	b, err := c.bytes(f)
	return string(b), err
}

// each calls visit with every field of the message.
func (c *cursor) each(visit func(field) error) error {
	for c.at < c.end {
		f, err := c.next()
		if err != nil {
			return err
		}
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}
