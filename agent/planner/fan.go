package planner

import (
	"maps"
	"slices"
)

// fan is an argument with several values, and where each was said, if that is
// known.
type fan struct {
	param string
	vals  []any
	at    []int
}

// pairs tells whether the values of two arguments were said in turn, each with
// its own: "unet with lr 1e-3 and dynunet with lr 1e-4".
func (f fan) pairs(g fan) bool {
	n := len(f.vals)
	if n < 2 || len(f.at) != n || len(g.vals) != n || len(g.at) != n {
		return false
	}
	first, second := f.at, g.at
	if second[0] < first[0] {
		first, second = second, first
	}
	for i := range n {
		if first[i] >= second[i] || i+1 < n && second[i] >= first[i+1] {
			return false
		}
	}
	return true
}

// combinations are the arguments of each step that a draft stands for: those of
// arguments that were said in turn side by side, of the others each with each.
func (d *draft) combinations() []map[string]any {
	combos := []map[string]any{d.args}
	done := make([]bool, len(d.fan))
	for i, f := range d.fan {
		if done[i] {
			continue
		}
		group := []fan{f}
		for j := i + 1; j < len(d.fan); j++ {
			if !done[j] && f.pairs(d.fan[j]) {
				group, done[j] = append(group, d.fan[j]), true
			}
		}
		var next []map[string]any
		for _, c := range combos {
			for k := range f.vals {
				m := make(map[string]any, len(c)+len(group))
				maps.Copy(m, c)
				for _, g := range group {
					m[g.param] = g.vals[k]
				}
				next = append(next, m)
			}
			if len(next) > 2*maxSteps {
				break
			}
		}
		combos = next
	}
	return slices.Clip(combos)
}
