package runs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const (
	selectLatest = "latest"
	selectAll    = "all"
	selectBest   = "best"
)

// maxCandidates is how many runs an error names.
const maxCandidates = 5

var (
	// ErrAmbiguous says that more than one run answers where one is wanted.
	ErrAmbiguous = errors.New("more than one run")
	// ErrBadSelector says that a selector cannot be read.
	ErrBadSelector = errors.New("bad run selector")
)

// SelectError says why a selector found no run, or too many. It wraps
// ErrNoRun, ErrAmbiguous or ErrBadSelector.
type SelectError struct {
	Selector   string
	Candidates []string // ids, or names where that says more
	Reason     string
	Err        error
}

// Error is one line, with the candidates.
func (e *SelectError) Error() string {
	msg := fmt.Sprintf("%v: %q %s", e.Err, e.Selector, e.Reason)
	if len(e.Candidates) > 0 {
		msg += "; candidates: " + strings.Join(e.Candidates, ", ")
	}
	return msg
}

// Unwrap gives the sentinel.
func (e *SelectError) Unwrap() error { return e.Err }

// Select finds the one run that a selector means, and says why it is that
// one. A selector is an id or its unique prefix, a name,
//
//	latest            the training run that was created last
//	best:dice         the training run with the best dice
//
// or one of these with conditions that must all hold: latest:model=segresnet,
// best:dice,model=segresnet,dataset=toy. Conditions are model, dataset, kind,
// state, name, and tag=KEY or tag=KEY=VALUE. With kind=evaluate, latest means
// evaluations. A metric may name its split (best:val/dice); otherwise values
// on the test split count if any run has them, else those on val. What an
// evaluation measured counts for the run that it judged.
func Select(all []Run, selector string) (Run, string, error) {
	found, why, err := match(all, selector)
	if err != nil {
		return Run{}, "", err
	}
	if len(found) > 1 {
		return Run{}, "", &SelectError{
			Selector: selector, Candidates: describe(found), Err: ErrAmbiguous,
			Reason: fmt.Sprintf("means %d runs, one is wanted", len(found)),
		}
	}
	return found[0], why, nil
}

// SelectMany finds the runs that some selectors mean, each run once, in the
// selectors' order, and says why for each selector. Besides what Select takes
// there is all, as in all:tag=baseline or all:model=segresnet,state=finished;
// all alone means all training runs.
func SelectMany(all []Run, selectors ...string) ([]Run, []string, error) {
	var out []Run
	var whys []string
	seen := map[string]bool{}
	for _, s := range selectors {
		found, why, err := match(all, s)
		if err != nil {
			return nil, nil, err
		}
		if !isAll(s) && len(found) > 1 {
			_, _, err := Select(all, s)
			return nil, nil, err
		}
		whys = append(whys, why)
		for _, r := range found {
			if !seen[r.ID()] {
				seen[r.ID()] = true
				out = append(out, r)
			}
		}
	}
	return out, whys, nil
}

func isAll(s string) bool {
	head, _, _ := strings.Cut(strings.TrimSpace(s), ":")
	return head == selectAll
}

// match returns at least one run, or an error.
func match(all []Run, selector string) ([]Run, string, error) {
	sel := strings.TrimSpace(selector)
	head, rest, _ := strings.Cut(sel, ":")
	var found []Run
	var why string
	var err error
	switch head {
	case "":
		err = &SelectError{Selector: selector, Err: ErrBadSelector, Reason: "is empty; say a run id, a name, latest or best:dice"}
	case selectLatest:
		found, why, err = latest(all, selector, rest)
	case selectBest:
		found, why, err = best(all, selector, rest)
	case selectAll:
		found, err = filter(all, selector, rest)
		why = fmt.Sprintf("%d runs match %q", len(found), sel)
	default:
		found, why = named(all, sel)
	}
	if err != nil {
		return nil, "", err
	}
	if len(found) == 0 {
		return nil, "", &SelectError{Selector: selector, Err: ErrNoRun, Reason: "matches none of " + count(len(all)), Candidates: nearest(all, sel)}
	}
	return found, why, nil
}

