package nn

import (
	"fmt"
	"math"
)

// Param declares one tensor that a network owns. Its name is the upstream
// implementation's state-dict key, so that real checkpoints load by name.
type Param struct {
	Name  string
	Shape Shape
	Init  Init
	// Buffer marks a tensor that travels in the state but is not trained.
	Buffer bool
	// DType is F32 when empty. Only buffers may be of another type.
	DType DType
}

// Type returns the element type, F32 by default.
func (p Param) Type() DType {
	if p.DType == "" {
		return F32
	}
	return p.DType
}

// InitKind names a rule for initial values.
type InitKind int

// The rules for initial values.
const (
	InitZeros       InitKind = iota // all 0
	InitOnes                        // all 1
	InitUniform                     // uniform in [-Bound, Bound)
	InitTruncNormal                 // normal with deviation Bound, cut at ±2 (absolute), as timm's trunc_normal_
	InitInts                        // exactly Ints; for index buffers
	InitConstant                    // all Bound
	InitNormal                      // normal with deviation Bound
)

// Init says how a parameter starts. The zero value means zeros.
type Init struct {
	Kind  InitKind
	Bound float64
	Ints  []int64
	// Repeat makes that many rows in turn, along the first axis, start alike; 0
	// and 1 mean that each has values of its own.
	Repeat int
}

// Ones starts a parameter at 1.
func Ones() Init { return Init{Kind: InitOnes} }

// Zeros starts a parameter at 0.
func Zeros() Init { return Init{Kind: InitZeros} }

// Filled starts every element of a parameter at value.
func Filled(value float64) Init { return Init{Kind: InitConstant, Bound: value} }

// Uniform draws from [-bound, bound).
func Uniform(bound float64) Init { return Init{Kind: InitUniform, Bound: bound} }

// KaimingUniform is PyTorch's default for the weight of a convolution or
// linear layer: kaiming_uniform_ with a=√5, which is uniform within
// 1/√fanIn. fanIn is the number of inputs that one output element sees:
// (in channels / groups) × kernel volume. PyTorch draws biases from the same
// interval.
func KaimingUniform(fanIn int) Init {
	if fanIn <= 0 {
		return Zeros()
	}
	return Uniform(1 / math.Sqrt(float64(fanIn)))
}

// KaimingNormal is PyTorch's kaiming_normal_ for a leaky ReLU of that slope:
// normal with deviation √(2/(1+slope²)/fanIn). fanIn is as in KaimingUniform.
func KaimingNormal(fanIn int, slope float64) Init {
	if fanIn <= 0 {
		return Zeros()
	}
	return Init{Kind: InitNormal, Bound: math.Sqrt(2 / (1 + slope*slope) / float64(fanIn))}
}

// TruncNormal draws from a normal distribution with the given deviation,
// truncated at ±2.
func TruncNormal(deviation float64) Init { return Init{Kind: InitTruncNormal, Bound: deviation} }

// CheckParams verifies that names are unique and not empty, that sizes are
// positive and types known.
func CheckParams(params []Param) error {
	seen := make(map[string]bool, len(params))
	for _, p := range params {
		switch n, err := p.Shape.CheckElements(); {
		case p.Name == "":
			return fmt.Errorf("%w: one has no name", ErrParam)
		case seen[p.Name]:
			return fmt.Errorf("%w %q is declared twice", ErrParam, p.Name)
		case err != nil:
			return fmt.Errorf("%w %q: %w", ErrParam, p.Name, err)
		case n == 0:
			return fmt.Errorf("%w %q: shape %v has no elements", ErrParam, p.Name, p.Shape)
		case !p.Buffer && p.Type() != F32:
			return fmt.Errorf("%w %q: a trained parameter is F32, not %s", ErrParam, p.Name, p.Type())
		}
		if err := p.Type().Check(); err != nil {
			return fmt.Errorf("%w %q: %w", ErrParam, p.Name, err)
		}
		seen[p.Name] = true
	}
	return nil
}

// CountElements returns the number of elements of all trained parameters.
func CountElements(params []Param) int64 {
	var n int64
	for _, p := range params {
		if !p.Buffer {
			n += p.Shape.Elements()
		}
	}
	return n
}

// BatchNormParams declares what BatchNorm uses, under PyTorch's names and in its
// order: weight and bias if affine, then the running statistics and the number
// of batches that they have seen.
func BatchNormParams(prefix string, channels int, affine bool) []Param {
	each := Shape{channels}
	var params []Param
	if affine {
		params = append(params, Param{Name: prefix + ".weight", Shape: each, Init: Ones()}, Param{Name: prefix + ".bias", Shape: each})
	}
	return append(params,
		Param{Name: prefix + ".running_mean", Shape: each, Buffer: true},
		Param{Name: prefix + ".running_var", Shape: each, Init: Ones(), Buffer: true},
		Param{Name: prefix + ".num_batches_tracked", Shape: Shape{}, Buffer: true, DType: I64})
}
