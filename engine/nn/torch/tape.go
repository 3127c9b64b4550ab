package torch

import (
	"slices"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"

	"github.com/minivess/minivess/engine/nn/schedule"
)

// tape is what a training pass with recomputation leaves behind: the values on
// the borders between chunks, cut off from each other's history, and the
// history of the chunks that are not recomputed. Chunk by chunk, from the last
// to the first, backward turns gradients of a chunk's results into gradients
// of what it was given.
type tape struct {
	arena *arena
	// leaves are the border values as later chunks see them: without history,
	// collecting gradients. results are the same values with their history, for
	// chunks that were run with gradients on.
	leaves  []handle
	results []handle
}

func (m *Module) dropTape() {
	if m.tape != nil {
		m.tape.close()
		m.tape = nil
	}
}

func (t *tape) close() {
	t.arena.close()
	freeAll(t.leaves)
	freeAll(t.results)
}

// forwardInChunks runs a training pass and leaves a tape in the module. The
// outputs returned lead back to leaves: their gradients are picked up by the
// tape.
func (m *Module) forwardInChunks(l *schedule.Plan, x handle) (out []handle, err error) {
	t := &tape{
		arena: m.newArena(l, true), leaves: make([]handle, len(l.Values)), results: make([]handle, len(l.Values)),
	}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	if err := t.arena.put(x); err != nil {
		return nil, err
	}
	image := l.Inputs[0].Value
	t.leaves[image], t.arena.slots[image] = t.arena.slots[image], nil
	for _, c := range l.Chunks {
		if err := t.forwardChunk(c); err != nil {
			return nil, err
		}
	}
	// The caller's loss leads back to the outputs' leaves.
	defer setGrad(true)()
	defer freeAll(t.arena.slots)
	for _, v := range l.Outputs {
		if t.arena.slots[v] != nil { // one value may be two outputs
			continue
		}
		if t.arena.slots[v], err = share(t.leaves[v]); err != nil {
			return nil, err
		}
	}
	if out, err = t.arena.outputs(); err != nil {
		return nil, err
	}
	m.tape = t
	return out, nil
}

// share returns another handle of the same tensor.
func share(h handle) (handle, error) {
	s := lib.AtShallowClone(h)
	return s, lastError()
}

// leaf returns a tensor with the elements of h, without history, that collects
// a gradient. h stays the caller's.
func leaf(h handle) (handle, error) {
	d, err := call(func(r *handle) { lib.AtgDetach(r, h) })
	if err != nil {
		return nil, err
	}
	r, err := call(func(r *handle) { lib.AtgRequiresGrad_(r, d, 1) })
	if err != nil {
		free(d)
		return nil, err
	}
	free(r) // the same tensor again
	return d, nil
}

// execute runs the chunk's nodes on its leaves and returns its results, in the
// order of c.Out. Nothing else is left in the arena. Again says that the chunk
// ran before.
func (t *tape) execute(c schedule.Chunk, grad, again bool) ([]handle, error) {
	defer setGrad(grad)()
	t.arena.again = again
	defer freeAll(t.arena.slots)
	for _, v := range c.In {
		h, err := share(t.leaves[v])
		if err != nil {
			return nil, err
		}
		t.arena.slots[v] = h
	}
	if err := t.arena.run(c.First, c.Last, func(v int) bool { return slices.Contains(c.Out, v) }); err != nil {
		return nil, err
	}
	out := make([]handle, len(c.Out))
	for i, v := range c.Out {
		out[i], t.arena.slots[v] = t.arena.slots[v], nil
	}
	return out, nil
}

func (t *tape) forwardChunk(c schedule.Chunk) error {
	out, err := t.execute(c, !c.Recompute, false)
	if err != nil {
		return err
	}
	defer freeAll(out)
	for i, v := range c.Out {
		if t.leaves[v], err = leaf(out[i]); err != nil {
			return err
		}
		if !c.Recompute {
			t.results[v], out[i] = out[i], nil
		}
	}
	return nil
}

// backward runs after the loss was differentiated as far as the leaves.
func (t *tape) backward() error {
	for _, c := range slices.Backward(t.arena.plan.Chunks) {
		if err := t.backwardChunk(c); err != nil {
			return err
		}
	}
	return nil
}

func (t *tape) backwardChunk(c schedule.Chunk) error {
	var out []handle
	if c.Recompute {
		var err error
		if out, err = t.execute(c, true, true); err != nil {
			return err
		}
	} else {
		out = make([]handle, len(c.Out))
		for i, v := range c.Out {
			out[i], t.results[v] = t.results[v], nil
		}
	}
	defer freeAll(out)
	defer setGrad(true)()
	// Σ result·gradient has the gradient as its derivative by the result.
	var total handle
	defer func() { free(total) }()
	for i, v := range c.Out {
		term, err := product(out[i], t.leaves[v])
		free(t.leaves[v])
		t.leaves[v] = nil
		if err != nil {
			return err
		}
		if total, err = sum(total, term); err != nil {
			return err
		}
	}
	if total == nil || !lib.AtRequiresGrad(total) {
		return nil
	}
	lib.AtBackward(total, 0, 0)
	return lastError()
}

// product returns Σ result·gradient, or nil when the leaf has no gradient.
func product(result, leaf handle) (handle, error) {
	g, err := call(func(r *handle) { lib.AtgGrad(r, leaf) })
	if err != nil {
		return nil, err
	}
	defer free(g)
	if !lib.AtDefined(g) {
		return nil, nil
	}
	return dot(result, g)
}

// dot returns Σ a·b as a float32 scalar.
func dot(a, b handle) (handle, error) {
	p, err := call(func(r *handle) { lib.AtgMul(r, a, b) })
	if err != nil {
		return nil, err
	}
	defer free(p)
	return call(func(r *handle) { lib.AtgSum(r, p, gotch.Float.CInt()) })
}

// sum takes both handles, either of which may be nil, and returns their sum.
func sum(a, b handle) (handle, error) {
	if a == nil || b == nil {
		if a == nil {
			return b, nil
		}
		return a, nil
	}
	defer free(a)
	defer free(b)
	return call(func(r *handle) { lib.AtgAdd(r, a, b) })
}
