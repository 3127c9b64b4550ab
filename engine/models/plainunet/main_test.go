package plainunet_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/minivess/minivess/engine/nn/torch"
)

// Many small networks run side by side here: threads of their own would only
// wait for each other.
func TestMain(m *testing.M) {
	if err := torch.Configure(1); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
