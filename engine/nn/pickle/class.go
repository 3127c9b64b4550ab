package pickle

import (
	"slices"
	"strings"
	"unicode"
)

// global reads two lines: module and name.
func (m *machine) global() error {
	module, err := m.line()
	if err != nil {
		return err
	}
	name, err := m.line()
	if err != nil {
		return err
	}
	return m.pushGlobal(module, name)
}

// stackGlobal takes module and name from the stack.
func (m *machine) stackGlobal() error {
	v, err := m.popN(2)
	if err != nil {
		return err
	}
	module, ok := v[0].(string)
	name, also := v[1].(string)
	if !ok || !also || len(module) > maxName || len(name) > maxName {
		return malformed("a class is named by %s and %s", kind(v[0]), kind(v[1]))
	}
	return m.pushGlobal(module, name)
}

func (m *machine) pushGlobal(module, name string) error {
	g := Global{Module: modern(module), Name: name}
	if m.forbids(g) {
		return refuse("the pickle names %q, which can run programs, load code or open files: nothing was executed, "+
			"but do not trust whoever made this file", g.String())
	}
	return m.push(g)
}

// modern gives modules that were renamed their present names.
func modern(module string) string {
	switch module {
	case "__builtin__":
		return "builtins"
	case "copy_reg":
		return "copyreg"
	case "torch.tensor":
		return "torch._tensor"
	}
	if rest, ok := strings.CutPrefix(module, "numpy._core"); ok {
		return "numpy.core" + rest
	}
	return module
}

// isClass tells by its name whether something is a class: PEP 8 writes them
// with capitals. The exceptions of the standard library are listed.
func isClass(g Global) bool {
	name := strings.TrimLeft(g.Name[strings.LastIndexByte(g.Name, '.')+1:], "_")
	if name != "" && unicode.IsUpper(rune(name[0])) {
		return true
	}
	return slices.Contains([]string{
		"builtins.complex", "builtins.slice", "builtins.range", "builtins.object", "builtins.int", "builtins.float",
		"builtins.str", "builtins.bool", "datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta",
		"datetime.timezone", "collections.deque", "torch.device", "numpy.ndarray", "pathlib._local.PosixPath",
	}, g.String())
}

// newObject makes an instance from class and arguments.
func (m *machine) newObject() error {
	v, err := m.popN(2)
	if err != nil {
		return err
	}
	return m.instantiate(v[0], v[1])
}

// newObjectEx has keyword arguments too, which tell nothing about weights.
func (m *machine) newObjectEx() error {
	v, err := m.popN(3)
	if err != nil {
		return err
	}
	return m.instantiate(v[0], v[1])
}

func (m *machine) instantiate(class, args any) error {
	g, ok := class.(Global)
	given, also := args.(Tuple)
	if !ok || !also {
		return malformed("an instance is made of %s with %s", kind(class), kind(args))
	}
	if known := m.functions[g.String()]; known != nil {
		v, err := known(m, given)
		return m.pushUnless(err, v)
	}
	return m.push(&Object{Class: g, Args: given})
}

// reduce would call a function in Python. Here it is done if it is known, kept
// as an object if it is a class, and refused otherwise.
func (m *machine) reduce() error {
	v, err := m.popN(2)
	if err != nil {
		return err
	}
	result, err := m.call(v[0], v[1])
	return m.pushUnless(err, result)
}

func (m *machine) call(function, args any) (any, error) {
	g, ok := function.(Global)
	if !ok {
		return nil, refuse("the pickle calls %s", kind(function))
	}
	given, ok := args.(Tuple)
	if !ok {
		return nil, malformed("%q is called with %s", g.String(), kind(args))
	}
	if known := m.functions[g.String()]; known != nil {
		return known(m, given)
	}
	if isClass(g) {
		return &Object{Class: g, Args: given}, nil
	}
	return nil, refuse("the pickle calls the function %q, which is not known here", g.String())
}

// build gives an object its attributes.
func (m *machine) build() error {
	state, err := m.pop()
	if err != nil {
		return err
	}
	target, err := m.top()
	if err != nil {
		return err
	}
	switch t := target.(type) {
	case *Object:
		t.State = state
	case *Array:
		return t.build(state)
	case *numpyType:
		return t.build(state)
	case *Dict, *List, *Tensor:
		// Attributes beside the contents: a state_dict's _metadata, a tensor's hooks.
	default:
		return malformed("%s is given attributes", kind(target))
	}
	return nil
}
