package export

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
	"github.com/minivess/minivess/engine/nn/ort"
)

// model writes an ONNX model and checks it.
func (e *exporter) model(ctx context.Context, p onnx.Precision) error {
	w, err := e.writeONNX(e.Path, p, onnx.FileOptions{External: e.External, Overwrite: e.Overwrite})
	if err != nil {
		return err
	}
	e.written = append(e.written, e.Path)
	if w.Data != "" {
		e.written = append(e.written, w.Data)
	}
	info, err := onnx.ReadInfo(e.Path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCheck, err)
	}
	e.report.Opset, e.report.Inputs, e.report.Outputs = info.Opset, info.Inputs, info.Outputs
	e.checked("is whole", "%d operators, %d tensors of %d bytes", info.Nodes, info.Weights, info.WeightBytes)
	return e.runs(ctx, p, w)
}

func (e *exporter) writeONNX(path string, p onnx.Precision, o onnx.FileOptions) (onnx.Written, error) {
	metadata := maps.Clone(e.metadata)
	metadata["weights"] = string(p)
	return onnx.ExportFile(path, e.Source.Adapter, e.state, onnx.Spec{Patch: e.Source.patch(), Weights: p, Metadata: metadata}, o)
}

// runs predicts with the model that was written.
func (e *exporter) runs(ctx context.Context, p onnx.Precision, w onnx.Written) (err error) {
	const name = "runs"
	if e.Verify.Library == "" || !ort.Exists(e.Verify.Library) {
		e.unchecked(name, "ONNX Runtime is not there: run make native, and export again to have the model checked")
		return nil
	}
	r, err := ort.Open(e.Verify.Library)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	m, err := r.Load(e.Path, ort.WithThreads(e.Verify.Threads))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCheck, err)
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	e.tell("check", 0, 0)
	shapes, err := e.tries(m)
	if err != nil {
		return err
	}
	e.checked(name, "ONNX Runtime %s: images of %s give finite logits of %d classes", r.Version(), shapes, e.Source.Adapter.Config().OutChannels)
	if p == onnx.Float32 {
		return e.judge(ctx, m, nil)
	}
	return e.judgeNarrowed(ctx, r, m, w)
}

// tries predicts noise: one image and two, and another size where the model
// takes it.
func (e *exporter) tries(m *ort.Model) (shapes string, err error) {
	c, patch := e.Source.Adapter.Config(), e.Source.patch()
	one := nn.Shape{1, c.InChannels, patch[0], patch[1], patch[2]}
	all := []nn.Shape{one}
	small := nn.Shape{2, c.InChannels, c.Divisor[0], c.Divisor[1], 2 * c.Divisor[2]}
	if m.Check(small) == nil {
		all = append(all, small)
	} else {
		two := one.Clone()
		two[0] = 2
		all = append(all, two)
	}
	for i, shape := range all {
		logits, out, err := m.Predict(noise(shape), shape)
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrCheck, err)
		}
		if out[1] != c.OutChannels {
			return "", fmt.Errorf("%w: images of %v give %v, want %d classes", ErrCheck, shape, out, c.OutChannels)
		}
		for _, v := range logits {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return "", fmt.Errorf("%w: an image of %v gives logits that are not finite", ErrCheck, shape)
			}
		}
		if i > 0 {
			shapes += " and "
		}
		shapes += shape.String()
	}
	return shapes, nil
}

// noise is the same standard normal image every time.
func noise(shape nn.Shape) []float32 {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // no secret depends on it
	x := make([]float32, shape.Elements())
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	return x
}

// judgeNarrowed compares with the same model in float32, which is written for
// the purpose and removed again.
func (e *exporter) judgeNarrowed(ctx context.Context, r *ort.Runtime, m *ort.Model, w onnx.Written) (err error) {
	dir, err := os.MkdirTemp("", "minivess-export-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, ONNX.FileName())
	full, err := e.writeONNX(path, onnx.Float32, onnx.FileOptions{})
	if err != nil {
		return fmt.Errorf("the model to compare with: %w", err)
	}
	e.report.SizeRatio = float64(w.Bytes+w.DataBytes) / float64(full.Bytes+full.DataBytes)
	reference, err := r.Load(path, ort.WithThreads(e.Verify.Threads))
	if err != nil {
		return fmt.Errorf("the model to compare with: %w", err)
	}
	defer func() { err = errors.Join(err, reference.Close()) }()
	return e.judge(ctx, m, reference)
}
