package worker

import (
	"os"
	"slices"
	"strings"
	"syscall"
)

// spinCount is how often a thread of libtorch's pool looks for new work before
// it goes to sleep: some ten microseconds. libgomp's own choice, a hundred and
// more times that, makes a step a few per cent faster on an idle machine and
// several times slower on a busy one, where a spinning thread takes the core
// that the one it waits for needs.
const spinCount = "GOMP_SPINCOUNT=2000"

// restart runs this program again, in the same process, with spinCount set:
// libgomp reads it before any code of ours runs. It returns when there is
// nothing to change (the variable, or another that decides the same, is set)
// or when the system refuses, which costs speed only.
func restart(args []string) error {
	env := os.Environ()
	if slices.ContainsFunc(env, func(e string) bool {
		return strings.HasPrefix(e, "GOMP_SPINCOUNT=") || strings.HasPrefix(e, "OMP_WAIT_POLICY=")
	}) {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(self, append([]string{os.Args[0]}, args...), append(env, spinCount)) //nolint:gosec // this very program
}
