package nn

import "fmt"

// wrong makes an ErrShape with a message.
func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrShape, fmt.Sprintf(format, args...))
}

// setting makes an ErrOp with a message.
func setting(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrOp, fmt.Sprintf(format, args...))
}

// arity checks the number of inputs.
func arity(in []Shape, low, high int) error {
	if len(in) < low || len(in) > high {
		return setting("takes %d to %d inputs, given %d", low, high, len(in))
	}
	return nil
}

// axisOf turns a possibly negative axis into an index.
func axisOf(axis, rank int) (int, error) {
	a := axis
	if a < 0 {
		a += rank
	}
	if a < 0 || a >= rank {
		return 0, setting("axis %d of a tensor with %d axes", axis, rank)
	}
	return a, nil
}

// Infer implements Op.
func (c Conv) Infer(in []Shape) (Shape, error) {
	if err := checkConv(in, c.Groups, c.Stride, c.Padding, c.Dilation); err != nil {
		return nil, err
	}
	x, w := in[0], in[1]
	if x[1] != w[1]*c.Groups {
		return nil, wrong("input has %d channels, weight %v takes %d", x[1], w, w[1]*c.Groups)
	}
	if w[0]%c.Groups != 0 {
		return nil, wrong("%d output channels cannot be split into %d groups", w[0], c.Groups)
	}
	if err := checkBias(in, w[0]); err != nil {
		return nil, err
	}
	out := Shape{x[0], w[0], 0, 0, 0}
	for i := range 3 {
		span := c.Dilation[i]*(w[2+i]-1) + 1
		room := x[2+i] + 2*c.Padding[i] - span
		if room < 0 {
			return nil, wrong("size %d of axis %d is smaller than the kernel's %d", x[2+i]+2*c.Padding[i], 2+i, span)
		}
		out[2+i] = room/c.Stride[i] + 1
	}
	return out, nil
}

// Infer implements Op.
func (c ConvTranspose) Infer(in []Shape) (Shape, error) {
	if err := checkConv(in, c.Groups, c.Stride, c.Padding, c.Dilation); err != nil {
		return nil, err
	}
	x, w := in[0], in[1]
	if x[1] != w[0] {
		return nil, wrong("input has %d channels, weight %v takes %d", x[1], w, w[0])
	}
	if w[0]%c.Groups != 0 {
		return nil, wrong("%d input channels cannot be split into %d groups", w[0], c.Groups)
	}
	channels := w[1] * c.Groups
	if err := checkBias(in, channels); err != nil {
		return nil, err
	}
	out := Shape{x[0], channels, 0, 0, 0}
	for i := range 3 {
		if p := c.OutputPadding[i]; p < 0 || (p >= c.Stride[i] && p >= c.Dilation[i]) {
			return nil, setting("output padding %d must be below stride or dilation", p)
		}
		out[2+i] = (x[2+i]-1)*c.Stride[i] - 2*c.Padding[i] + c.Dilation[i]*(w[2+i]-1) + c.OutputPadding[i] + 1
		if out[2+i] < 1 {
			return nil, wrong("axis %d would have size %d", 2+i, out[2+i])
		}
	}
	return out, nil
}

func checkConv(in []Shape, groups int, stride, padding, dilation [3]int) error {
	if err := arity(in, 2, 3); err != nil {
		return err
	}
	if groups < 1 {
		return setting("groups must be at least 1, not %d", groups)
	}
	for i := range 3 {
		if stride[i] < 1 || dilation[i] < 1 || padding[i] < 0 {
			return setting("stride %v and dilation %v must be at least 1, padding %v at least 0", stride, dilation, padding)
		}
	}
	if len(in[0]) != 5 || len(in[1]) != 5 {
		return wrong("input %v and weight %v must have 5 axes", in[0], in[1])
	}
	return nil
}

func checkBias(in []Shape, channels int) error {
	if len(in) == 3 && !in[2].Equal(Shape{channels}) {
		return wrong("bias %v of %d output channels", in[2], channels)
	}
	return nil
}

// Infer implements Op.
func (n GroupNormOp) Infer(in []Shape) (Shape, error) {
	if n.Groups < 1 {
		return nil, setting("groups must be at least 1, not %d", n.Groups)
	}
	out, err := inferChannelNorm(in, n.Eps)
	if err == nil && out[1]%n.Groups != 0 {
		return nil, wrong("%d channels cannot be split into %d groups", out[1], n.Groups)
	}
	return out, err
}

// Infer implements Op.
func (n InstanceNormOp) Infer(in []Shape) (Shape, error) { return inferChannelNorm(in, n.Eps) }

func inferChannelNorm(in []Shape, eps float64) (Shape, error) {
	if len(in) != 1 && len(in) != 3 {
		return nil, setting("takes x, or x with weight and bias, given %d inputs", len(in))
	}
	if !(eps > 0) {
		return nil, setting("epsilon must be positive, not %g", eps)
	}
	x := in[0]
	if len(x) < 3 {
		return nil, wrong("input %v must have at least 3 axes", x)
	}
	for _, p := range in[1:] {
		if !p.Equal(Shape{x[1]}) {
			return nil, wrong("input has %d channels, weight or bias is %v", x[1], p)
		}
	}
	return x, nil
}

