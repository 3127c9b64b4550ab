package blocks

import "github.com/minivess/minivess/engine/nn"

// Conv is a convolution. An odd kernel pads by half of itself, so that only the
// stride changes the size.
type Conv struct {
	In, Out int
	Kernel  [3]int
	Stride  [3]int // zeros mean 1
	Groups  int    // 0 means 1
	Bias    bool
}

// Cube is the same number along all three axes.
func Cube(n int) [3]int { return [3]int{n, n, n} }

// Volume is the product of the three numbers.
func Volume(k [3]int) int { return k[0] * k[1] * k[2] }

// Declare adds prefix.weight (Out, In/Groups, Kernel) and, with Bias,
// prefix.bias (Out), initialised as PyTorch does.
func (c Conv) Declare(d *Declaration, prefix string) {
	in := c.In / atLeastOne(c.Groups)
	init := nn.KaimingUniform(in * Volume(c.Kernel))
	d.Add(prefix+".weight", nn.Shape{c.Out, in, c.Kernel[0], c.Kernel[1], c.Kernel[2]}, init)
	if c.Bias {
		d.Add(prefix+".bias", nn.Shape{c.Out}, init)
	}
}

// Apply convolves x (N, In, X, Y, Z) with the parameters below the prefix.
func (c Conv) Apply(g nn.Graph, x nn.Value, prefix string) nn.Value {
	return nn.Conv3d(g, x, prefix+".weight", biasName(prefix, c.Bias),
		nn.Conv{Stride: each(c.Stride), Padding: half(c.Kernel), Dilation: Cube(1), Groups: atLeastOne(c.Groups)})
}

// ConvTranspose is a transposed convolution that multiplies the size by its
// stride: the padding is (kernel−1)/2, and what is then missing is added at the
// end, as MONAI does.
type ConvTranspose struct {
	In, Out int
	Kernel  [3]int
	Stride  [3]int
	Groups  int // 0 means 1
	Bias    bool
}

// Declare adds prefix.weight (In, Out/Groups, Kernel) and, with Bias,
// prefix.bias (Out). PyTorch counts a transposed convolution's fan-in by the
// weight's second axis.
func (c ConvTranspose) Declare(d *Declaration, prefix string) {
	out := c.Out / atLeastOne(c.Groups)
	init := nn.KaimingUniform(out * Volume(c.Kernel))
	d.Add(prefix+".weight", nn.Shape{c.In, out, c.Kernel[0], c.Kernel[1], c.Kernel[2]}, init)
	if c.Bias {
		d.Add(prefix+".bias", nn.Shape{c.Out}, init)
	}
}

// Apply enlarges x (N, In, X, Y, Z) with the parameters below the prefix.
func (c ConvTranspose) Apply(g nn.Graph, x nn.Value, prefix string) nn.Value {
	op := nn.ConvTranspose{Stride: each(c.Stride), Dilation: Cube(1), Groups: atLeastOne(c.Groups)}
	if c.Kernel != c.Stride {
		op.Padding = half(c.Kernel)
		for i, k := range c.Kernel {
			op.OutputPadding[i] = op.Stride[i] - k + 2*op.Padding[i]
		}
	}
	return nn.ConvTranspose3d(g, x, prefix+".weight", biasName(prefix, c.Bias), op)
}

// biasName is the bias's name, "" when there is none.
func biasName(prefix string, bias bool) string {
	if bias {
		return prefix + ".bias"
	}
	return ""
}

func half(kernel [3]int) (padding [3]int) {
	for i, k := range kernel {
		padding[i] = (k - 1) / 2
	}
	return padding
}

// each replaces what was left out by 1.
func each(stride [3]int) [3]int {
	for i, s := range stride {
		stride[i] = atLeastOne(s)
	}
	return stride
}

func atLeastOne(n int) int { return max(n, 1) }
