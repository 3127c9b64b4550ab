package nn

// Infer implements Op.
func (c Concat) Infer(in []Shape) (Shape, error) {
	if len(in) == 0 {
		return nil, setting("nothing to join")
	}
	axis, err := axisOf(c.Axis, len(in[0]))
	if err != nil {
		return nil, err
	}
	out := in[0].Clone()
	for _, s := range in[1:] {
		if len(s) != len(out) {
			return nil, wrong("%v and %v along axis %d", in[0], s, c.Axis)
		}
		for i := range s {
			if i != axis && s[i] != out[i] {
				return nil, wrong("%v and %v along axis %d", in[0], s, c.Axis)
			}
		}
		out[axis] += s[axis]
	}
	return out, nil
}

// Infer implements Op.
func (s Slice) Infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	axis, err := axisOf(s.Axis, len(in[0]))
	if err != nil {
		return nil, err
	}
	if s.Step < 1 {
		return nil, setting("step must be at least 1, not %d", s.Step)
	}
	start, stop := s.Bounds(in[0][axis])
	if start >= stop {
		return nil, wrong("elements %d to %d of axis %d with size %d", s.Start, s.Stop, s.Axis, in[0][axis])
	}
	out := in[0].Clone()
	out[axis] = (stop - start + s.Step - 1) / s.Step
	return out, nil
}

// Bounds resolves negative and excessive limits for an axis of that size.
func (s Slice) Bounds(size int) (start, stop int) {
	clip := func(v int) int {
		if v < 0 {
			v += size
		}
		return min(max(v, 0), size)
	}
	return clip(s.Start), clip(s.Stop)
}

// Infer implements Op.
func (r Reshape) Infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	x, out, open := in[0], r.Shape.Clone(), -1
	known := int64(1)
	for i, d := range out {
		switch {
		case d == 0 && i < len(x):
			out[i] = x[i]
		case d == -1 && open < 0:
			open = i
			continue
		case d < 1:
			return nil, setting("target %v: 0 needs an axis to copy, and only one size may be -1", r.Shape)
		}
		known *= int64(out[i])
	}
	total := x.Elements()
	if open >= 0 {
		if known == 0 || total%known != 0 {
			return nil, wrong("%v cannot become %v", x, r.Shape)
		}
		out[open] = int(total / known)
		known *= int64(out[open])
	}
	if known != total {
		return nil, wrong("%v cannot become %v", x, r.Shape)
	}
	return out, nil
}

// Infer implements Op.
func (p Permute) Infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	x := in[0]
	if len(p.Axes) != len(x) {
		return nil, setting("order %v of a tensor with %d axes", p.Axes, len(x))
	}
	out, seen := make(Shape, len(x)), make([]bool, len(x))
	for i, a := range p.Axes {
		if a < 0 || a >= len(x) || seen[a] {
			return nil, setting("order %v of a tensor with %d axes", p.Axes, len(x))
		}
		seen[a] = true
		out[i] = x[a]
	}
	return out, nil
}

// Infer implements Op.
func (r Roll) Infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	if len(r.Shift) != len(in[0]) || len(r.Shift) == 0 {
		return nil, setting("shift %v of a tensor with %d axes", r.Shift, len(in[0]))
	}
	return in[0], nil
}

// Infer implements Op.
func (p Pad) Infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	x := in[0]
	if len(p.Before) != len(x) || len(p.After) != len(x) {
		return nil, setting("padding %v, %v of a tensor with %d axes", p.Before, p.After, len(x))
	}
	out := x.Clone()
	for i := range x {
		if p.Before[i] < 0 || p.After[i] < 0 {
			return nil, setting("padding %v, %v must not be negative", p.Before, p.After)
		}
		out[i] += p.Before[i] + p.After[i]
	}
	return out, nil
}

// Infer implements Op.
func (MatMulOp) Infer(in []Shape) (Shape, error) {
	if err := arity(in, 2, 2); err != nil {
		return nil, err
	}
	a, b := in[0], in[1]
	if len(a) < 2 || len(b) < 2 {
		return nil, wrong("%v and %v need at least 2 axes", a, b)
	}
	outer, ok := broadcast(a[:len(a)-2], b[:len(b)-2])
	if !ok || a[len(a)-1] != b[len(b)-2] {
		return nil, wrong("%v times %v", a, b)
	}
	return append(outer, a[len(a)-2], b[len(b)-1]), nil
}

// Infer implements Op.
func (s SoftmaxOp) Infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	if _, err := axisOf(s.Axis, len(in[0])); err != nil {
		return nil, err
	}
	return in[0], nil
}

// Infer implements Op.
func (g Gather) Infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	table := in[0]
	if len(table) == 0 || len(g.Indices) == 0 {
		return nil, setting("%d indices into %v", len(g.Indices), table)
	}
	for _, i := range g.Indices {
		if i < 0 || i >= table[0] {
			return nil, wrong("row %d of a table with %d", i, table[0])
		}
	}
	out := table.Clone()
	out[0] = len(g.Indices)
	return out, nil
}

// Infer implements Op.
func (d DropoutOp) Infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	if !(d.P >= 0 && d.P < 1) {
		return nil, setting("probability %g must lie in [0, 1)", d.P)
	}
	if d.Channels && d.Samples {
		return nil, setting("drops channels or samples, not both")
	}
	if d.Samples && len(in[0]) == 0 {
		return nil, wrong("a scalar has no samples to drop")
	}
	if d.Channels && len(in[0]) < 3 {
		return nil, wrong("input %v has no channels to drop", in[0])
	}
	return in[0], nil
}

// Infer implements Op.
func (c Constant) Infer(in []Shape) (Shape, error) {
	if err := arity(in, 0, 0); err != nil {
		return nil, err
	}
	n, err := c.Shape.CheckElements()
	if err != nil {
		return nil, err
	}
	if n != int64(len(c.Values)) || n == 0 {
		return nil, wrong("constant %v with %d values", c.Shape, len(c.Values))
	}
	return c.Shape, nil
}
