package onnx

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/minivess/minivess/engine/nn"
)

// Field numbers of onnx.proto, by message.
const (
	modelIRVersion, modelProducer, modelGraph, modelOpset, modelMetadata = 1, 2, 7, 8, 14
	opsetVersion                                                         = 2
	entryKey, entryValue                                                 = 1, 2
	graphNode, graphName, graphInitializer, graphInput, graphOutput      = 1, 2, 5, 11, 12
	nodeInput, nodeOutput, nodeName, nodeOp, nodeAttribute               = 1, 2, 3, 4, 5
	attrName, attrFloat, attrInt, attrString, attrInts, attrType         = 1, 2, 3, 4, 8, 20
	tensorDims, tensorType, tensorName, tensorRaw                        = 1, 2, 8, 9
	valueName, valueType, typeTensor, tensorElem, tensorShape            = 1, 2, 1, 1, 2
	shapeDim, dimValue, dimParam                                         = 1, 1, 2
)

// Element and attribute types of onnx.proto.
const (
	elemFloat, elemInt64                                = 1, 7
	kindFloat, kindInt, kindString, kindInts protoValue = 1, 2, 3, 7
)

type protoValue uint64

func putVarint(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func putString(b []byte, field protowire.Number, v string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func putBytes(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

// putLength begins a nested message of which the bytes follow.
func putLength(b []byte, field protowire.Number, n int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.BytesType), uint64(n))
}

// attribute is one setting of an operator.
type attribute []byte

func attr(name string, kind protoValue) []byte {
	return putVarint(putString(nil, attrName, name), attrType, uint64(kind))
}

func intAttr(name string, v int) attribute {
	return putVarint(attr(name, kindInt), attrInt, uint64(int64(v)))
}

func floatAttr(name string, v float64) attribute {
	b := protowire.AppendTag(attr(name, kindFloat), attrFloat, protowire.Fixed32Type)
	return protowire.AppendFixed32(b, math.Float32bits(float32(v)))
}

func stringAttr(name, v string) attribute { return putString(attr(name, kindString), attrString, v) }

func intsAttr(name string, v ...int) attribute {
	b := attr(name, kindInts)
	for _, i := range v {
		b = putVarint(b, attrInts, uint64(int64(i)))
	}
	return b
}

// tensorHeader encodes a tensor up to the length of its raw data, which follows.
func tensorHeader(name string, elem uint64, dims []int, raw int) []byte {
	var b []byte
	for _, d := range dims {
		b = putVarint(b, tensorDims, uint64(d))
	}
	b = putString(putVarint(b, tensorType, elem), tensorName, name)
	return putLength(b, tensorRaw, int64(raw))
}

// weight adds a parameter. Any floating-point type becomes float32.
func (g *graph) weight(t nn.Tensor) error {
	if t.DType != nn.F32 {
		values, err := t.Float32()
		if err != nil {
			return err
		}
		if t, err = nn.FloatTensor(t.Name, t.Shape, values); err != nil {
			return err
		}
	}
	g.tensor(t.Name, elemFloat, t.Shape, t.Data)
	return nil
}

func (g *graph) tensor(name string, elem uint64, dims []int, raw []byte) {
	header := tensorHeader(name, elem, dims, len(raw))
	g.initializers = append(g.initializers, putLength(nil, graphInitializer, int64(len(header)+len(raw))), header, raw)
}

// ints adds a constant tensor of whole numbers and returns its name. Equal
// constants are shared.
func (g *graph) ints(values ...int) string {
	return g.constant(fmt.Sprintf("ints%v", values), func(name string) {
		raw := make([]byte, 0, 8*len(values))
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(int64(v)))
		}
		g.tensor(name, elemInt64, []int{len(values)}, raw)
	})
}

// floats adds a constant tensor and returns its name.
func (g *graph) floats(shape nn.Shape, values []float32) string {
	return g.constant(fmt.Sprintf("floats%v%v", shape, values), func(name string) {
		raw := make([]byte, 0, 4*len(values))
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		g.tensor(name, elemFloat, shape, raw)
	})
}

func (g *graph) constant(key string, add func(name string)) string {
	if name, ok := g.constants[key]; ok {
		return name
	}
	name := fmt.Sprintf("constant_%d", len(g.constants))
	g.constants[key] = name
	add(name)
	return name
}

// encode returns the model as a head, the graph's parts and a tail.
func (g *graph) encode(name string, metadata map[string]string) (head []byte, body [][]byte, tail []byte) {
	image, logits := g.program.Values[g.program.Inputs[0].Value].Shape, g.program.Values[g.program.Outputs[0]].Shape
	rest := putString(nil, graphName, name)
	rest = putBytes(rest, graphInput, g.value(InputName, image))
	rest = putBytes(rest, graphOutput, g.value(OutputName, logits))
	body = append(append([][]byte{g.nodes}, g.initializers...), rest)
	var size int64
	for _, part := range body {
		size += int64(len(part))
	}
	head = putString(putVarint(nil, modelIRVersion, irVersion), modelProducer, "minivess")
	head = putLength(head, modelGraph, size)
	tail = putBytes(nil, modelOpset, putVarint(nil, opsetVersion, Opset))
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		tail = putBytes(tail, modelMetadata, putString(putString(nil, entryKey, key), entryValue, metadata[key]))
	}
	return head, body, tail
}

// value describes the input or output: the batch is free, and the size if it
// may be.
func (g *graph) value(name string, shape nn.Shape) []byte {
	free := map[int]string{0: "batch"}
	if g.freeSize {
		free[2], free[3], free[4] = "x", "y", "z"
	}
	var dims []byte
	for i, d := range shape {
		if param, ok := free[i]; ok {
			dims = putBytes(dims, shapeDim, putString(nil, dimParam, param))
			continue
		}
		dims = putBytes(dims, shapeDim, putVarint(nil, dimValue, uint64(d)))
	}
	tensor := putBytes(putVarint(nil, tensorElem, elemFloat), tensorShape, dims)
	return putBytes(putString(nil, valueName, name), valueType, putBytes(nil, typeTensor, tensor))
}
