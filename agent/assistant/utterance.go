package assistant

import (
	"context"
	"strings"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/tools"
)

// utterance is what the model says, while it says it. Its words go out as
// tokens, which are lost rather than holding up the model; what they come to is
// not the answer, which is checked first.
type utterance struct {
	a     *Assistant
	rt    *graph.Runtime
	id    int64 // a new one after each withdrawal
	parts int   // of this id
	plain pieces
}

// part is the value of a token.
type part struct {
	utterance int64
	number    int
	text      string
}

// opened says whose parts may be shown from now on; those of no utterance if 0.
type opened int64

// listen prepares a call of the model whose words are shown as they come, if
// anybody wants to see them. The caller ends the utterance when the call is over.
func (a *Assistant) listen(ctx context.Context, rt *graph.Runtime) (*utterance, context.Context, []llms.CallOption) {
	u := &utterance{a: a, rt: rt}
	if a.options.Tokens <= 0 {
		return u, ctx, nil
	}
	u.begin()
	return u, llm.WithRestart(ctx, u.withdraw), []llms.CallOption{llms.WithStreamingFunc(u.hear)}
}

func (u *utterance) begin() {
	u.id, u.parts, u.plain = u.a.utterances.Add(1), 0, pieces{}
	u.rt.Emit(opened(u.id))
}

// hear takes a piece of the text. It never waits for a reader.
func (u *utterance) hear(_ context.Context, piece []byte) error {
	if text := u.plain.take(string(piece)); text != "" {
		u.rt.Token(part{u.id, u.parts, text})
		u.parts++
	}
	return nil
}

// withdraw takes back what was said so far, because it is said anew.
func (u *utterance) withdraw(reason string) {
	said := u.parts > 0
	u.begin() // nothing of the old one comes after this
	if said {
		emitter(u.rt)(Event{Kind: EventWithdrawn, Text: tools.Plain(reason)})
	}
}

// end lets no more parts through.
func (u *utterance) end() {
	if u.id != 0 {
		u.rt.Emit(opened(0))
	}
}

// open lets the parts of an utterance through, and no others.
func (s *session) open(o opened) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown, s.part = int64(o), 0
}

// relay hands on what the model says, until the function that it returns is
// called; that one returns how many parts no reader had room for. The parts of an
// utterance come after its EventThinking and before whatever comes of it.
func (s *session) relay(emit func(Event)) (stop func() uint64) {
	if s.a.options.Tokens <= 0 {
		return func() uint64 { return 0 }
	}
	tokens := s.a.graph.Tokens(s.thread, s.a.options.Tokens)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for t := range tokens.All() {
			if p, ok := t.Value.(part); ok {
				s.pass(p, t.Run, emit)
			}
		}
	}()
	return func() uint64 {
		tokens.Close()
		<-done
		return tokens.Dropped()
	}
}

// pass hands one part on, if its utterance still is the one to be shown.
func (s *session) pass(p part, turn int, emit func(Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.utterance != s.shown {
		return
	}
	e := Event{Kind: EventToken, Thread: s.thread, Turn: turn, Time: s.a.options.Now().UTC(), Text: p.text, Lost: p.number - s.part}
	s.part = p.number + 1
	emit(e)
}

// maxLine is from where on a line without an end is no longer looked at as a
// whole, so that the work stays small.
const maxLine = 4096

// pieces makes text that comes in pieces as harmless as tools.PlainLines makes
// it in one: an escape sequence is taken out even if it is split.
type pieces struct {
	line string // the line at hand, as it came
	out  int    // how many bytes of it were given out, made harmless
}

// take returns what can be shown more with this piece.
func (p *pieces) take(piece string) string {
	p.line += piece
	plain := tools.PlainLines(p.line)
	fresh := plain[min(p.out, len(plain)):]
	p.out = len(plain)
	if i := strings.LastIndexByte(p.line, '\n'); i >= 0 {
		p.line = p.line[i+1:]
		p.out = len(tools.PlainLines(p.line))
	} else if len(p.line) > maxLine {
		*p = pieces{}
	}
	return fresh
}
