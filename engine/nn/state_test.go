package nn_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/nn"
)

func TestFloat32Conversions(t *testing.T) {
	t.Parallel()
	inf := float32(math.Inf(1))
	for name, c := range map[string]struct {
		dtype nn.DType
		data  []byte
		want  []float32
	}{
		"float16": {
			nn.F16,
			[]byte{0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0xff, 0x03, 0x00, 0x7c, 0x00, 0x80, 0xff, 0x7b},
			[]float32{1, -2, 1.0 / (1 << 24), 1023.0 / (1 << 24), inf, float32(math.Copysign(0, -1)), 65504},
		},
		"bfloat16": {nn.BF16, []byte{0x80, 0x3f, 0x49, 0xc0}, []float32{1, -3.140625}},
		"float64":  {nn.F64, []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x3f}, []float32{1.5}},
		"float32":  {nn.F32, []byte{0, 0, 0x20, 0xc0}, []float32{-2.5}},
	} {
		got, err := nn.Tensor{Name: "t", DType: c.dtype, Shape: nn.Shape{len(c.want)}, Data: c.data}.Float32()
		if err != nil || !cmp.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v: %v", name, got, c.want, err)
		}
	}
	if _, err := (nn.Tensor{Name: "t", DType: nn.I8, Shape: nn.Shape{1}, Data: []byte{1}}).Float32(); !errors.Is(err, nn.ErrDType) {
		t.Errorf("whole numbers became weights: %v", err)
	}
}

// NaN stays NaN and every half has the sign and order of its bits.
func TestHalvesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	half := func(bits uint16) float32 {
		v, err := nn.Tensor{Name: "t", DType: nn.F16, Shape: nn.Shape{1}, Data: []byte{byte(bits), byte(bits >> 8)}}.Float32()
		if err != nil {
			t.Fatal(err)
		}
		return v[0]
	}
	before := float32(-1)
	for bits := range uint16(0x7c01) {
		v := half(bits)
		if v <= before || half(bits|0x8000) != -v {
			t.Fatalf("half %#04x is %v after %v", bits, v, before)
		}
		before = v
	}
	if v := half(0x7e00); !math.IsNaN(float64(v)) {
		t.Errorf("NaN became %v", v)
	}
}

func TestTensorsAreChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tensor nn.Tensor
		is     error
	}{
		{nn.Tensor{Name: "t", DType: "F8", Shape: nn.Shape{1}, Data: []byte{0}}, nn.ErrDType},
		{nn.Tensor{Name: "t", DType: nn.F32, Shape: nn.Shape{2}, Data: make([]byte, 4)}, nn.ErrShape},
		{nn.Tensor{Name: "t", DType: nn.F32, Shape: nn.Shape{-2}}, nn.ErrShape},
		{nn.Tensor{Name: "t", DType: nn.F32, Shape: nn.Shape{math.MaxInt64 / 2}}, nn.ErrShape},
	} {
		if err := (&nn.State{}).Add(c.tensor); !errors.Is(err, c.is) {
			t.Errorf("%+v: %v", c.tensor, err)
		}
	}
	s := &nn.State{}
	ok := nn.Tensor{Name: "t", DType: nn.U8, Shape: nn.Shape{}, Data: []byte{1}}
	if err := errors.Join(s.Add(ok)); err != nil || s.Len() != 1 || s.Bytes() != 1 {
		t.Errorf("a scalar was refused: %v", err)
	}
	if err := s.Add(ok); !errors.Is(err, nn.ErrState) {
		t.Errorf("the same name twice: %v", err)
	}
}

