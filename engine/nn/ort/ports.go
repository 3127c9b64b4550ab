package ort

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// axes is the number of axes of images and logits: N, C, X, Y, Z.
const axes = 5

// Ports finds the image and the logits among what a model file declares, as Load
// does, without loading it. The error wraps ErrModel.
func Ports(info onnx.Info) (input, output onnx.Port, err error) { return ports(info, false) }

// ports is Ports, with or without regard to the output's size.
func ports(info onnx.Info, anySize bool) (input, output onnx.Port, err error) {
	if len(info.Inputs) != 1 || !fits(info.Inputs[0]) {
		return input, output, fmt.Errorf("%w: it takes %s; one float32 image (batch, channels, x, y, z) is wanted", ErrModel, list(info.Inputs))
	}
	input = info.Inputs[0]
	var found []onnx.Port
	for _, p := range info.Outputs {
		if fits(p) && (anySize || sameSize(input, p)) {
			found = append(found, p)
		}
	}
	for _, p := range found {
		if len(found) == 1 || p.Name == onnx.OutputName {
			return input, p, nil
		}
	}
	if len(found) > 1 {
		return input, output, fmt.Errorf("%w: which of its outputs are the logits: %s? export it with one, or call one %q", ErrModel, list(found), onnx.OutputName)
	}
	return input, output, fmt.Errorf("%w: it gives %s; one float32 output (batch, classes, x, y, z) of the image's size is wanted", ErrModel, list(info.Outputs))
}

func fits(p onnx.Port) bool {
	return p.Type == "float32" && (!p.Ranked || len(p.Dims) == axes)
}

// sameSize reports whether nothing that is declared speaks against the output
// having the input's batch and size.
func sameSize(in, out onnx.Port) bool {
	if !in.Ranked || !out.Ranked {
		return true
	}
	for i := range in.Dims {
		a, b := in.Dims[i].Size, out.Dims[i].Size
		if i != 1 && a > 0 && b > 0 && a != b {
			return false
		}
	}
	return true
}

func list(all []onnx.Port) string {
	if len(all) == 0 {
		return "nothing"
	}
	words := make([]string, len(all))
	for i, p := range all {
		words[i] = p.String()
	}
	return strings.Join(words, "; ")
}

// divisor reads what our own exports say of the sizes that they take.
func divisor(metadata map[string]string) [3]int {
	d := [3]int{1, 1, 1}
	parts := strings.Split(metadata[onnx.MetaDivisor], ",")
	if len(parts) != len(d) {
		return d
	}
	for i, text := range parts {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return [3]int{1, 1, 1}
		}
		d[i] = n
	}
	return d
}

// Divisor is what each spatial size must be a multiple of, as far as the file
// says; 1 where it does not.
func (m *Model) Divisor() [3]int { return m.divisor }

// Check says whether the model takes images of that shape. The error wraps
// nn.ErrShape and says what would fit.
func (m *Model) Check(shape nn.Shape) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s; the model %q takes %s", nn.ErrShape, fmt.Sprintf(format, args...), m.path, m.input)
	}
	if len(shape) != axes {
		return refuse("an image of %v has %d axes, must have 5: (N, C, X, Y, Z)", shape, len(shape))
	}
	if n, err := shape.CheckElements(); err != nil || n == 0 {
		return refuse("an image of %v has no voxels", shape)
	}
	names := [axes]string{"batch", "channels", "x", "y", "z"}
	if m.input.Ranked {
		for i, d := range m.input.Dims {
			if d.Size > 0 && d.Size != shape[i] {
				return refuse("%s is %d, must be %d", names[i], shape[i], d.Size)
			}
		}
	}
	for i, d := range m.divisor {
		if n := shape[2+i]; n%d != 0 {
			return refuse("%s is %d, must be a multiple of %d: %d would fit", names[2+i], n, d, (n/d+1)*d)
		}
	}
	return nil
}
