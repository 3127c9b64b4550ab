package planner_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/minivess/minivess/agent/planner"
	"github.com/minivess/minivess/tools"
)

// The files of the corpus: the first and those whose names begin with
// "development" are the development part, those with "heldout" are held out.
const (
	plainFile    = "testdata/utterances.yaml"
	devFiles     = "testdata/corpus/development*.yaml"
	heldoutFiles = "testdata/corpus/heldout*.yaml"
)

// item is an utterance of the corpus with where it belongs.
type item struct {
	utterance
	family  string
	file    string
	heldout bool
}

// corpus reads all parts.
func corpus(tb testing.TB) []item {
	tb.Helper()
	families := familyOf(tb)
	var out []item
	add := func(list []utterance, file string, heldout bool) {
		for _, u := range list {
			out = append(out, item{utterance: u, family: u.family(families), file: filepath.Base(file), heldout: heldout})
		}
	}
	add(readUtterances[[]utterance](tb, plainFile), plainFile, false)
	for _, pattern := range []string{devFiles, heldoutFiles} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			tb.Fatalf("no corpus of the name %s: %v", pattern, err)
		}
		for _, f := range files {
			parts := readUtterances[map[string][]utterance](tb, f)
			for _, name := range slices.Sorted(keys(parts)) {
				add(parts[name], f, pattern == heldoutFiles)
			}
		}
	}
	return out
}

func keys[V any](m map[string]V) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func readUtterances[T any](tb testing.TB, file string) T {
	tb.Helper()
	var out T
	raw, err := os.ReadFile(file)
	if err == nil {
		err = yaml.UnmarshalWithOptions(raw, &out, yaml.DisallowUnknownField())
	}
	if err != nil {
		tb.Fatalf("%s: %v", file, err)
	}
	return out
}

// familyOf maps each tool to its family, built or not.
func familyOf(tb testing.TB) map[string]string {
	tb.Helper()
	unbuilt, err := tools.Unbuilt()
	if err != nil {
		tb.Fatal(err)
	}
	out := map[string]string{}
	for _, d := range append(catalogue(tb), unbuilt...) {
		out[d.Name] = d.Family
	}
	return out
}

// family says under which heading an utterance is scored.
func (u utterance) family(of map[string]string) string {
	switch {
	case len(u.Say) > 1:
		return "dialogue"
	case len(u.Asks) > 0:
		return "questions"
	case len(u.Plan) == 0:
		return "talk"
	case len(u.Plan) > 1 && u.Plan[0].Tool != u.Plan[len(u.Plan)-1].Tool:
		return "several"
	case u.Plan[0].SQL != nil:
		return "numbers"
	}
	return cmp.Or(of[u.Plan[0].Tool], "?")
}

// here is the workspace in which the corpus is said.
func here() planner.Option {
	return func(m *planner.Model) {
		planner.WithNames(func(context.Context) planner.Names {
			return planner.Names{
				Datasets: []string{"toy", "minivess", "cortex", "hippo2", "mouse_v2"},
				Runs:     []string{"brisk-otter-7f3a", "calm-heron-01bc", "quiet-lynx-9d2e", "bold-finch-44e1", "swift-mole-c0de"},
			}
		})(m)
		planner.WithClock(func() time.Time { return time.Date(2026, 3, 5, 15, 0, 0, 0, time.UTC) })(m) // a Thursday
	}
}

// verdict says what of an utterance was right.
type verdict struct {
	tools, args, whole bool
	why                string
}