func named(all []Run, sel string) ([]Run, string) {
	var byName, byPrefix []Run
	for _, r := range all {
		switch {
		case r.ID() == sel:
			return []Run{r}, "its id"
		case r.Spec.Name == sel:
			byName = append(byName, r)
		case strings.HasPrefix(r.ID(), sel):
			byPrefix = append(byPrefix, r)
		}
	}
	if len(byName) > 0 {
		return byName, fmt.Sprintf("named %q", sel)
	}
	return byPrefix, fmt.Sprintf("the only id that starts with %q", sel)
}

func latest(all []Run, selector, conditions string) ([]Run, string, error) {
	found, err := filter(all, selector, conditions)
	if err != nil || len(found) == 0 {
		return nil, "", err
	}
	r := slices.MaxFunc(found, func(a, b Run) int { return a.Spec.Created.Compare(b.Spec.Created) })
	return []Run{r}, fmt.Sprintf("the latest of %s, created %s", count(len(found)), r.Spec.Created.Format("2006-01-02 15:04:05Z")), nil
}

func best(all []Run, selector, rest string) ([]Run, string, error) {
	metric, conditions, _ := strings.Cut(rest, ",")
	if metric = strings.TrimSpace(metric); metric == "" {
		return nil, "", &SelectError{Selector: selector, Err: ErrBadSelector, Reason: "names no metric; say best:dice"}
	}
	found, err := filter(all, selector, conditions)
	if err != nil || len(found) == 0 {
		return nil, "", err
	}
	scores := Scores(all)
	keys := []string{"test/" + metric, "val/" + metric}
	if strings.Contains(metric, "/") {
		keys = []string{metric}
	}
	for _, key := range keys {
		if r, why, ok := bestBy(found, scores, key); ok {
			return []Run{r}, why, nil
		}
	}
	return nil, "", &SelectError{
		Selector: selector, Err: ErrNoRun, Candidates: known(scores),
		Reason: fmt.Sprintf("finds no value of %s in %s", shown(strings.Join(keys, " or ")), count(len(found))),
	}
}

func bestBy(found []Run, scores map[string]map[string]Number, key string) (Run, string, bool) {
	_, name, _ := strings.Cut(key, "/")
	var top Run
	var value Number
	n := 0
	for _, r := range found {
		v, ok := scores[r.ID()][key]
		if !ok {
			continue
		}
		n++
		if n == 1 || Better(name, v, value) || v == value && r.Spec.Created.Before(top.Spec.Created) {
			top, value = r, v
		}
	}
	if n == 0 {
		return Run{}, "", false
	}
	word := "highest"
	if LowerIsBetter(name) {
		word = "lowest"
	}
	why := fmt.Sprintf("the %s %s, %.4g, of %s", word, shown(key), float64(value), count(n))
	if left := len(found) - n; left > 0 {
		why += fmt.Sprintf(" (%d more without a value)", left)
	}
	return top, why, true
}

// Scores gives, for every training run, the values that it is compared by,
// keyed by "split/name": the best on each split that it measured itself, and
// what the latest evaluation of it found.
func Scores(all []Run) map[string]map[string]Number {
	scores := map[string]map[string]Number{}
	put := func(id, key string, v Number) {
		if !finite(v) {
			return
		}
		if scores[id] == nil {
			scores[id] = map[string]Number{}
		}
		scores[id][key] = v
	}
	for _, r := range all {
		if r.Spec.Kind != KindTrain {
			continue
		}
		for key, v := range r.Summary {
			put(r.ID(), key, v)
		}
		for key, b := range r.Best {
			put(r.ID(), key, b.Value)
		}
	}
	judges := slices.DeleteFunc(slices.Clone(all), func(r Run) bool { return r.Spec.Kind != KindEvaluate || r.Spec.Evaluate == nil })
	slices.SortStableFunc(judges, func(a, b Run) int { return a.Spec.Created.Compare(b.Spec.Created) })
	for _, j := range judges {
		for key, v := range j.Latest {
			put(j.Spec.Evaluate.Run, key, v)
		}
		for key, v := range j.Summary {
			put(j.Spec.Evaluate.Run, key, v)
		}
	}
	return scores
}

func known(scores map[string]map[string]Number) []string {
	keys := map[string]bool{}
	for _, s := range scores {
		for k := range s {
			keys[shown(k)] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// shown is text as it may stand in a message: quoted when it has characters
// that do something to a terminal.
func shown(s string) string {
	if printable(s) {
		return s
	}
	return strconv.Quote(s)
}
