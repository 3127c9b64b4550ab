package nn

// Conv3d applies op; an empty bias name means none. Weight and bias are
// parameter names.
func Conv3d(g Graph, x Value, weight, bias string, op Conv) Value {
	return g.Apply(op, withParams(g, x, weight, bias)...)
}

// ConvTranspose3d applies op, with parameters as in Conv3d.
func ConvTranspose3d(g Graph, x Value, weight, bias string, op ConvTranspose) Value {
	return g.Apply(op, withParams(g, x, weight, bias)...)
}

// GroupNorm normalises in groups of channels. Empty names mean no affine part.
func GroupNorm(g Graph, x Value, weight, bias string, groups int, eps float64) Value {
	return g.Apply(GroupNormOp{Groups: groups, Eps: eps}, withParams(g, x, weight, bias)...)
}

// InstanceNorm normalises each channel. Empty names mean no affine part.
func InstanceNorm(g Graph, x Value, weight, bias string, eps float64) Value {
	return g.Apply(InstanceNormOp{Eps: eps}, withParams(g, x, weight, bias)...)
}

// BatchNorm normalises each channel over the batch. It uses the parameters and
// buffers of BatchNormParams under the same prefix; affine says whether there
// are a weight and a bias.
func BatchNorm(g Graph, x Value, prefix string, affine bool, op BatchNormOp) Value {
	names := []string{prefix + ".running_mean", prefix + ".running_var", prefix + ".num_batches_tracked"}
	if affine {
		names = append(names, prefix+".weight", prefix+".bias")
	}
	return g.Apply(op, withParams(g, x, names...)...)
}

// LayerNorm normalises over the last axes. Empty names mean no affine part.
func LayerNorm(g Graph, x Value, weight, bias string, axes int, eps float64) Value {
	return g.Apply(LayerNormOp{Axes: axes, Eps: eps}, withParams(g, x, weight, bias)...)
}

// withParams lists the inputs of a layer.
func withParams(g Graph, x Value, names ...string) []Value {
	in := []Value{x}
	for _, name := range names {
		if name != "" {
			in = append(in, g.Param(name))
		}
	}
	return in
}

// ReLU returns max(x, 0).
func ReLU(g Graph, x Value) Value { return g.Apply(Activation{Function: ActReLU}, x) }

// LeakyReLU returns x where positive, slope·x elsewhere.
func LeakyReLU(g Graph, x Value, slope float64) Value {
	return g.Apply(Activation{Function: ActLeakyReLU, Slope: slope}, x)
}

// PReLU returns x where positive, weight·x elsewhere; the parameter has one
// element or one a channel.
func PReLU(g Graph, x Value, weight string) Value { return g.Apply(PReLUOp{}, x, g.Param(weight)) }

// GELU returns x·Φ(x).
func GELU(g Graph, x Value) Value { return g.Apply(Activation{Function: ActGELU}, x) }

// Sigmoid returns 1/(1+exp(-x)).
func Sigmoid(g Graph, x Value) Value { return g.Apply(Activation{Function: ActSigmoid}, x) }

// Add returns a + b.
func Add(g Graph, a, b Value) Value { return g.Apply(Binary{Operation: BinaryAdd}, a, b) }

// Sub returns a − b.
func Sub(g Graph, a, b Value) Value { return g.Apply(Binary{Operation: BinarySub}, a, b) }

// Mul returns a · b.
func Mul(g Graph, a, b Value) Value { return g.Apply(Binary{Operation: BinaryMul}, a, b) }

// Div returns a / b.
func Div(g Graph, a, b Value) Value { return g.Apply(Binary{Operation: BinaryDiv}, a, b) }

// Scale returns factor·x.
func Scale(g Graph, x Value, factor float64) Value { return g.Apply(Affine{Scale: factor}, x) }

// Upsample enlarges the spatial axes by a whole factor.
func Upsample(g Graph, x Value, mode ResizeMode, factor int) Value {
	return g.Apply(Resize{Mode: mode, Scale: [3]int{factor, factor, factor}}, x)
}

// Join concatenates along an axis.
func Join(g Graph, axis int, in ...Value) Value { return g.Apply(Concat{Axis: axis}, in...) }

// Take slices one axis: elements start to stop-1, every step-th.
func Take(g Graph, x Value, axis, start, stop, step int) Value {
	return g.Apply(Slice{Axis: axis, Start: start, Stop: stop, Step: step}, x)
}

// View reshapes; see Reshape for the meaning of 0 and -1.
func View(g Graph, x Value, shape ...int) Value { return g.Apply(Reshape{Shape: shape}, x) }

// Transpose permutes axes.
func Transpose(g Graph, x Value, axes ...int) Value { return g.Apply(Permute{Axes: axes}, x) }

// Shifted rolls elements along the axes, a shift for every axis.
func Shifted(g Graph, x Value, shift ...int) Value { return g.Apply(Roll{Shift: shift}, x) }

// MatMul multiplies matrices in the last two axes.
func MatMul(g Graph, a, b Value) Value { return g.Apply(MatMulOp{}, a, b) }

// Softmax normalises exponentials along an axis.
func Softmax(g Graph, x Value, axis int) Value { return g.Apply(SoftmaxOp{Axis: axis}, x) }

// Dropout drops elements, or whole channels, while training.
func Dropout(g Graph, x Value, p float64, channels bool) Value {
	if p == 0 {
		return x
	}
	return g.Apply(DropoutOp{P: p, Channels: channels}, x)
}

// DropPath drops whole samples while training (stochastic depth).
func DropPath(g Graph, x Value, p float64) Value {
	if p == 0 {
		return x
	}
	return g.Apply(DropoutOp{P: p, Samples: true}, x)
}