// judge compares an outcome with what is wanted. Bare leaves out the words of
// the reply, which a changed sentence may change too.
func judge(u utterance, got planner.Outcome, bare bool) verdict {
	var v verdict
	v.tools = slices.EqualFunc(u.Plan, got.Steps, func(w want, s planner.Step) bool { return w.Tool == s.Tool }) && len(u.Asks) == len(got.Questions)
	if !v.tools {
		v.why = fmt.Sprintf("planned %s with %d questions %v; reply: %s", describe(got), len(got.Questions), got.Questions, got.Reply)
		return v
	}
	v.args = true
	for i, w := range u.Plan {
		if name, ok := w.Args["dataset"].(string); ok {
			w.Args = maps.Clone(w.Args)
			w.Args["dataset"] = datasetOf(name, u.Plan)
		}
		if why := w.differs(got.Steps[i]); why != "" {
			v.args, v.why = false, fmt.Sprintf("step %d: %s", i+1, why)
		}
	}
	v.whole = v.args
	miss := func(format string, args ...any) { v.whole, v.why = false, fmt.Sprintf(format, args...) }
	for i, w := range u.Plan {
		s := got.Steps[i]
		if !maps.Equal(waits(u.Plan, i, func(w want) []string { return w.Needs }), waits(got.Steps, i, func(s planner.Step) []string { return s.Needs })) {
			miss("step %d needs %v, want %v", i+1, s.Needs, w.Needs)
		}
		if w.Unavailable != s.Unavailable {
			miss("step %d: unavailable is %v", i+1, s.Unavailable)
		}
		if w.Unavailable && !strings.Contains(got.Reply, w.Tool+" is not available in this version") {
			miss("the reply does not say that %s is not available: %s", w.Tool, got.Reply)
		}
	}
	for i, a := range u.Asks {
		if !strings.Contains(got.Questions[i].Text, a) {
			miss("question %q has no %q", got.Questions[i].Text, a)
		}
	}
	if !bare && !strings.Contains(got.Reply, u.Reply) {
		miss("reply %q has no %q", got.Reply, u.Reply)
	}
	return v
}

// waits gathers the steps that step i waits for, those included that these wait
// for: whether they are written down does not change when it runs.
func waits[S any](steps []S, i int, needs func(S) []string) map[int]bool {
	out := map[int]bool{}
	for _, id := range needs(steps[i]) {
		if n, err := strconv.Atoi(id); err == nil && n > 0 && n <= i {
			out[n] = true
			maps.Copy(out, waits(steps, n-1, needs))
		}
	}
	return out
}

// datasetOf resolves "@1.dataset" to the name that step 1 gives its dataset:
// either way of writing it means the same.
func datasetOf(name string, plan []want) any {
	id, ok := strings.CutSuffix(strings.TrimPrefix(name, "@"), ".dataset")
	if n, err := strconv.Atoi(id); ok && err == nil && n > 0 && n <= len(plan) {
		return cmp.Or(plan[n-1].Args["name"], plan[n-1].Args["dataset"])
	}
	return name
}

// differs says how the arguments of a step differ from what is wanted.
func (w want) differs(s planner.Step) string {
	if w.SQL != nil {
		query, _ := s.Args["query"].(string)
		for _, part := range w.SQL {
			if !strings.Contains(query, part) {
				return fmt.Sprintf("the query has no %q: %s", part, query)
			}
		}
		return ""
	}
	wanted, got := plainly(w.Args), plainly(s.Args)
	if s.Tool == "runs_list" {
		usualOrder(wanted)
		usualOrder(got)
	}
	for k, v := range wanted {
		if !same(v, got[k]) {
			return fmt.Sprintf("%s is %v, want %v (all: %v)", k, got[k], v, got)
		}
	}
	for k, v := range got {
		if _, ok := wanted[k]; !ok {
			return fmt.Sprintf("%s = %v was not asked for", k, v)
		}
	}
	return ""
}

// usualOrder leaves out a direction that runs_list takes by itself: the best of a
// metric first, the newest of a time, names by the alphabet.
func usualOrder(args map[string]any) {
	by, _ := args["order_by"].(string)
	_, metric, split := strings.Cut(by, "/")
	if !split {
		metric = by
	}
	usual := true
	switch metric {
	case "name", "model", "dataset", "state", "hd95", "hd", "assd", "masd", "loss", "brier", "nll", "ece", "mce":
		usual = false
	}
	if args["descending"] == usual && !strings.HasSuffix(metric, "_error") || args["descending"] == false && strings.HasSuffix(metric, "_error") {
		delete(args, "descending")
	}
}

// same compares values; {any_of: […]} is equal to each of its values.
func same(wanted, got any) bool {
	if m, ok := wanted.(map[string]any); ok {
		if list, ok := m["any_of"].([]any); ok {
			return slices.ContainsFunc(list, func(w any) bool { return same(w, got) })
		}
	}
	return reflect.DeepEqual(wanted, got)
}

// plainly brings arguments to one form, through JSON.
func plainly(args map[string]any) map[string]any {
	raw, err := json.Marshal(args)
	out := map[string]any{}
	if err != nil || json.Unmarshal(raw, &out) != nil {
		return map[string]any{"": fmt.Sprint(args)}
	}
	return out
}
