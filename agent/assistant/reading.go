package assistant

import (
	"runtime"
	"sync"
	"weak"
)

// readings are what was made of plans that the conversation has told, so that a
// turn does not do it again for each turn before. Such a plan does not change
// any more. A reading is forgotten with its plan.
type readings struct {
	mu  sync.Mutex
	all map[weak.Pointer[Plan]]*reading
}

// reading is what was made of one plan; it must not lead back to it.
type reading struct {
	mu      sync.Mutex
	args    map[int]string // by step: its arguments as a model writes them
	reports map[int]string // by step: what a model hears of it
	names   []string       // the runs that its results name
	named   bool
}

// of is the reading of a plan.
func (r *readings) of(p *Plan) *reading {
	key := weak.Make(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if found := r.all[key]; found != nil {
		return found
	}
	if r.all == nil {
		r.all = make(map[weak.Pointer[Plan]]*reading)
	}
	fresh := &reading{args: make(map[int]string), reports: make(map[int]string)}
	r.all[key] = fresh
	runtime.AddCleanup(p, r.forget, key)
	return fresh
}

func (r *readings) forget(key weak.Pointer[Plan]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, key)
}

// report is what a model hears of a step of p.
func (r *reading) report(p *Plan, step int) string {
	return r.once(r.reports, step, func() string { return p.Steps[step].report() })
}

// renumbered are the arguments of a step of p as a model writes them.
func (r *reading) renumbered(p *Plan, step int, ids map[string]string) string {
	return r.once(r.args, step, func() string { return renumbered(&p.Steps[step], ids) })
}

func (r *reading) once(known map[int]string, step int, find func() string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text, ok := known[step]
	if !ok {
		text = find()
		known[step] = text
	}
	return text
}

// runs are the names of runs in the results of p.
func (r *reading) runs(p *Plan) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.named {
		r.names, r.named = p.runNames(), true
	}
	return r.names
}
