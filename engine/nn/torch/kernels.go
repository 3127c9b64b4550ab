package torch

// #cgo CXXFLAGS: -std=gnu++17 -O3 -fopenmp
// #cgo LDFLAGS: -ltorch_cpu -lc10 -l:libgomp-a34b3233.so.1 -lstdc++
// #include <stdlib.h>
// #include "kernels.h"
import "C"

import (
	"fmt"
	"strings"
	"unsafe"
)

// groupNormKernel normalises a CPU tensor in groups of channels and applies a
// leaky ReLU of that slope (0 is ReLU, 1 is nothing).
func groupNormKernel(x, weight, bias handle, groups int, eps, slope float64) (handle, error) {
	var message *C.char
	h := C.minivess_group_norm(unsafe.Pointer(x), unsafe.Pointer(weight), unsafe.Pointer(bias),
		C.int64_t(groups), C.double(eps), C.double(slope), &message)
	return finished(h, message)
}

// batchNormKernel normalises a CPU tensor over the batch and applies a leaky
// ReLU. Undefined running statistics are not moved.
func batchNormKernel(x, weight, bias, mean, variance handle, train bool, momentum, eps, slope float64) (handle, error) {
	var message *C.char
	h := C.minivess_batch_norm(unsafe.Pointer(x), unsafe.Pointer(weight), unsafe.Pointer(bias),
		unsafe.Pointer(mean), unsafe.Pointer(variance), C.int(flag(train)), C.double(momentum), C.double(eps), C.double(slope), &message)
	return finished(h, message)
}

// leakyReLU returns max(x, slope·x).
func leakyReLU(x handle, slope float64, inPlace bool) (handle, error) {
	var message *C.char
	h := C.minivess_leaky_relu(unsafe.Pointer(x), C.double(slope), C.int(flag(inPlace)), &message)
	return finished(h, message)
}

// elu returns x where positive and alpha·(exp(inputScale·x) − 1) elsewhere.
func elu(x handle, alpha, inputScale float64) (handle, error) {
	var message *C.char
	h := C.minivess_elu(unsafe.Pointer(x), C.double(alpha), C.double(inputScale), &message)
	return finished(h, message)
}

// dropout drops elements (axes 0), or whole slices of the first axes axes.
func dropout(x handle, p float64, axes int, seed int64) (handle, error) {
	var message *C.char
	h := C.minivess_dropout(unsafe.Pointer(x), C.double(p), C.int(axes), C.int64_t(seed), &message)
	return finished(h, message)
}

// finished takes what a function of kernels.h returned.
func finished(h unsafe.Pointer, message *C.char) (handle, error) {
	if message != nil {
		text, _, _ := strings.Cut(C.GoString(message), "\n")
		C.free(unsafe.Pointer(message))
		return nil, fmt.Errorf("%w: %s", ErrTorch, text)
	}
	return handle(h), nil
}
