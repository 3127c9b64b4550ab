package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
)

// opStop ends a pickle.
const opStop = '.'

// operation is what one opcode does, its code having been read.
type operation func(*machine) error

// operations are the opcodes of protocols 2 to 5 that Python's and TorchScript's
// picklers write, by their codes.
func operations() [256]operation {
	return [256]operation{
		0x80: (*machine).protocol, 0x95: func(m *machine) error { _, err := m.uint(8); return err }, // FRAME
		'(': (*machine).mark,
		'0': func(m *machine) error { _, err := m.pop(); return err },
		'1': func(m *machine) error { _, err := m.popMark(); return err },

		'N': constant(nil), 0x88: constant(true), 0x89: constant(false),
		'J': func(m *machine) error { n, err := m.uint(4); return m.pushUnless(err, int64(int32(n))) },
		'K': func(m *machine) error { n, err := m.uint(1); return m.pushUnless(err, int64(n)) },
		'M': func(m *machine) error { n, err := m.uint(2); return m.pushUnless(err, int64(n)) },
		'G': func(m *machine) error { b, err := m.bytes(8); return m.pushUnless(err, bigEndianFloat(b)) },

		0x8a: integer(1), 0x8b: integer(4),
		0x8c: text(1), 'X': text(4), 0x8d: text(8), 'U': text(1), 'T': text(4),
		'C': binaryData(1), 'B': binaryData(4), 0x8e: binaryData(8), 0x96: binaryData(8),

		']':  func(m *machine) error { return m.push(&List{}) },
		0x8f: func(m *machine) error { return m.push(&List{}) }, // EMPTY_SET
		'}':  func(m *machine) error { return m.push(&Dict{}) },
		')':  func(m *machine) error { return m.push(Tuple{}) },

		0x85: tuple(1), 0x86: tuple(2), 0x87: tuple(3),
		't':  func(m *machine) error { v, err := m.popMark(); return m.pushUnless(err, Tuple(v)) },
		0x91: func(m *machine) error { v, err := m.popMark(); return m.pushUnless(err, Tuple(v)) }, // FROZENSET

		'a': func(m *machine) error { return m.extend(m.popN(1)) },
		'e': func(m *machine) error { return m.extend(m.popMark()) }, 0x90: func(m *machine) error { return m.extend(m.popMark()) },
		's': func(m *machine) error { return m.update(m.popN(2)) }, 'u': func(m *machine) error { return m.update(m.popMark()) },

		'q': memoise(1), 'r': memoise(4), 0x94: func(m *machine) error { return m.remember(uint64(len(m.memo))) },
		'h': recalled(1), 'j': recalled(4),

		'c': (*machine).global, 0x93: (*machine).stackGlobal,
		'R': (*machine).reduce, 0x81: (*machine).newObject, 0x92: (*machine).newObjectEx, 'b': (*machine).build,
		'Q': (*machine).persistentID,
	}
}

// unsupported refuses any other opcode.
func unsupported(code byte, at int) error {
	named := map[byte]string{
		'i': "INST", 'o': "OBJ", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", 'P': "PERSID", '2': "DUP",
		0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER", 'I': "INT", 'L': "LONG", 'F': "FLOAT", 'S': "STRING",
		'V': "UNICODE", 'd': "DICT", 'l': "LIST", 'p': "PUT", 'g': "GET",
	}
	if name, ok := named[code]; ok {
		return refuse("the pickle uses opcode %s at byte %d, which PyTorch never writes", name, at)
	}
	return malformed("byte 0x%02x at %d is no opcode: the file is damaged or no pickle", code, at)
}

func constant(v any) operation { return func(m *machine) error { return m.push(v) } }

func (m *machine) pushUnless(err error, v any) error {
	if err != nil {
		return err
	}
	return m.push(v)
}

func (m *machine) protocol() error {
	n, err := m.byte()
	if err != nil {
		return err
	}
	if n < 2 || n > 5 {
		return refuse("pickle protocol %d, known are 2 to 5", n)
	}
	return nil
}

func (m *machine) mark() error {
	if len(m.marks) >= maxMarks {
		return malformed("collections nest deeper than %d", maxMarks)
	}
	m.marks = append(m.marks, len(m.stack))
	return m.spend(1)
}

func bigEndianFloat(b []byte) float64 {
	if len(b) < 8 {
		return 0
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b))
}

// integer reads a number in two's complement, its length in size bytes.
func integer(size int) operation {
	return func(m *machine) error {
		b, err := m.counted(size)
		if err != nil {
			return err
		}
		if len(b) > maxInteger {
			return malformed("an integer of %d bytes", len(b))
		}
		be := slices.Clone(b)
		slices.Reverse(be)
		n := new(big.Int).SetBytes(be)
		if len(be) > 0 && be[0]&0x80 != 0 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(be))))
		}
		if n.IsInt64() {
			return m.push(n.Int64())
		}
		return m.push(n)
	}
}

func text(size int) operation {
	return func(m *machine) error { b, err := m.counted(size); return m.pushUnless(err, string(b)) }
}

func binaryData(size int) operation {
	return func(m *machine) error { b, err := m.counted(size); return m.pushUnless(err, slices.Clone(b)) }
}

func tuple(n int) operation {
	return func(m *machine) error { v, err := m.popN(n); return m.pushUnless(err, Tuple(v)) }
}

func memoise(size int) operation {
	return func(m *machine) error {
		slot, err := m.uint(size)
		if err != nil {
			return err
		}
		return m.remember(slot)
	}
}

func recalled(size int) operation {
	return func(m *machine) error {
		slot, err := m.uint(size)
		if err != nil {
			return err
		}
		return m.recall(slot)
	}
}

// extend appends values to the list on the stack.
func (m *machine) extend(values []any, err error) error {
	if err != nil {
		return err
	}
	target, err := m.top()
	if err != nil {
		return err
	}
	switch t := target.(type) {
	case *List:
		t.Items = append(t.Items, values...)
	case *Object:
		if t.List == nil {
			t.List = &List{}
		}
		t.List.Items = append(t.List.Items, values...)
	default:
		return malformed("values are appended to %s", kind(target))
	}
	return nil
}

// update puts keys and values into the dictionary on the stack.
func (m *machine) update(pairs []any, err error) error {
	if err != nil {
		return err
	}
	target, err := m.top()
	if err != nil {
		return err
	}
	if len(pairs)%2 != 0 {
		return malformed("a key has no value")
	}
	var d *Dict
	switch t := target.(type) {
	case *Dict:
		d = t
	case *Object:
		if t.Items == nil {
			t.Items = &Dict{}
		}
		d = t.Items
	default:
		return malformed("entries are put into %s", kind(target))
	}
	for i := 0; i < len(pairs); i += 2 {
		d.set(pairs[i], pairs[i+1])
	}
	return nil
}

func (m *machine) persistentID() error {
	id, err := m.pop()
	if err != nil {
		return err
	}
	v, err := m.persistent(id)
	return m.pushUnless(err, v)
}

// kind names a value's type for messages.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a bool"
	case int64, *big.Int:
		return "an int"
	case float64:
		return "a float"
	case string:
		return "a str"
	case []byte:
		return "bytes"
	case Tuple:
		return "a tuple"
	case *List:
		return "a list"
	case *Dict:
		return "a dict"
	case Global:
		return fmt.Sprintf("the class or function %q", v.String())
	case *Object:
		return fmt.Sprintf("an object of class %q", v.Class.String())
	case *Tensor:
		return "a tensor"
	case *Storage:
		return "a storage"
	case *Array:
		return "a NumPy array"
	default:
		return "an internal value"
	}
}
