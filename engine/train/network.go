package train

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"
	"github.com/sugarme/gotch/ts"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/infer"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/torch"
	"github.com/minivess/minivess/engine/train/selection"
)

// learner is a network with its weights on a device. nn/torch's Module, made of
// a model's description, is one, and its Script, a TorchScript file, another.
type learner interface {
	predictor
	ForwardAll(x *ts.Tensor, train bool) ([]*ts.Tensor, error)
	Backward(loss *ts.Tensor) error
	ZeroGrad() error
	Parameters() []torch.NamedTensor
	SetPass(n int64)
	State() (*nn.State, error)
	LoadState(s *nn.State, strict bool) (nn.KeyReport, error)
}

// predictor computes logits of windows; see torch.Module.Predict.
type predictor interface {
	Predict(x []float32, shape nn.Shape) (logits []float32, out nn.Shape, err error)
	Close() error
}

// network is what is trained.
type network struct {
	learner

	config   nn.Config
	declared []nn.Param     // parameters and buffers
	save     writer         // checkpoints that others can load
	adapter  models.Adapter // nil for a TorchScript file
	device   gotch.Device
	// uncounted tells that the last loss gave an output no weight.
	uncounted bool
}

func newNetwork(e config.Experiment, device gotch.Device) (*network, error) {
	if e.Model.InChannels != 1 {
		return nil, fmt.Errorf("%w: model.in_channels is %d: volumes have one channel", ErrBadSpec, e.Model.InChannels)
	}
	if e.Model.Name == config.TorchScript {
		return newScript(e, device)
	}
	m, err := models.New(e.Model.Name, e.Model.Options())
	if err != nil {
		return nil, fmt.Errorf("%w: model.name: %w", ErrBadSpec, err)
	}
	for _, given := range []struct {
		key  string
		size [3]int
	}{{"train.patch_size", e.Train.PatchSize}, {"infer.window", e.WindowSize()}} {
		if err := adapter.CheckSize(m.Config(), nn.Shape{1, e.Model.InChannels, given.size[0], given.size[1], given.size[2]}); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrBadSpec, given.key, err)
		}
	}
	precision := nn.F32
	if e.Train.Precision == "bfloat16" {
		precision = nn.BF16
	}
	module, err := torch.NewModule(m.Forward, m.TrainableParameters(), device, e.Seed,
		torch.WithPrecision(precision), torch.WithCheckpointing(e.Train.GradientCheckpointing))
	if err != nil {
		return nil, fmt.Errorf("make the network: %w", err)
	}
	return &network{
		learner: module, config: m.Config(), declared: m.TrainableParameters(), save: m.SaveCheckpoint, adapter: m, device: device,
	}, nil
}

// choose freezes what the experiment says and gives the rules for the others. A
// frozen parameter takes no gradient, and neither do the activations that only
// it would need.
func (n *network) choose(t config.Train) (selection.Selection, error) {
	s, err := selection.Make(n.declared, t)
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrBadSpec, err)
	}
	for _, p := range n.Parameters() {
		if !slices.ContainsFunc(s.Frozen, func(f nn.Param) bool { return f.Name == p.Name }) {
			continue
		}
		var a arena
		a.in(func(out *handle) { lib.AtgRequiresGrad_(out, raw(p.Tensor), 0) })
		if a.err != nil {
			return s, fmt.Errorf("freeze %q: %w", p.Name, a.err)
		}
	}
	return s, nil
}

// labels predicts a normalised volume in C order.
func labels(ctx context.Context, p predictor, x []float32, shape [3]int, e config.Experiment, progress func(done, total int)) ([]uint8, error) {
	return infer.Labels(ctx, x, shape, windows(e, progress), e.Model.OutChannels, predict(p, e.Model.OutChannels))
}

func windows(e config.Experiment, progress func(done, total int)) infer.Options {
	return infer.Options{
		Window: e.WindowSize(), Overlap: e.Infer.Overlap, Batch: e.Infer.WindowBatch, Mode: infer.Mode(e.Infer.Mode), Progress: progress,
	}
}

// predict is the infer.Predictor of a network.
func predict(p predictor, classes int) infer.Predictor {
	return func(_ context.Context, x []float32, count int, size [3]int) ([]float32, error) {
		logits, shape, err := p.Predict(x, nn.Shape{count, 1, size[0], size[1], size[2]})
		if want := (nn.Shape{count, classes, size[0], size[1], size[2]}); err == nil && !shape.Equal(want) {
			err = fmt.Errorf("%w: for windows of %v the network gives %v, want %v (N, classes, X, Y, Z)", errOutput, size, shape, want)
		}
		return logits, err
	}
}

// errOutput says that a network gives something else than logits of the image.
var errOutput = errors.New("unexpected output of the network")

// prepare chooses the device and the number of threads.
func prepare(e config.Experiment) (device gotch.Device, name string, threads int, err error) {
	threads = e.Threads
	if threads == 0 {
		threads = runtime.NumCPU()
	}
	if err := torch.Configure(threads); err != nil {
		return gotch.CPU, "", 0, err
	}
	cuda := e.Device != "cpu" && lib.AtcCudaIsAvailable()
	switch {
	case cuda:
		return gotch.NewCuda(), "cuda", threads, nil
	case e.Device == "cuda":
		return gotch.CPU, "", 0, fmt.Errorf("%w: device is cuda, but this worker sees no CUDA device; use device=cpu or auto", ErrBadSpec)
	default:
		return gotch.CPU, "cpu", threads, nil
	}
}
