package schedule_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/schedule"
)

// traced draws a program that uses its values in any order, in segments and out
// of them, with several outputs.
func traced(r *rapid.T) *nn.Program {
	image := nn.Shape{1, 2, 4, 4, 4}
	p, err := nn.Trace(func(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
		values := []nn.Value{in.Image}
		pick := func() nn.Value { return rapid.SampledFrom(values).Draw(r, "input") }
		step := func() {
			x := pick()
			switch rapid.IntRange(0, 9).Draw(r, "operation") {
			case 0:
				x = nn.ReLU(g, x)
			case 1:
				x = nn.LeakyReLU(g, x, 0.1)
			case 2:
				x = nn.Add(g, x, pick())
			case 3:
				x = nn.Mul(g, x, pick())
			case 4:
				x = nn.ReLU(g, nn.GroupNorm(g, x, "", "", 2, 1e-5))
			case 5:
				x = nn.InstanceNorm(g, x, "", "", 1e-5)
			case 6:
				x = nn.Sigmoid(g, x)
			case 7:
				x = nn.Softmax(g, x, 1)
			case 8:
				x = nn.View(g, x, image...)
			default:
				x = nn.Dropout(g, x, 0.5, false)
			}
			values = append(values, x)
		}
		for range rapid.IntRange(1, 5).Draw(r, "parts") {
			count := rapid.IntRange(1, 6).Draw(r, "operations")
			if rapid.Bool().Draw(r, "loose") {
				for range count {
					step()
				}
				continue
			}
			before := len(values)
			result := g.Segment("segment", func() nn.Value {
				for range count {
					step()
				}
				return values[len(values)-1]
			})
			values = append(values[:before], result)
		}
		return nn.Outputs{Logits: pick(), Auxiliary: []nn.Value{pick()}}, nil
	}, nil, nn.InputShapes{Image: image})
	if err != nil {
		r.Fatal(err)
	}
	return p
}

// memory is what a value lies in: the value that it holds at present.
type memory struct{ holds int }

// game plays a plan as nn/torch does, with memories in place of tensors.
type game struct {
	t     *rapid.T
	plan  *schedule.Plan
	slots map[int]*memory
	root  []int           // by value: the value whose memory a view shares
	kept  map[*memory]int // what gradients will read
}

// play fails when an operation reads what was freed or overwritten, when
// something is freed twice or never, or when a gradient would find another value
// than the one it was saved for.
func play(t *rapid.T, l *schedule.Plan) {
	g := &game{t: t, plan: l, slots: make(map[int]*memory), root: make([]int, len(l.Values)), kept: make(map[*memory]int)}
	for _, in := range l.Inputs {
		g.slots[in.Value] = &memory{in.Value}
	}
	for v := range g.root {
		g.root[v] = v
	}
	for i := range l.Nodes {
		g.run(i)
		for _, v := range l.Steps[i].Dies {
			if g.slots[v] == nil {
				t.Fatalf("node %d frees value %d, which is not there", i, v)
			}
			delete(g.slots, v)
		}
	}
	for _, v := range l.Outputs {
		g.read(len(l.Nodes), v)
	}
	for v := range g.slots {
		if !slices.Contains(l.Outputs, v) && l.Values[v].Source == nn.FromNode {
			t.Fatalf("value %d is left", v)
		}
	}
	for m, v := range g.kept {
		if m.holds != v {
			t.Fatalf("a gradient needs value %d, value %d was written over it", v, m.holds)
		}
	}
}

func (g *game) read(i, v int) *memory {
	m := g.slots[v]
	if m == nil || m.holds != g.root[v] {
		g.t.Fatalf("node %d reads value %d, which was freed or overwritten", i, v)
	}
	return m
}

func (g *game) run(i int) {
	n, step := g.plan.Nodes[i], g.plan.Steps[i]
	if step.Covered { // the kernel before made this value, not its input
		if g.plan.Steps[i-1].Fused == nil || step.InPlace || n.In[0] != g.plan.Nodes[i-1].Out {
			g.t.Fatalf("node %d is done by nobody", i)
		}
		m := g.slots[n.In[0]]
		delete(g.slots, n.In[0])
		m.holds, g.slots[n.Out], g.slots[n.In[0]] = n.Out, m, m
		return
	}
	var in []*memory
	for _, v := range n.In {
		in = append(in, g.read(i, v))
	}
	switch n.Op.(type) {
	case nn.Reshape, nn.DropoutOp:
		if step.InPlace {
			g.t.Fatalf("node %d cannot work in place", i)
		}
		g.slots[n.Out], g.root[n.Out] = in[0], g.root[n.In[0]]
		return
	}
	out := &memory{n.Out}
	if step.InPlace {
		out = in[0]
		out.holds = n.Out
	}
	g.slots[n.Out] = out
	g.save(n, in, out)
}

