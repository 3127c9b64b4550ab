package torch

import (
	"fmt"
	"slices"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"

	"github.com/minivess/minivess/engine/nn"
)

// context is what an operation may need to know beside its inputs.
type context struct {
	train     bool
	inPlace   bool // the first input may be overwritten
	precision nn.DType
	undefined handle // stands for an absent bias
	device    gotch.Device
	out       nn.Shape
	kernels   bool    // use our own kernels
	slope     float64 // of the leaky ReLU that such a kernel applies; 1 is nothing
}

// apply runs one operation. The result is a new handle that the caller owns,
// also when it shares the storage of an input.
func apply(c context, op nn.Op, in []handle) (handle, error) {
	switch o := op.(type) {
	case nn.Conv:
		return applyConv(c, o, in)
	case nn.ConvTranspose:
		return applyConvTranspose(c, o, in)
	case nn.GroupNormOp:
		return groupNorm(c, in, o.Groups, o.Eps)
	case nn.InstanceNormOp:
		// One group a channel is the same formula, and keeps channels last.
		return groupNorm(c, in, c.out[1], o.Eps)
	case nn.LayerNormOp:
		shape := sizes(c.out[len(c.out)-o.Axes:])
		return call(func(r *handle) {
			lib.AtgLayerNorm(r, in[0], shape, len(shape), optional(c, in, 1), optional(c, in, 2), o.Eps, 1)
		})
	case nn.Activation:
		return applyActivation(c, o, in[0])
	case nn.Binary:
		return applyBinary(c, o, in[0], in[1])
	case nn.Affine:
		return applyAffine(o, in[0])
	case nn.Resize:
		return applyResize(c, o, in[0])
	case nn.MatMulOp:
		return applyMatMul(c, in)
	case nn.SoftmaxOp:
		return call(func(r *handle) { lib.AtgSoftmax(r, in[0], int64(o.Axis), lib.AtScalarType(in[0])) })
	case nn.DropoutOp:
		if o.Channels {
			return call(func(r *handle) { lib.AtgFeatureDropout(r, in[0], o.P, flag(c.train)) })
		}
		return call(func(r *handle) { lib.AtgDropout(r, in[0], o.P, flag(c.train)) })
	default:
		return applyLayout(c, op, in)
	}
}

// applyLayout runs the operations that only move elements.
func applyLayout(c context, op nn.Op, in []handle) (handle, error) {
	switch o := op.(type) {
	case nn.Concat:
		return call(func(r *handle) { lib.AtgCat(r, in, len(in), int64(o.Axis)) })
	case nn.Slice:
		axis := o.Axis
		if axis < 0 {
			axis += len(c.out)
		}
		start, stop := o.Bounds(shapeOf(in[0])[axis])
		return call(func(r *handle) {
			lib.AtgSlice(r, in[0], int64(axis), int64(start), 0, int64(stop), 0, int64(o.Step))
		})
	case nn.Reshape:
		shape := sizes(c.out)
		return call(func(r *handle) { lib.AtgReshape(r, in[0], shape, len(shape)) })
	case nn.Permute:
		return call(func(r *handle) { lib.AtgPermute(r, in[0], sizes(o.Axes), len(o.Axes)) })
	case nn.Pad:
		return applyPad(o, in[0])
	case nn.Gather:
		return applyGather(c, o, in[0])
	case nn.Constant:
		return fromHost(o.Values, o.Shape, c.device)
	default:
		return nil, fmt.Errorf("%w: libtorch interpreter does not know %q", nn.ErrOp, op.Kind())
	}
}

