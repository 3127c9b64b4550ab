package nn

// Op is one tensor operation with its settings. Each has a fixed, documented
// meaning (PyTorch's), so that all interpreters agree.
type Op interface {
	// Kind names the operation in messages, for instance "conv3d".
	Kind() string
	// Infer checks the settings against the inputs' shapes and returns the
	// output's shape.
	Infer(in []Shape) (Shape, error)
}

// Conv is a three-dimensional convolution (cross-correlation). Inputs: x
// (N, C, X, Y, Z), weight (O, C/Groups, kx, ky, kz), optionally bias (O).
// Zero padding of Padding voxels on both sides of an axis.
type Conv struct {
	Stride, Padding, Dilation [3]int
	Groups                    int
}

// ConvTranspose is a three-dimensional transposed convolution. Inputs: x
// (N, C, X, Y, Z), weight (C, O/Groups, kx, ky, kz), optionally bias (O).
type ConvTranspose struct {
	Stride, Padding, OutputPadding, Dilation [3]int
	Groups                                   int
}

// GroupNormOp normalises over the channels of each group and all voxels, with
// the biased variance. Inputs: x (N, C, …), optionally weight (C) and bias (C).
type GroupNormOp struct {
	Groups int
	Eps    float64
}

// InstanceNormOp normalises each channel of each sample over its voxels, with
// the biased variance and no running statistics. Inputs as GroupNormOp.
type InstanceNormOp struct{ Eps float64 }

// BatchNormOp normalises each channel over the batch and all voxels. While
// training it uses the biased variance of the batch, and moves the running
// statistics towards the batch's by Momentum (with the unbiased variance, as
// PyTorch does); otherwise it uses the running ones. Inputs: x (N, C, …), the
// buffers running_mean (C), running_var (C) and num_batches_tracked (a whole
// number, counting the training passes), optionally weight (C) and bias (C).
type BatchNormOp struct{ Eps, Momentum float64 }

// LayerNormOp normalises over the last Axes axes. Inputs: x, optionally weight
// and bias of those axes' shape.
type LayerNormOp struct {
	Axes int
	Eps  float64
}

// ActivationKind names an element-wise function.
type ActivationKind int

// The element-wise functions.
const (
	ActReLU      ActivationKind = iota // max(x, 0)
	ActLeakyReLU                       // x if x > 0, else Slope·x
	ActGELU                            // x·Φ(x), the exact form
	ActSiLU                            // x·sigmoid(x)
	ActSigmoid
	ActTanh
	ActELU   // x if x > 0, else Alpha·(exp(x) − 1)
	ActCELU  // x if x > 0, else Alpha·(exp(x/Alpha) − 1)
	ActSELU  // the self-normalising ELU, with its two fixed constants
	ActMish  // x·tanh(ln(1 + exp(x)))
	ActReLU6 // min(max(x, 0), 6)
)

// ActSwish is another name of ActSiLU.
const ActSwish = ActSiLU

// String returns the name used in messages.
func (k ActivationKind) String() string {
	names := [...]string{"relu", "leaky_relu", "gelu", "silu", "sigmoid", "tanh", "elu", "celu", "selu", "mish", "relu6"}
	if k < 0 || int(k) >= len(names) {
		return "unknown activation"
	}
	return names[k]
}

// Activation applies an element-wise function. Slope is for ActLeakyReLU and
// lies in [0, 1). Alpha is for ActELU and ActCELU, positive; 0 means 1.
type Activation struct {
	Function     ActivationKind
	Slope, Alpha float64
}

// Steepness returns Alpha, 1 when it was left out.
func (a Activation) Steepness() float64 {
	if a.Alpha == 0 {
		return 1
	}
	return a.Alpha
}

// PReLUOp is x where positive, weight·x elsewhere. Inputs: x (N, C, …) and
// weight, one element for all channels or C of them.
type PReLUOp struct{}

// BinaryKind names an element-wise operation of two tensors.
type BinaryKind int

// The element-wise operations of two tensors.
const (
	BinaryAdd BinaryKind = iota
	BinarySub
	BinaryMul
	BinaryDiv
)

// String returns the name used in messages.
func (k BinaryKind) String() string {
	names := [...]string{"add", "sub", "mul", "div"}
	if k < 0 || int(k) >= len(names) {
		return "unknown operation"
	}
	return names[k]
}

// Binary combines two tensors element by element, broadcasting sizes of 1.
type Binary struct{ Operation BinaryKind }

// Affine computes Scale·x + Offset with constants.
type Affine struct{ Scale, Offset float64 }

// ResizeMode says how Resize interpolates.
type ResizeMode int

