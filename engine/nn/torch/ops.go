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
	again     bool    // repeats an earlier pass, which has updated the buffers
	seed      int64   // of whatever is drawn
}

// spatialRank is the number of axes of (N, C, X, Y, Z).
const spatialRank = 5

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
	case nn.BatchNormOp:
		return applyBatchNorm(c, o, in)
	case nn.LayerNormOp:
		shape := sizes(c.out[len(c.out)-o.Axes:])
		return call(func(r *handle) {
			lib.AtgLayerNorm(r, in[0], shape, len(shape), optional(c, in, 1), optional(c, in, 2), o.Eps, 1)
		})
	case nn.Activation:
		return applyActivation(c, o, in[0])
	case nn.PReLUOp:
		return lowered(c, in, func(in []handle, r *handle) { lib.AtgPrelu(r, in[0], in[1]) })
	case nn.Pool:
		return applyPool(o, in[0])
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
		return applyDropout(c, o, in[0])
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
	case nn.Roll:
		var shifts, axes []int64
		for axis, shift := range o.Shift {
			if shift != 0 {
				shifts, axes = append(shifts, int64(shift)), append(axes, int64(axis))
			}
		}
		if len(shifts) == 0 {
			return share(in[0])
		}
		return call(func(r *handle) { lib.AtgRoll(r, in[0], shifts, len(shifts), axes, len(axes)) })
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

func applyBatchNorm(c context, o nn.BatchNormOp, in []handle) (handle, error) {
	const mean, variance, weight, bias = 1, 2, 4, 5 // of the inputs; 3 counts batches and stays on the host
	if c.train && c.out.Elements() == int64(c.out[1]) {
		return nil, fmt.Errorf("%w: one element a channel has no variance to train with: use larger patches or batches", nn.ErrShape)
	}
	running := [2]handle{in[mean], in[variance]}
	if c.train && c.again {
		running = [2]handle{c.undefined, c.undefined}
	}
	if c.kernels && len(c.out) == spatialRank {
		return batchNormKernel(in[0], optional(c, in, weight), optional(c, in, bias), running[0], running[1],
			c.train, o.Momentum, o.Eps, c.slope)
	}
	return call(func(r *handle) {
		lib.AtgBatchNorm(r, in[0], optional(c, in, weight), optional(c, in, bias), running[0], running[1],
			flag(c.train), o.Momentum, o.Eps, 0)
	})
}

func applyPool(o nn.Pool, x handle) (handle, error) {
	kernel, stride, padding := sizes(o.Kernel[:]), sizes(o.Stride[:]), sizes(o.Padding[:])
	if o.Function == nn.PoolMax {
		one := []int64{1, 1, 1}
		return call(func(r *handle) { lib.AtgMaxPool3d(r, x, kernel, 3, stride, 3, padding, 3, one, 3, 0) })
	}
	// libtorch averages no bfloat16 on the CPU, and PyTorch's autocast neither.
	full, err := call(func(r *handle) { lib.AtgToDtype(r, x, gotch.Float.CInt(), 0, 0) })
	if err != nil {
		return nil, err
	}
	defer free(full)
	return call(func(r *handle) { lib.AtgAvgPool3d(r, full, kernel, 3, stride, 3, padding, 3, 0, 1, 0, 1) })
}

func applyDropout(c context, o nn.DropoutOp, x handle) (handle, error) {
	switch {
	case !c.train:
		return share(x)
	case o.Samples:
		return dropout(x, o.P, 1, c.seed)
	case o.Channels:
		return dropout(x, o.P, 2, c.seed)
	default:
		return dropout(x, o.P, 0, c.seed)
	}
}

func applyActivation(c context, o nn.Activation, x handle) (handle, error) {
	switch o.Function {
	case nn.ActReLU:
		if c.inPlace {
			return call(func(r *handle) { lib.AtgRelu_(r, x) })
		}
		return call(func(r *handle) { lib.AtgRelu(r, x) })
	case nn.ActLeakyReLU:
		return leakyReLU(x, o.Slope, c.inPlace)
	case nn.ActELU:
		return elu(x, o.Steepness(), 1)
	case nn.ActCELU: // α(exp(x/α) − 1) is ELU with its input scaled
		return elu(x, o.Steepness(), 1/o.Steepness())
	case nn.ActGELU:
		return call(func(r *handle) { lib.AtgGelu(r, x, "none") })
	case nn.ActSiLU:
		return call(func(r *handle) { lib.AtgSilu(r, x) })
	case nn.ActSigmoid:
		return call(func(r *handle) { lib.AtgSigmoid(r, x) })
	case nn.ActTanh:
		return call(func(r *handle) { lib.AtgTanh(r, x) })
	case nn.ActSELU:
		return call(func(r *handle) { lib.AtgSelu(r, x) })
	case nn.ActMish:
		return call(func(r *handle) { lib.AtgMish(r, x) })
	case nn.ActReLU6:
		return call(func(r *handle) { lib.AtgRelu6(r, x) })
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
