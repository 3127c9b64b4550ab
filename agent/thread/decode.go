package thread

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/engine/journal"
)

// decode reads a record of the graph out of a line, sharing the line's memory.
// Most of a long thread are lines as encoding/json writes them, whose values
// are decoded later by whoever knows their types; looking for where such a
// value ends is several times faster than decoding the line. Whatever is
// written otherwise goes through encoding/json.
func decode(line journal.Record) (graph.Record, error) {
	var r graph.Record
	c := cursor{rest: line.Data}
	if c.record(&r); !c.lost && len(c.rest) == 0 {
		return r, nil
	}
	r = graph.Record{}
	err := line.Decode(&r)
	return r, err
}

// cursor reads compact JSON from the front. It is lost as soon as it meets
// anything that it does not know, and then what it returned means nothing.
type cursor struct {
	rest []byte
	lost bool
}

func (c *cursor) record(r *graph.Record) {
	c.fields(func(name string) {
		switch name {
		case "kind":
			r.Kind = graph.Kind(c.text())
		case "run":
			r.Run = c.number()
		case "step":
			r.Step = c.number()
		case "path":
			r.Path = c.text()
		case "node":
			r.Node = c.text()
		case "key":
			r.Key = c.text()
		case "value":
			r.Value = c.value()
		case "next":
			c.lost = c.lost || r.Next != nil // twice: encoding/json knows what that means
			c.list(func() { r.Next = append(r.Next, c.text()) })
		case "writes":
			c.lost = c.lost || r.Writes != nil
			c.list(func() { r.Writes = append(r.Writes, c.change()) })
		default:
			c.lost = true
		}
	})
}

func (c *cursor) change() (w graph.Change) {
	c.fields(func(name string) {
		switch name {
		case "field":
			w.Field = c.text()
		case "value":
			w.Value = c.value()
		default:
			c.lost = true
		}
	})
	return w
}

// take reads one certain byte, if it is next.
func (c *cursor) take(b byte) bool {
	if c.lost || len(c.rest) == 0 || c.rest[0] != b {
		return false
	}
	c.rest = c.rest[1:]
	return true
}

func (c *cursor) must(b byte) {
	if !c.take(b) {
		c.lost = true
	}
}

// fields reads an object that has fields; member reads the value of one.
func (c *cursor) fields(member func(name string)) {
	c.must('{')
	for !c.lost {
		name := c.text()
		c.must(':')
		member(name)
		if !c.take(',') {
			break
		}
	}
	c.must('}')
}

// list reads an array that has elements.
func (c *cursor) list(element func()) {
	c.must('[')
	for !c.lost {
		element()
		if !c.take(',') {
			break
		}
	}
	c.must(']')
}

// text reads a string of printable ASCII without escapes.
func (c *cursor) text() string {
	c.must('"')
	end := bytes.IndexByte(c.rest, '"')
	if c.lost || end < 0 {
		c.lost = true
		return ""
	}
	raw := c.rest[:end]
	for _, b := range raw {
		if b < ' ' || b > '~' || b == '\\' {
			c.lost = true
			return ""
		}
	}
	c.rest = c.rest[end+1:]
	return string(raw)
}

// number reads an integer of at most nine digits.
func (c *cursor) number() int {
	n := 0
	for n < len(c.rest) && n < 10 && c.rest[n] >= '0' && c.rest[n] <= '9' {
		n++
	}
	v, err := strconv.Atoi(string(c.rest[:n]))
	if err != nil || n > 9 || n > 1 && c.rest[0] == '0' {
		c.lost = true
		return 0
	}
	c.rest = c.rest[n:]
	return v
}

// value reads an object, an array or a string as it stands; other values are
// short and left to encoding/json. What is inside is not looked at, but for
// where it ends: whoever decodes it finds out whether it is JSON.
func (c *cursor) value() json.RawMessage {
	n := c.end()
	if c.lost || n == 0 {
		c.lost = true
		return nil
	}
	raw := c.rest[:n:n]
	c.rest = c.rest[n:]
	return json.RawMessage(raw)
}

// end is how many bytes the value has that is next.
func (c *cursor) end() int {
	depth := 0
	for i := 0; i < len(c.rest); i++ {
		switch c.rest[i] {
		case '"':
			n := closing(c.rest[i+1:])
			if n < 0 {
				return 0
			}
			i += n + 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if depth > 0 {
				continue
			}
			return scalar(c.rest)
		}
		if depth <= 0 {
			return i + 1
		}
	}
	return 0
}

// closing is where the quote is that ends a string.
func closing(s []byte) int {
	for i := 0; i < len(s); i++ {
		n := bytes.IndexAny(s[i:], `"\`)
		if n < 0 {
			return -1
		}
		if i += n; s[i] == '"' {
			return i
		}
		i++ // what is escaped
	}
	return -1
}

// scalar is how long the number, truth value or null is that s begins with.
func scalar(s []byte) int {
	n := bytes.IndexAny(s, `,}]`)
	if n < 1 || !json.Valid(s[:n]) {
		return 0
	}
	return n
}