func flag(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// optional returns input i, or the undefined tensor when there are fewer.
func optional(c context, in []handle, i int) handle {
	if i < len(in) {
		return in[i]
	}
	return c.undefined
}

// lowered runs body with inputs cast to the module's precision. A cast that
// changes nothing shares storage and costs nothing.
func lowered(c context, in []handle, body func(in []handle, r *handle)) (handle, error) {
	if c.precision != nn.BF16 {
		return call(func(r *handle) { body(in, r) })
	}
	cast := make([]handle, len(in))
	defer freeAll(cast)
	for i, h := range in {
		var err error
		if cast[i], err = call(func(r *handle) { lib.AtgToDtype(r, h, gotch.BFloat16.CInt(), 0, 0) }); err != nil {
			return nil, err
		}
	}
	return call(func(r *handle) { body(cast, r) })
}

func applyConv(c context, o nn.Conv, in []handle) (handle, error) {
	stride, padding, dilation := sizes(o.Stride[:]), sizes(o.Padding[:]), sizes(o.Dilation[:])
	return lowered(c, in, func(in []handle, r *handle) {
		lib.AtgConv3d(r, in[0], in[1], optional(c, in, 2), stride, 3, padding, 3, dilation, 3, int64(o.Groups))
	})
}

func applyConvTranspose(c context, o nn.ConvTranspose, in []handle) (handle, error) {
	stride, padding := sizes(o.Stride[:]), sizes(o.Padding[:])
	outputPadding, dilation := sizes(o.OutputPadding[:]), sizes(o.Dilation[:])
	return lowered(c, in, func(in []handle, r *handle) {
		lib.AtgConvTranspose3d(r, in[0], in[1], optional(c, in, 2),
			stride, 3, padding, 3, outputPadding, 3, int64(o.Groups), dilation, 3)
	})
}

func applyMatMul(c context, in []handle) (handle, error) {
	return lowered(c, in, func(in []handle, r *handle) { lib.AtgMatmul(r, in[0], in[1]) })
}

func groupNorm(c context, in []handle, groups int, eps float64) (handle, error) {
	if c.kernels && len(c.out) == spatialRank {
		return groupNormKernel(in[0], optional(c, in, 1), optional(c, in, 2), groups, eps, c.slope)
	}
	return call(func(r *handle) {
		lib.AtgGroupNorm(r, in[0], int64(groups), optional(c, in, 1), optional(c, in, 2), eps, 1)
	})
}

func applyActivation(c context, o nn.Activation, x handle) (handle, error) {
	const torchSlope = 0.01 // the only slope that gotch's leaky_relu offers
	switch {
	case o.Function == nn.ActReLU && c.inPlace:
		return call(func(r *handle) { lib.AtgRelu_(r, x) })
	case o.Function == nn.ActReLU:
		return call(func(r *handle) { lib.AtgRelu(r, x) })
	case o.Function == nn.ActLeakyReLU && o.Slope == torchSlope && c.inPlace:
		return call(func(r *handle) { lib.AtgLeakyRelu_(r, x) })
	case o.Function == nn.ActLeakyReLU && o.Slope == torchSlope:
		return call(func(r *handle) { lib.AtgLeakyRelu(r, x) })
	case o.Function == nn.ActLeakyReLU: // max(x, slope·x) for slopes below 1
		scaled, err := applyAffine(nn.Affine{Scale: o.Slope}, x)
		if err != nil {
			return nil, err
		}
		defer free(scaled)
		return call(func(r *handle) { lib.AtgMaximum(r, x, scaled) })
	case o.Function == nn.ActGELU:
		return call(func(r *handle) { lib.AtgGelu(r, x, "none") })
	case o.Function == nn.ActSiLU:
		return call(func(r *handle) { lib.AtgSilu(r, x) })
	case o.Function == nn.ActSigmoid:
		return call(func(r *handle) { lib.AtgSigmoid(r, x) })
	case o.Function == nn.ActTanh:
		return call(func(r *handle) { lib.AtgTanh(r, x) })
	default:
		return nil, fmt.Errorf("%w: libtorch interpreter does not know %q", nn.ErrOp, o.Kind())
	}
}

func applyBinary(c context, o nn.Binary, a, b handle) (handle, error) {
	switch {
	case o.Operation == nn.BinaryAdd && c.inPlace:
		return call(func(r *handle) { lib.AtgAdd_(r, a, b) })
	case o.Operation == nn.BinaryAdd:
		return call(func(r *handle) { lib.AtgAdd(r, a, b) })
	case o.Operation == nn.BinarySub:
		return call(func(r *handle) { lib.AtgSub(r, a, b) })
	case o.Operation == nn.BinaryMul:
		return call(func(r *handle) { lib.AtgMul(r, a, b) })
	case o.Operation == nn.BinaryDiv:
		return call(func(r *handle) { lib.AtgDiv(r, a, b) })
	default:
		return nil, fmt.Errorf("%w: libtorch interpreter does not know %q", nn.ErrOp, o.Kind())
	}
}

func applyAffine(o nn.Affine, x handle) (handle, error) {
	scale := lib.AtsFloat(o.Scale)
	defer lib.AtsFree(scale)
	y, err := call(func(r *handle) { lib.AtgMulScalar(r, x, scale) })
	if err != nil || o.Offset == 0 {
		return y, err
	}
	defer free(y)
	offset := lib.AtsFloat(o.Offset)
	defer lib.AtsFree(offset)
	return call(func(r *handle) { lib.AtgAddScalar(r, y, offset) })
}

func applyResize(c context, o nn.Resize, x handle) (handle, error) {
	size := sizes(c.out[2:])
	f := [3]float64{float64(o.Scale[0]), float64(o.Scale[1]), float64(o.Scale[2])}
	if o.Mode == nn.ResizeNearest {
		return call(func(r *handle) { lib.AtgUpsampleNearest3d(r, x, size, 3, f[0], 0, f[1], 0, f[2], 0) })
	}
	return call(func(r *handle) { lib.AtgUpsampleTrilinear3d(r, x, size, 3, 0, f[0], 0, f[1], 0, f[2], 0) })
}

func applyPad(o nn.Pad, x handle) (handle, error) {
	// libtorch lists the last axis first.
	var pad []int64
	for i, before := range slices.Backward(o.Before) {
		pad = append(pad, int64(before), int64(o.After[i]))
	}
	if o.Value == 0 {
		return call(func(r *handle) { lib.AtgConstantPadNd(r, x, pad, len(pad)) })
	}
	return call(func(r *handle) { lib.AtgPad(r, x, pad, len(pad), "constant", o.Value, 0) })
}

func applyGather(c context, o nn.Gather, table handle) (handle, error) {
	index, err := fromHostInts(o.Indices, c.device)
	if err != nil {
		return nil, err
	}
	defer free(index)
	return call(func(r *handle) { lib.AtgIndexSelect(r, table, 0, index) })
}
