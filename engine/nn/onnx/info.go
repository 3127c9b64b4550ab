package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// MetaDivisor is the metadata entry that says what each spatial size of an
// image must be a multiple of, as in "8,8,8".
const MetaDivisor = "divisor"

// Field numbers of onnx.proto that only matter for reading, and for data that
// lie in another file.
const (
	opsetDomain                    = 1
	tensorExternal, tensorLocation = 13, 14

	externalLocation, externalOffset, externalLength = "location", "offset", "length"
)

// ErrFormat means that a file is not a whole ONNX model.
var ErrFormat = errors.New("not a sound ONNX model")

// Info is what an ONNX file says of itself. Nothing of it is computed.
type Info struct {
	IRVersion int    `json:"ir_version"`
	Opset     int    `json:"opset"`
	Producer  string `json:"producer,omitempty"`
	// Inputs are those that a caller must give; initial values that are listed
	// among the inputs, as old exporters do, are not.
	Inputs   []Port            `json:"inputs"`
	Outputs  []Port            `json:"outputs"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Nodes    int               `json:"nodes"`
	// Weights is the number of stored tensors, WeightBytes their size in this
	// file and beside it.
	Weights     int   `json:"weights"`
	WeightBytes int64 `json:"weight_bytes"`
	// External names the files beside the model that hold weights.
	External []string `json:"external,omitempty"`
}

// Port is one input or output.
type Port struct {
	Name string `json:"name"`
	// Type is the element type, such as "float32"; "" when it is no tensor.
	Type string `json:"type"`
	// Dims are the sizes. Ranked is false when even their number is not said.
	Dims   []Dim `json:"dims"`
	Ranked bool  `json:"ranked"`
}

// Dim is the size of one axis: fixed when positive, else free, with or without
// a name.
type Dim struct {
	Size int    `json:"size,omitempty"`
	Name string `json:"name,omitempty"`
}

// String writes the port as image float32 (batch, 1, 64, 64, 32).
func (p Port) String() string {
	if !p.Ranked {
		return fmt.Sprintf("%q %s", p.Name, p.Type)
	}
	dims := make([]string, len(p.Dims))
	for i, d := range p.Dims {
		switch {
		case d.Size > 0:
			dims[i] = strconv.Itoa(d.Size)
		case d.Name != "":
			dims[i] = strings.Trim(strconv.Quote(d.Name), `"`)
		default:
			dims[i] = "?"
		}
	}
	return fmt.Sprintf("%q %s (%s)", p.Name, p.Type, strings.Join(dims, ", "))
}

// ReadInfo reads what a model file declares, stepping over its weights, and
// checks that it is whole and that the files it keeps weights in are there. The
// error wraps ErrFormat when it is not.
func ReadInfo(path string) (Info, error) {
	f, err := os.Open(path)
	if err != nil {
		return Info{}, err
	}
	defer f.Close() //nolint:errcheck // only read
	st, err := f.Stat()
	if err != nil {
		return Info{}, err
	}
	if !st.Mode().IsRegular() {
		return Info{}, fmt.Errorf("%q: %w: it is not a regular file", path, ErrFormat)
	}
	r := reader{dir: filepath.Dir(path), external: map[string]int64{}, initial: map[string]bool{}}
	if err := r.model(&cursor{r: f, end: st.Size()}); err != nil {
		return Info{}, fmt.Errorf("%q: %w", path, err)
	}
	return r.info, nil
}

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
	names := [...]string{
		"undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool",
		"float16", "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16",
	}
	if elem >= uint64(len(names)) {
		return fmt.Sprintf("type %d", elem)
	}
	return names[elem]
}
