package train

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"
	"github.com/sugarme/gotch/ts"
)

// errTorch is what errors of libtorch wrap.
var errTorch = errors.New("libtorch")

// handle is a raw libtorch tensor, see engine/nn/torch.
type handle = lib.Ctensor

// arena owns the tensors of one computation and remembers the first error,
// after which its operations do nothing.
type arena struct {
	live []handle
	err  error
}

// do runs an operation that makes a tensor, which the arena owns.
func (a *arena) do(op func(out *handle)) handle {
	if a.err != nil {
		return nil
	}
	var out handle
	op(&out)
	if a.err = torchError(); a.err != nil {
		return nil
	}
	a.live = append(a.live, out)
	return out
}

// in runs an operation in place: the handle it returns is a second one for the
// same tensor.
func (a *arena) in(op func(out *handle)) {
	if a.err != nil {
		return
	}
	var out handle
	op(&out)
	if a.err = torchError(); a.err == nil {
		lib.AtFree(out)
	}
}

// free releases what the arena owns.
func (a *arena) free() {
	for _, h := range a.live {
		lib.AtFree(h)
	}
	a.live = nil
}

// host copies float32 values in C order to a device.
func (a *arena) host(values []float32, dims []int64, device gotch.Device) handle {
	plain := a.do(func(out *handle) {
		*out = lib.AtTensorOfData(unsafe.Pointer(&values[0]), dims, uint(len(dims)), 4, int(gotch.Float.CKind())) //nolint:gosec // copied at once
	})
	if device == gotch.CPU {
		return plain
	}
	return a.do(func(out *handle) { lib.AtgTo(out, plain, device.CInt()) })
}

// values copies n float32 out of a tensor, in C order whatever its layout.
func (a *arena) values(h handle, n int) []float32 {
	h = a.do(func(out *handle) { lib.AtgDetach(out, h) })
	h = a.do(func(out *handle) { lib.AtgTo(out, h, gotch.CPU.CInt()) })
	h = a.do(func(out *handle) { lib.AtgContiguous(out, h) })
	if a.err != nil {
		return make([]float32, n)
	}
	values := make([]float32, n)
	lib.AtCopyData(h, unsafe.Pointer(&values[0]), uint(n), 4) //nolint:gosec // sized above
	a.err = torchError()
	return values
}

// scalar reads a tensor of one element.
func (a *arena) scalar(h handle) float64 { return float64(a.values(h, 1)[0]) }

// number makes a libtorch scalar; release it with lib.AtsFree.
func number(v float64) lib.Cscalar { return lib.AtsFloat(v) }

// raw is the handle inside a gotch tensor, which keeps owning it.
func raw(t *ts.Tensor) handle { return handle(t.Ctensor()) }

// noGrad switches gradients off on this thread and returns what puts the old
// mode back.
func noGrad() func() {
	before := int32(lib.AtGradSetEnabled(0)) // gotch widens a C int with rubbish above it
	return func() {
		mode := 0
		if before != 0 {
			mode = 1
		}
		lib.AtGradSetEnabled(mode)
	}
}

// torchError takes libtorch's last error off this thread, without the stack
// trace that gotch appends.
func torchError() error {
	err := ts.TorchErr()
	if err == nil {
		return nil
	}
	message, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf("%w: %s", errTorch, strings.TrimPrefix(message, "Libtorch API Error: "))
}

// give hands a tensor that the arena owns to somebody else.
func (a *arena) give(h handle) handle {
	for i, own := range a.live {
		if own == h {
			a.live = append(a.live[:i], a.live[i+1:]...)
			break
		}
	}
	return h
}
