package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

// Event is one server-sent event.
type Event struct{ Name, Data string }

// maxEvent is the most bytes that one event may have.
const maxEvent = 4 << 20

// Events reads server-sent events to the end of r. Lines may end in LF, CRLF
// or CR; comments and unknown fields are passed over; an event that the end
// of the stream cuts off is yielded as far as it came, so that whoever reads
// its data sees that it is broken. An error ends the sequence.
func Events(r io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		lines := lineReader{r: bufio.NewReader(r)}
		var e Event
		var data []string
		size := 0
		for {
			line, err := lines.next()
			if err != nil && !errors.Is(err, io.EOF) {
				yield(Event{}, err)
				return
			}
			ended := err != nil
			size += len(line)
			if size > maxEvent {
				yield(Event{}, fmt.Errorf("%w: one event has more than %d MiB", ErrTooLong, maxEvent>>20))
				return
			}
			field, value, _ := strings.Cut(line, ":")
			value = strings.TrimPrefix(value, " ")
			switch {
			case line != "" && field == "data":
				data = append(data, value)
			case line != "" && field == "event":
				e.Name = value
			}
			if line == "" || ended {
				if len(data) > 0 {
					e.Data = strings.Join(data, "\n")
					if !yield(e, nil) {
						return
					}
				}
				e, data, size = Event{}, nil, 0
			}
			if ended {
				return
			}
		}
	}
}

// lineReader reads lines that end in any of the three ways.
type lineReader struct {
	r      *bufio.Reader
	skipLF bool // the line before ended in CR; an LF now belongs to it
}

// next returns a line without its end; io.EOF comes with the last one.
func (l *lineReader) next() (string, error) {
	var b strings.Builder
	for {
		c, err := l.r.ReadByte()
		if err != nil {
			return b.String(), err
		}
		if l.skipLF {
			l.skipLF = false
			if c == '\n' {
				continue
			}
		}
		switch c {
		case '\r':
			l.skipLF = true
			return b.String(), nil
		case '\n':
			return b.String(), nil
		}
		b.WriteByte(c)
		if b.Len() > maxEvent {
			return "", fmt.Errorf("%w: one line has more than %d MiB", ErrTooLong, maxEvent>>20)
		}
	}
}
