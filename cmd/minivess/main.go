// Command minivess is the control plane: chat, command line, analytics, evals.
package main

import (
	"os"

	"github.com/minivess/minivess/cmd/minivess/cli"
)

// The linker fills these in; see LDFLAGS in the Makefile.
var version, commit, date, native = "dev", "unknown", "unknown", ""

func main() {
	build := cli.Build{Version: version, Commit: commit, Date: date, Native: native}
	os.Exit(cli.Main(build, os.Args[1:], cli.Process()))
}
