package runs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/spelling"
)

// filter keeps the runs that meet all conditions ("model=a,dataset=b").
// Without a condition on the kind only training runs are kept.
func filter(all []Run, selector, conditions string) ([]Run, error) {
	var tests []func(Run) bool
	anyKind := false
	for part := range strings.SplitSeq(conditions, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			return nil, &SelectError{Selector: selector, Err: ErrBadSelector, Reason: fmt.Sprintf("has the part %q, which is not key=value", part)}
		}
		test := condition(key, value)
		if test == nil {
			return nil, &SelectError{
				Selector: selector, Err: ErrBadSelector, Reason: fmt.Sprintf("has the unknown key %q", key),
				Candidates: []string{"model", "dataset", "kind", "state", "name", "tag"},
			}
		}
		anyKind = anyKind || key == "kind"
		tests = append(tests, test)
	}
	if !anyKind {
		tests = append(tests, func(r Run) bool { return r.Spec.Kind == KindTrain })
	}
	var out []Run
	for _, r := range all {
		if !slices.ContainsFunc(tests, func(t func(Run) bool) bool { return !t(r) }) {
			out = append(out, r)
		}
	}
	return out, nil
}

func condition(key, value string) func(Run) bool {
	switch key {
	case "model":
		return func(r Run) bool { return r.Spec.Model == value }
	case "dataset":
		return func(r Run) bool { return r.Spec.Dataset.Name == value }
	case "kind":
		return func(r Run) bool { return string(r.Spec.Kind) == value }
	case "state":
		return func(r Run) bool { return string(r.State) == value }
	case "name":
		return func(r Run) bool { return r.Spec.Name == value }
	case "tag":
		k, v, withValue := strings.Cut(value, "=")
		return func(r Run) bool {
			got, ok := r.Tags[k]
			return ok && (!withValue || got == v)
		}
	default:
		return nil
	}
}

// describe lists runs for an error message, newest first as they come.
func describe(found []Run) []string {
	var out []string
	for _, r := range found {
		if len(out) == maxCandidates {
			return append(out, fmt.Sprintf("and %d more", len(found)-maxCandidates))
		}
		label := r.ID()
		if r.Spec.Name != "" {
			label += fmt.Sprintf(" (%q)", r.Spec.Name)
		}
		out = append(out, label)
	}
	return out
}

// nearest lists the runs whose id or name is most like what was asked for.
func nearest(all []Run, sel string) []string {
	sel = sel[:min(len(sel), maxID)]
	sorted := slices.Clone(all)
	key := func(r Run) int { return min(spelling.Distance(sel, r.ID()), spelling.Distance(sel, r.Spec.Name)) }
	slices.SortStableFunc(sorted, func(a, b Run) int { return key(a) - key(b) })
	return describe(sorted[:min(len(sorted), maxCandidates)])
}

func count(n int) string {
	if n == 1 {
		return "1 run"
	}
	return fmt.Sprintf("%d runs", n)
}
