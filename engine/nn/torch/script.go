package torch

// #include <stdlib.h>
// #include "script.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"
	"github.com/sugarme/gotch/ts"

	"github.com/minivess/minivess/engine/nn"
)

// ErrScript means that a file is not a TorchScript network for images: another
// kind of file, or one that takes or gives something else.
var ErrScript = errors.New("not a TorchScript network for images")

// Script is a network in a TorchScript file, run as it is. Its forward method
// takes float32 images of shape (N, C, X, Y, Z) and returns logits of shape
// (N, classes, X, Y, Z), or a tuple or list with the logits first and auxiliary
// heads, finest first, after them. Like a Module, a Script must not be used
// concurrently.
//
// The same weights and images give the same bits in every process: the graph is
// interpreted as it was saved, without the optimisations by which libtorch
// changes its arithmetic after the first passes.
type Script struct {
	path   string
	device gotch.Device
	seed   int64
	passes int64
	c      unsafe.Pointer
	params []nn.Param
	// weights share storage with the module's own tensors, in order of params.
	weights []*ts.Tensor
}

// LoadScript opens a TorchScript file. Floating-point weights become float32.
// The error wraps ErrScript when the file is not one, or fs.ErrNotExist.
func LoadScript(path string, device gotch.Device, seed int64) (s *Script, err error) {
	defer guard(fmt.Sprintf("open the TorchScript file %q", path), &err)()
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: not a regular file", ErrScript)
	}
	number := int64(-1)
	if device != gotch.CPU {
		number = int64(device.Value)
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var message *C.char
	c := C.minivess_script_load(name, C.int64_t(number), &message)
	if message != nil {
		return nil, fmt.Errorf("%w: %w", ErrScript, complaint(message))
	}
	s = &Script{path: path, device: device, seed: seed, c: c}
	for i := range int64(C.minivess_script_tensors(c)) {
		if err := s.adopt(i); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// adopt takes in the module's tensor i.
func (s *Script) adopt(i int64) error {
	name := C.GoString(C.minivess_script_name(s.c, C.int64_t(i)))
	h, err := share(handle(C.minivess_script_tensor(s.c, C.int64_t(i))))
	if err != nil {
		return fmt.Errorf("parameter %q: %w", name, err)
	}
	t := ts.New(h)
	s.weights = append(s.weights, t)
	p := nn.Param{Name: name, Shape: shapeOf(h), Buffer: C.minivess_script_is_buffer(s.c, C.int64_t(i)) != 0 || !lib.AtRequiresGrad(h)}
	if p.DType, err = scriptType(t); err != nil {
		return fmt.Errorf("parameter %q: %w", name, err)
	}
	s.params = append(s.params, p)
	return nil
}

// scriptType is the type that a weight has on the host.
func scriptType(t *ts.Tensor) (nn.DType, error) {
	switch d := t.DType(); d {
	case gotch.Float:
		return nn.F32, nil
	case gotch.Int64:
		return nn.I64, nil
	default:
		return "", fmt.Errorf("%w: it holds %v; only floating-point numbers and 64-bit integers are read", ErrScript, d)
	}
}

// Params lists the network's parameters and buffers under their own names. A
// parameter that the file says is not to be trained counts as a buffer.
func (s *Script) Params() []nn.Param { return s.params }

// Parameters returns the trained parameters.
func (s *Script) Parameters() []NamedTensor {
	var out []NamedTensor
	for i, p := range s.params {
		if !p.Buffer {
			out = append(out, NamedTensor{Name: p.Name, Tensor: s.weights[i]})
		}
	}
	return out
}

// SetPass tells the network how many training passes there were before: its
// random numbers depend on the seed and that number alone.
func (s *Script) SetPass(n int64) { s.passes = n }

// ForwardAll runs the network on x, float32 of shape (N, C, X, Y, Z), which
// stays the caller's. The outputs, the logits first, are the caller's to drop.
// With train set, the module is in its training mode and the outputs can be
// differentiated.
func (s *Script) ForwardAll(x *ts.Tensor, train bool) (outputs []*ts.Tensor, err error) {
	defer guard("forward pass", &err)()
	if s.c == nil {
		return nil, ErrClosed
	}
	hs, err := s.forward(raw(x), train)
	for _, h := range hs {
		outputs = append(outputs, ts.New(h))
	}
	return outputs, err
}

func (s *Script) forward(x handle, train bool) ([]handle, error) {
	defer setGrad(train)()
	if train {
		s.passes++
		manualSeed(mix(s.seed, s.passes, 0))
	}
	var message *C.char
	n := int64(C.minivess_script_forward(s.c, unsafe.Pointer(x), C.int(flag(train)), &message))
	if message != nil {
		return nil, fmt.Errorf("%q given an image of shape %v: %w", s.path, shapeOf(x), complaint(message))
	}
	var outputs []handle
	for i := range n {
		outputs = append(outputs, handle(C.minivess_script_take(s.c, C.int64_t(i))))
	}
	if err := s.check(shapeOf(x), outputs); err != nil {
		freeAll(outputs)
		return nil, err
	}
	return outputs, nil
}

// check refuses outputs that are not logits of the image.
func (s *Script) check(image nn.Shape, outputs []handle) error {
	if len(outputs) == 0 {
		return fmt.Errorf("%w: %q returned no tensor", ErrScript, s.path)
	}
	for i, h := range outputs {
		got := shapeOf(h)
		whole := len(got) == len(image) && got[0] == image[0]
		if i == 0 {
			whole = whole && got[2:].Equal(image[2:])
		}
		if !whole {
			return fmt.Errorf("%w: output %d of %q has shape %v for an image of %v; want (N, classes, X, Y, Z) with the image's sizes",
				ErrScript, i, s.path, got, image)
		}
	}
	return nil
}

// Predict runs the network without gradients on host data: x in C order of
// shape (N, C, X, Y, Z). It returns the logits in C order with their shape.
func (s *Script) Predict(x []float32, shape nn.Shape) (logits []float32, out nn.Shape, err error) {
	defer guard("prediction", &err)()
	if s.c == nil {
		return nil, nil, ErrClosed
	}
	h, err := fromHost(x, shape, s.device)
	if err != nil {
		return nil, nil, err
	}
	defer free(h)
	outputs, err := s.forward(h, false)
	if err != nil {
		return nil, nil, err
	}
	defer freeAll(outputs)
	logits, err = toHost(outputs[0])
	return logits, shapeOf(outputs[0]), err
}

// Backward adds the gradients of a scalar, computed from outputs of the last
// training pass, to the parameters.
func (s *Script) Backward(loss *ts.Tensor) (err error) {
	defer guard("backward pass", &err)()
	if s.c == nil {
		return ErrClosed
	}
	lib.AtBackward(raw(loss), 0, 0)
	return lastError()
}

// ZeroGrad forgets all gradients.
func (s *Script) ZeroGrad() (err error) {
	defer guard("clear gradients", &err)()
	return clearGradients(s.Parameters())
}

// Close frees the module. Closing twice is fine.
func (s *Script) Close() (err error) {
	defer guard("close the module", &err)()
	for _, t := range s.weights {
		err = errors.Join(err, t.Drop())
	}
	s.weights = nil
	if s.c != nil {
		C.minivess_script_free(s.c)
		s.c = nil
	}
	return err
}

// complaint takes what a function of script.h complained about: of an error
// within the saved program, what went wrong instead of the program's lines.
func complaint(message *C.char) error {
	defer C.free(unsafe.Pointer(message))
	first := ""
	for line := range strings.Lines(C.GoString(message)) {
		line = strings.TrimSpace(line)
		if raised, ok := strings.CutPrefix(line, "RuntimeError: "); ok {
			first = raised
			break
		}
		if first == "" {
			first = line
		}
	}
	return fmt.Errorf("%w: %s", ErrTorch, first)
}
