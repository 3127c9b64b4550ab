package planner

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// turn reads what was said now; with results at hand it observes them.
func (m *Model) turn(ctx context.Context, c conversation, cat *catalogue) Outcome {
	var known Names
	if m.names != nil {
		known = m.names(ctx)
	}
	s := session{model: m, cat: cat, known: known}
	first, r := s.understand(c)
	out := first.Outcome
	if len(c.rounds) > 0 {
		out = r.observe(first, c.rounds)
	}
	if c.rewrite && len(out.Steps) == 0 {
		out.Reply = withoutNumbers(out.Reply)
	}
	return out
}

// session is one turn's view of the conversation.
type session struct {
	model *Model
	cat   *catalogue
	known Names
}

// reader makes a reader for one text.
func (s session) reader(text string, mem memory, fills map[string]any) *reader {
	return &reader{lex: s.model.lex, now: s.model.now, cat: s.cat, known: s.known, mem: mem, fills: fills, text: text}
}

// understand reads the last thing said: as the answer to a question, as a
// correction of the last plan, or by itself.
func (s session) understand(c conversation) (reading, *reader) {
	mem := remember(c.history)
	text, fills, ok := s.pending(c)
	if ok {
		_, r := s.readBest(text, mem, fills)
		r.answeredWith(c.text)
		return r.out, r
	}
	if text != "" {
		if out, r, ok := s.together(text, c.text, mem); ok {
			return out, r
		}
	}
	r := s.reader(c.text, mem, nil)
	if out, ok := r.correct(); ok {
		return out, r
	}
	if out, ok := r.elliptical(); ok {
		return out, r
	}
	return s.readBest(c.text, mem, nil)
}

// together reads the answer to a question as the end of what was asked about:
// "make synthetic data", "call it blob, 5 volumes". It only does so where the
// answer asks for nothing by itself and leaves no question open.
func (s session) together(before, said string, mem memory) (reading, *reader, bool) {
	if alone := s.reader(said, mem, nil).read(); len(alone.Steps) > 0 || len(alone.goals) > 0 {
		return reading{}, nil, false
	}
	r := s.reader(strings.TrimRight(before, ".!?; ")+"; "+said, mem, nil)
	out := r.read()
	return out, r, len(out.Steps) > 0 && len(out.Questions) == 0
}

// saysMore tells whether an answer gives other settings too: "segresnet, 30
// epochs" when asked for the model.
func (s session) saysMore(a ask, said string) bool {
	if a.param != "model" && a.param != "dataset" {
		return false
	}
	c := clause{toks: s.model.lex.merge(tokenise(said))}
	return slices.ContainsFunc(s.model.lex.recognise(c.toks, s.known), func(it item) bool {
		return it.is(cNumber) && !it.tok.weak || it.is(cTriple) || it.is(cAssign) || it.is(cTag) || settingWord(it)
	}) && s.reader(said, memory{}, nil).listsSettings(c)
}

// maxLook is how many turns back a pending question is looked for.
const maxLook = 6

// pending tells whether the last thing said answers a question that an earlier
// turn ended with, and gives that turn's text with what has been answered. The
// text comes without ok where the question is open still.
func (s session) pending(c conversation) (text string, fills map[string]any, ok bool) {
	from := len(c.history)
	for from > 0 && len(c.history[from-1].rounds) == 0 && len(c.history)-from < maxLook {
		from--
	}
	var open []ask
	var questions []Question
	for i := from; i <= len(c.history); i++ {
		said := c.text
		if i < len(c.history) {
			said = c.history[i].text
		}
		if len(open) > 0 {
			if v, answered := s.fill(open[0], questions[0], said); answered {
				next := map[string]any{open[0].param: v}
				if name, also := s.namesToo(open[0], said); also {
					next["name"] = name
				}
				maps.Copy(next, fills)
				fills = next
				if s.saysMore(open[0], said) {
					text += "; " + said
				}
				if i == len(c.history) {
					return text, fills, true
				}
				said = text
			} else {
				fills = nil
			}
		}
		if i == len(c.history) {
			break
		}
		text = said
		r := s.reader(text, remember(c.history[:i]), fills)
		out := r.read()
		open, questions = out.asks, out.Questions
	}
	if len(open) == 0 {
		text = ""
	}
	return text, nil, false
}
