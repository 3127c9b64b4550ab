package gunzip

import "math/bits"

// A table entry is 32 bits:
//
//	0–5    bits to drop: the code's and, for lengths and distances, the extra ones
//	6–7    literals: how many there are, 1 or 2
//	8–11   the code's length
//	12–13  what it is, see below
//	16–31  one or two literals, the base of a length or distance, a symbol, or
//	       where the subtable begins
const (
	bitsMask = 0x3f
	literal  = 1 << 12 // one or two literal bytes
	special  = 1 << 13 // not a length or distance: a subtable, the block's end, or no code

	subtable   = special | literal
	blockEnd   = special | 1<<14
	noCode     = special | 1<<15
	primary    = 11
	maxCode    = 15
	maxSymbols = litSymbols
)

// table decodes a Huffman code: 11 bits at once, longer codes by a subtable.
type table struct {
	first [1 << primary]uint32
	rest  []uint32
}

// lookup gives the entry for the next bits, through a subtable if need be.
func (t *table) lookup(v uint64) uint32 {
	e := t.first[v&(1<<primary-1)]
	if e&subtable == subtable {
		e = t.second(e, v)
	}
	return e
}

// second looks into the subtable that an entry names. Bits 0–5 of such an
// entry give the subtable's size.
func (t *table) second(e uint32, v uint64) uint32 {
	return t.rest[uint64(e>>16)+(v>>primary)&(1<<(e&bitsMask)-1)]
}

// build makes the table of a canonical code. It refuses one that has too many
// or too few codes; like compress/flate it lets pass no code at all, and a
// single code of one bit.
func (t *table) build(lengths []uint8, entry func(symbol, length int) uint32) bool {
	var count, next [maxCode + 2]int
	longest := 0
	for _, n := range lengths {
		count[n]++
		longest = max(longest, int(n))
	}
	for i := range t.first {
		t.first[i] = noCode
	}
	t.rest = t.rest[:0]
	if longest == 0 {
		return true
	}
	count[0] = 0
	code := 0
	for n := 1; n <= longest; n++ {
		code <<= 1
		next[n] = code
		code += count[n]
	}
	if code != 1<<longest && (code != 1 || longest != 1) {
		return false
	}
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		length := int(n)
		reversed := int(bits.Reverse16(uint16(next[length])) >> (16 - length))
		next[length]++
		e := entry(symbol, length)
		if length <= primary {
			for i := reversed; i < len(t.first); i += 1 << length {
				t.first[i] = e
			}
			continue
		}
		t.long(reversed, length, longest, e)
	}
	return true
}

// long enters a code that does not fit the first table.
func (t *table) long(reversed, length, longest int, e uint32) {
	size := longest - primary
	head := &t.first[reversed&(1<<primary-1)]
	if *head&subtable != subtable || *head == noCode {
		*head = subtable | uint32(len(t.rest))<<16 | uint32(size)
		for range 1 << size {
			t.rest = append(t.rest, noCode)
		}
	}
	at := int(*head >> 16)
	for i := reversed >> primary; i < 1<<size; i += 1 << (length - primary) {
		t.rest[at+i] = e
	}
}

// pairLiterals makes entries of two literals where both codes fit.
func (t *table) pairLiterals() {
	single := t.first
	for i, e := range single {
		if e&(literal|special) != literal {
			continue
		}
		used := e & bitsMask
		second := single[uint32(i)>>used]
		if second&(literal|special) != literal || used+second&bitsMask > primary {
			continue
		}
		t.first[i] = (used + second&bitsMask) | 2<<6 | literal | e&0xff0000 | second&0xff0000<<8
	}
}

// plainEntry is for the code of code lengths.
func plainEntry(symbol, length int) uint32 {
	return uint32(symbol)<<16 | uint32(length)<<8 | uint32(length)
}

// literalEntry is for literals, the block's end and match lengths.
func literalEntry(symbol, length int) uint32 {
	switch {
	case symbol < endOfBlock:
		return uint32(symbol)<<16 | literal | 1<<6 | uint32(length)<<8 | uint32(length)
	case symbol == endOfBlock:
		return blockEnd | uint32(length)<<8 | uint32(length)
	case symbol > 285:
		return noCode
	case symbol == 285:
		return 258<<16 | uint32(length)<<8 | uint32(length)
	}
	base, extra := symbol-257+3, 0
	if symbol >= 265 {
		extra = (symbol - 261) / 4
		base = (4+(symbol-265)%4)<<extra + 3
	}
	return uint32(base)<<16 | uint32(length)<<8 | uint32(length+extra)
}

// distanceEntry is for match distances.
func distanceEntry(symbol, length int) uint32 {
	if symbol > 29 {
		return noCode
	}
	base, extra := symbol+1, 0
	if symbol >= 4 {
		extra = symbol/2 - 1
		base = (2+symbol%2)<<extra + 1
	}
	return uint32(base)<<16 | uint32(length)<<8 | uint32(length+extra)
}
