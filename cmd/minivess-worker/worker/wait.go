package worker

import (
	"os"
	"slices"
	"strings"
	"syscall"
)

// waitPolicy lets threads of libtorch's pool sleep while they wait for work.
// Spinning, libgomp's own choice, makes a step several times slower on a busy
// machine, where a spinning thread takes the core that the one it waits for
// needs.
const waitPolicy = "OMP_WAIT_POLICY=PASSIVE"

// restart runs this program again, in the same process, with waitPolicy set:
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
	return syscall.Exec(self, append([]string{os.Args[0]}, args...), append(env, waitPolicy)) //nolint:gosec // this very program
}
