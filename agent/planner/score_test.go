package planner_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/minivess/minivess/agent/planner"
	"github.com/minivess/minivess/tools"
)

// need is what the planner must reach on a held-out file, as shares of whole plans
// of its sentences as they are and changed.
type need struct{ whole, changed float64 }

// needs gives what each held-out file needs. The first is by the planner's
// authors. The others are by three people who saw the tools and never the planner,
// gone over by a second reader each, and were first scored as they are here, for
// the sum only: they say how well it understands a stranger, and their floors keep
// it from getting worse.
func needs() map[string]need {
	return map[string]need{
		"heldout.yaml":   {0.97, 0.92},
		"heldout-2.yaml": {0.94, 0.92},
		"heldout-3.yaml": {0.92, 0.89},
		"heldout-4.yaml": {0.96, 0.93},
	}
}

// tally counts utterances and what of them was right.
type tally struct{ n, tools, args, whole int }

func (t *tally) add(v verdict) {
	t.n++
	t.tools += one(v.tools)
	t.args += one(v.args)
	t.whole += one(v.whole)
}

func one(ok bool) int {
	if ok {
		return 1
	}
	return 0
}

func (t *tally) plus(o tally) {
	t.n, t.tools, t.args, t.whole = t.n+o.n, t.tools+o.tools, t.args+o.args, t.whole+o.whole
}

func (t *tally) share() float64 { return float64(t.whole) / float64(max(t.n, 1)) }

func (t *tally) String() string {
	if t.n == 0 {
		return fmt.Sprintf("%5s %7s %9s %6s", "", "", "", "")
	}
	percent := func(k int) float64 { return 100 * float64(k) / float64(t.n) }
	return fmt.Sprintf("%5d %6.1f%% %8.1f%% %5.1f%%", t.n, percent(t.tools), percent(t.args), percent(t.whole))
}

// scores holds tallies by heading, for the development and the held-out part.
type scores map[string]*[2]tally

func (s scores) add(heading string, heldout bool, v verdict) {
	if s[heading] == nil {
		s[heading] = &[2]tally{}
	}
	s[heading][one(heldout)].add(v)
}

func (s scores) total() (all [2]tally) {
	for _, t := range s {
		all[0].plus(t[0])
		all[1].plus(t[1])
	}
	return all
}

// table lays the scores out.
func (s scores) table(first string) string {
	var b strings.Builder
	line := func(name string, t [2]tally) { fmt.Fprintf(&b, "%-18s │ %s │ %s\n", name, &t[0], &t[1]) }
	fmt.Fprintf(&b, "%-18s │ %-30s │ held-out\n%-18s │ %5s %7s %9s %6s │ %5s %7s %9s %6s\n", "", "development", first, "n", "tools", "arguments", "whole", "n", "tools", "arguments", "whole")
	for _, name := range slices.SortedFunc(maps.Keys(s), cmp.Compare[string]) {
		line(name, *s[name])
	}
	line("all", s.total())
	return b.String()
}

// TestScore plans the whole corpus, as it is and changed in ways that keep the
// meaning, prints the shares that are right, and holds the held-out files
// against what the planner must reach. PLANNER_MISSES=development prints what
// went wrong there, PLANNER_MISSES=changed what did so once changed; misses of
// the held-out part are not printed, so that nobody tunes on them.
func TestScore(t *testing.T) {
	t.Parallel()
	all, offered := corpus(t), catalogue(t)
	models := strangers(t, all, offered)
	plain, changed, byFile, changedByFile := scores{}, scores{}, scores{}, scores{}
	for i, u := range all {
		m := models[u.file]
		v := judge(u.utterance, m.Plan(t.Context(), offered, u.Say...), false)
		plain.add(u.family, u.heldout, v)
		byFile.add(u.file, u.heldout, v)
		printMiss(u, v, "development", u.Say)
		if !u.heldout && i%6 != 0 && os.Getenv("PLANNER_SCORE") != "all" {
			continue // changed sentences of the development part are many: make planner-score takes all
		}
		for _, p := range perturbed(u.utterance) {
			got := m.Plan(t.Context(), offered, p.say...)
			v := judge(u.utterance, got, true)
			if suspected(got) {
				v = verdict{tools: true, args: true, whole: true} // asked back before anything is destroyed
			}
			changed.add(p.kind, u.heldout, v)
			changedByFile.add(u.file, u.heldout, v)
			printMiss(u, v, "changed", p.say)
		}
	}
	fmt.Printf("The planner on its corpus: shares of utterances planned rightly\n\n%s\n%s\n%s\n%s",
		plain.table("family"), byFile.table("file"), changed.table("perturbation"), changedByFile.table("file, changed"))
	if all := plain.total(); all[0].n+all[1].n < 400 || all[1].n < 120 {
		t.Errorf("the corpus has %d utterances, %d of them held out; want 400 and 120 at least", all[0].n+all[1].n, all[1].n)
	}
	for file, tallies := range byFile {
		if tallies[1].n == 0 {
			continue
		}
		want, known := needs()[file]
		if whole := tallies[1].share(); !known || whole < want.whole {
			t.Errorf("%s: %.1f %% of the plans are right, want %.0f %%", file, 100*whole, 100*want.whole)
		}
		if whole := changedByFile[file][1].share(); whole < want.changed {
			t.Errorf("%s: %.1f %% of the plans of changed sentences are right, want %.0f %%", file, 100*whole, 100*want.changed)
		}
	}
	for _, family := range []string{"data", "train", "evaluate", "query", "ensemble", "explain", "serve", "govern"} {
		if s := plain[family]; s == nil || s[0].n == 0 || s[1].n == 0 {
			t.Errorf("a part of the corpus says nothing of the family %s", family)
		}
	}
}

// strangers makes a planner for each file of the corpus, which knows none of the
// file's own sentences: it would be flattered by them.
func strangers(t *testing.T, all []item, offered []tools.Descriptor) map[string]*planner.Model {
	t.Helper()
	said := map[string][]string{}
	for _, u := range all {
		said[u.file] = append(said[u.file], u.Say...)
	}
	out := map[string]*planner.Model{}
	for file, sentences := range said {
		out[file] = planner.New(planner.WithCatalogue(offered), here(), planner.Unheard(sentences...))
	}
	return out
}

// suspected tells whether the planner asks back about a destructive word.
func suspected(o planner.Outcome) bool {
	return len(o.Questions) > 0 && strings.HasPrefix(o.Questions[0].Text, "Did you mean")
}

func printMiss(u item, v verdict, kind string, said []string) {
	if !v.whole && os.Getenv("PLANNER_MISSES") == kind && !u.heldout {
		fmt.Printf("%s: %q\n    %s\n", u.family, said, v.why)
	}
}