// Infer implements Op.
func (n BatchNormOp) Infer(in []Shape) (Shape, error) {
	if len(in) != 4 && len(in) != 6 {
		return nil, setting("takes x, running_mean, running_var and num_batches_tracked, or those with weight and bias, given %d inputs", len(in))
	}
	if !(n.Momentum > 0 && n.Momentum <= 1) {
		return nil, setting("momentum %g must lie in (0, 1]", n.Momentum)
	}
	if len(in[3]) > 0 {
		return nil, wrong("num_batches_tracked is a scalar, not %v", in[3])
	}
	x := in[0]
	if len(x) < 3 {
		return nil, wrong("input %v must have at least 3 axes", x)
	}
	if !in[1].Equal(Shape{x[1]}) || !in[2].Equal(Shape{x[1]}) {
		return nil, wrong("input has %d channels, running statistics are %v and %v", x[1], in[1], in[2])
	}
	return inferChannelNorm(append([]Shape{x}, in[4:]...), n.Eps)
}

// Infer implements Op.
func (n LayerNormOp) Infer(in []Shape) (Shape, error) {
	if len(in) != 1 && len(in) != 3 {
		return nil, setting("takes x, or x with weight and bias, given %d inputs", len(in))
	}
	x := in[0]
	if n.Axes < 1 || n.Axes > len(x) {
		return nil, setting("last %d axes of a tensor with %d", n.Axes, len(x))
	}
	if !(n.Eps > 0) {
		return nil, setting("epsilon must be positive, not %g", n.Eps)
	}
	for _, p := range in[1:] {
		if !p.Equal(x[len(x)-n.Axes:]) {
			return nil, wrong("last axes of input are %v, weight or bias is %v", x[len(x)-n.Axes:], p)
		}
	}
	return x, nil
}

// Infer implements Op.
func (a Activation) Infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	if a.Function < ActReLU || a.Function > ActReLU6 {
		return nil, setting("unknown activation %d", int(a.Function))
	}
	if a.Slope != 0 && (a.Function != ActLeakyReLU || !(a.Slope > 0 && a.Slope < 1)) {
		return nil, setting("slope %g: only leaky_relu has one, in [0, 1)", a.Slope)
	}
	if a.Alpha != 0 && (a.Function != ActELU && a.Function != ActCELU || !(a.Alpha > 0)) {
		return nil, setting("alpha %g: only elu and celu have one, above 0", a.Alpha)
	}
	return in[0], nil
}

// Infer implements Op.
func (PReLUOp) Infer(in []Shape) (Shape, error) {
	if err := arity(in, 2, 2); err != nil {
		return nil, err
	}
	x, w := in[0], in[1]
	if len(x) < 2 || !w.Equal(Shape{1}) && !w.Equal(Shape{x[1]}) {
		return nil, wrong("weight %v of input %v must have one element, or one a channel", w, x)
	}
	return x, nil
}

// Infer implements Op.
func (b Binary) Infer(in []Shape) (Shape, error) {
	if err := arity(in, 2, 2); err != nil {
		return nil, err
	}
	if b.Operation < BinaryAdd || b.Operation > BinaryDiv {
		return nil, setting("unknown operation %d", int(b.Operation))
	}
	out, ok := broadcast(in[0], in[1])
	if !ok {
		return nil, wrong("%v and %v", in[0], in[1])
	}
	return out, nil
}

// Infer implements Op.
func (Affine) Infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	return in[0], nil
}

// Infer implements Op.
func (r Resize) Infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	if r.Mode != ResizeTrilinear && r.Mode != ResizeNearest {
		return nil, setting("unknown mode %d", int(r.Mode))
	}
	x := in[0]
	if len(x) != 5 {
		return nil, wrong("input %v must have 5 axes", x)
	}
	out := x.Clone()
	for i, f := range r.Scale {
		if f < 1 {
			return nil, setting("factors %v must be at least 1", r.Scale)
		}
		out[2+i] *= f
	}
	return out, nil
}

// Infer implements Op.
func (p Pool) Infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	if p.Function != PoolAverage && p.Function != PoolMax {
		return nil, setting("unknown pooling %d", int(p.Function))
	}
	x := in[0]
	if len(x) != 5 {
		return nil, wrong("input %v must have 5 axes", x)
	}
	out := x.Clone()
	for i, k := range p.Kernel {
		if k < 1 || p.Stride[i] < 1 || p.Padding[i] < 0 || 2*p.Padding[i] > k {
			return nil, setting("kernel %v and stride %v must be at least 1, padding %v at most half the kernel", p.Kernel, p.Stride, p.Padding)
		}
		room := x[2+i] + 2*p.Padding[i] - k
		if room < 0 {
			return nil, wrong("size %d of axis %d is smaller than the kernel's %d", x[2+i]+2*p.Padding[i], 2+i, k)
		}
		out[2+i] = room/p.Stride[i] + 1
	}
	return out, nil
}
