package nn_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
)

func trace(forward nn.Forward, params ...nn.Param) (*nn.Program, error) {
	return nn.Trace(forward, params, nn.InputShapes{Image: nn.Shape{1, 2, 4, 4, 4}})
}

// one makes a forward pass out of an operation on the image.
func one(f func(g nn.Graph, x nn.Value) nn.Value) nn.Forward {
	return func(g nn.Graph, in nn.Inputs) (nn.Outputs, error) { return nn.Outputs{Logits: f(g, in.Image)}, nil }
}

var errOwn = errors.New("the model's own reason")

// Mistakes come back as errors that say where they are.
func TestTraceReportsTheFirstMistake(t *testing.T) {
	t.Parallel()
	weight := nn.Param{Name: "a.weight", Shape: nn.Shape{4, 3, 3, 3, 3}}
	for name, c := range map[string]struct {
		forward nn.Forward
		is      error
		says    string
	}{
		"shape, with segments and parameter": {one(func(g nn.Graph, x nn.Value) nn.Value {
			return g.Segment("encoder", func() nn.Value {
				return g.Segment("level1", func() nn.Value {
					x := nn.Conv3d(g, x, "a.weight", "", nn.Conv{Stride: [3]int{1, 1, 1}, Dilation: [3]int{1, 1, 1}, Groups: 1})
					return nn.MatMul(g, x, x) // a second mistake, not reported
				})
			})
		}), nn.ErrShape, "encoder/level1: conv3d (a.weight): shapes do not fit: input has 2 channels, weight 4×3×3×3×3 takes 3"},
		"undeclared parameter": {one(func(g nn.Graph, x nn.Value) nn.Value { return nn.Mul(g, x, g.Param("b")) }), nn.ErrParam, `parameter "b" is not declared`},
		"value of nowhere":     {one(func(g nn.Graph, x nn.Value) nn.Value { return nn.Add(g, x, nn.Value{}) }), nn.ErrOp, "add: operation: input 1 is not a value"},
		"no logits":            {one(func(nn.Graph, nn.Value) nn.Value { return nn.Value{} }), nn.ErrOp, "output 0 is not a value"},
		"hidden value": {one(func(g nn.Graph, x nn.Value) nn.Value {
			var inner nn.Value
			g.Segment("s", func() nn.Value { inner = nn.ReLU(g, x); return nn.ReLU(g, inner) })
			return nn.ReLU(g, inner)
		}), nn.ErrOp, "made inside a segment that has ended"},
		"panic": {one(func(nn.Graph, nn.Value) nn.Value { panic("index out of range") }), nil, "forward pass panicked: index out of range"},
		"panic after a mistake": {one(func(g nn.Graph, x nn.Value) nn.Value {
			y := nn.View(g, x, 5)
			return nn.View(g, x, y.Shape()[1])
		}), nn.ErrShape, "reshape: shapes do not fit: 1×2×4×4×4 cannot become 5"},
		"the model's own": {func(nn.Graph, nn.Inputs) (nn.Outputs, error) { return nn.Outputs{}, errOwn }, errOwn, "own reason"},
		"failed":          {one(func(g nn.Graph, _ nn.Value) nn.Value { return g.Fail(errOwn) }), errOwn, "own reason"},
		"failed silently": {one(func(g nn.Graph, _ nn.Value) nn.Value { return g.Fail(nil) }), nil, "without saying why"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := trace(c.forward, weight)
			if err == nil || (c.is != nil && !errors.Is(err, c.is)) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want it to say %q", err, c.says)
			}
		})
	}
}

func TestTraceRefusesInputsAndParameters(t *testing.T) {
	t.Parallel()
	identity := one(func(_ nn.Graph, x nn.Value) nn.Value { return x })
	for _, c := range []struct {
		params []nn.Param
		image  nn.Shape
		says   string
	}{
		{nil, nn.Shape{1, 0, 4}, "has no elements"},
		{nil, nn.Shape{1, -1, 4}, "is negative"},
		{nil, nn.Shape{1 << 40, 1 << 40}, "more elements than can be counted"},
		{[]nn.Param{{Shape: nn.Shape{1}}}, nn.Shape{1}, "has no name"},
		{[]nn.Param{{Name: "a", Shape: nn.Shape{1}}, {Name: "a", Shape: nn.Shape{1}}}, nn.Shape{1}, "declared twice"},
		{[]nn.Param{{Name: "a", Shape: nn.Shape{0}}}, nn.Shape{1}, "no elements"},
		{[]nn.Param{{Name: "a", Shape: nn.Shape{1}, DType: nn.I64}}, nn.Shape{1}, "a trained parameter is F32"},
		{[]nn.Param{{Name: "a", Shape: nn.Shape{1}, Buffer: true, DType: "F8"}}, nn.Shape{1}, `"F8" is not one of`},
	} {
		_, err := nn.Trace(identity, c.params, nn.InputShapes{Image: c.image})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, %v: got %v, want it to say %q", c.params, c.image, err, c.says)
		}
	}
}

