package wire

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/tmc/langchaingo/llms"
)

// gathered is what a streamed answer has come to so far.
type gathered struct {
	answer          Answer
	text, reasoning strings.Builder
	calls           []*gatheredCall
	size            int
}

type gatheredCall struct {
	id, name  string
	signature string
	arguments strings.Builder
}

// note keeps what a piece says of the answer; the last piece that says it
// counts.
func (g *gathered) note(id, model string, u Usage) {
	g.answer.ID = cmp.Or(id, g.answer.ID)
	g.answer.Model = cmp.Or(model, g.answer.Model)
	if u.Known {
		g.answer.Usage = u
	}
}

// say adds words.
func (g *gathered) say(d Delta) error {
	g.text.WriteString(d.Text)
	g.reasoning.WriteString(d.Reasoning)
	g.size += len(d.Text) + len(d.Reasoning)
	if g.size > MaxAnswer {
		return fmt.Errorf("%w: more than %d MiB", ErrTooLong, MaxAnswer>>20)
	}
	return nil
}

func (g *gathered) begin(id, name string) *gatheredCall {
	c := &gatheredCall{id: id, name: name}
	g.calls = append(g.calls, c)
	g.size += callSize // so that calls without end come to an end
	return c
}

// callSize is what a call without arguments counts.
const callSize = 64

func (g *gathered) last() *gatheredCall {
	if len(g.calls) == 0 {
		return nil
	}
	return g.calls[len(g.calls)-1]
}

func (g *gathered) argue(c *gatheredCall, arguments string) {
	c.arguments.WriteString(arguments)
	g.size += len(arguments)
}

// done is the answer, if it is complete.
func (g *gathered) done(complete bool) (Answer, error) {
	if !complete {
		return Answer{}, ErrCut
	}
	a := g.answer
	a.Text, a.Reasoning = g.text.String(), g.reasoning.String()
	for _, c := range g.calls {
		a.Calls = append(a.Calls, call(c.id, c.name, c.arguments.String()))
	}
	a, err := a.finish()
	for i, c := range g.calls {
		if err == nil && c.signature != "" {
			a.sign(a.Calls[i].ID, c.signature)
		}
	}
	return a, err
}

func (a *Answer) sign(id, signature string) {
	if a.Signatures == nil {
		a.Signatures = map[string]string{}
	}
	a.Signatures[id] = signature
}

func call(id, name, arguments string) llms.ToolCall {
	return llms.ToolCall{ID: id, Type: "function", FunctionCall: &llms.FunctionCall{Name: name, Arguments: arguments}}
}

func broken(err error) error { return fmt.Errorf("a piece of the stream is broken: %w", err) }