// The interpolations. Trilinear uses half-pixel centres (PyTorch's
// align_corners=false); nearest takes floor(i/scale).
const (
	ResizeTrilinear ResizeMode = iota
	ResizeNearest
)

// Resize scales the three spatial axes of (N, C, X, Y, Z) by whole factors.
type Resize struct {
	Mode  ResizeMode
	Scale [3]int
}

// PoolKind says what Pool takes of each window.
type PoolKind int

// The poolings. Averages count the padding's zeros, as PyTorch does by default;
// the largest element never comes from the padding.
const (
	PoolAverage PoolKind = iota
	PoolMax
)

// String returns the name used in messages.
func (k PoolKind) String() string {
	names := [...]string{"avg_pool3d", "max_pool3d"}
	if k < 0 || int(k) >= len(names) {
		return "unknown pooling"
	}
	return names[k]
}

// Pool replaces each window of the spatial axes of (N, C, X, Y, Z) by one
// element. Padding is at most half the kernel.
type Pool struct {
	Function                PoolKind
	Kernel, Stride, Padding [3]int
}

// Concat joins tensors along Axis.
type Concat struct{ Axis int }

// Slice takes elements Start, Start+Step, … below Stop along Axis. Negative
// Start and Stop count from the end; Stop may exceed the size.
type Slice struct{ Axis, Start, Stop, Step int }

// Reshape gives the elements, in C order, a new shape. A size of 0 copies the
// input's size of the same axis and one size may be -1, to be worked out: use
// those for the batch axis and a network stays exportable with any batch.
type Reshape struct{ Shape Shape }

// Permute reorders axes: output axis i is input axis Axes[i].
type Permute struct{ Axes []int }

// Roll moves elements along each axis by Shift, a number for every axis, of
// either sign; what leaves at one end comes back at the other.
type Roll struct{ Shift []int }

// Pad adds Before and After elements of Value on each axis.
type Pad struct {
	Before, After []int
	Value         float64
}

// MatMulOp multiplies matrices in the last two axes, broadcasting the others.
type MatMulOp struct{}

// SoftmaxOp is exp(x)/Σexp(x) along Axis.
type SoftmaxOp struct{ Axis int }

// Gather picks rows of a table: input (R, …), output (len(Indices), …).
type Gather struct{ Indices []int }

// DropoutOp zeroes elements with probability P and scales the rest by 1/(1-P)
// while training; it does nothing otherwise. Channels drops whole channels of
// (N, C, …), as PyTorch's Dropout3d does; Samples drops whole samples, which is
// called stochastic depth or drop path. At most one of both is set.
type DropoutOp struct {
	P                 float64
	Channels, Samples bool
}

// Constant is a tensor of fixed values, such as an attention mask. No inputs.
type Constant struct {
	Shape  Shape
	Values []float32
}

// Kind implements Op.
func (Conv) Kind() string { return "conv3d" }

// Kind implements Op.
func (ConvTranspose) Kind() string { return "conv_transpose3d" }

// Kind implements Op.
func (GroupNormOp) Kind() string { return "group_norm" }

// Kind implements Op.
func (InstanceNormOp) Kind() string { return "instance_norm" }

// Kind implements Op.
func (BatchNormOp) Kind() string { return "batch_norm" }

// Kind implements Op.
func (LayerNormOp) Kind() string { return "layer_norm" }

// Kind implements Op.
func (a Activation) Kind() string { return a.Function.String() }

// Kind implements Op.
func (PReLUOp) Kind() string { return "prelu" }

// Kind implements Op.
func (b Binary) Kind() string { return b.Operation.String() }

// Kind implements Op.
func (Affine) Kind() string { return "affine" }

// Kind implements Op.
func (Resize) Kind() string { return "resize" }

// Kind implements Op.
func (p Pool) Kind() string { return p.Function.String() }

// Kind implements Op.
func (Concat) Kind() string { return "concat" }

// Kind implements Op.
func (Slice) Kind() string { return "slice" }

// Kind implements Op.
func (Reshape) Kind() string { return "reshape" }

// Kind implements Op.
func (Permute) Kind() string { return "permute" }

// Kind implements Op.
func (Roll) Kind() string { return "roll" }

// Kind implements Op.
func (Pad) Kind() string { return "pad" }

// Kind implements Op.
func (MatMulOp) Kind() string { return "matmul" }

// Kind implements Op.
func (SoftmaxOp) Kind() string { return "softmax" }

// Kind implements Op.
func (Gather) Kind() string { return "gather" }

// Kind implements Op.
func (DropoutOp) Kind() string { return "dropout" }

// Kind implements Op.
func (Constant) Kind() string { return "constant" }
