package gunzip

import (
	"encoding/binary"
	"io"
)

// huffman decodes until the block ends, the output is full, or input must be
// fetched.
func (r *Reader) huffman() error {
	if err := r.fetch(); err != nil {
		return err
	}
	inLimit := r.end - 32
	if r.eof {
		inLimit = r.end + 8 // zeros follow; what used them is found by overrun
	}
	ended, ok := r.run(inLimit)
	switch {
	case r.overrun():
		return io.ErrUnexpectedEOF
	case !ok:
		return ErrCorrupt
	case ended:
		r.state = atBlock
	}
	return nil
}

// run is the inner loop. A pass uses at most 14 bytes of input and writes at
// most 258+6 bytes. It tells whether the block has ended, and whether the data
// make sense.
func (r *Reader) run(inLimit int) (ended, ok bool) {
	const first = 1<<primary - 1
	outLimit := window + outSize
	bits, n, pos, wr := r.bits, r.n, r.pos, r.wr
	in, out := &r.in, &r.out
	ok = true
pass:
	for pos <= inLimit && wr <= outLimit {
		bits |= binary.LittleEndian.Uint64(in[pos:]) << (n & 63)
		pos += int((63 - n) >> 3)
		n |= 56
		e := r.lit.first[bits&first]
		if e&(literal|special) == literal {
			// Three times up to 11 bits, then the fourth is looked up.
			bits >>= e & bitsMask
			n -= uint(e & bitsMask)
			binary.LittleEndian.PutUint16(out[wr:], uint16(e>>16))
			wr += int(e >> 6 & 3)
			e = r.lit.first[bits&first]
			if e&(literal|special) == literal {
				bits >>= e & bitsMask
				n -= uint(e & bitsMask)
				binary.LittleEndian.PutUint16(out[wr:], uint16(e>>16))
				wr += int(e >> 6 & 3)
				e = r.lit.first[bits&first]
				if e&(literal|special) == literal {
					bits >>= e & bitsMask
					n -= uint(e & bitsMask)
					binary.LittleEndian.PutUint16(out[wr:], uint16(e>>16))
					wr += int(e >> 6 & 3)
					continue
				}
			}
			bits |= binary.LittleEndian.Uint64(in[pos:]) << (n & 63)
			pos += int((63 - n) >> 3)
			n |= 56
		}
		if e&special != 0 {
			if e&subtable == subtable {
				e = r.lit.second(e, bits)
			}
			switch {
			case e&(literal|special) == literal:
				bits >>= e & bitsMask
				n -= uint(e & bitsMask)
				out[wr] = byte(e >> 16)
				wr++
				continue
			case e == noCode:
				ok = false
				break pass
			case e&special != 0:
				bits >>= e & bitsMask
				n -= uint(e & bitsMask)
				ended = true
				break pass
			}
		}
		// A length and a distance take at most 15+5+15+13 bits.
		length := int(e>>16) + extraBits(bits, e)
		bits >>= e & bitsMask
		n -= uint(e & bitsMask)
		e = r.dist.lookup(bits)
		if e&special != 0 {
			ok = false
			break
		}
		distance := int(e>>16) + extraBits(bits, e)
		bits >>= e & bitsMask
		n -= uint(e & bitsMask)
		if distance > wr-r.origin {
			ok = false
			break
		}
		r.repeat(wr, distance, length)
		wr += length
	}
	r.bits, r.n, r.pos, r.wr = bits, n, pos, wr
	return ended, ok
}

// extraBits gives the value of the bits that follow a code.
func extraBits(v uint64, e uint32) int {
	code := e >> 8 & 15
	return int(v>>code) & (1<<(e&bitsMask-code) - 1)
}

// repeat copies length bytes from distance back to wr; they may overlap.
func (r *Reader) repeat(wr, distance, length int) {
	from := wr - distance
	switch {
	case distance >= 8 && length <= 16:
		// Two words; what is too much will be overwritten.
		binary.LittleEndian.PutUint64(r.out[wr:], binary.LittleEndian.Uint64(r.out[from:]))
		binary.LittleEndian.PutUint64(r.out[wr+8:], binary.LittleEndian.Uint64(r.out[from+8:]))
	case distance >= length:
		copy(r.out[wr:wr+length], r.out[from:from+length])
	default:
		for end := wr + length; wr < end; {
			wr += copy(r.out[wr:end], r.out[from:wr])
		}
	}
}