// The initial values are PyTorch's kinds of distribution, reproducible, and
// each parameter's own.
func TestInitialise(t *testing.T) {
	t.Parallel()
	params := []nn.Param{
		{Name: "conv", Shape: nn.Shape{40, 10, 3, 3, 3}, Init: nn.KaimingUniform(270)},
		{Name: "same", Shape: nn.Shape{40, 10, 3, 3, 3}, Init: nn.KaimingUniform(270)},
		{Name: "normal", Shape: nn.Shape{20000}, Init: nn.TruncNormal(0.02)},
		{Name: "wide", Shape: nn.Shape{20000}, Init: nn.TruncNormal(2)},
		{Name: "ones", Shape: nn.Shape{3}, Init: nn.Ones()},
		{Name: "zeros", Shape: nn.Shape{3}},
		{Name: "index", Shape: nn.Shape{2}, Buffer: true, DType: nn.I64, Init: nn.Init{Kind: nn.InitInts, Ints: []int64{3, 4}}},
	}
	s, err := nn.Initialise(params, 1)
	if err != nil {
		t.Fatal(err)
	}
	get := func(name string) []float32 {
		tensor, _ := s.Get(name)
		v, err := tensor.Float32()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	bound := 1 / math.Sqrt(270)
	if mean, deviation, largest := moments(get("conv")); largest > bound || largest < 0.99*bound ||
		math.Abs(mean) > 0.03*bound || math.Abs(deviation-bound/math.Sqrt(3)) > 0.02*bound {
		t.Errorf("uniform: mean %g, deviation %g, largest %g for a bound of %g", mean, deviation, largest, bound)
	}
	if mean, deviation, largest := moments(get("normal")); math.Abs(mean) > 0.001 || math.Abs(deviation-0.02) > 0.001 || largest > 0.2 {
		t.Errorf("normal: mean %g, deviation %g, largest %g", mean, deviation, largest)
	}
	if _, _, largest := moments(get("wide")); largest > 2 {
		t.Errorf("truncated normal reaches %g", largest)
	}
	if cmp.Equal(get("conv"), get("same")) {
		t.Error("two parameters draw the same numbers")
	}
	if !cmp.Equal(get("ones"), []float32{1, 1, 1}) || !cmp.Equal(get("zeros"), []float32{0, 0, 0}) {
		t.Error("ones and zeros are not")
	}
	reversed := []nn.Param{params[6], params[0]}
	again, err := nn.Initialise(reversed, 1)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := s.Get("conv")
	b, _ := again.Get("conv")
	if !cmp.Equal(a, b) {
		t.Error("the values depend on the order of declaration")
	}
	if _, err := nn.Initialise([]nn.Param{{Name: "x", Shape: nn.Shape{1}, Init: nn.Init{Kind: nn.InitInts}}}, 1); !errors.Is(err, nn.ErrParam) {
		t.Errorf("whole numbers for a trained parameter: %v", err)
	}
}

func moments(v []float32) (mean, deviation, largest float64) {
	for _, x := range v {
		mean += float64(x)
		largest = max(largest, math.Abs(float64(x)))
	}
	mean /= float64(len(v))
	for _, x := range v {
		deviation += (float64(x) - mean) * (float64(x) - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(v))), largest
}

// Compare puts every name in exactly one list.
func TestCompareIsAPartition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		var params []nn.Param
		s, total := &nn.State{}, 0
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			declared, stored := rapid.Bool().Draw(r, "declared"), rapid.Bool().Draw(r, "stored")
			size := rapid.IntRange(1, 2).Draw(r, "size")
			if declared {
				params = append(params, nn.Param{Name: name, Shape: nn.Shape{1}})
			}
			if stored {
				x, err := nn.FloatTensor(name, nn.Shape{size}, make([]float32, size))
				if err != nil {
					r.Fatal(err)
				}
				if err := s.Add(x); err != nil {
					r.Fatal(err)
				}
			}
			if declared || stored {
				total++
			}
		}
		k := nn.Compare(params, s)
		if n := len(k.Matched) + len(k.Missing) + len(k.Unexpected) + len(k.Mismatched); n != total {
			r.Errorf("%d names in %+v, want %d", n, k, total)
		}
		if k.OK() != (k.Err() == nil) || (k.OK() && len(k.Matched) != total) {
			r.Errorf("%+v: %v", k, k.Err())
		}
	})
}

func TestReportIsShort(t *testing.T) {
	t.Parallel()
	r := nn.KeyReport{Missing: []string{"a\x1b[31m", "b", "c", "d", "e"}}
	if got := r.Err().Error(); !strings.Contains(got, `5 missing ("a\x1b[31m", "b", "c" and 2 more)`) {
		t.Error(got)
	}
}
