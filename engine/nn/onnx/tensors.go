package onnx

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/minivess/minivess/engine/nn"
)

// stored is one tensor of the model. Its data are made when they are written,
// so that no second copy of all weights is ever held.
type stored struct {
	name string
	elem uint64
	dims []int
	size int64 // of the data, in bytes
	data func() ([]byte, error)
}

// header encodes the tensor up to where its data begin, or, when they lie in
// another file, whole.
func (t stored) header(at *place) []byte {
	var b []byte
	for _, d := range t.dims {
		b = putVarint(b, tensorDims, uint64(d))
	}
	b = putString(putVarint(b, tensorType, t.elem), tensorName, t.name)
	if at == nil {
		return putLength(b, tensorRaw, t.size)
	}
	for _, e := range [][2]string{
		{externalLocation, at.file},
		{externalOffset, fmt.Sprint(at.offset)},
		{externalLength, fmt.Sprint(t.size)},
	} {
		b = putBytes(b, tensorExternal, putString(putString(nil, entryKey, e[0]), entryValue, e[1]))
	}
	const external = 1
	return putVarint(b, tensorLocation, external)
}

// keep adds a parameter.
func (g *graph) keep(t stored) { g.parameters = append(g.parameters, t) }

// bytesOf is the data function of a tensor that is held in memory anyway.
func bytesOf(b []byte) func() ([]byte, error) { return func() ([]byte, error) { return b, nil } }

// ints adds a constant tensor of whole numbers and returns its name. Equal
// constants are shared.
func (g *graph) ints(values ...int) string {
	raw := make([]byte, 0, 8*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(int64(v)))
	}
	return g.constant(elemInt64, []int{len(values)}, raw)
}

// floats adds a constant tensor and returns its name.
func (g *graph) floats(shape nn.Shape, values []float32) string {
	return g.constant(elemFloat, shape, rawFloats(values))
}

func rawFloats(values []float32) []byte {
	raw := make([]byte, 4*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(v))
	}
	return raw
}

func (g *graph) scalar(v float64) string { return g.floats(nn.Shape{}, []float32{float32(v)}) }

func (g *graph) constant(elem uint64, shape []int, raw []byte) string {
	key := fmt.Sprintf("%d%v%x", elem, shape, sha256.Sum256(raw))
	if name, ok := g.constants[key]; ok {
		return name
	}
	name := fmt.Sprintf("constant_%d", len(g.constants))
	g.constants[key] = name
	g.tensors = append(g.tensors, stored{name: name, elem: elem, dims: shape, size: int64(len(raw)), data: bytesOf(raw)})
	return name
}
