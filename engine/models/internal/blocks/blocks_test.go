package blocks_test

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/models/internal/blocks"
	"github.com/minivess/minivess/engine/nn"
)

// Every block uses all that it declares and nothing else, and changes channels
// and sizes as it says.
func TestBlocksUseWhatTheyDeclare(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.IntRange(1, 3)
		scale := [3]int{some.Draw(t, "sx"), some.Draw(t, "sy"), some.Draw(t, "sz")}
		mode := rapid.SampledFrom([]string{blocks.Deconv, blocks.DeconvGroup, blocks.NonTrainable, blocks.PixelShuffle}).Draw(t, "mode")
		kernel := [3]int{}
		if rapid.Bool().Draw(t, "wide") {
			for i, s := range scale {
				kernel[i] = s + s%2*2 // at least the stride
			}
		}
		if mode == blocks.PixelShuffle {
			scale = blocks.Cube(scale[0])
		}
		in, out, affine := 2*some.Draw(t, "in"), 2*some.Draw(t, "out"), rapid.Bool().Draw(t, "affine")
		norm := blocks.Norm{Name: rapid.SampledFrom([]string{blocks.NormGroup, blocks.NormInstance, blocks.NormBatch}).Draw(t, "norm"), Affine: &affine}
		if norm.Name == blocks.NormGroup {
			norm.Groups = 2
		}
		act := rapid.SampledFrom([]blocks.Activation{
			{Name: blocks.ReLU}, {Name: blocks.PReLU}, {Name: blocks.Swish}, {Name: blocks.Swish, Value: 2}, {Name: blocks.CELU, Value: 0.5},
		}).Draw(t, "act")
		first := blocks.Conv{In: 1, Out: in, Kernel: [3]int{3, 1, 5}, Stride: [3]int{2, 1, 0}, Bias: affine}
		up := blocks.Upsample{Mode: mode, In: in, Out: out, Scale: scale, Kernel: kernel, Bias: affine}
		var d blocks.Declaration
		first.Declare(&d, "first")
		norm.Declare(&d, "norm", in)
		act.Declare(&d, "act")
		up.Declare(&d, "up")
		if err := norm.Check(in); err != nil {
			t.Fatal(err)
		}
		if err := act.Check(); err != nil {
			t.Fatal(err)
		}
		forward := func(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
			x := norm.Apply(g, first.Apply(g, in.Image, "first"), "norm")
			return nn.Outputs{Logits: up.Apply(g, act.Apply(g, x, "act"), "up")}, nil
		}
		p, err := nn.Trace(forward, d.Params(), nn.InputShapes{Image: nn.Shape{2, 1, 4, 3, 5}})
		if err != nil {
			t.Fatal(err)
		}
		want := nn.Shape{2, out, 2 * scale[0], 3 * scale[1], 5 * scale[2]}
		if got := p.Values[p.Outputs[0]].Shape; !got.Equal(want) {
			t.Errorf("got %v, want %v", got, want)
		}
		for _, param := range d.Params() {
			if !slices.ContainsFunc(p.Params, func(q nn.Param) bool { return q.Name == param.Name }) {
				t.Errorf("%s is never used", param.Name)
			}
		}
	})
}

func TestActivationsRefused(t *testing.T) {
	t.Parallel()
	for _, a := range []blocks.Activation{
		{},
		{Name: "softmax"},
		{Name: blocks.ReLU, Value: 1},
		{Name: blocks.ELU, Value: -1},
		{Name: blocks.LeakyReLU, Value: 1},
		{Name: blocks.PReLU, Value: math.NaN()},
		{Name: blocks.Swish, Value: math.Inf(1)},
	} {
		if a.Check() == nil {
			t.Errorf("%+v was accepted", a)
		}
	}
}

func TestUnknownUpsampleFails(t *testing.T) {
	t.Parallel()
	forward := func(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
		return nn.Outputs{Logits: blocks.Upsample{Mode: "cubic"}.Apply(g, in.Image, "up")}, nil
	}
	if _, err := nn.Trace(forward, nil, nn.InputShapes{Image: nn.Shape{1, 1, 2, 2, 2}}); err == nil {
		t.Error("cubic enlarging was accepted")
	}
}

// The eight voxels that a channel becomes start out alike.
func TestShuffledVoxelsStartAlike(t *testing.T) {
	t.Parallel()
	var d blocks.Declaration
	blocks.Upsample{Mode: blocks.PixelShuffle, In: 3, Out: 2, Scale: blocks.Cube(2)}.Declare(&d, "up")
	s, err := nn.Initialise(d.Params(), 5)
	if err != nil {
		t.Fatal(err)
	}
	w, ok := s.Get("up.pixelshuffle.conv_block.weight")
	if !ok || !w.Shape.Equal(nn.Shape{16, 3, 3, 3, 3}) {
		t.Fatalf("%v", w.Shape)
	}
	row := len(w.Data) / 16
	for i := range 16 {
		if first := i / 8 * 8; !cmp.Equal(w.Data[i*row:(i+1)*row], w.Data[first*row:(first+1)*row]) {
			t.Errorf("row %d is not like row %d", i, first)
		}
	}
	if cmp.Equal(w.Data[:row], w.Data[8*row:9*row]) {
		t.Error("both channels start alike")
	}
}

// What is kept travels in the state and is not trained.
func TestKeptParametersAreBuffers(t *testing.T) {
	t.Parallel()
	var d, unused blocks.Declaration
	blocks.Conv{In: 1, Out: 2, Kernel: blocks.Cube(1), Bias: true}.Declare(&unused, "head")
	d.Keep(unused.Params()...)
	if n := nn.CountElements(d.Params()); n != 0 || len(d.Params()) != 2 {
		t.Errorf("%d trained elements in %v", n, d.Params())
	}
}
