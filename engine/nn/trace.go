package nn

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// InputShapes are the shapes for which a forward pass is recorded.
type InputShapes struct {
	Image   Shape
	Prompts map[string]Shape
}

// Trace records a forward pass. It returns the first mistake with the
// operation, the segments around it and the parameters involved; the error
// wraps ErrShape, ErrOp or ErrParam, or is the forward pass's own. A panic of
// the forward pass becomes an error too.
func Trace(forward Forward, params []Param, shapes InputShapes) (p *Program, err error) {
	if err := CheckParams(params); err != nil {
		return nil, err
	}
	t := &tracer{program: &Program{}, declared: make(map[string]Param, len(params)), params: make(map[string]Value)}
	for _, q := range params {
		t.declared[q.Name] = q
	}
	in, err := t.inputs(shapes)
	if err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("forward pass panicked%s: %v", t.where(), r)
			if t.err != nil {
				err = t.err
			}
		}
	}()
	out, err := forward(t, in)
	if t.err != nil {
		return nil, t.err
	}
	if err != nil {
		return nil, err
	}
	if err := t.outputs(out); err != nil {
		return nil, err
	}
	return t.program, nil
}

// tracer is the Graph that records.
type tracer struct {
	program  *Program
	declared map[string]Param
	params   map[string]Value
	path     []string
	hidden   []bool // by value: made inside a finished segment and not its result
	err      error
}

func (t *tracer) inputs(shapes InputShapes) (Inputs, error) {
	add := func(name string, s Shape) (Value, error) {
		n, err := s.CheckElements()
		if err != nil {
			return Value{}, fmt.Errorf("input %q: %w", name, err)
		}
		if n == 0 {
			return Value{}, fmt.Errorf("input %q: %w: %v has no elements", name, ErrShape, s)
		}
		v := t.newValue(s, FromInput, len(t.program.Inputs))
		t.program.Inputs = append(t.program.Inputs, Input{Name: name, Value: v.id - 1})
		return v, nil
	}
	var in Inputs
	var err error
	if in.Image, err = add(ImageInput, shapes.Image); err != nil {
		return Inputs{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(shapes.Prompts)) {
		if in.Prompts == nil {
			in.Prompts = make(map[string]Value)
		}
		if in.Prompts[name], err = add(name, shapes.Prompts[name]); err != nil {
			return Inputs{}, err
		}
	}
	return in, nil
}

func (t *tracer) outputs(out Outputs) error {
	for i, v := range append([]Value{out.Logits}, out.Auxiliary...) {
		if !t.owns(v) {
			return fmt.Errorf("%w: output %d is not a value of this forward pass", ErrOp, i)
		}
		t.program.Outputs = append(t.program.Outputs, v.id-1)
	}
	return nil
}

func (t *tracer) newValue(s Shape, source Source, index int) Value {
	t.program.Values = append(t.program.Values, ValueInfo{Shape: s.Clone(), Source: source, Index: index})
	t.hidden = append(t.hidden, false)
	return Value{id: len(t.program.Values), shape: s.Clone()}
}

// owns reports whether v is a valid, visible value of this program.
func (t *tracer) owns(v Value) bool {
	return v.Valid() && v.id <= len(t.program.Values) && !t.hidden[v.id-1] &&
		t.program.Values[v.id-1].Shape.Equal(v.shape)
}

func (t *tracer) where() string {
	if len(t.path) == 0 {
		return ""
	}
	return " in " + strings.Join(t.path, "/")
}

// Param implements Graph.
func (t *tracer) Param(name string) Value {
	if v, ok := t.params[name]; ok {
		return v
	}
	p, ok := t.declared[name]
	if !ok {
		return t.Fail(fmt.Errorf("%w %q is not declared", ErrParam, name))
	}
	v := t.newValue(p.Shape, FromParam, len(t.program.Params))
	t.program.Params = append(t.program.Params, p)
	t.params[name] = v
	return v
}

// Apply implements Graph.
func (t *tracer) Apply(op Op, inputs ...Value) Value {
	if t.err != nil {
		return Value{}
	}
	shapes, in := make([]Shape, len(inputs)), make([]int, len(inputs))
	for i, v := range inputs {
		if !t.owns(v) {
			return t.Fail(fmt.Errorf("%s: %w: input %d is not a value of this forward pass, or was made inside a segment that has ended",
				op.Kind(), ErrOp, i))
		}
		shapes[i], in[i] = v.shape, v.id-1
	}
	out, err := op.Infer(shapes)
	if err == nil {
		_, err = out.CheckElements()
	}
	if err != nil {
		return t.Fail(fmt.Errorf("%s%s: %w", op.Kind(), t.paramNames(in), err))
	}
	v := t.newValue(out, FromNode, len(t.program.Nodes))
	t.program.Nodes = append(t.program.Nodes, Node{Op: op, In: in, Out: v.id - 1, Path: strings.Join(t.path, "/")})
	return v
}

// paramNames lists the parameters among an operation's inputs.
func (t *tracer) paramNames(in []int) string {
	var names []string
	for _, v := range in {
		if info := t.program.Values[v]; info.Source == FromParam {
			names = append(names, t.program.Params[info.Index].Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// Segment implements Graph.
func (t *tracer) Segment(name string, body func() Value) Value {
	if t.err != nil {
		return Value{}
	}
	outer := len(t.path) == 0
	first, firstValue := len(t.program.Nodes), len(t.program.Values)
	t.path = append(t.path, name)
	result := body()
	if t.err == nil && !t.owns(result) {
		t.Fail(fmt.Errorf("%w: the segment's result is not a value of this forward pass", ErrOp))
	}
	t.path = t.path[:len(t.path)-1]
	if t.err != nil {
		return Value{}
	}
	for v := firstValue; v < len(t.program.Values); v++ {
		if t.program.Values[v].Source == FromNode && v != result.id-1 {
			t.hidden[v] = true
		}
	}
	if outer && len(t.program.Nodes) > first {
		t.program.Segments = append(t.program.Segments, Segment{
			Name: name, First: first, Last: len(t.program.Nodes), Result: result.id - 1,
		})
	}
	return result
}

// Fail implements Graph.
func (t *tracer) Fail(err error) Value {
	if err == nil {
		err = errors.New("forward pass failed without saying why")
	}
	if t.err == nil {
		if len(t.path) > 0 {
			err = fmt.Errorf("%s: %w", strings.Join(t.path, "/"), err)
		}
		t.err = err
	}
	return Value{}
}
