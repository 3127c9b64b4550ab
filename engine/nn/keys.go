package nn

import (
	"fmt"
	"iter"
	"strings"
)

// KeyReport compares the tensors of a state with the parameters of a network.
type KeyReport struct {
	Matched    []string // loaded
	Missing    []string // declared by the network, not in the state
	Unexpected []string // in the state, unknown to the network
	Mismatched []Mismatch
}

// Mismatch is a tensor whose shape or type is not what the network declares.
type Mismatch struct {
	Name      string
	Want, Got Shape
	WantType  DType
	GotType   DType
}

// OK reports whether the state is exactly what the network declares.
func (r KeyReport) OK() bool {
	return len(r.Missing) == 0 && len(r.Unexpected) == 0 && len(r.Mismatched) == 0
}

// Err returns nil when OK, else ErrState with what is wrong, the first few
// names of each kind.
func (r KeyReport) Err() error {
	if r.OK() {
		return nil
	}
	var parts []string
	add := func(what string, names []string) {
		if len(names) == 0 {
			return
		}
		const most = 3
		shown := names[:min(most, len(names))]
		more := ""
		if len(names) > most {
			more = fmt.Sprintf(" and %d more", len(names)-most)
		}
		parts = append(parts, fmt.Sprintf("%d %s (%s%s)", len(names), what, strings.Join(shown, ", "), more))
	}
	wrong := make([]string, len(r.Mismatched))
	for i, m := range r.Mismatched {
		wrong[i] = fmt.Sprintf("%q wants %s %v, found %s %v", m.Name, m.WantType, m.Want, m.GotType, m.Got)
	}
	add("missing", quoted(r.Missing))
	add("unexpected", quoted(r.Unexpected))
	add("mismatched", wrong)
	return fmt.Errorf("%w: %s; %d matched", ErrState, strings.Join(parts, "; "), len(r.Matched))
}

func quoted(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%q", n)
	}
	return out
}

// Compare matches a state with declared parameters by name, shape and type.
// Any floating-point type is taken for F32, since it can be converted.
func Compare(params []Param, s *State) KeyReport { return CompareAll(params, s.All()) }

// CompareAll is Compare for tensors whose names are unique and whose data need
// not have been read.
func CompareAll(params []Param, found iter.Seq[Tensor]) KeyReport {
	var r KeyReport
	known, in := make(map[string]bool, len(params)), make(map[string]Tensor)
	for t := range found {
		in[t.Name] = t
	}
	for _, p := range params {
		known[p.Name] = true
		t, ok := in[p.Name]
		switch {
		case !ok:
			r.Missing = append(r.Missing, p.Name)
		case !t.Shape.Equal(p.Shape) || (t.DType != p.Type() && (p.Type() != F32 || !t.DType.Float())):
			r.Mismatched = append(r.Mismatched, Mismatch{
				Name: p.Name, Want: p.Shape, Got: t.Shape, WantType: p.Type(), GotType: t.DType,
			})
		default:
			r.Matched = append(r.Matched, p.Name)
		}
	}
	for t := range found {
		if !known[t.Name] {
			r.Unexpected = append(r.Unexpected, t.Name)
		}
	}
	return r
}
