package onnx

import (
	"fmt"
	"math"

	"github.com/minivess/minivess/engine/nn"
)

// graph collects the encoded operators and constants of one model.
type graph struct {
	program    *nn.Program
	freeSize   bool
	names      []string // of every value of the program
	nodes      []byte
	count      int
	tensors    []stored // constants, then parameters
	parameters []stored
	constants  map[string]string
}

func newGraph(p *nn.Program, freeSize bool) *graph {
	g := &graph{program: p, freeSize: freeSize, names: make([]string, len(p.Values)), constants: make(map[string]string)}
	for v, info := range p.Values {
		switch info.Source {
		case nn.FromInput:
			g.names[v] = p.Inputs[info.Index].Name
		case nn.FromParam:
			g.names[v] = p.Params[info.Index].Name
		case nn.FromNode:
			g.names[v] = fmt.Sprintf("value_%d", v)
		}
	}
	return g
}

// node adds an operator.
func (g *graph) node(op string, in []string, out string, attributes ...attribute) {
	var b []byte
	for _, name := range in {
		b = putString(b, nodeInput, name)
	}
	b = putString(b, nodeOutput, out)
	b = putString(b, nodeName, fmt.Sprintf("%s_%d", op, g.count))
	b = putString(b, nodeOp, op)
	for _, a := range attributes {
		b = putBytes(b, nodeAttribute, a)
	}
	g.nodes = putBytes(g.nodes, graphNode, b)
	g.count++
}

// step adds an operator with a result of its own and returns its name.
func (g *graph) step(op string, in []string, attributes ...attribute) string {
	out := fmt.Sprintf("step_%d", g.count)
	g.node(op, in, out, attributes...)
	return out
}

// add spells one operation of the program.
func (g *graph) add(n nn.Node) error {
	in := make([]string, len(n.In))
	for i, v := range n.In {
		in[i] = g.names[v]
	}
	out := g.names[n.Out]
	switch o := n.Op.(type) {
	case nn.Conv:
		g.node("Conv", in, out, convAttributes(g.kernel(n), o.Stride, o.Padding, o.Dilation, o.Groups)...)
	case nn.ConvTranspose:
		g.node("ConvTranspose", in, out, append(
			convAttributes(g.kernel(n), o.Stride, o.Padding, o.Dilation, o.Groups),
			intsAttr("output_padding", o.OutputPadding[:]...))...)
	case nn.GroupNormOp:
		g.groupNorm(g.program.Values[n.In[0]].Shape, o.Groups, o.Eps, in, out)
	case nn.InstanceNormOp:
		shape := g.program.Values[n.In[0]].Shape
		g.groupNorm(shape, shape[1], o.Eps, in, out)
	case nn.BatchNormOp:
		channels := g.program.Values[n.In[0]].Shape[1]
		scale, bias := g.scaleAndBias(append(in[:1:1], in[4:]...), nn.Shape{channels})
		g.node("BatchNormalization", []string{in[0], scale, bias, in[1], in[2]}, out, floatAttr("epsilon", o.Eps))
	case nn.LayerNormOp:
		shape := g.program.Values[n.In[0]].Shape
		scale, bias := g.scaleAndBias(in, shape[len(shape)-o.Axes:])
		g.node("LayerNormalization", []string{in[0], scale, bias}, out, intAttr("axis", -o.Axes), floatAttr("epsilon", o.Eps))
	case nn.Activation:
		return g.activation(o, in, out)
	case nn.PReLUOp:
		column := channelColumn(len(g.program.Values[n.In[0]].Shape))
		g.node("PRelu", []string{in[0], g.step("Reshape", []string{in[1], g.ints(column...)})}, out)
	case nn.Pool:
		pads := append(append([]int{}, o.Padding[:]...), o.Padding[:]...)
		attributes := []attribute{intsAttr("kernel_shape", o.Kernel[:]...), intsAttr("strides", o.Stride[:]...), intsAttr("pads", pads...)}
		if o.Function == nn.PoolMax {
			g.node("MaxPool", in, out, attributes...)
			break
		}
		g.node("AveragePool", in, out, append(attributes, intAttr("count_include_pad", 1))...)
	case nn.Binary:
		op := map[nn.BinaryKind]string{nn.BinaryAdd: "Add", nn.BinarySub: "Sub", nn.BinaryMul: "Mul", nn.BinaryDiv: "Div"}[o.Operation]
		g.node(op, in, out)
	case nn.Affine:
		scaled := g.step("Mul", []string{in[0], g.scalar(o.Scale)})
		g.node("Add", []string{scaled, g.scalar(o.Offset)}, out)
	case nn.Resize:
		g.resize(o, in[0], out)
	case nn.MatMulOp:
		g.node("MatMul", in, out)
	case nn.SoftmaxOp:
		g.node("Softmax", in, out, intAttr("axis", o.Axis))
	case nn.DropoutOp:
		g.node("Identity", in, out)
	default:
		return g.layout(n, in, out)
	}
	return nil
}

