package pickle

import (
	"slices"
)

// function does in Go what a Python function would. Whatever it copies it must
// spend, since a pickle may call it often with the same value.
type function func(m *machine, args Tuple) (any, error)

// functions are the functions and containers that are understood, by their full
// names.
func functions() map[string]function {
	return map[string]function{
		"collections.OrderedDict": newDict, "builtins.dict": newDict, "collections.Counter": newDict,
		"collections.defaultdict": func(m *machine, args Tuple) (any, error) { return newDict(m, args[min(1, len(args)):]) },
		"builtins.list":           newList, "builtins.set": newList, "builtins.frozenset": newTuple, "builtins.tuple": newTuple,
		"builtins.bytearray": newBytes, "builtins.bytes": newBytes, "_codecs.encode": newBytes,
		"builtins.getattr": member, "copyreg._reconstructor": reconstruct, "copyreg.__newobj__": newInstance,

		"torch.Size": newTuple, "torch._utils._rebuild_tensor": rebuildTensor, "torch._utils._rebuild_tensor_v2": rebuildTensor,
		"torch._utils._rebuild_tensor_v3": rebuildTyped, "torch._utils._rebuild_parameter": rebuildParameter,
		"torch._utils._rebuild_parameter_with_state": rebuildParameter, "torch._tensor._rebuild_from_type_v2": rebuildFromType,
		"torch._tensor._rebuild_from_type": rebuildFromType,

		"torch._utils._rebuild_qtensor": unreadable("quantised"), "torch._utils._rebuild_sparse_tensor": unreadable("sparse"),
		"torch._utils._rebuild_sparse_csr_tensor": unreadable("sparse"), "torch._utils._rebuild_nested_tensor": unreadable("nested"),
		"torch._utils._rebuild_meta_tensor_no_storage":        unreadable("without values (on the meta device)"),
		"torch._utils._rebuild_wrapper_subclass":              unreadable("a wrapper of another"),
		"torch._utils._rebuild_device_tensor_from_numpy":      unreadable("stored as a NumPy array"),
		"torch.serialization._get_layout":                     firstOf,
		"torch.jit._pickle.build_intlist":                     firstOf,
		"torch.jit._pickle.build_tensorlist":                  firstOf,
		"torch.jit._pickle.build_doublelist":                  firstOf,
		"torch.jit._pickle.build_boollist":                    firstOf,
		"torch.jit._pickle.restore_type_tag":                  firstOf,
		"numpy.core.multiarray._reconstruct":                  func(*machine, Tuple) (any, error) { return &Array{}, nil },
		"numpy.core.multiarray.scalar":                        numpyScalar,
		"numpy.dtype":                                         newNumpyType,
		"numpy.core.numeric._frombuffer":                      frombuffer,
		"torch._utils._rebuild_device_tensor_from_cpu_tensor": firstOf,
	}
}

func first(args Tuple) any {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}

// newDict makes a dictionary of nothing, another one, or a list of pairs.
func newDict(m *machine, args Tuple) (any, error) {
	d := &Dict{}
	switch from := first(args).(type) {
	case nil:
	case *Dict:
		if err := m.spend(from.Len()); err != nil {
			return nil, err
		}
		for k, v := range from.All() {
			d.set(k, v)
		}
	default:
		pairs, err := m.copied(from)
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			pair, err := items(p)
			if err != nil || len(pair) != 2 {
				return nil, malformed("a dictionary is made of %s", kind(p))
			}
			d.set(pair[0], pair[1])
		}
	}
	return d, nil
}

// items returns the contents of a list or tuple; they are not copied.
func items(v any) ([]any, error) {
	switch v := v.(type) {
	case Tuple:
		return v, nil
	case *List:
		return v.Items, nil
	default:
		return nil, malformed("%s stands where a list should", kind(v))
	}
}

// copied copies the contents of a list or tuple.
func (m *machine) copied(v any) ([]any, error) {
	from, err := items(v)
	if err != nil {
		return nil, err
	}
	return slices.Clone(from), m.spend(len(from))
}

func newList(m *machine, args Tuple) (any, error) {
	if len(args) == 0 {
		return &List{}, nil
	}
	from, err := m.copied(args[0])
	return &List{Items: from}, err
}

func newTuple(m *machine, args Tuple) (any, error) {
	if len(args) == 0 {
		return Tuple{}, nil
	}
	from, err := m.copied(args[0])
	return Tuple(from), err
}

// bytesPerValue is how many copied bytes count as one value.
const bytesPerValue = 64

// newBytes makes bytes: protocol 2 writes them as text in Latin-1.
func newBytes(m *machine, args Tuple) (any, error) {
	switch from := first(args).(type) {
	case nil:
		return []byte{}, nil
	case []byte:
		return slices.Clone(from), m.spend(len(from) / bytesPerValue)
	case string:
		if err := m.spend(len(from) / bytesPerValue); err != nil {
			return nil, err
		}
		out := make([]byte, 0, len(from))
		for _, r := range from {
			if r > 0xff {
				return nil, malformed("text that should be Latin-1 has %q", r)
			}
			out = append(out, byte(r))
		}
		return out, nil
	default:
		return nil, malformed("bytes are made of %s", kind(from))
	}
}

// member is how Python 3.11 writes a member of an enum: as an attribute of its
// class. It stays a name; no attribute is looked up.
func member(_ *machine, args Tuple) (any, error) {
	if len(args) == 2 {
		class, ok := args[0].(Global)
		name, also := args[1].(string)
		if ok && also && isClass(class) && name != "" && name[0] != '_' {
			return &Object{Class: class, Args: Tuple{name}}, nil
		}
	}
	return nil, refuse("the pickle takes an attribute of %s", kind(first(args)))
}

// reconstruct is how old classes are written: class, base, the base's state.
func reconstruct(m *machine, args Tuple) (any, error) {
	return newInstance(m, args[:min(1, len(args))])
}

// newInstance makes an object of the class that is the first argument.
func newInstance(_ *machine, args Tuple) (any, error) {
	class, ok := first(args).(Global)
	if !ok {
		return nil, malformed("an instance is made of %s", kind(first(args)))
	}
	return &Object{Class: class, Args: args[1:]}, nil
}

// firstOf is its first argument: what is wrapped without being changed, such as
// TorchScript's lists with their types.
func firstOf(_ *machine, args Tuple) (any, error) { return first(args), nil }
