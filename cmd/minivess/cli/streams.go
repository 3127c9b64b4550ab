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
}

// Process returns the streams of this process.
func Process() Streams {
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	return Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Dir: dir,
		Terminal: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())),
	}
}
