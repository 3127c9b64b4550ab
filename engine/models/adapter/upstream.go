package adapter

import (
	"fmt"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/weights"
)

// model is what Export needs to know of a model.
type model interface {
	Config() Config
	TrainableParameters() []nn.Param
}

// repeater is a model whose upstream implementation holds tensors under several
// names.
type repeater interface {
	// Upstream returns the weights under all of those names.
	Upstream(s *nn.State) (*nn.State, error)
}

// Export writes weights for the implementation whose names the model bears, as a
// file of a format that weights.Write knows, atomically. Its
// load_state_dict(strict=True) takes them: tensors that it holds under several
// names are repeated. Metadata are those of SaveCheckpoint.
func Export(path, format string, m model, s *nn.State, meta map[string]string) error {
	if err := nn.Compare(m.TrainableParameters(), s).Err(); err != nil {
		return fmt.Errorf("weights %q: %w", path, err)
	}
	all, err := metadata(m.Config(), meta)
	if err != nil {
		return fmt.Errorf("weights %q: %w", path, err)
	}
	if r, ok := m.(repeater); ok {
		if s, err = r.Upstream(s); err != nil {
			return fmt.Errorf("weights %q: %w", path, err)
		}
	}
	return weights.Write(path, format, s, all)
}
