package torch

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"
	"github.com/sugarme/gotch/ts"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/schedule"
)

// What can go wrong beside the errors of package nn and of libtorch.
var (
	// ErrClosed means that a module was used after Close.
	ErrClosed = errors.New("module is closed")
	// ErrNoForward means that Backward had no training pass to differentiate.
	ErrNoForward = errors.New("no training pass to differentiate: call Forward with train set first")
)

// Module is a network with its weights on one device. Its methods must not be
// called concurrently.
//
// libtorch keeps its gradient mode, its last error and its pool of worker
// threads per operating-system thread. A goroutine that trains should hold
// one with runtime.LockOSThread for as long as it does, or every migration
// costs another pool.
type Module struct {
	forward       nn.Forward
	params        []nn.Param
	device        gotch.Device
	precision     nn.DType
	checkpointing bool
	contiguous    bool

	weights   map[string]*ts.Tensor
	whole     map[string]nn.Tensor // buffers of whole numbers stay on the host
	undefined handle
	plans     map[planKey]*schedule.Plan
	tape      *tape // of the last training pass, with checkpointing
	passes    int64
	seed      int64
	closed    bool
}

// NamedTensor is a trained parameter. The tensor belongs to the Module: do not
// drop it. It is float32 and requires gradients; an optimiser updates it in
// place while gradients are off.
type NamedTensor struct {
	Name   string
	Tensor *ts.Tensor
}

// Option changes how a Module computes.
type Option func(*Module)

// WithPrecision sets the arithmetic of convolutions and matrix products:
// nn.F32, the default, or nn.BF16. Weights, gradients and normalisation
// statistics are float32 either way.
func WithPrecision(d nn.DType) Option { return func(m *Module) { m.precision = d } }

// WithCheckpointing throws the activations of segments away and computes them
// again in the backward pass: less memory for about a third more time.
func WithCheckpointing(on bool) Option { return func(m *Module) { m.checkpointing = on } }

// WithContiguous keeps activations in plain C order. The default, channels
// last, is faster on CPUs and gives the same numbers up to rounding.
func WithContiguous(on bool) Option { return func(m *Module) { m.contiguous = on } }

// NewModule makes a network with weights initialised from the seed by
// nn.Initialise, so equal seeds give equal weights on any machine.
func NewModule(forward nn.Forward, params []nn.Param, device gotch.Device, seed int64, options ...Option) (m *Module, err error) {
	defer guard("make the module", &err)()
	m = &Module{
		forward: forward, params: slices.Clone(params), device: device, precision: nn.F32, seed: seed,
		weights: make(map[string]*ts.Tensor, len(params)), whole: make(map[string]nn.Tensor), plans: make(map[planKey]*schedule.Plan),
	}
	for _, o := range options {
		o(m)
	}
	if m.precision != nn.F32 && m.precision != nn.BF16 {
		return nil, fmt.Errorf("%w: precision %q: choose F32 or BF16", nn.ErrDType, m.precision)
	}
	initial, err := nn.Initialise(params, seed)
	if err != nil {
		return nil, err
	}
	m.undefined = lib.AtNewTensor()
	for _, p := range m.params {
		t, _ := initial.Get(p.Name)
		if err := m.install(p, t); err != nil {
			return nil, errors.Join(fmt.Errorf("parameter %q: %w", p.Name, err), m.Close())
		}
	}
	return m, nil
}

// install creates the device tensor of a parameter, or keeps a whole-number
// buffer on the host.
func (m *Module) install(p nn.Param, t nn.Tensor) error {
	if !p.Type().Float() {
		m.whole[p.Name] = t
		return nil
	}
	h, err := m.upload(t)
	if err != nil {
		return err
	}
	if !p.Buffer {
		result, err := call(func(r *handle) { lib.AtgRequiresGrad_(r, h, 1) })
		if err != nil {
			free(h)
			return err
		}
		free(result) // the same tensor again
	}
	m.weights[p.Name] = ts.New(h)
	return nil
}

// upload copies a host tensor to the device as float32.
func (m *Module) upload(t nn.Tensor) (handle, error) {
	if t.DType == nn.F32 { // the bytes are what libtorch wants
		if err := t.Check(); err != nil {
			return nil, err
		}
		return fromBytes(t.Data, t.Shape, gotch.Float, m.device)
	}
	values, err := t.Float32()
	if err != nil {
		return nil, err
	}
	return fromHost(values, t.Shape, m.device)
}

// weight returns a parameter's handle, which the module keeps owning.
func (m *Module) weight(name string) (handle, error) {
	t, ok := m.weights[name]
	if !ok {
		return nil, fmt.Errorf("%w %q has no weights", nn.ErrParam, name)
	}
	return raw(t), nil
}

// SetPass tells the module how many training passes there were before, in a
// run that is resumed: dropout depends on the seed and that number alone.
func (m *Module) SetPass(n int64) { m.passes = n }

// ZeroGrad forgets all gradients.
func (m *Module) ZeroGrad() (err error) {
	defer guard("clear gradients", &err)()
	return clearGradients(m.Parameters())
}

// clearGradients fills the gradients that there are with zeros.
func clearGradients(parameters []NamedTensor) error {
	for _, p := range parameters {
		g, err := call(func(r *handle) { lib.AtgGrad(r, raw(p.Tensor)) })
		if err != nil {
			return err
		}
		if lib.AtDefined(g) {
			err = zero(g)
		}
		free(g)
		if err != nil {
			return err
		}
	}
	return nil
}

// zero fills a tensor with zeros.
func zero(h handle) error {
	r, err := call(func(r *handle) { lib.AtgZero_(r, h) })
	free(r)
	return err
}

// Parameters returns the trained parameters in order of declaration.
func (m *Module) Parameters() []NamedTensor {
	var out []NamedTensor
	for _, p := range m.params {
		if t, ok := m.weights[p.Name]; ok && !p.Buffer {
			out = append(out, NamedTensor{Name: p.Name, Tensor: t})
		}
	}
	return out
}

// Close frees all tensors. Closing twice is fine.
func (m *Module) Close() (err error) {
	defer guard("close the module", &err)()
	if m.closed {
		return nil
	}
	m.closed = true
	m.dropTape()
	free(m.undefined)
	m.undefined = nil
	for _, t := range m.weights {
		err = errors.Join(err, t.Drop())
	}
	clear(m.weights)
	clear(m.plans)
	return err
}

// guard pins the goroutine to its thread, on which libtorch keeps errors and
// the gradient mode, and turns a panic into an error that says what was going
// on.
func guard(what string, err *error) func() {
	runtime.LockOSThread()
	return func() {
		runtime.UnlockOSThread()
		if r := recover(); r != nil {
			*err = fmt.Errorf("%s: %w: %v", what, ErrTorch, r)
			return
		}
		if *err != nil {
			*err = fmt.Errorf("%s: %w", what, *err)
		}
	}
}

// setGrad switches gradients on or off for this thread and returns a function
// that puts the old mode back.
func setGrad(on bool) func() {
	before := int32(lib.AtGradSetEnabled(int(flag(on))))
	return func() { lib.AtGradSetEnabled(int(flag(before != 0))) }
}
