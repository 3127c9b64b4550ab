package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/minivess/minivess/engine/nn"
)

// ErrFormat means that a file is not valid safetensors.
var ErrFormat = errors.New("not a valid safetensors file")

// Limits on what a file may ask for.
const (
	// MaxHeader is the largest header, the Python package's own limit.
	MaxHeader = 100_000_000
	// MaxTensors is the largest number of tensors. The largest networks have a
	// few thousand.
	MaxTensors = 100_000
	// maxAxes bounds the rank of a tensor.
	maxAxes = 16
)

// metadataKey is the one header entry that is not a tensor.
const metadataKey = "__metadata__"

// Info describes one tensor of a file.
type Info struct {
	Name  string
	DType nn.DType
	Shape nn.Shape
	// Begin and End delimit the tensor's bytes, counted from the end of the header.
	Begin, End int64
}

// entry is a tensor's JSON.
type entry struct {
	DType   nn.DType `json:"dtype"`
	Shape   *[]int64 `json:"shape"`
	Offsets []int64  `json:"data_offsets"`
}

// malformed makes an ErrFormat with a message.
func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

// parseHeader reads the JSON header of a file whose tensors take data bytes.
func parseHeader(header []byte, data int64) (tensors []Info, metadata map[string]string, err error) {
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, malformed("the header does not begin with {")
	}
	d := json.NewDecoder(bytes.NewReader(header))
	d.DisallowUnknownFields()
	if _, err := d.Token(); err != nil {
		return nil, nil, malformed("header: %v", err)
	}
	seen := make(map[string]bool)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, nil, malformed("header: %v", err)
		}
		name, ok := token.(string)
		if !ok || seen[name] {
			return nil, nil, malformed("tensor %q is there twice", name)
		}
		if len(seen) > MaxTensors {
			return nil, nil, malformed("more than %d tensors", MaxTensors)
		}
		seen[name] = true
		if name == metadataKey {
			if err := d.Decode(&metadata); err != nil {
				return nil, nil, malformed("metadata: %v", err)
			}
			continue
		}
		var e entry
		if err := d.Decode(&e); err != nil {
			return nil, nil, malformed("tensor %q: %v", name, err)
		}
		info, err := e.info(name, data)
		if err != nil {
			return nil, nil, err
		}
		tensors = append(tensors, info)
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, malformed("header: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, malformed("something follows the header's closing brace")
	}
	return tensors, metadata, checkLayout(tensors, data)
}

// info checks one entry by itself.
func (e entry) info(name string, data int64) (Info, error) {
	if e.Shape == nil || len(e.Offsets) != 2 {
		return Info{}, malformed("tensor %q lacks its shape or has not two data_offsets", name)
	}
	if err := e.DType.Check(); err != nil {
		return Info{}, malformed("tensor %q: %v", name, err)
	}
	if len(*e.Shape) > maxAxes {
		return Info{}, malformed("tensor %q has %d axes, more than %d", name, len(*e.Shape), maxAxes)
	}
	info := Info{Name: name, DType: e.DType, Shape: make(nn.Shape, len(*e.Shape)), Begin: e.Offsets[0], End: e.Offsets[1]}
	for i, n := range *e.Shape {
		if n < 0 || n > math.MaxInt32 {
			return Info{}, malformed("tensor %q has size %d", name, n)
		}
		info.Shape[i] = int(n)
	}
	n, err := info.Shape.CheckElements()
	if err != nil {
		return Info{}, malformed("tensor %q: %v", name, err)
	}
	if info.Begin < 0 || info.End < info.Begin || info.End > data {
		return Info{}, malformed("tensor %q lies at bytes %d to %d of %d: the file is truncated or its header lies",
			name, info.Begin, info.End, data)
	}
	size := int64(e.DType.Size())
	if n > math.MaxInt64/size || n*size != info.End-info.Begin {
		return Info{}, malformed("tensor %q: %s of %v does not fill bytes %d to %d", name, e.DType, info.Shape, info.Begin, info.End)
	}
	return info, nil
}

// checkLayout verifies that the tensors follow each other without gaps or
// overlaps and fill the data exactly, as the format demands.
func checkLayout(tensors []Info, data int64) error {
	order := slices.Clone(tensors)
	slices.SortStableFunc(order, func(a, b Info) int {
		if a.Begin != b.Begin {
			return int(min(max(a.Begin-b.Begin, -1), 1))
		}
		return int(min(max(a.End-b.End, -1), 1))
	})
	var at int64
	for _, t := range order {
		switch {
		case t.Begin < at:
			return malformed("tensor %q overlaps another at byte %d", t.Name, t.Begin)
		case t.Begin > at:
			return malformed("bytes %d to %d before tensor %q belong to nobody", at, t.Begin, t.Name)
		}
		at = t.End
	}
	if at != data {
		return malformed("the tensors end at byte %d, the data at %d", at, data)
	}
	return nil
}