// save notes what autograd keeps: results of some operations, inputs of others.
func (g *game) save(n nn.Node, in []*memory, out *memory) {
	if g.plan.Settings.Mode == schedule.Infer {
		return
	}
	switch op := n.Op.(type) {
	case nn.Activation, nn.SoftmaxOp:
		g.kept[out] = n.Out
	case nn.GroupNormOp, nn.InstanceNormOp:
		g.kept[in[0]] = in[0].holds
	case nn.Binary:
		if op.Operation == nn.BinaryMul {
			for _, m := range in {
				g.kept[m] = m.holds
			}
		}
	}
}

// Whatever the program, running it as planned gives every operation the values
// that it should see.
func TestPlansAreSound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		p := traced(r)
		for mode := schedule.Infer; mode <= schedule.Recompute; mode++ {
			for _, kernels := range []bool{false, true} {
				l := schedule.New(p, schedule.Settings{Mode: mode, Kernels: kernels})
				play(r, l)
				checkChunks(r, l)
			}
		}
	})
}

// checkChunks: chunks cover all nodes in order, know everything that crosses
// their borders, and nothing that crosses is overwritten while recomputing.
func checkChunks(t *rapid.T, l *schedule.Plan) {
	at := 0
	for _, c := range l.Chunks {
		if c.First != at || c.Last <= c.First {
			t.Fatalf("chunk %+v after node %d", c, at)
		}
		at = c.Last
		inside := func(v int) bool {
			info := l.Values[v]
			return info.Source == nn.FromNode && info.Index >= c.First && info.Index < c.Last
		}
		for i := c.First; i < c.Last; i++ {
			for _, v := range l.Nodes[i].In {
				if !inside(v) && !slices.Contains(c.In, v) {
					t.Fatalf("value %d enters chunk %+v unseen", v, c)
				}
			}
			if crosses := !inside(l.Nodes[i].In[0]); crosses && l.Steps[i].InPlace && l.Settings.Mode == schedule.Recompute {
				t.Fatalf("node %d overwrites what enters its chunk", i)
			}
		}
		for _, n := range l.Nodes[c.Last:] {
			for _, v := range n.In {
				if inside(v) && !slices.Contains(c.Out, v) {
					t.Fatalf("value %d leaves chunk %+v unseen", v, c)
				}
			}
		}
	}
	if at != len(l.Nodes) {
		t.Fatalf("chunks end at node %d of %d", at, len(l.Nodes))
	}
}

// What can be saved is saved: the plan of every operation's network works in
// place and fuses where that is safe.
func TestPlanOfEveryOperation(t *testing.T) {
	t.Parallel()
	net := nntest.EveryOp{}
	p, err := nn.Trace(net.Forward, net.TrainableParameters(), nn.InputShapes{Image: nn.Shape{1, 2, 4, 4, 4}})
	if err != nil {
		t.Fatal(err)
	}
	count := func(mode schedule.Mode, kernels bool) (inPlace, fused int) {
		for _, s := range schedule.New(p, schedule.Settings{Mode: mode, Kernels: kernels}).Steps {
			if s.InPlace {
				inPlace++
			}
			if s.Fused != nil {
				fused++
			}
		}
		return inPlace, fused
	}
	for _, c := range []struct {
		mode           schedule.Mode
		kernels        bool
		inPlace, fused int
	}{
		{schedule.Infer, true, 3, 3},
		{schedule.Infer, false, 6, 0},
		{schedule.Train, true, 1, 3},
		{schedule.Train, false, 4, 0},
		{schedule.Recompute, true, 1, 3},
	} {
		if inPlace, fused := count(c.mode, c.kernels); inPlace != c.inPlace || fused != c.fused {
			t.Errorf("%+v: %d in place, %d fused", c, inPlace, fused)
		}
	}
}
