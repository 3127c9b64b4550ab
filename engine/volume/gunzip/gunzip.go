// Package gunzip decompresses gzip streams (RFC 1951, RFC 1952), faster than
// the libraries at hand on the byte pairs that microscopy volumes consist of.
// It decodes two literals at a time where their codes are short, and reads its
// input eight bytes at a time, as libdeflate does. Anything about volumes does
// not belong here.
//
// Every stream is either decompressed exactly as compress/gzip does, or refused.
package gunzip

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

var (
	// ErrHeader means that the stream is not gzip.
	ErrHeader = errors.New("invalid gzip header")
	// ErrCorrupt means that the compressed data contradict themselves.
	ErrCorrupt = errors.New("invalid compressed data")
	// ErrChecksum means that the decompressed data are not what was compressed.
	ErrChecksum = errors.New("invalid gzip checksum")
)

const (
	window   = 32 << 10
	outSize  = 64 << 10
	inSize   = 64 << 10
	slack    = 320 // what one step may write or look at beyond a limit
	lowWater = 64  // input that a step may need
)

// The states of a Reader.
const (
	atMember = iota
	atBlock
	inStored
	inHuffman
	atTrailer
	atEnd
)

// Reader decompresses one gzip stream of one or more members.
type Reader struct {
	src io.Reader

	in       [inSize + slack]byte
	pos, end int // what of in is not used
	eof      bool
	bits     uint64
	n        uint // how many of bits are valid

	out        [window + outSize + slack]byte
	rd, wr     int
	origin     int // where the member's data begin in out, at most window back
	summed     int // up to where the checksum goes
	crc        uint32
	size       uint32
	state      int
	last       bool
	stored     int
	lit, dist  table
	fixed      bool // the tables hold the fixed codes
	err        error
	hasMembers bool
}

// NewReader reads the first header from src. The source is read ahead.
func NewReader(src io.Reader) (*Reader, error) {
	r := &Reader{src: src}
	if err := r.member(); err != nil {
		return nil, err
	}
	return r, nil
}

// Read gives decompressed bytes. io.EOF follows a stream whose checksums were
// right.
func (r *Reader) Read(p []byte) (int, error) {
	total := 0
	for total < len(p) {
		if r.rd == r.wr {
			if r.err != nil {
				break
			}
			r.err = r.produce()
			continue
		}
		n := copy(p[total:], r.out[r.rd:r.wr])
		r.rd += n
		total += n
	}
	if total > 0 || len(p) == 0 {
		return total, nil
	}
	return 0, r.err
}

// produce decompresses at least a byte, or fails.
func (r *Reader) produce() error {
	if r.wr > window {
		r.slide()
	}
	for r.rd == r.wr {
		if err := r.step(); err != nil {
			// What was decoded before the damage is not given out.
			r.rd = r.wr
			return err
		}
	}
	r.sum()
	return nil
}

// slide keeps the last window of output.
func (r *Reader) slide() {
	shift := r.wr - window
	copy(r.out[:window], r.out[shift:r.wr])
	r.origin = max(0, r.origin-shift)
	r.rd, r.wr, r.summed = window, window, window
}

// sum brings the checksum up to date.
func (r *Reader) sum() {
	fresh := r.out[r.summed:r.wr]
	r.crc = crc32.Update(r.crc, crc32.IEEETable, fresh)
	r.size += uint32(len(fresh))
	r.summed = r.wr
}

func (r *Reader) step() error {
	switch r.state {
	case atMember:
		return r.member()
	case atBlock:
		return r.block()
	case inStored:
		return r.copyStored()
	case inHuffman:
		return r.huffman()
	case atTrailer:
		return r.trailer()
	default:
		return io.EOF
	}
}

// fetch makes lowWater bytes of input available, unless there are no more.
// Zeros follow the last byte.
func (r *Reader) fetch() error {
	if r.eof || r.end-r.pos >= lowWater {
		return nil
	}
	// Up to eight bytes before pos may be given back by align.
	from := max(0, r.pos-8)
	r.end = copy(r.in[:], r.in[from:r.end])
	r.pos -= from
	for r.end-r.pos < lowWater {
		n, err := r.src.Read(r.in[r.end:inSize])
		r.end += n
		if errors.Is(err, io.EOF) {
			r.eof = true
			clear(r.in[r.end : r.end+lowWater])
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// refill makes at least 56 bits available; beyond the end they are zeros.
func (r *Reader) refill() error {
	if err := r.fetch(); err != nil {
		return err
	}
	if r.overrun() {
		return io.ErrUnexpectedEOF
	}
	r.bits |= binary.LittleEndian.Uint64(r.in[r.pos:]) << (r.n & 63)
	r.pos += int((63 - r.n) >> 3)
	r.n |= 56
	return nil
}

// overrun tells whether bits beyond the end of the input were used.
func (r *Reader) overrun() bool { return r.pos-int(r.n>>3) > r.end }

func (r *Reader) drop(n uint) {
	r.bits >>= n
	r.n -= n
}

func (r *Reader) take(n uint) int {
	v := r.bits & (1<<n - 1)
	r.drop(n)
	return int(v)
}

// align goes on to the next whole byte and gives unused bytes back.
func (r *Reader) align() {
	r.n -= r.n & 7
	r.pos -= int(r.n >> 3)
	r.bits, r.n = 0, 0
}

// readByte reads a byte of a header or trailer. The bits must be aligned.
func (r *Reader) readByte() (byte, error) {
	if r.end-r.pos < 1 {
		if err := r.fetch(); err != nil {
			return 0, err
		}
		if r.end-r.pos < 1 {
			return 0, io.ErrUnexpectedEOF
		}
	}
	b := r.in[r.pos]
	r.pos++
	return b, nil
}
