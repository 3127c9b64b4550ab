package cli

import (
	"bufio"
	"context"
	"strings"
)

// stdin is the one reader of what is typed: a second one would lose what the
// first has already taken from the terminal.
func (env *environment) stdin() *bufio.Reader {
	if env.reader == nil {
		env.reader = bufio.NewReader(env.Streams.In)
	}
	return env.reader
}

// readLine waits for a line; ok is false at the end of the input, or when the
// person interrupts instead of answering.
func (env *environment) readLine(ctx context.Context) (line string, ok bool) {
	type typed struct {
		line string
		ok   bool
	}
	answer := make(chan typed, 1)
	in := env.stdin()
	go func() {
		line, err := in.ReadString('\n')
		answer <- typed{strings.TrimSpace(line), err == nil || line != ""}
	}()
	select {
	case t := <-answer:
		return t.line, t.ok
	case <-ctx.Done():
		return "", false
	}
}
