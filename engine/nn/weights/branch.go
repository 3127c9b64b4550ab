package weights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/nn/pickle"
)

// wrappers are the keys under which checkpoints keep a network's weights, the
// likelier first; averaged says which hold moving averages, which are taken
// only when there is nothing else.
func wrappers() (keys, averaged []string) {
	keys = []string{
		"state_dict", "model_state_dict", "network_weights", "model_state", "model", "network", "net", "weights",
		"params", "module", "student", "generator",
	}
	return keys, []string{
		"ema_state_dict", "state_dict_ema", "model_ema", "ema_model", "ema", "params_ema", "teacher",
	}
}

// candidate is a dictionary that may hold the weights.
type candidate struct {
	path    string
	dict    *pickle.Dict
	tensors int
}

// branch finds the dictionary that holds the weights and lists its tensors.
func (f *File) branch(root any) ([]named, error) {
	top, ok := root.(*pickle.Dict)
	if !ok {
		return nil, notDict(root)
	}
	f.collectMetadata(top)
	at := candidate{dict: top}
	if f.options.Branch != "" {
		var err error
		if at, err = follow(top, f.options.Branch); err != nil {
			return nil, err
		}
	}
	for range maxDepth {
		next, err := f.descend(at)
		if err != nil {
			return nil, err
		}
		if next.dict == at.dict {
			break
		}
		at = next
	}
	if at.path != "" {
		f.note("the weights were found under %q", at.path)
	}
	return f.tensorsOf(at)
}

// notDict says what to do about a file that holds something else.
func notDict(root any) error {
	switch v := root.(type) {
	case *pickle.Object:
		return fmt.Errorf("%w: it holds a whole Python object of class %q, whose code minivess never runs; "+
			`in Python, save its weights alone: torch.save(model.state_dict(), "weights.pt")`, ErrBranch, v.Class.String())
	case *pickle.Tensor:
		return fmt.Errorf("%w: it holds a single tensor of %v without a name", ErrBranch, v.Shape)
	default:
		return fmt.Errorf("%w: it holds no dictionary; %s", ErrBranch, pickle.Advice)
	}
}

// follow walks a path of keys joined by dots; keys may have dots themselves.
func follow(d *pickle.Dict, path string) (candidate, error) {
	at, rest := d, path
	for rest != "" {
		next, ok := (*pickle.Dict)(nil), false
		key := ""
		for k, v := range at.All() {
			name, _ := k.(string)
			if sub, is := v.(*pickle.Dict); is && name != "" && len(name) > len(key) && (rest == name || strings.HasPrefix(rest, name+".")) {
				next, ok, key = sub, true, name
			}
		}
		if !ok {
			return candidate{}, fmt.Errorf("%w: there is no branch %q; there is %s", ErrBranch, path, listKeys(at))
		}
		at, rest = next, strings.TrimPrefix(rest[len(key):], ".")
	}
	return candidate{path: path, dict: at}, nil
}

// listKeys names the dictionaries below one, the first few.
func listKeys(d *pickle.Dict) string {
	var out []string
	for k, v := range d.All() {
		name, ok := k.(string)
		if _, dict := v.(*pickle.Dict); ok && dict {
			out = append(out, fmt.Sprintf("%q", name))
		}
	}
	if len(out) == 0 {
		return "none"
	}
	const most = 8
	if len(out) > most {
		out = append(out[:most], fmt.Sprintf("and %d more", len(out)-most))
	}
	return strings.Join(out, ", ")
}

