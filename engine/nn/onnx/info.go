package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// MetaDivisor is the metadata entry that says what each spatial size of an
// image must be a multiple of, as in "8,8,8".
const MetaDivisor = "divisor"

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
