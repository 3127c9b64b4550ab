package memory

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/schedule"
)

// addresses lists where the elements lie, in C order of the shape.
func addresses(shape nn.Shape, strides []int64) []int64 {
	all := []int64{0}
	for axis, n := range shape {
		var next []int64
		for _, a := range all {
			for i := range n {
				next = append(next, a+int64(i)*strides[axis])
			}
		}
		all = next
	}
	return all
}

// TestViewsAreTheSameElements: where a reshape needs no copy, the elements come
// in the same order; where nothing was transposed, none is needed.
func TestViewsAreTheSameElements(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(1, 4), 1, 5).Draw(t, "shape")
		order := rapid.Permutation(ascending(len(sizes))).Draw(t, "order")
		from := &tensor{shape: sizes, strides: dense(sizes, order)}
		var to nn.Shape
		for left := int(from.shape.Elements()); ; {
			n := rapid.IntRange(1, left).Draw(t, "size")
			for left%n != 0 {
				n--
			}
			to = append(to, n)
			if left /= n; left == 1 {
				break
			}
		}
		strides, ok := from.view(to)
		if !ok {
			if from.laidOut(contiguous(sizes)) {
				t.Fatalf("%v is in C order, and cannot become %v", sizes, to)
			}
			return
		}
		was, is := addresses(from.shape, from.strides), addresses(to, strides)
		for i := range was {
			if was[i] != is[i] {
				t.Fatalf("%v with strides %v became %v with %v", from.shape, from.strides, to, strides)
			}
		}
	})
}

func TestLayouts(t *testing.T) {
	t.Parallel()
	shape := nn.Shape{2, 3, 4, 5, 6}
	last, plain := &tensor{shape: shape, strides: channelsLast(shape)}, &tensor{shape: shape, strides: contiguous(shape)}
	if !last.suggestsChannelsLast() || plain.suggestsChannelsLast() || !last.isDense() || !plain.isDense() {
		t.Error("layouts are mistaken for each other")
	}
	expanded := &tensor{shape: shape, strides: make([]int64, len(shape))}
	if expanded.isDense() || expanded.suggestsChannelsLast() {
		t.Error("one element is taken for a whole tensor")
	}
	single := nn.Shape{2, 1, 4, 5, 6}
	if s := (&tensor{shape: single, strides: channelsLast(single)}); !s.suggestsChannelsLast() || !s.laidOut(contiguous(single)) {
		t.Error("an image of one channel has both layouts")
	}
	if part := (&tensor{shape: nn.Shape{2, 2}, strides: []int64{3, 1}}); part.isDense() {
		t.Error("a slice has gaps")
	}
}

// TestNothingIsLost: after a pass over every operation, all that is held are the
// image, the outputs and the loss: every other tensor was given back, once.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	net := nntest.EveryOp{Dropout: 0.2}
	program, err := nn.Trace(net.Forward, net.TrainableParameters(), nn.InputShapes{Image: nn.Shape{2, 2, 4, 4, 4}})
	if err != nil {
		t.Fatal(err)
	}
	program = program.LogitsOnly()
	for _, kernels := range []bool{true, false} {
		for _, mode := range []schedule.Mode{schedule.Infer, schedule.Train} {
			for _, lower := range []bool{false, true} {
				p := newPlayer(schedule.New(program, schedule.Settings{Mode: mode, Kernels: kernels}), Options{BFloat16: lower, Loss: Weighted})
				image := p.put()
				if err := p.run(0, len(program.Nodes), nil); err != nil {
					t.Fatal(err)
				}
				out := p.outputs()
				p.clear()
				if mode == schedule.Train {
					p.differentiate(Weighted, out)
				}
				want := image.bytes() + out[0].bytes()
				if mode == schedule.Train {
					want += float32Bytes // the loss
				}
				if p.live != want || p.peak <= want {
					t.Errorf("mode %v, kernels %t, bfloat16 %t: %d bytes are held, want %d; at most %d were", mode, kernels, lower, p.live, want, p.peak)
				}
			}
		}
	}
}

// TestRecomputingTakesLess: with segments that can be computed again, a pass
// keeps less between forward and backward.
func TestRecomputingTakesLess(t *testing.T) {
	t.Parallel()
	forward := func(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
		x := in.Image
		for range 4 {
			x = g.Segment("part", func() nn.Value { return nn.GELU(g, nn.Sigmoid(g, nn.GELU(g, nn.Mul(g, x, g.Param("w"))))) })
		}
		return nn.Outputs{Logits: x}, nil
	}
	program, err := nn.Trace(forward, []nn.Param{{Name: "w", Shape: nn.Shape{1}}}, nn.InputShapes{Image: nn.Shape{1, 1, 8, 8, 8}})
	if err != nil {
		t.Fatal(err)
	}
	held := map[schedule.Mode]Bytes{}
	for _, mode := range []schedule.Mode{schedule.Train, schedule.Recompute} {
		b, err := Train(schedule.New(program, schedule.Settings{Mode: mode, Kernels: true}), Options{Loss: Weighted})
		if err != nil {
			t.Fatal(err)
		}
		held[mode] = b
	}
	const one = 8 * 8 * 8 * float32Bytes
	if kept := held[schedule.Recompute].Kept; kept != 5*one { // the image and four borders
		t.Errorf("%d tensors are kept, want 5", kept/one)
	}
	if held[schedule.Recompute].Peak >= held[schedule.Train].Peak {
		t.Errorf("recomputing takes %+v, keeping %+v", held[schedule.Recompute], held[schedule.Train])
	}
}
