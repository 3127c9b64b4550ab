package pickle

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// machine is the stack machine that a pickle programs.
type machine struct {
	in    []byte
	at    int
	stack []any
	marks []int // heights of the stack
	memo  []any
	spent int
	// persistent makes the value of a persistent id, which is how PyTorch refers
	// to storages.
	persistent func(id any) (any, error)

	operations [256]operation
	functions  map[string]function
	forbidden  map[string]bool
}

func newMachine(in []byte, persistent func(id any) (any, error)) *machine {
	return &machine{in: in, persistent: persistent, operations: operations(), functions: functions(), forbidden: forbidden()}
}

// unset fills the memo's gaps.
type unset struct{}

// run executes one pickle from m.at and leaves m.at after its STOP.
func (m *machine) run() (any, error) {
	m.stack, m.marks, m.memo = m.stack[:0], m.marks[:0], m.memo[:0]
	for {
		begin := m.at
		code, err := m.byte()
		if err != nil {
			return nil, err
		}
		if code == opStop {
			v, err := m.pop()
			if err == nil && len(m.stack) > 0 {
				err = malformed("%d values are left over at byte %d", len(m.stack), begin)
			}
			return v, err
		}
		op := m.operations[code]
		if op == nil {
			return nil, unsupported(code, begin)
		}
		if err := op(m); err != nil {
			return nil, fmt.Errorf("at byte %d: %w", begin, err)
		}
	}
}

// spend counts values against the limit.
func (m *machine) spend(n int) error {
	if m.spent += n; m.spent > MaxValues {
		return fmt.Errorf("%w: the pickle makes more than %d values in its first %d bytes of %d", ErrLimit, MaxValues, m.at, len(m.in))
	}
	return nil
}

func (m *machine) push(v any) error {
	m.stack = append(m.stack, v)
	return m.spend(1)
}

// floor is the height below which nothing may be popped: the last mark.
func (m *machine) floor() int {
	if len(m.marks) == 0 {
		return 0
	}
	return m.marks[len(m.marks)-1]
}

func (m *machine) pop() (any, error) {
	if len(m.stack) <= m.floor() {
		return nil, malformed("the stack is empty at byte %d", m.at)
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return v, nil
}

// top returns the value that stays on the stack.
func (m *machine) top() (any, error) {
	if len(m.stack) <= m.floor() {
		return nil, malformed("the stack is empty at byte %d", m.at)
	}
	return m.stack[len(m.stack)-1], nil
}

// popN returns the last n values in the order in which they were pushed. They
// are the caller's.
func (m *machine) popN(n int) ([]any, error) {
	if len(m.stack)-m.floor() < n {
		return nil, malformed("the stack has fewer than %d values at byte %d", n, m.at)
	}
	out := append([]any(nil), m.stack[len(m.stack)-n:]...)
	m.stack = m.stack[:len(m.stack)-n]
	return out, nil
}

// popMark returns the values since the last mark and takes the mark away.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, malformed("there is no mark at byte %d", m.at)
	}
	out, err := m.popN(len(m.stack) - m.floor())
	m.marks = m.marks[:len(m.marks)-1]
	return out, err
}

func (m *machine) byte() (byte, error) {
	b, err := m.bytes(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// bytes returns the next n bytes of the input, not copied.
func (m *machine) bytes(n int) ([]byte, error) {
	if n > len(m.in)-m.at {
		return nil, malformed("the pickle ends at byte %d, %d more were expected: it is truncated", len(m.in), n-(len(m.in)-m.at))
	}
	b := m.in[m.at : m.at+n]
	m.at += n
	return b, nil
}

// counted returns bytes whose number comes first, in size bytes.
func (m *machine) counted(size int) ([]byte, error) {
	n, err := m.uint(size)
	if err != nil {
		return nil, err
	}
	if n > uint64(len(m.in)) {
		return nil, malformed("%d bytes were announced at byte %d, the pickle has %d: it is truncated", n, m.at, len(m.in))
	}
	return m.bytes(int(n))
}

// uint reads a little-endian number of at most eight bytes.
func (m *machine) uint(size int) (uint64, error) {
	b, err := m.bytes(size)
	if err != nil {
		return 0, err
	}
	var whole [8]byte
	copy(whole[:], b)
	return binary.LittleEndian.Uint64(whole[:]), nil
}

// line reads up to a line feed.
func (m *machine) line() (string, error) {
	rest := m.in[m.at:min(len(m.in), m.at+maxName)]
	n := bytes.IndexByte(rest, '\n')
	if n < 0 {
		return "", malformed("a name at byte %d does not end within %d bytes", m.at, maxName)
	}
	m.at += n + 1
	return string(rest[:n]), nil
}

// remember puts the top of the stack into the memo. Picklers number the slots
// in order; a number beyond the bytes read so far can only be a lie.
func (m *machine) remember(slot uint64) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	if slot > uint64(m.at) {
		return malformed("memo slot %d at byte %d", slot, m.at)
	}
	if grow := int(slot) + 1 - len(m.memo); grow > 0 {
		if err := m.spend(grow); err != nil {
			return err
		}
		for range grow {
			m.memo = append(m.memo, unset{})
		}
	}
	m.memo[slot] = v
	return nil
}

func (m *machine) recall(slot uint64) error {
	if slot < uint64(len(m.memo)) {
		if v := m.memo[slot]; v != (unset{}) {
			return m.push(v)
		}
	}
	return malformed("memo slot %d was never filled", slot)
}
