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
	classes, err := tryWindow(s, path, e.WindowSize())
	if err == nil && classes != e.Model.OutChannels {
		err = fmt.Errorf("the network of %q gives %d classes, model.out_channels is %d: set it to %d", path, classes, e.Model.OutChannels, classes)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrBadSpec, err), s.Close())
	}
	return n, nil
}

// tryWindow predicts a window of zeros and gives the number of classes.
func tryWindow(net predictor, path string, size [3]int) (classes int, err error) {
	in := nn.Shape{1, 1, size[0], size[1], size[2]}
	_, out, err := net.Predict(make([]float32, in.Elements()), in)
	if err != nil {
		return 0, fmt.Errorf("the network of %q does not take an image of shape %v (N, channels, X, Y, Z): %w", path, in, err)
	}
	if len(out) != len(in) || !out[2:].Equal(in[2:]) || out[0] != 1 {
		return 0, fmt.Errorf("the network of %q gives %v for an image of shape %v; want (N, classes, X, Y, Z) with the image's sizes", path, out, in)
	}
	if out[1] < 2 || out[1] > 256 {
		return 0, fmt.Errorf("the network of %q gives %d classes; 2 to 256 can be labelled, background included", path, out[1])
	}
	return out[1], nil
}

// trainable refuses a network without anything to train.
func (n *network) trainable() error {
	if slices.ContainsFunc(n.declared, func(p nn.Param) bool { return !p.Buffer }) {
		return nil
	}
	return fmt.Errorf("%w: the network has no parameters to train; a frozen TorchScript file can only predict: save it without torch.jit.freeze", ErrBadSpec)
}
