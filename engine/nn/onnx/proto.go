package onnx

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
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
	elemFloat, elemInt8, elemInt64, elemFloat16            = 1, 3, 7, 10
	kindFloat, kindInt, kindString, kindInts    protoValue = 1, 2, 3, 7
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