// Settings that make no sense are refused before anything runs.
func TestInferRefuses(t *testing.T) {
	t.Parallel()
	one3, x5 := [3]int{1, 1, 1}, nn.Shape{1, 4, 5, 6, 7}
	conv := nn.Conv{Stride: one3, Dilation: one3, Groups: 1}
	for _, c := range []struct {
		op nn.Op
		in []nn.Shape
	}{
		{conv, []nn.Shape{x5}},
		{conv, []nn.Shape{x5, {4, 4, 9, 1, 1}}},
		{conv, []nn.Shape{x5, {4, 4, 1, 1, 1}, {3}}},
		{conv, []nn.Shape{{1, 4, 5}, {4, 4, 1}}},
		{nn.Conv{Stride: one3, Dilation: one3, Groups: 0}, []nn.Shape{x5, {4, 4, 1, 1, 1}}},
		{nn.Conv{Stride: one3, Dilation: one3, Groups: 4}, []nn.Shape{x5, {6, 1, 1, 1, 1}}},
		{nn.Conv{Dilation: one3, Groups: 1}, []nn.Shape{x5, {4, 4, 1, 1, 1}}},
		{nn.ConvTranspose{Stride: one3, Dilation: one3, Groups: 1}, []nn.Shape{x5, {3, 4, 1, 1, 1}}},
		{nn.ConvTranspose{Stride: one3, Dilation: one3, OutputPadding: one3, Groups: 1}, []nn.Shape{x5, {4, 4, 1, 1, 1}}},
		{nn.GroupNormOp{Groups: 3, Eps: 1}, []nn.Shape{x5}},
		{nn.GroupNormOp{Groups: 2}, []nn.Shape{x5}},
		{nn.GroupNormOp{Groups: 2, Eps: 1}, []nn.Shape{x5, {4}}},
		{nn.InstanceNormOp{Eps: 1}, []nn.Shape{x5, {4}, {5}}},
		{nn.BatchNormOp{Eps: 1, Momentum: 0.1}, []nn.Shape{x5}},
		{nn.BatchNormOp{Eps: 1}, []nn.Shape{x5, {4}, {4}, {}}},
		{nn.BatchNormOp{Eps: 1, Momentum: 1.5}, []nn.Shape{x5, {4}, {4}, {}}},
		{nn.BatchNormOp{Momentum: 0.1}, []nn.Shape{x5, {4}, {4}, {}}},
		{nn.BatchNormOp{Eps: 1, Momentum: 0.1}, []nn.Shape{x5, {4}, {4}, {1}}},
		{nn.BatchNormOp{Eps: 1, Momentum: 0.1}, []nn.Shape{x5, {4}, {3}, {}}},
		{nn.BatchNormOp{Eps: 1, Momentum: 0.1}, []nn.Shape{x5, {4}, {4}, {}, {4}, {3}}},
		{nn.BatchNormOp{Eps: 1, Momentum: 0.1}, []nn.Shape{{2, 4}, {4}, {4}, {}}},
		{nn.LayerNormOp{Axes: 6, Eps: 1}, []nn.Shape{x5}},
		{nn.LayerNormOp{Axes: 1, Eps: 1}, []nn.Shape{x5, {6}, {6}}},
		{nn.Activation{Function: 77}, []nn.Shape{x5}},
		{nn.Activation{Function: nn.ActReLU, Slope: 0.1}, []nn.Shape{x5}},
		{nn.Activation{Function: nn.ActLeakyReLU, Slope: 1.5}, []nn.Shape{x5}},
		{nn.Activation{Function: nn.ActReLU, Alpha: 1}, []nn.Shape{x5}},
		{nn.Activation{Function: nn.ActELU, Alpha: -1}, []nn.Shape{x5}},
		{nn.PReLUOp{}, []nn.Shape{x5}},
		{nn.PReLUOp{}, []nn.Shape{x5, {3}}},
		{nn.PReLUOp{}, []nn.Shape{{4}, {1}}},
		{nn.Pool{Function: 2, Kernel: one3, Stride: one3}, []nn.Shape{x5}},
		{nn.Pool{Kernel: one3}, []nn.Shape{x5}},
		{nn.Pool{Kernel: one3, Stride: one3, Padding: one3}, []nn.Shape{x5}},
		{nn.Pool{Kernel: [3]int{6, 1, 1}, Stride: one3}, []nn.Shape{x5}},
		{nn.Pool{Kernel: one3, Stride: one3}, []nn.Shape{{4, 5, 6}}},
		{nn.Binary{}, []nn.Shape{{2, 3}, {3, 2}}},
		{nn.Binary{Operation: 9}, []nn.Shape{{2}, {2}}},
		{nn.Resize{Scale: [3]int{2, 0, 2}}, []nn.Shape{x5}},
		{nn.Resize{Scale: one3, Mode: 5}, []nn.Shape{x5}},
		{nn.Resize{Scale: one3}, []nn.Shape{{1, 2, 3}}},
		{nn.Concat{Axis: 1}, nil},
		{nn.Concat{Axis: 5}, []nn.Shape{x5, x5}},
		{nn.Concat{Axis: 1}, []nn.Shape{x5, {1, 4, 5, 6, 8}}},
		{nn.Slice{Axis: 0, Start: 1, Stop: 1, Step: 1}, []nn.Shape{x5}},
		{nn.Slice{Axis: 0, Stop: 1}, []nn.Shape{x5}},
		{nn.Reshape{Shape: nn.Shape{-1, -1}}, []nn.Shape{x5}},
		{nn.Reshape{Shape: nn.Shape{11, -1}}, []nn.Shape{x5}},
		{nn.Reshape{Shape: nn.Shape{1, 1, 1, 1, 1, 0}}, []nn.Shape{x5}},
		{nn.Permute{Axes: []int{0, 0, 1, 2, 3}}, []nn.Shape{x5}},
		{nn.Permute{Axes: []int{0}}, []nn.Shape{x5}},
		{nn.Roll{Shift: []int{1}}, []nn.Shape{x5}},
		{nn.Roll{}, []nn.Shape{{}}},
		{nn.Pad{Before: []int{1}, After: []int{1}}, []nn.Shape{x5}},
		{nn.Pad{Before: []int{-1}, After: []int{1}}, []nn.Shape{{3}}},
		{nn.MatMulOp{}, []nn.Shape{{2, 3}, {2, 3}}},
		{nn.MatMulOp{}, []nn.Shape{{3}, {3, 2}}},
		{nn.SoftmaxOp{Axis: -6}, []nn.Shape{x5}},
		{nn.Gather{Indices: []int{1}}, []nn.Shape{{1, 2}}},
		{nn.Gather{}, []nn.Shape{{1, 2}}},
		{nn.DropoutOp{P: 1}, []nn.Shape{x5}},
		{nn.DropoutOp{P: 0.5, Channels: true}, []nn.Shape{{3, 4}}},
		{nn.DropoutOp{P: 0.5, Channels: true, Samples: true}, []nn.Shape{x5}},
		{nn.DropoutOp{P: 0.5, Samples: true}, []nn.Shape{{}}},
		{nn.Constant{Shape: nn.Shape{2}, Values: []float32{1}}, nil},
	} {
		out, err := c.op.Infer(c.in)
		if !errors.Is(err, nn.ErrShape) && !errors.Is(err, nn.ErrOp) {
			t.Errorf("%s %+v of %v gives %v, %v", c.op.Kind(), c.op, c.in, out, err)
		}
	}
}

