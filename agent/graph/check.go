package graph

import (
	"strings"
)

// validName keeps the characters that addresses are made with out of names.
func validName(name string) bool {
	return name != "" && name != End && !strings.ContainsAny(name, "/[]#")
}

func (b *Builder[S]) checkFields() map[string]AnyField[S] {
	fields := make(map[string]AnyField[S], len(b.fields))
	places := make(map[uintptr]string, len(b.fields))
	var zero S
	for _, f := range b.fields {
		name := f.fieldName()
		switch {
		case name == "":
			b.problem(ErrReserved, "field without a name")
		case !f.complete():
			b.problem(ErrNilFunction, "field %s", name)
		case fields[name] != nil:
			b.problem(ErrDuplicate, "field %s", name)
		default:
			fields[name] = f
			place, err := f.probe(&zero)
			if err != nil {
				b.problem(ErrField, "field %s: %v", name, err)
			} else if other, taken := places[place]; taken {
				b.problem(ErrField, "fields %s and %s are the same part of the state", other, name)
			} else {
				places[place] = name
			}
		}
	}
	return fields
}

func (b *Builder[S]) checkEdges() {
	plain := make(map[[2]string]bool)
	single := make(map[edgeKind]map[string]bool)
	for _, e := range b.edges {
		if b.nodes[e.from] == nil {
			b.problem(ErrUnknownNode, "edge from %q", e.from)
		}
		for _, to := range e.targets {
			if b.nodes[to] == nil && (to != End || e.kind == sendEdge) {
				b.problem(ErrUnknownNode, "edge from %q to %q", e.from, to)
			}
		}
		if e.kind == plainEdge {
			pair := [2]string{e.from, e.targets[0]}
			if plain[pair] {
				b.problem(ErrDuplicate, "edge from %s to %s", pair[0], pair[1])
			}
			plain[pair] = true
			continue
		}
		if single[e.kind] == nil {
			single[e.kind] = make(map[string]bool)
		}
		if single[e.kind][e.from] {
			b.problem(ErrDuplicate, "%s from %s", e.kind, e.from)
		}
		single[e.kind][e.from] = true
	}
}

func (k edgeKind) String() string {
	return [...]string{plainEdge: "edge", branchEdge: "branch", gotoEdge: "goto", sendEdge: "sends"}[k]
}

func (b *Builder[S]) checkEntry() {
	switch {
	case b.entry == "":
		b.problem(ErrNoEntry, "call Entry with the name of a node")
	case b.nodes[b.entry] == nil:
		b.problem(ErrUnknownNode, "entry %q", b.entry)
	}
}

func (b *Builder[S]) checkPolicies() map[string]Policy[S] {
	policies := make(map[string]Policy[S], len(b.policies))
	for _, p := range b.policies {
		v := b.nodes[p.name]
		_, taken := policies[p.name]
		switch {
		case v == nil:
			b.problem(ErrUnknownNode, "policy of %q", p.name)
		case taken:
			b.problem(ErrDuplicate, "policy of %s", p.name)
		default:
			policies[p.name] = p.value
			for _, why := range p.value.contradictions(v.nested != nil) {
				b.problem(ErrPolicy, "node %s: %s", p.name, why)
			}
		}
	}
	return policies
}

func (b *Builder[S]) checkOptions(o Options) {
	if !o.Durability.known() {
		b.problem(ErrPolicy, "durability %q: use %s, %s or %s", o.Durability, Sync, Async, Exit)
	}
}

// checkPaths refuses nodes that no run gets to and nodes that no run leaves.
// Where names are wrong, it says nothing that follows only from that.
func (b *Builder[S]) checkPaths() {
	forth, back := make(map[string][]string), make(map[string][]string)
	for _, e := range b.edges {
		for _, to := range e.targets {
			forth[e.from] = append(forth[e.from], to)
			if b.nodes[to] == nil {
				to = End
			}
			back[to] = append(back[to], e.from)
		}
	}
	if b.nodes[b.entry] != nil {
		reached := closure(b.entry, forth)
		for _, n := range b.order {
			if !reached[n] {
				b.problem(ErrUnreachable, "node %s", n)
			}
		}
	}
	leaving := closure(End, back)
	for _, n := range b.order {
		if !leaving[n] {
			b.problem(ErrNoWayOut, "node %s never comes to %s", n, End)
		}
	}
}

func closure(from string, next map[string][]string) map[string]bool {
	seen := map[string]bool{from: true}
	for frontier := []string{from}; len(frontier) > 0; frontier = frontier[1:] {
		for _, n := range next[frontier[0]] {
			if !seen[n] {
				seen[n] = true
				frontier = append(frontier, n)
			}
		}
	}
	return seen
}
