package onnx

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/minivess/minivess/engine/nn"
)

// place is where a tensor's data lie in another file.
type place struct {
	file   string
	offset int64
}

// placement says which tensors' data lie in another file: by index, nil for those
// that are inside.
type placement []*place

// alignment of data in another file, so that runtimes can map it.
const alignment = 4096

// inline is the number of bytes up to which data stay inside: shape inference
// needs to see the constants that are shapes.
const inline = 1024

// outside places the data of all large tensors in one file.
func (g *graph) outside(file string) placement {
	p, at := make(placement, len(g.tensors)), int64(0)
	for i, t := range g.tensors {
		if t.size > inline {
			p[i] = &place{file: file, offset: at}
			at = (at + t.size + alignment - 1) / alignment * alignment
		}
	}
	return p
}

// document is the model without the tensors' data: pieces to write in turn, the
// i-th tensor's data after the i-th piece, and an end.
type document struct {
	pieces [][]byte
	end    []byte
	size   int64 // in all, data inside included
}

// document encodes the model.
func (g *graph) document(name string, metadata map[string]string, where placement) document {
	image, logits := g.program.Values[g.program.Inputs[0].Value].Shape, g.program.Values[g.program.Outputs[0]].Shape
	rest := putString(nil, graphName, name)
	rest = putBytes(rest, graphInput, g.value(InputName, image))
	rest = putBytes(rest, graphOutput, g.value(OutputName, logits))
	size := int64(len(g.nodes) + len(rest))
	pieces := make([][]byte, len(g.tensors))
	for i, t := range g.tensors {
		header, inside := t.header(where[i]), t.size
		if where[i] != nil {
			inside = 0
		}
		pieces[i] = append(putLength(nil, graphInitializer, int64(len(header))+inside), header...)
		size += int64(len(pieces[i])) + inside
	}
	head := putLength(putString(putVarint(nil, modelIRVersion, irVersion), modelProducer, "minivess"), modelGraph, size)
	head = append(head, g.nodes...)
	end := putBytes(rest, modelOpset, putVarint(nil, opsetVersion, Opset))
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		end = putBytes(end, modelMetadata, putString(putString(nil, entryKey, key), entryValue, metadata[key]))
	}
	size += int64(len(head) - len(g.nodes) + len(end) - len(rest))
	if len(pieces) > 0 {
		pieces[0] = append(head, pieces[0]...)
	} else {
		end = append(head, end...)
	}
	return document{pieces: pieces, end: end, size: size}
}

// write puts the model together. Weights go straight from the state.
func (g *graph) write(w io.Writer, d document, where placement) error {
	for i, piece := range d.pieces {
		if _, err := w.Write(piece); err != nil {
			return err
		}
		if where[i] != nil {
			continue
		}
		if err := g.tensors[i].write(w); err != nil {
			return err
		}
	}
	_, err := w.Write(d.end)
	return err
}

// writeOutside writes the file of data that lie outside.
func (g *graph) writeOutside(w io.Writer, where placement) error {
	at := int64(0)
	for i, t := range g.tensors {
		if where[i] == nil {
			continue
		}
		if _, err := w.Write(make([]byte, where[i].offset-at)); err != nil {
			return err
		}
		if err := t.write(w); err != nil {
			return err
		}
		at = where[i].offset + t.size
	}
	return nil
}

func (t stored) write(w io.Writer) error {
	b, err := t.data()
	if err != nil {
		return err
	}
	if int64(len(b)) != t.size {
		return fmt.Errorf("tensor %q: %w: %d bytes, want %d", t.name, nn.ErrState, len(b), t.size)
	}
	_, err = w.Write(b)
	return err
}

// describe gives the metadata: the model with its options, and what the caller
// adds.
func describe(config nn.Config, extra map[string]string) (map[string]string, error) {
	options, err := json.Marshal(config.Options)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	metadata := map[string]string{"model": config.Name, "options": string(options)}
	maps.Copy(metadata, extra)
	return metadata, nil
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

// largest is the size that protocol buffers allow for one message.
const largest = math.MaxInt32
