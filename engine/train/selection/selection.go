// Package selection decides which of a network's parameters are trained, and
// how fast each: it matches the patterns of an experiment against parameter
// names. It knows names only; weights and optimisers belong to engine/train.
package selection

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/spelling"
)

// ErrPattern says that a pattern fits no parameter, or that nothing is left to
// train.
var ErrPattern = errors.New("pattern of parameter names")

// Rule is how one parameter is trained.
type Rule struct {
	Param nn.Param
	// Scale multiplies the learning rate.
	Scale float64
	Decay float64
}

// Selection says what is trained, in the order of declaration.
type Selection struct {
	Trained []Rule
	Frozen  []nn.Param
}

// Make applies train.freeze, train.groups and train.weight_decay to a network's
// parameters; buffers are in neither list. In patterns, which are package
// path's, a * matches dots too. A parameter belongs to the first group that
// matches it. The error wraps ErrPattern and names what would match.
func Make(params []nn.Param, t config.Train) (Selection, error) {
	params = slices.DeleteFunc(slices.Clone(params), func(p nn.Param) bool { return p.Buffer })
	groups := make([]string, len(t.Groups))
	for i, g := range t.Groups {
		groups[i] = g.Pattern
	}
	if err := errors.Join(check("train.freeze", t.Freeze, params), check("train.groups", groups, params)); err != nil {
		return Selection{}, err
	}
	var s Selection
	for _, p := range params {
		if slices.ContainsFunc(t.Freeze, func(pattern string) bool { return matches(pattern, p.Name) }) {
			s.Frozen = append(s.Frozen, p)
			continue
		}
		r := Rule{Param: p, Scale: 1, Decay: t.WeightDecay}
		for _, g := range t.Groups {
			if !matches(g.Pattern, p.Name) {
				continue
			}
			r.Scale = g.LearningRateScale
			if g.WeightDecay != nil {
				r.Decay = *g.WeightDecay
			}
			break
		}
		s.Trained = append(s.Trained, r)
	}
	if len(s.Trained) == 0 {
		return s, fmt.Errorf("%w: train.freeze %s leaves none of %d parameters to train", ErrPattern, quoted(t.Freeze), len(params))
	}
	return s, nil
}

// Counts gives the number of weights that are trained, and of all.
func (s Selection) Counts() (trained, all int64) {
	for _, r := range s.Trained {
		trained += r.Param.Shape.Elements()
	}
	return trained, trained + nn.CountElements(s.Frozen)
}

// String says how much is trained: "1.10 M of 4.70 M parameters
// trained".
func (s Selection) String() string {
	trained, all := s.Counts()
	return fmt.Sprintf("%s of %s parameters trained", millions(trained), millions(all))
}

// millions writes large numbers as people do.
func millions(n int64) string {
	if n < 100_000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%.2f M", float64(n)/1e6)
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

// check refuses patterns that match nothing: a slip of the pen would train what
// was to be kept.
func check(key string, patterns []string, params []nn.Param) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("%w: %s %q: %w", ErrPattern, key, p, err)
		}
		if !slices.ContainsFunc(params, func(q nn.Param) bool { return matches(p, q.Name) }) {
			return fmt.Errorf("%w: %s %q matches no parameter; %s", ErrPattern, key, p, near(p, params))
		}
	}
	return nil
}

// near says which patterns, built of the beginnings of names, come closest.
func near(pattern string, params []nn.Param) string {
	type scored struct {
		pattern  string
		distance int
	}
	var hits []scored
	bare := strings.TrimRight(pattern, ".*")
	limit := max(2, len(bare)/3)
	for _, candidate := range beginnings(params) {
		if d := spelling.Distance(strings.ToLower(bare), strings.ToLower(strings.TrimSuffix(candidate, ".*"))); d <= limit {
			hits = append(hits, scored{candidate, d})
		}
	}
	slices.SortStableFunc(hits, func(a, b scored) int { return cmp.Compare(a.distance, b.distance) })
	const shown = 3
	if len(hits) == 0 {
		tops := tops(params)
		more := ""
		if len(tops) > 2*shown {
			tops, more = tops[:2*shown], " and others"
		}
		return "names begin with " + strings.Join(tops, ", ") + more
	}
	var names []string
	for _, h := range hits[:min(shown, len(hits))] {
		names = append(names, h.pattern)
	}
	return "did you mean " + strings.Join(names, " or ") + "?"
}

// beginnings lists every dotted beginning of the names as a pattern, and the
// names themselves.
func beginnings(params []nn.Param) []string {
	seen := map[string]bool{}
	var all []string
	add := func(s string) {
		if !seen[s] {
			seen[s] = true
			all = append(all, s)
		}
	}
	for _, p := range params {
		for i, c := range p.Name {
			if c == '.' {
				add(p.Name[:i] + ".*")
			}
		}
		add(p.Name)
	}
	return all
}

// tops lists the first parts of the names.
func tops(params []nn.Param) []string {
	var all []string
	for _, p := range params {
		first, _, _ := strings.Cut(p.Name, ".")
		if !slices.Contains(all, first) {
			all = append(all, first)
		}
	}
	return all
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(out, ", ")
}
