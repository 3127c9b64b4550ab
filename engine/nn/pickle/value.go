package pickle

import (
	"iter"

	"github.com/minivess/minivess/engine/nn"
)

// A pickled value is one of: nil, bool, int64, *big.Int (beyond int64),
// float64, string, []byte, Tuple, *List, *Dict, Global, *Object, *Tensor,
// *Storage, *Array.

// Tuple is a Python tuple or frozenset.
type Tuple []any

// List is a Python list or set.
type List struct{ Items []any }

// Global is a class or function that was named, not called.
type Global struct{ Module, Name string }

// String joins module and name by a dot.
func (g Global) String() string {
	if g.Module == "" {
		return g.Name
	}
	return g.Module + "." + g.Name
}

// Object is an instance of a class that is not known here: its constructor's
// arguments, its attributes and, if it is a container, what is in it.
type Object struct {
	Class Global
	Args  Tuple
	State any
	Items *Dict
	List  *List
}

// Dict is a dictionary in the order of insertion.
type Dict struct {
	keys   []any
	values []any
	index  map[any]int
}

// Len returns the number of entries.
func (d *Dict) Len() int { return len(d.keys) }

// All yields the entries in order.
func (d *Dict) All() iter.Seq2[any, any] {
	return func(yield func(any, any) bool) {
		for i, k := range d.keys {
			if !yield(k, d.values[i]) {
				return
			}
		}
	}
}

// Get returns the value of a key that is a string.
func (d *Dict) Get(key string) (any, bool) {
	i, ok := d.index[key]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// set adds an entry or replaces the value of an equal key. Keys that are not
// simple values are all different.
func (d *Dict) set(key, value any) {
	switch key.(type) {
	case nil, bool, int64, float64, string, Global:
		if i, ok := d.index[key]; ok {
			d.values[i] = value
			return
		}
		if d.index == nil {
			d.index = make(map[any]int)
		}
		d.index[key] = len(d.keys)
	}
	d.keys = append(d.keys, key)
	d.values = append(d.values, value)
}

// Storage is a one-dimensional array that tensors are views of.
type Storage struct {
	Key      string
	Class    string // of PyTorch, such as FloatStorage
	Elements int64
	Location string // the device it was saved from

	dtype nn.DType // empty when there is none of ours
	root  *Storage // of which this one is a view, in old files
	skip  int64    // the view's first element
	at    int64    // the first byte in the file
}

// Tensor is a view of a storage.
type Tensor struct {
	Storage *Storage
	DType   nn.DType
	// Offset and Strides count elements.
	Offset  int64
	Shape   nn.Shape
	Strides []int64
	// Unreadable says why the tensor is not a plain array, when it is not:
	// quantised, sparse, an element type that is not known here.
	Unreadable string
}

// Array is a NumPy array.
type Array struct {
	// Type is NumPy's code of the element type, such as f8; its elements are
	// little-endian unless Big.
	Type    string
	Big     bool
	Shape   nn.Shape
	Fortran bool
	Data    []byte
}