// descend chooses the dictionary below at that is likelier to hold the weights,
// or at itself.
func (f *File) descend(at candidate) (candidate, error) {
	keys, averaged := wrappers()
	var known []candidate
	var object *pickle.Object
	for _, key := range slices.Concat(keys, averaged) {
		v, _ := at.dict.Get(key)
		if c, ok := asCandidate(at, key, v); ok {
			known = append(known, c)
		} else if o, is := v.(*pickle.Object); is && object == nil {
			object = o
		}
	}
	if len(known) > 0 {
		for _, other := range known[1:] {
			f.note("%q holds %d tensors too; choose it with the branch option", other.path, other.tensors)
		}
		return known[0], nil
	}
	if countTensors(at.dict) > 0 {
		return at, nil
	}
	if object != nil {
		return candidate{}, notDict(object)
	}
	var unknown []candidate
	for k, v := range at.dict.All() {
		name, ok := k.(string)
		if c, is := asCandidate(at, name, v); ok && is && !optimiser(name) {
			unknown = append(unknown, c)
		}
	}
	switch len(unknown) {
	case 0:
		return candidate{}, fmt.Errorf("%w: no dictionary of tensors among its entries (%s); %s", ErrBranch, listKeys(at.dict), pickle.Advice)
	case 1:
		return unknown[0], nil
	default:
		names := make([]string, len(unknown))
		for i, c := range unknown {
			names[i] = fmt.Sprintf("%q (%d tensors)", c.path, c.tensors)
		}
		return candidate{}, fmt.Errorf("%w: %s; choose one with the branch option", ErrBranch, strings.Join(names, ", "))
	}
}

// asCandidate reports whether a value is a dictionary with tensors in it or
// anywhere below.
func asCandidate(at candidate, key string, v any) (candidate, bool) {
	d, ok := v.(*pickle.Dict)
	if !ok {
		return candidate{}, false
	}
	n := tensorsBelow(d, make(map[*pickle.Dict]bool), maxDepth)
	path := key
	if at.path != "" {
		path = at.path + "." + key
	}
	return candidate{path: path, dict: d, tensors: n}, n > 0
}

// tensorsBelow counts the tensors in a dictionary and, if it has none itself, in
// those below it, each of which is looked at once.
func tensorsBelow(d *pickle.Dict, seen map[*pickle.Dict]bool, depth int) int {
	n := countTensors(d)
	if n > 0 || seen[d] || depth == 0 || len(seen) > maxVisits {
		return n
	}
	seen[d] = true
	for _, v := range d.All() {
		if below, ok := v.(*pickle.Dict); ok {
			n += tensorsBelow(below, seen, depth-1)
		}
	}
	return n
}

// countTensors counts the tensors directly in a dictionary.
func countTensors(d *pickle.Dict) int {
	n := 0
	for k, v := range d.All() {
		if _, name := k.(string); !name {
			continue
		}
		if _, tensor := v.(*pickle.Tensor); tensor {
			n++
		}
	}
	return n
}

// optimiser recognises what training keeps beside the weights.
func optimiser(key string) bool {
	key = strings.ToLower(key)
	for _, word := range []string{"optim", "opt", "sched", "scaler", "loss", "rng", "history", "log", "callback", "loop"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}

// tensorsOf lists the tensors of the chosen dictionary.
func (f *File) tensorsOf(c candidate) ([]named, error) {
	var found []named
	var other int
	for k, v := range c.dict.All() {
		name, ok := k.(string)
		t, tensor := v.(*pickle.Tensor)
		if !ok || !tensor {
			other++
			continue
		}
		found = append(found, named{name, t})
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: there are no tensors under %q", ErrBranch, c.path)
	}
	if other > 0 && c.path != "" {
		f.note("%d entries under %q are no tensors and were left out", other, c.path)
	}
	return found, nil
}

// collectMetadata keeps the plain values at the top of a checkpoint, and says
// what else lies there.
func (f *File) collectMetadata(top *pickle.Dict) {
	const most = 100
	for k, v := range top.All() {
		name, ok := k.(string)
		if !ok {
			continue
		}
		if s, simple := plain(v); simple && len(f.metadata) < most {
			f.metadata[name] = s
		}
		if d, dict := v.(*pickle.Dict); dict && d.Len() > 0 && strings.Contains(strings.ToLower(name), "optim") {
			f.note("%q is the state of an optimiser: it was left out", name)
		}
	}
}
