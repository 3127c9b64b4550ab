package torch

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"
	"github.com/sugarme/gotch/ts"

	"github.com/minivess/minivess/engine/nn"
)

// handle is a raw libtorch tensor. gotch's own Tensor attaches a 100 KB block
// and a finalizer to every tensor, which intermediates can do without: here
// each handle has exactly one owner, who frees it.
type handle = lib.Ctensor

// ErrTorch means that libtorch refused an operation.
var ErrTorch = errors.New("libtorch")

// lastError returns what libtorch complained about on this thread, without the
// stack trace that gotch appends.
func lastError() error {
	err := ts.TorchErr()
	if err == nil {
		return nil
	}
	message, _, _ := strings.Cut(err.Error(), "\n")
	message = strings.TrimPrefix(message, "Libtorch API Error: ")
	return fmt.Errorf("%w: %s", ErrTorch, message)
}

// call runs one operation that puts its result in out.
func call(op func(out *handle)) (handle, error) {
	var out handle
	op(&out)
	if err := lastError(); err != nil {
		return nil, err
	}
	return out, nil
}

// free releases a handle; nil is fine.
func free(h handle) {
	if h != nil {
		lib.AtFree(h)
	}
}

// freeAll releases handles and forgets them.
func freeAll(hs []handle) {
	for i, h := range hs {
		free(h)
		hs[i] = nil
	}
}

// raw returns the handle inside a gotch tensor, which keeps owning it.
func raw(t *ts.Tensor) handle { return handle(t.Ctensor()) }

// sizes converts to libtorch's integers.
func sizes(s []int) []int64 {
	out := make([]int64, len(s))
	for i, d := range s {
		out[i] = int64(d)
	}
	return out
}

// shapeOf reads a tensor's sizes.
func shapeOf(h handle) nn.Shape {
	n := lib.AtDim(h)
	if n == 0 {
		return nn.Shape{}
	}
	dims := make([]int64, n)
	lib.AtShape(h, unsafe.Pointer(&dims[0])) //nolint:gosec // libtorch fills exactly n sizes
	out := make(nn.Shape, n)
	for i, d := range dims {
		out[i] = int(d)
	}
	return out
}

// fromHost copies float32 values in C order to the device.
func fromHost(values []float32, shape nn.Shape, device gotch.Device) (handle, error) {
	if n, err := shape.CheckElements(); err != nil || n != int64(len(values)) || n == 0 {
		return nil, fmt.Errorf("%w: %d values for shape %v", nn.ErrShape, len(values), shape)
	}
	data := unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), 4*len(values)) //nolint:gosec // the same memory as bytes
	return fromBytes(data, shape, gotch.Float, device)
}

// fromHostInts copies indices to the device.
func fromHostInts(values []int, device gotch.Device) (handle, error) {
	wide := sizes(values)
	data := unsafe.Slice((*byte)(unsafe.Pointer(&wide[0])), 8*len(wide)) //nolint:gosec // the same memory as bytes
	return fromBytes(data, nn.Shape{len(values)}, gotch.Int64, device)
}

// fromBytes copies elements in C order to the device. There are as many bytes
// as the shape needs, and at least one element. A scalar becomes one element.
func fromBytes(data []byte, shape nn.Shape, dtype gotch.DType, device gotch.Device) (handle, error) {
	dims := sizes(shape)
	if len(dims) == 0 {
		dims = []int64{1}
	}
	h := lib.AtTensorOfData(unsafe.Pointer(&data[0]), dims, uint(len(dims)), dtype.Size(), int(dtype.CKind())) //nolint:gosec // copied at once
	if err := lastError(); err != nil {
		return nil, err
	}
	if device == gotch.CPU {
		return h, nil
	}
	defer free(h)
	return call(func(out *handle) { lib.AtgTo(out, h, device.CInt()) })
}

// toHost copies any floating-point tensor out as float32 in C order.
func toHost(h handle) ([]float32, error) {
	steps := []func(out *handle, in handle){
		func(out *handle, in handle) { lib.AtgDetach(out, in) },
		func(out *handle, in handle) { lib.AtgTo(out, in, gotch.CPU.CInt()) },
		func(out *handle, in handle) { lib.AtgToDtype(out, in, gotch.Float.CInt(), 0, 0) },
		func(out *handle, in handle) { lib.AtgContiguous(out, in) },
	}
	current := h
	for _, step := range steps {
		next, err := call(func(out *handle) { step(out, current) })
		if current != h {
			free(current)
		}
		if err != nil {
			return nil, err
		}
		current = next
	}
	defer free(current)
	values := make([]float32, shapeOf(current).Elements())
	if len(values) == 0 {
		return values, nil
	}
	lib.AtCopyData(current, unsafe.Pointer(&values[0]), uint(len(values)), 4) //nolint:gosec // sized above
	return values, lastError()
}