// Values are freed when the last operation that reads them has run, never
// earlier, and all but the outputs are freed.
func TestLastUses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		p, err := trace(func(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
			values := []nn.Value{in.Image}
			for range rapid.IntRange(0, 12).Draw(r, "operations") {
				pick := func(what string) nn.Value { return rapid.SampledFrom(values).Draw(r, what) }
				if rapid.Bool().Draw(r, "binary") {
					values = append(values, nn.Add(g, pick("a"), pick("b")))
				} else {
					values = append(values, nn.ReLU(g, pick("x")))
				}
			}
			return nn.Outputs{Logits: rapid.SampledFrom(values).Draw(r, "logits")}, nil
		})
		if err != nil {
			r.Fatal(err)
		}
		dead := make(map[int]bool)
		for i, free := range p.LastUses() {
			for _, v := range p.Nodes[i].In {
				if dead[v] {
					r.Fatalf("node %d reads value %d, which was freed", i, v)
				}
			}
			for _, v := range free {
				if dead[v] {
					r.Fatalf("value %d is freed twice", v)
				}
				dead[v] = true
			}
		}
		uses := p.UseCounts()
		for v, info := range p.Values {
			kept := v == p.Outputs[0] || (info.Source == nn.FromInput && uses[v] == 0)
			if dead[v] == kept {
				r.Fatalf("value %d: freed is %v, an output is %v", v, dead[v], kept)
			}
		}
	})
}

