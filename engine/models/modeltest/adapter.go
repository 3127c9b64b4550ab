package modeltest

import (
	"io"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// Adapter is what the suite expects of a model: models.Adapter.
type Adapter interface {
	Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error)
	Config() nn.Config
	LoadCheckpoint(path string) (*nn.State, error)
	SaveCheckpoint(path string, s *nn.State, meta map[string]string) error
	TrainableParameters() []nn.Param
	ExportONNX(w io.Writer, s *nn.State, spec onnx.Spec) error
}
