package modeltest

import (
	"fmt"
	"os"
	"testing"

	"github.com/minivess/minivess/engine/nn/torch"
)

// Main runs a package's tests with one thread for libtorch and returns the exit
// status. Many small networks run side by side there: threads of their own would
// only wait for each other.
func Main(m *testing.M) int {
	if err := torch.Configure(1); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