// layout spells the operations that only move elements.
func (g *graph) layout(n nn.Node, in []string, out string) error {
	switch o := n.Op.(type) {
	case nn.Concat:
		g.node("Concat", in, out, intAttr("axis", o.Axis))
	case nn.Slice:
		g.node("Slice", []string{in[0], g.ints(o.Start), g.ints(o.Stop), g.ints(o.Axis), g.ints(o.Step)}, out)
	case nn.Reshape:
		g.node("Reshape", []string{in[0], g.ints(o.Shape...)}, out)
	case nn.Permute:
		g.node("Transpose", in, out, intsAttr("perm", o.Axes...))
	case nn.Roll:
		last := in[0]
		for axis, shift := range o.Shift {
			size := g.program.Values[n.In[0]].Shape[axis]
			if shift = ((shift % size) + size) % size; shift == 0 {
				continue
			}
			tail := g.step("Slice", []string{last, g.ints(-shift), g.ints(math.MaxInt32), g.ints(axis), g.ints(1)})
			head := g.step("Slice", []string{last, g.ints(0), g.ints(-shift), g.ints(axis), g.ints(1)})
			last = g.step("Concat", []string{tail, head}, intAttr("axis", axis))
		}
		g.node("Identity", []string{last}, out)
	case nn.Pad:
		pads := append(append([]int{}, o.Before...), o.After...)
		g.node("Pad", []string{in[0], g.ints(pads...), g.scalar(o.Value)}, out)
	case nn.Gather:
		g.node("Gather", []string{in[0], g.ints(o.Indices...)}, out, intAttr("axis", 0))
	case nn.Constant:
		g.node("Identity", []string{g.floats(o.Shape, o.Values)}, out)
	default:
		return fmt.Errorf("%w: there is no spelling for it", ErrUnsupported)
	}
	return nil
}

func (g *graph) kernel(n nn.Node) []int { return g.program.Values[n.In[1]].Shape[2:] }

func convAttributes(kernel []int, stride, padding, dilation [3]int, groups int) []attribute {
	pads := append(append([]int{}, padding[:]...), padding[:]...)
	return []attribute{
		intsAttr("kernel_shape", kernel...), intsAttr("strides", stride[:]...), intsAttr("pads", pads...),
		intsAttr("dilations", dilation[:]...), intAttr("group", groups),
	}
}

func (g *graph) activation(o nn.Activation, in []string, out string) error {
	switch o.Function {
	case nn.ActReLU:
		g.node("Relu", in, out)
	case nn.ActLeakyReLU:
		g.node("LeakyRelu", in, out, floatAttr("alpha", o.Slope))
	case nn.ActSigmoid:
		g.node("Sigmoid", in, out)
	case nn.ActTanh:
		g.node("Tanh", in, out)
	case nn.ActSiLU:
		g.node("Mul", []string{in[0], g.step("Sigmoid", in)}, out)
	case nn.ActGELU: // x/2 · (1 + erf(x/√2))
		erf := g.step("Erf", []string{g.step("Mul", []string{in[0], g.scalar(1 / math.Sqrt2)})})
		half := g.step("Mul", []string{in[0], g.scalar(0.5)})
		g.node("Mul", []string{half, g.step("Add", []string{erf, g.scalar(1)})}, out)
	case nn.ActELU:
		g.node("Elu", in, out, floatAttr("alpha", o.Steepness()))
	case nn.ActCELU:
		g.node("Celu", in, out, floatAttr("alpha", o.Steepness()))
	case nn.ActSELU:
		g.node("Selu", in, out)
	case nn.ActMish:
		g.node("Mul", []string{in[0], g.step("Tanh", []string{g.step("Softplus", in)})}, out)
	case nn.ActReLU6:
		g.node("Clip", []string{in[0], g.scalar(0), g.scalar(6)}, out)
	default:
		return fmt.Errorf("%w: there is no spelling for it", ErrUnsupported)
	}
	return nil
}

func (g *graph) resize(o nn.Resize, in, out string) {
	scales := g.floats(nn.Shape{5}, []float32{1, 1, float32(o.Scale[0]), float32(o.Scale[1]), float32(o.Scale[2])})
	attributes := []attribute{stringAttr("mode", "linear"), stringAttr("coordinate_transformation_mode", "half_pixel")}
	if o.Mode == nn.ResizeNearest {
		attributes = []attribute{
			stringAttr("mode", "nearest"), stringAttr("coordinate_transformation_mode", "asymmetric"), stringAttr("nearest_mode", "floor"),
		}
	}
	g.node("Resize", []string{in, "", scales}, out, attributes...)
}
