package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Streams is all that the command line knows of the process around it.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	// Dir is the folder that relative paths and the workspace search start at.
	Dir string
	// Terminal says whether a person is watching Out and typing into In.
	Terminal bool
	// Width is that of the terminal, in columns.
	Width int
}

// Process returns the streams of this process. Paths stay as they were typed,
// so that errors name them the same way.
func Process() Streams {
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil || width < 20 {
		width = 80
	}
	return Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Dir: ".", Width: width,
		Terminal: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())),
	}
}
