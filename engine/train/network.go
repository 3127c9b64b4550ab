package train

import (
	"context"
	"fmt"
	"runtime"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/infer"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/torch"
)

// network is a model with its weights on a device.
type network struct {
	adapter models.Adapter
	module  *torch.Module
	device  gotch.Device
	classes int
}

func newNetwork(e config.Experiment, device gotch.Device) (*network, error) {
	adapter, err := models.New(e.Model.Name, e.Model.Options())
	if err != nil {
		return nil, fmt.Errorf("%w: model.name: %w", ErrBadSpec, err)
	}
	if e.Model.InChannels != 1 {
		return nil, fmt.Errorf("%w: model.in_channels is %d: volumes have one channel", ErrBadSpec, e.Model.InChannels)
	}
	precision := nn.F32
	if e.Train.Precision == "bfloat16" {
		precision = nn.BF16
	}
	module, err := torch.NewModule(adapter.Forward, adapter.TrainableParameters(), device, e.Seed,
		torch.WithPrecision(precision), torch.WithCheckpointing(e.Train.GradientCheckpointing))
	if err != nil {
		return nil, fmt.Errorf("make the network: %w", err)
	}
	return &network{adapter: adapter, module: module, device: device, classes: e.Model.OutChannels}, nil
}

// predict is the infer.Predictor of the network.
func (n *network) predict(_ context.Context, x []float32, count int, size [3]int) ([]float32, error) {
	logits, _, err := n.module.Predict(x, nn.Shape{count, 1, size[0], size[1], size[2]})
	return logits, err
}

// labels predicts a normalised volume in C order.
func (n *network) labels(ctx context.Context, x []float32, shape [3]int, e config.Experiment, progress func(done, total int)) ([]uint8, error) {
	return infer.Labels(ctx, x, shape, infer.Options{
		Window: e.WindowSize(), Overlap: e.Infer.Overlap, Batch: e.Infer.WindowBatch, Mode: infer.Mode(e.Infer.Mode), Progress: progress,
	}, n.classes, n.predict)
}

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
