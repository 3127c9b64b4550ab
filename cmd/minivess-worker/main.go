// Command minivess-worker is the compute plane: it trains and evaluates what a
// run folder's job.json says, and writes down what happened.
package main

import (
	"os"

	"github.com/minivess/minivess/cmd/minivess-worker/worker"
)

// The linker fills these in; see LDFLAGS in the Makefile.
var version, commit, date, native = "dev", "unknown", "unknown", ""

func main() {
	os.Exit(worker.Main(worker.Build{Version: version, Commit: commit, Date: date, Native: native}, os.Args[1:], os.Stdout, os.Stderr))
}
