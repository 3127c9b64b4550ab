package wire

import "strings"

// The marks between which open models think aloud, where their server does
// not take it out of the text.
const (
	thinkBegin = "<think>"
	thinkEnd   = "</think>"
)

// thinking parts a text that comes in pieces into what was thought and what is
// said. Only a text that begins with the mark has thoughts.
type thinking struct {
	state thinkState
	held  string // not decided yet: it may be the beginning of a mark
}

type thinkState int

const (
	thinkUnknown thinkState = iota // nothing but blanks came so far
	thinkInside
	thinkAfter // only blanks came since the end
	thinkOver
)

// part takes a piece; last says that none follows.
func (t *thinking) part(piece string, last bool) Delta {
	var d Delta
	t.held += piece
	for {
		switch t.state {
		case thinkUnknown:
			text := strings.TrimLeft(t.held, " \n")
			switch {
			case strings.HasPrefix(text, thinkBegin):
				t.state, t.held = thinkInside, text[len(thinkBegin):]
				continue
			case !last && strings.HasPrefix(thinkBegin, text):
				return d
			}
			t.state = thinkOver
		case thinkInside:
			thought, rest, ended := strings.Cut(t.held, thinkEnd)
			if ended {
				d.Reasoning += thought
				t.state, t.held = thinkAfter, rest
				continue
			}
			keep := overlap(t.held, thinkEnd)
			if last {
				keep = 0
			}
			d.Reasoning += t.held[:len(t.held)-keep]
			t.held = t.held[len(t.held)-keep:]
			return d
		case thinkAfter:
			t.held = strings.TrimLeft(t.held, " \n")
			if t.held == "" {
				return d
			}
			t.state = thinkOver
		case thinkOver:
			d.Text += t.held
			t.held = ""
			return d
		}
	}
}

// overlap is how long an end of text is the beginning of mark.
func overlap(text, mark string) int {
	for n := min(len(text), len(mark)-1); n > 0; n-- {
		if strings.HasSuffix(text, mark[:n]) {
			return n
		}
	}
	return 0
}
