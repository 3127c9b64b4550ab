package train

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sugarme/gotch"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/torch"
)

// newScript opens the TorchScript file that an experiment names, and tries it
// on a patch: what it takes and gives, only running it tells.
func newScript(e config.Experiment, device gotch.Device) (*network, error) {
	path, err := e.Model.ScriptPath()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadSpec, err)
	}
	s, err := torch.LoadScript(path, device, e.Seed)
	if err != nil {
		return nil, fmt.Errorf("%w: model.options.path: %w", ErrBadSpec, err)
	}
	n := &network{learner: s, declared: s.Params(), device: device, config: nn.Config{
		Name: config.TorchScript, Options: map[string]any{"path": path},
		InChannels: e.Model.InChannels, OutChannels: e.Model.OutChannels, Divisor: [3]int{1, 1, 1},
	}}
	n.save = func(path string, state *nn.State, metadata map[string]string) error {
		return adapter.SaveCheckpoint(path, n.config, n.declared, state, metadata)
	}
	if err := tryScript(s, path, e); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrBadSpec, err), s.Close())
	}
	return n, nil
}

// tryScript predicts a window of zeros.
func tryScript(s *torch.Script, path string, e config.Experiment) error {
	size := e.WindowSize()
	in := nn.Shape{1, e.Model.InChannels, size[0], size[1], size[2]}
	_, out, err := s.Predict(make([]float32, in.Elements()), in)
	switch {
	case err != nil:
		return fmt.Errorf("the network of %q does not take an image of shape %v (N, channels, X, Y, Z): %w", path, in, err)
	case out[1] != e.Model.OutChannels:
		return fmt.Errorf("the network of %q gives %d classes, model.out_channels is %d: set it to %d", path, out[1], e.Model.OutChannels, out[1])
	}
	return nil
}

// trainable refuses a network without anything to train.
func (n *network) trainable() error {
	if slices.ContainsFunc(n.declared, func(p nn.Param) bool { return !p.Buffer }) {
		return nil
	}
	return fmt.Errorf("%w: the network has no parameters to train; a frozen TorchScript file can only predict: save it without torch.jit.freeze", ErrBadSpec)
}