// Segments are those at the outside, in order, with everything inside them.
func TestSegments(t *testing.T) {
	t.Parallel()
	p, err := nn.Trace(nntest.EveryOp{}.Forward, nntest.EveryOp{}.TrainableParameters(), nn.InputShapes{Image: nn.Shape{1, 2, 4, 4, 4}})
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	var names []string
	for _, s := range p.Segments {
		if s.First < at || s.Last <= s.First || p.Nodes[s.Last-1].Path != s.Name {
			t.Errorf("segment %+v after node %d", s, at)
		}
		at = s.Last
		names = append(names, s.Name)
	}
	if strings.Join(names, " ") != "local batch global shape" {
		t.Errorf("segments %v", names)
	}
}

// Without auxiliary heads the program computes the same logits from what they
// need and nothing else.
func TestLogitsOnly(t *testing.T) {
	t.Parallel()
	forward := func(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
		x := g.Segment("body", func() nn.Value { return nn.Mul(g, in.Image, g.Param("a")) })
		head := g.Segment("head", func() nn.Value { return nn.Add(g, nn.ReLU(g, x), g.Param("b")) })
		y := g.Segment("tail", func() nn.Value { return nn.Sub(g, x, g.Param("c")) })
		return nn.Outputs{Logits: y, Auxiliary: []nn.Value{head, x}}, nil
	}
	each := nn.Shape{1}
	p, err := trace(forward, nn.Param{Name: "a", Shape: each}, nn.Param{Name: "b", Shape: each}, nn.Param{Name: "c", Shape: each})
	if err != nil {
		t.Fatal(err)
	}
	got := p.LogitsOnly()
	image := nn.Shape{1, 2, 4, 4, 4}
	want := &nn.Program{
		Params: []nn.Param{{Name: "a", Shape: each}, {Name: "c", Shape: each}},
		Values: []nn.ValueInfo{
			{Shape: image, Source: nn.FromInput},
			{Shape: each, Source: nn.FromParam},
			{Shape: image, Source: nn.FromNode},
			{Shape: each, Source: nn.FromParam, Index: 1},
			{Shape: image, Source: nn.FromNode, Index: 1},
		},
		Nodes: []nn.Node{
			{Op: nn.Binary{Operation: nn.BinaryMul}, In: []int{0, 1}, Out: 2, Path: "body"},
			{Op: nn.Binary{Operation: nn.BinarySub}, In: []int{2, 3}, Out: 4, Path: "tail"},
		},
		Inputs:   []nn.Input{{Name: nn.ImageInput}},
		Outputs:  []int{4},
		Segments: []nn.Segment{{Name: "body", Last: 1, Result: 2}, {Name: "tail", First: 1, Last: 2, Result: 4}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if again := got.LogitsOnly(); again != got {
		t.Error("a program without auxiliary heads is copied")
	}
}

// A forward pass may go on after a mistake without looking.
func TestInvalidValuesAreHarmless(t *testing.T) {
	t.Parallel()
	var v nn.Value
	if v.Valid() || v.Dim(3) != 1 || v.Dim(-1) != 1 || v.Rank() != 0 || len(v.Shape()) != 0 {
		t.Errorf("%+v", v)
	}
}
