package gunzip

import (
	"errors"
	"hash/crc32"
	"io"
)

// The flags of a member's header.
const (
	flagHeaderCRC = 1 << 1
	flagExtra     = 1 << 2
	flagName      = 1 << 3
	flagComment   = 1 << 4
)

// header reads a member's header and its checksum.
type header struct {
	r   *Reader
	crc uint32
}

func (h *header) byte() (byte, error) {
	b, err := h.r.readByte()
	h.crc = crc32.Update(h.crc, crc32.IEEETable, []byte{b})
	return b, err
}

// skip reads over n bytes.
func (h *header) skip(n int) error {
	for range n {
		if _, err := h.byte(); err != nil {
			return err
		}
	}
	return nil
}

// text reads over a string that ends in zero. compress/gzip allows 511 bytes.
func (h *header) text() error {
	for range 512 {
		b, err := h.byte()
		if err != nil || b == 0 {
			return err
		}
	}
	return ErrHeader
}

func (h *header) uint16() (int, error) {
	low, err := h.byte()
	if err != nil {
		return 0, err
	}
	high, err := h.byte()
	return int(low) | int(high)<<8, err
}

// member reads a header, or finds the end of the stream after a member.
func (r *Reader) member() error {
	h := &header{r: r}
	first, err := h.byte()
	if err != nil {
		if r.hasMembers && errors.Is(err, io.ErrUnexpectedEOF) {
			r.state = atEnd
			return io.EOF
		}
		return err
	}
	flags, err := h.fixedPart(first)
	if err != nil {
		return err
	}
	if err := h.optionalParts(flags); err != nil {
		return err
	}
	r.hasMembers = true
	r.state, r.last = atBlock, false
	r.origin, r.crc, r.size = r.wr, 0, 0
	return nil
}

// fixedPart reads the ten bytes that every header has and gives the flags.
func (h *header) fixedPart(first byte) (byte, error) {
	second, err := h.byte()
	if err != nil {
		return 0, err
	}
	method, err := h.byte()
	if err != nil {
		return 0, err
	}
	flags, err := h.byte()
	if err != nil {
		return 0, err
	}
	if err := h.skip(6); err != nil { // time, level, system
		return 0, err
	}
	if first != 0x1f || second != 0x8b || method != 8 {
		return 0, ErrHeader
	}
	return flags, nil
}

func (h *header) optionalParts(flags byte) error {
	if flags&flagExtra != 0 {
		n, err := h.uint16()
		if err != nil {
			return err
		}
		if err := h.skip(n); err != nil {
			return err
		}
	}
	for _, flag := range []byte{flagName, flagComment} {
		if flags&flag == 0 {
			continue
		}
		if err := h.text(); err != nil {
			return err
		}
	}
	if flags&flagHeaderCRC != 0 {
		want := int(h.crc & 0xffff)
		got, err := h.uint16()
		if err != nil {
			return err
		}
		if got != want {
			return ErrHeader
		}
	}
	return nil
}

// trailer compares checksum and size, modulo 2³², with what was decoded.
func (r *Reader) trailer() error {
	r.sum()
	r.align()
	var want [2]uint32
	for i := range want {
		for shift := 0; shift < 32; shift += 8 {
			b, err := r.readByte()
			if err != nil {
				return err
			}
			want[i] |= uint32(b) << shift
		}
	}
	if want[0] != r.crc || want[1] != r.size {
		return ErrChecksum
	}
	r.state = atMember
	return nil
}
