package weights

import (
	"fmt"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/npz"
	"github.com/minivess/minivess/engine/nn/safetensors"
)

// Write puts a state into a file, atomically. The format is Safetensors or NPZ;
// Python reads either without minivess. Metadata are kept in both.
func Write(path, format string, s *nn.State, meta map[string]string) error {
	switch format {
	case Safetensors:
		return safetensors.Write(path, s, meta)
	case NPZ:
		return npz.Write(path, s, meta)
	default:
		return fmt.Errorf("weights %q: %w: cannot write %q, only %s and %s", path, ErrUnknown, format, Safetensors, NPZ)
	}
}
