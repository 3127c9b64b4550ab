package ort

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"sync"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// Option changes how a model is run.
type Option func(*settings)

type settings struct {
	threads int
	anySize bool
}

// WithThreads sets the number of threads of one prediction. 0, the default, is
// one for each core.
func WithThreads(n int) Option { return func(s *settings) { s.threads = n } }

// WithAnySize takes networks whose output has another batch or size than their
// image: no segmentations, but whatever else maps (N, C, X, Y, Z) to five axes.
func WithAnySize() Option { return func(s *settings) { s.anySize = true } }

// Model is a network in an ONNX file, ready to predict. It may be shared by
// goroutines; predictions then run side by side.
type Model struct {
	runtime *Runtime
	path    string
	info    onnx.Info
	input   onnx.Port
	output  onnx.Port
	divisor [3]int
	anySize bool
	// open is held for reading by predictions and for writing by Close.
	open    sync.RWMutex
	session *onnxruntime.DynamicAdvancedSession
}

// Load reads a model file. It must have one float32 input of five axes (N, C,
// X, Y, Z) and one float32 output of as many, whatever their names. A file that
// is cut off or no model gives onnx.ErrFormat, another kind of network
// ErrModel.
func (r *Runtime) Load(path string, options ...Option) (*Model, error) {
	var s settings
	for _, o := range options {
		o(&s)
	}
	if s.threads < 0 {
		return nil, fmt.Errorf("load %q: %w: %d threads", path, ErrRuntime, s.threads)
	}
	info, err := onnx.ReadInfo(path)
	if err != nil {
		return nil, fmt.Errorf("load the model: %w", err)
	}
	m := &Model{runtime: r, path: path, info: info, anySize: s.anySize}
	if m.input, m.output, err = ports(info, s.anySize); err != nil {
		return nil, fmt.Errorf("load %q: %w", path, err)
	}
	m.divisor = divisor(info.Metadata)
	if err := r.use(); err != nil {
		return nil, fmt.Errorf("load %q: %w", path, err)
	}
	if m.session, err = newSession(path, m.input.Name, m.output.Name, s); err != nil {
		r.unuse()
		return nil, fmt.Errorf("load %q: %w: %w", path, ErrRuntime, err)
	}
	return m, nil
}

func (r *Runtime) use() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fmt.Errorf("%w: %w", ErrRuntime, ErrClosed)
	}
	r.models++
	return nil
}

func (r *Runtime) unuse() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.models--
}

func newSession(path, input, output string, s settings) (_ *onnxruntime.DynamicAdvancedSession, err error) {
	o, err := onnxruntime.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Destroy()) }()
	threads := s.threads
	if threads == 0 {
		threads = runtime.NumCPU()
	}
	set := errors.Join(
		o.SetIntraOpNumThreads(threads),
		o.SetInterOpNumThreads(1),
		o.SetLogSeverityLevel(onnxruntime.LoggingLevelFatal),
		// Threads that wait for work sleep: spinning slows everybody else down.
		o.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
	)
	if set != nil {
		return nil, set
	}
	return onnxruntime.NewDynamicAdvancedSession(path, []string{input}, []string{output}, o)
}

// Path is the file that the model was loaded from.
func (m *Model) Path() string { return m.path }

// Info is what the file declares.
func (m *Model) Info() onnx.Info {
	i := m.info
	i.Metadata = maps.Clone(i.Metadata)
	return i
}

// Input is the image, (N, C, X, Y, Z).
func (m *Model) Input() onnx.Port { return m.input }

// Output is the logits, (N, classes, X, Y, Z).
func (m *Model) Output() onnx.Port { return m.output }

// Classes is the number of classes, or 0 when the file does not say.
func (m *Model) Classes() int { return axis(m.output, 1) }

// Channels is the number of image channels, or 0 when the file does not say.
func (m *Model) Channels() int { return axis(m.input, 1) }

func axis(p onnx.Port, i int) int {
	if !p.Ranked {
		return 0
	}
	return p.Dims[i].Size
}

// Predict computes the logits of images x, float32 (N, C, X, Y, Z) in C order,
// and their shape (N, classes, X, Y, Z). A shape that the model does not take
// gives nn.ErrShape and says what would fit.
func (m *Model) Predict(x []float32, shape nn.Shape) (logits []float32, out nn.Shape, err error) {
	if err := m.Check(shape); err != nil {
		return nil, nil, err
	}
	if int64(len(x)) != shape.Elements() {
		return nil, nil, fmt.Errorf("%w: %d values for an image of %v", nn.ErrShape, len(x), shape)
	}
	m.open.RLock()
	defer m.open.RUnlock()
	if m.session == nil {
		return nil, nil, fmt.Errorf("predict with %q: %w", m.path, ErrClosed)
	}
	// ONNX Runtime reads the image where it lies.
	var pins runtime.Pinner
	defer pins.Unpin()
	pins.Pin(&x[0])
	sizes := make(onnxruntime.Shape, len(shape))
	for i, d := range shape {
		sizes[i] = int64(d)
	}
	image, err := onnxruntime.NewTensor(sizes, x)
	if err != nil {
		return nil, nil, fmt.Errorf("predict with %q: %w: %w", m.path, ErrRuntime, err)
	}
	defer func() { err = errors.Join(err, image.Destroy()) }()
	values := []onnxruntime.Value{nil}
	if err := m.session.Run([]onnxruntime.Value{image}, values); err != nil {
		return nil, nil, fmt.Errorf("predict with %q: %v: %w: %w", m.path, shape, ErrRuntime, err)
	}
	defer func() { err = errors.Join(err, values[0].Destroy()) }()
	return m.result(values[0], shape)
}

// result takes the logits out of ONNX Runtime's hands.
func (m *Model) result(v onnxruntime.Value, image nn.Shape) ([]float32, nn.Shape, error) {
	out := make(nn.Shape, 0, len(image))
	for _, d := range v.GetShape() {
		out = append(out, int(d))
	}
	t, ok := v.(*onnxruntime.Tensor[float32])
	if !ok || len(out) != len(image) || !m.anySize && (out[0] != image[0] || !out[2:].Equal(image[2:])) {
		return nil, nil, fmt.Errorf("predict with %q: %w: an image of %v became %v; a segmentation keeps the batch and the size",
			m.path, ErrModel, image, out)
	}
	return t.GetData(), out, nil
}

// Close frees the model, after the predictions that are under way.
func (m *Model) Close() error {
	m.open.Lock()
	defer m.open.Unlock()
	if m.session == nil {
		return nil
	}
	err := m.session.Destroy()
	m.session = nil
	m.runtime.unuse()
	if err != nil {
		return fmt.Errorf("close %q: %w: %w", m.path, ErrRuntime, err)
	}
	return nil
}

// Exists reports whether there is a library at path, without loading it.
func Exists(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}
