package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of onnx.proto that only matter for reading, and for data that
// lie in another file.
const (
	opsetDomain                    = 1
	tensorExternal, tensorLocation = 13, 14

	externalLocation, externalOffset, externalLength = "location", "offset", "length"
)

// reader collects an Info.
type reader struct {
	info     Info
	dir      string
	graphs   int
	external map[string]int64 // sizes of the files beside the model
	initial  map[string]bool  // names of stored tensors
}

func (r *reader) model(c *cursor) error {
	r.info.Metadata = map[string]string{}
	err := c.each(func(f field) (err error) {
		switch {
		case f.number == modelIRVersion && f.kind == protowire.VarintType:
			r.info.IRVersion = int(f.varint)
		case f.kind != protowire.BytesType:
		case f.number == modelProducer:
			r.info.Producer, err = c.text(f)
		case f.number == modelGraph:
			r.graphs++
			err = r.graph(c.inside(f))
		case f.number == modelOpset:
			err = r.opset(c.inside(f))
		case f.number == modelMetadata:
			err = r.entry(c.inside(f), r.info.Metadata)
		}
		return err
	})
	if err != nil {
		return err
	}
	if r.graphs != 1 || r.info.IRVersion < 1 {
		return fmt.Errorf("%w: it holds %d graphs and format version %d", ErrFormat, r.graphs, r.info.IRVersion)
	}
	needed := r.info.Inputs[:0]
	for _, p := range r.info.Inputs {
		if !r.initial[p.Name] {
			needed = append(needed, p)
		}
	}
	r.info.Inputs = needed
	return nil
}

// opset keeps the version of ONNX's own operators, which have no domain.
func (r *reader) opset(c *cursor) error {
	var domain string
	var version int
	err := c.each(func(f field) (err error) {
		switch {
		case f.number == opsetDomain && f.kind == protowire.BytesType:
			domain, err = c.text(f)
		case f.number == opsetVersion && f.kind == protowire.VarintType:
			version = int(f.varint)
		}
		return err
	})
	if domain == "" || domain == "ai.onnx" {
		r.info.Opset = version
	}
	return err
}

func (r *reader) entry(c *cursor, into map[string]string) error {
	var key, value string
	err := c.each(func(f field) (err error) {
		switch {
		case f.kind != protowire.BytesType:
		case f.number == entryKey:
			key, err = c.text(f)
		case f.number == entryValue:
			value, err = c.text(f)
		}
		return err
	})
	into[key] = value
	return err
}

func (r *reader) graph(c *cursor) error {
	return c.each(func(f field) (err error) {
		if f.kind != protowire.BytesType {
			return nil
		}
		var p Port
		switch f.number {
		case graphNode:
			r.info.Nodes++
			err = c.inside(f).each(func(field) error { return nil })
		case graphInitializer:
			err = r.tensor(c.inside(f))
		case graphInput:
			p, err = r.port(c.inside(f))
			r.info.Inputs = append(r.info.Inputs, p)
		case graphOutput:
			p, err = r.port(c.inside(f))
			r.info.Outputs = append(r.info.Outputs, p)
		default: // says nothing that is asked for
		}
		return err
	})
}

// tensor notes a stored tensor. Data of typed fields is counted as it is
// encoded.
func (r *reader) tensor(c *cursor) error {
	var where map[string]string
	err := c.each(func(f field) (err error) {
		switch {
		case f.kind != protowire.BytesType:
		case f.number == tensorName:
			var name string
			name, err = c.text(f)
			r.initial[name] = true
		case f.number == tensorExternal:
			if where == nil {
				where = map[string]string{}
			}
			err = r.entry(c.inside(f), where)
		case f.number == tensorRaw, f.number >= 4 && f.number <= 7, f.number == 10, f.number == 11:
			r.info.WeightBytes += f.end - f.at
		}
		return err
	})
	if err != nil {
		return err
	}
	r.info.Weights++
	if where != nil {
		return r.beside(where)
	}
	return nil
}

// beside checks that a part of another file is there. A location that leads out
// of the model's folder is refused: a model must not make anybody read other
// files.
func (r *reader) beside(where map[string]string) error {
	name := where[externalLocation]
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return fmt.Errorf("%w: weights are said to lie in %q, which is not beside the model", ErrFormat, name)
	}
	size, known := r.external[name]
	if !known {
		st, err := os.Stat(filepath.Join(r.dir, filepath.FromSlash(name)))
		if err != nil {
			return fmt.Errorf("%w: its weights are missing: %w; keep %q beside the model", ErrFormat, err, name)
		}
		size = st.Size()
		r.external[name] = size
		r.info.External = append(r.info.External, name)
	}
	offset, err := number(where[externalOffset], 0)
	if err != nil {
		return err
	}
	length, err := number(where[externalLength], max(0, size-offset))
	if err != nil {
		return err
	}
	if offset > size || length > size-offset {
		return fmt.Errorf("%w: weights at bytes %d to %d of %q, which has %d; it was cut off or belongs to another model",
			ErrFormat, offset, offset+length, name, size)
	}
	r.info.WeightBytes += length
	return nil
}

func number(text string, missing int64) (int64, error) {
	if text == "" {
		return missing, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%w: a position in another file is %q", ErrFormat, text)
	}
	return n, nil
}

func (r *reader) port(c *cursor) (p Port, err error) {
	err = c.each(func(f field) (err error) {
		switch {
		case f.kind != protowire.BytesType:
		case f.number == valueName:
			p.Name, err = c.text(f)
		case f.number == valueType:
			err = c.inside(f).each(func(g field) error {
				if g.number == typeTensor && g.kind == protowire.BytesType {
					return portType(c.inside(g), &p)
				}
				return nil
			})
		}
		return err
	})
	return p, err
}

func portType(c *cursor, p *Port) error {
	p.Type = elemName(0)
	return c.each(func(f field) error {
		switch {
		case f.number == tensorElem && f.kind == protowire.VarintType:
			p.Type = elemName(f.varint)
		case f.number == tensorShape && f.kind == protowire.BytesType:
			p.Ranked = true
			return c.inside(f).each(func(g field) error {
				if g.number != shapeDim || g.kind != protowire.BytesType {
					return nil
				}
				d, err := dim(c.inside(g))
				p.Dims = append(p.Dims, d)
				return err
			})
		}
		return nil
	})
}

func dim(c *cursor) (d Dim, err error) {
	err = c.each(func(f field) (err error) {
		switch {
		case f.number == dimValue && f.kind == protowire.VarintType:
			d.Size = max(0, int(int64(f.varint)))
		case f.number == dimParam && f.kind == protowire.BytesType:
			d.Name, err = c.text(f)
		}
		return err
	})
	return d, err
}

// elemName names an element type of onnx.proto.
func elemName(elem uint64) string {
	names := []string{
		"undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool",
		"float16", "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16",
	}
	if elem < uint64(len(names)) {
		return names[elem]
	}
	return fmt.Sprintf("type %d", elem)
}
