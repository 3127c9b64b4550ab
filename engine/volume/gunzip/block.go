package gunzip

import "io"

const (
	litSymbols  = 288
	distSymbols = 32
	endOfBlock  = 256
)

// block reads a block's header.
func (r *Reader) block() error {
	if r.last {
		r.state = atTrailer
		return nil
	}
	if err := r.refill(); err != nil {
		return err
	}
	r.last = r.take(1) == 1
	var err error
	switch r.take(2) {
	case 0:
		err = r.storedHeader()
	case 1:
		r.fixedCodes()
		r.state = inHuffman
	case 2:
		err = r.dynamicCodes()
		r.state = inHuffman
	default:
		err = ErrCorrupt
	}
	if r.overrun() {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (r *Reader) storedHeader() error {
	r.align()
	var b [4]int
	for i := range b {
		v, err := r.readByte()
		if err != nil {
			return err
		}
		b[i] = int(v)
	}
	r.stored = b[0] | b[1]<<8
	if r.stored != 0xffff&^(b[2]|b[3]<<8) {
		return ErrCorrupt
	}
	r.state = inStored
	return nil
}

// copyStored copies bytes that were not compressed.
func (r *Reader) copyStored() error {
	if r.stored == 0 {
		r.state = atBlock
		return nil
	}
	if err := r.fetch(); err != nil {
		return err
	}
	n := min(r.stored, r.end-r.pos, window+outSize-r.wr)
	if r.end == r.pos {
		return io.ErrUnexpectedEOF
	}
	copy(r.out[r.wr:], r.in[r.pos:r.pos+n])
	r.pos += n
	r.wr += n
	r.stored -= n
	return nil
}

// fixedCodes are those of RFC 1951, section 3.2.6.
func (r *Reader) fixedCodes() {
	if r.fixed {
		return
	}
	var lengths [litSymbols]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	var distances [distSymbols]uint8
	for i := range distances {
		distances[i] = 5
	}
	// Both codes are complete, so they cannot be refused.
	r.fixed = r.lit.build(lengths[:], literalEntry) && r.dist.build(distances[:], distanceEntry)
	r.lit.pairLiterals()
}

// dynamicCodes reads the codes that a block brings along (section 3.2.7).
func (r *Reader) dynamicCodes() error {
	r.fixed = false
	if err := r.refill(); err != nil {
		return err
	}
	literals, distances, codes := r.take(5)+257, r.take(5)+1, r.take(4)+4
	if literals > 286 || distances > 30 {
		return ErrCorrupt
	}
	var order [19]uint8
	for i := range codes {
		if i%8 == 0 {
			if err := r.refill(); err != nil {
				return err
			}
		}
		order["\x10\x11\x12\x00\x08\x07\x09\x06\x0a\x05\x0b\x04\x0c\x03\x0d\x02\x0e\x01\x0f"[i]] = uint8(r.take(3))
	}
	// The distance table is free until the code lengths are known.
	if !r.dist.build(order[:], plainEntry) {
		return ErrCorrupt
	}
	var lengths [286 + 30]uint8
	if err := r.codeLengths(lengths[:literals+distances]); err != nil {
		return err
	}
	if lengths[endOfBlock] == 0 ||
		!r.lit.build(lengths[:literals], literalEntry) ||
		!r.dist.build(lengths[literals:literals+distances], distanceEntry) {
		return ErrCorrupt
	}
	r.lit.pairLiterals()
	return nil
}

// codeLengths decodes the run-length coded lengths of the two codes.
func (r *Reader) codeLengths(lengths []uint8) error {
	for i := 0; i < len(lengths); {
		if err := r.refill(); err != nil {
			return err
		}
		e := r.dist.lookup(r.bits)
		if e&special != 0 {
			return ErrCorrupt
		}
		r.drop(uint(e & bitsMask))
		symbol := int(e >> 16)
		if symbol < 16 {
			lengths[i] = uint8(symbol)
			i++
			continue
		}
		var value uint8
		var repeat int
		switch symbol {
		case 16:
			if i == 0 {
				return ErrCorrupt
			}
			value, repeat = lengths[i-1], 3+r.take(2)
		case 17:
			repeat = 3 + r.take(3)
		default:
			repeat = 11 + r.take(7)
		}
		if repeat > len(lengths)-i {
			return ErrCorrupt
		}
		for range repeat {
			lengths[i] = value
			i++
		}
	}
	return nil
}
