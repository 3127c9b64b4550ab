package torch

import (
	"fmt"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/schedule"
)

// arena holds the handles of one pass over a plan, by value index. It owns all
// of them except the parameters'.
type arena struct {
	m     *Module
	plan  *schedule.Plan
	slots []handle
	train bool
	again bool // the pass repeats an earlier one, which has updated the buffers
}

func (m *Module) newArena(l *schedule.Plan, train bool) *arena {
	return &arena{m: m, plan: l, slots: make([]handle, len(l.Values)), train: train}
}

// close frees whatever is left.
func (a *arena) close() { freeAll(a.slots) }

// get returns the handle of a value; parameters come from the module.
func (a *arena) get(v int) (handle, error) {
	info := a.plan.Values[v]
	if info.Source == nn.FromParam {
		p := a.plan.Params[info.Index]
		if !p.Type().Float() {
			return a.m.undefined, nil // whole numbers stay on the host
		}
		return a.m.weight(p.Name)
	}
	if a.slots[v] == nil {
		return nil, fmt.Errorf("%w: value %d was freed before its last use", nn.ErrOp, v)
	}
	return a.slots[v], nil
}

// mix makes one seed out of three numbers (SplitMix64's finaliser).
func mix(a, b, c int64) int64 {
	z := uint64(a)*0x9e3779b97f4a7c15 + uint64(b)*0xbf58476d1ce4e5b9 + uint64(c)*0x94d049bb133111eb
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int64((z ^ z>>31) >> 1)
}

// run executes nodes first to last-1. A value is freed after its last use
// unless keep says otherwise.
func (a *arena) run(first, last int, keep func(v int) bool) error {
	var in []handle
	for i := first; i < last; i++ {
		n, step := a.plan.Nodes[i], a.plan.Steps[i]
		if step.Covered {
			a.slots[n.Out], a.slots[n.In[0]] = a.slots[n.In[0]], nil
			a.release(i, keep)
			continue
		}
		in = in[:0]
		for _, v := range n.In {
			h, err := a.get(v)
			if err != nil {
				return err
			}
			in = append(in, h)
		}
		slope := 1.0
		if step.Fused != nil {
			slope = step.Fused.Slope
		}
		out, err := apply(context{
			train: a.train, inPlace: step.InPlace, precision: a.m.precision,
			undefined: a.m.undefined, device: a.m.device, out: a.plan.Values[n.Out].Shape,
			kernels: a.plan.Settings.Kernels, slope: slope, again: a.again,
			// Dropout depends on the module's seed, the number of the training
			// pass and the node alone, so that it can be repeated.
			seed: mix(a.m.seed, a.m.passes, int64(i)),
		}, n.Op, in)
		if err != nil {
			return fmt.Errorf("%s%s: %w", within(n.Path), n.Op.Kind(), err)
		}
		a.slots[n.Out] = out
		if err := a.count(n); err != nil {
			return err
		}
		a.release(i, keep)
	}
	return nil
}

// count notes a batch that a batch norm was trained with.
func (a *arena) count(n nn.Node) error {
	if _, ok := n.Op.(nn.BatchNormOp); !ok || !a.train || a.again {
		return nil
	}
	const tracked = 3 // of the operation's inputs
	return a.m.count(a.plan.Params[a.plan.Values[n.In[tracked]].Index].Name)
}

// release frees the values that node i was the last to need.
func (a *arena) release(i int, keep func(v int) bool) {
	for _, v := range a.plan.Steps[i].Dies {
		if keep == nil || !keep(v) {
			free(a.slots[v])
			a.slots[v] = nil
		}
	}
}

func within(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

// put gives the arena the image, in the module's memory layout.
func (a *arena) put(x handle) error {
	h, err := a.m.laidOut(x)
	if err != nil {
		return err
	}
	a.slots[a.plan.Inputs[0].Value] = h
	return nil
}

// outputs returns the program's outputs as contiguous float32.
func (a *arena) outputs() ([]handle, error) {
	out := make([]handle, len(a.plan.Outputs))
	for i, v := range a.plan.Outputs {
		var err error
		if out[i], err = a.output(v); err != nil {
			freeAll(out)
			return nil, err
		}
	}
	return out, nil
}

func (a *arena) output(v int) (handle, error) {
	h, err := a.get(v)
	if err != nil {
		return nil, err
	}
	wide, err := call(func(r *handle) { lib.AtgToDtype(r, h, gotch.Float.CInt(), 0, 0) })
	if err != nil {
		return nil, err
	}
	defer free(wide)
	return call(func(r *handle) { lib.AtgContiguous(r, wide) })
}

// laidOut returns x with channels last in memory if the module wants that. It
// is differentiable and shares storage where it can.
func (m *Module) laidOut(x handle) (handle, error) {
	shape := shapeOf(x)
	if m.contiguous || len(shape) != 5 {
		return call(func(r *handle) { lib.AtgContiguous(r, x) })
	}
	if shape[1] == 1 { // the same bytes in the same order; only the strides say so
		flat, err := call(func(r *handle) { lib.AtgContiguous(r, x) })
		if err != nil {
			return nil, err
		}
		defer free(flat)
		size, stride := sizes(shape), channelsLast(shape)
		return call(func(r *handle) { lib.AtgAsStrided(r, flat, size, 5, stride, 5, 0, 1) })
	}
	forth, err := call(func(r *handle) { lib.AtgPermute(r, x, []int64{0, 2, 3, 4, 1}, 5) })
	if err != nil {
		return nil, err
	}
	defer free(forth)
	dense, err := call(func(r *handle) { lib.AtgContiguous(r, forth) })
	if err != nil {
		return nil, err
	}
	defer free(dense)
	return call(func(r *handle) { lib.AtgPermute(r, dense, []int64{0, 4, 1, 2, 3}, 5) })
}

// channelsLast returns the strides of a five-axis tensor whose channels lie
// next to each other.
func channelsLast(s nn.Shape) []int64 {
	c, z, y, x := int64(s[1]), int64(s[4]), int64(s[3]), int64(s[2])
	return []int64{x * y * z * c, 1, y * z * c, z * c, c}
}
