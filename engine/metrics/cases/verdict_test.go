package cases_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/metrics/cases"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestVerdictsWordForWord holds what a person reads. Read the file when it
// changes: no sentence may claim more than its numbers.
func TestVerdictsWordForWord(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	otter := []float64{0.70, 0.74, 0.69, 0.81, 0.77, 0.72, 0.68, 0.79}
	plus := func(by ...float64) []float64 {
		out := make([]float64, len(by))
		for i, d := range by {
			out[i] = otter[i] + d
		}
		return out
	}
	type run = cases.Scores
	tests := []struct {
		name   string
		metric string
		runs   []run
	}{
		{"clear", "dice", []run{{"otter", otter}, {"heron", plus(.05, .04, .06, .05, .03, .05, .07, .04)}}},
		{"clear by a distance", "hd95", []run{{"otter", otter}, {"heron", plus(.05, .04, .06, .05, .03, .05, .07, .04)}}},
		{"no difference in eight", "dice", []run{{"otter", otter}, {"heron", plus(.02, -.01, .03, -.02, .01, -.01, .02, -.03)}}},
		{"one far off", "dice", []run{{"otter", otter}, {"heron", plus(.02, .01, .03, .02, .01, .04, .05, -.01)}, {"crane", plus(.02, .01, .03, .02, .01, .04, .05, -.3)}}},
		{"two volumes", "dice", []run{{"otter", otter[:2]}, {"heron", plus(.1, .2)}}},
		{"four volumes", "dice", []run{{"otter", otter[:4]}, {"heron", plus(.1, .2, .1, .2)}}},
		{"equal", "dice", []run{{"otter", otter}, {"heron", otter}}},
		{"nothing shared", "dice", []run{{"otter", []float64{nan, 1}}, {"heron", []float64{1, nan}}}},
		{"one run", "dice", []run{{"otter", otter}}},
		{"three runs, nothing shown", "dice", []run{{"otter", otter}, {"heron", plus(.02, -.01, .03, -.02, .01, -.01, .02, -.03)}, {"crane", plus(.01, -.02, .05, .02, -.01, -.03, .02, -.01)}}},
		{"three runs, two volumes", "dice", []run{{"otter", otter[:2]}, {"heron", plus(.1, .2)}, {"crane", plus(.2, .1)}}},
		{"one differs", "dice", []run{{"otter", otter}, {"heron", plus(0, 0, 0, .04, 0, 0, 0, 0)}}},
		{"four runs", "dice", []run{
			{"otter", otter},
			{"heron", plus(.05, .04, .06, .05, .03, .05, .07, .04)},
			{"crane", plus(.06, .03, .07, .04, .03, .06, .06, .05)},
			{"stork", plus(-.05, .01, -.03, .02, -.06, .01, -.02, -.04)},
		}},
	}
	var got strings.Builder
	for _, test := range tests {
		s, err := cases.CompareAll(test.runs, cases.Question{Metric: test.metric, HigherIsBetter: test.metric == "dice"}, cases.Options{})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "# %s\n%s\n", test.name, s.Verdict)
		for _, p := range s.Pairs {
			fmt.Fprintf(&got, "%s vs %s, %s: %s\n", p.Question.B, p.Question.A, p.Outcome, p.Verdict)
		}
		got.WriteByte('\n')
	}
	golden := filepath.Join("testdata", "verdicts.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Error(d)
	}
	for _, word := range []string{"significant", "NaN", "%!"} {
		if strings.Contains(got.String(), word) {
			t.Errorf("a verdict says %q", word)
		}
	}
}

// TestAllAgreeButOneFarOff is better by rank and no better on average.
func TestAllAgreeButOneFarOff(t *testing.T) {
	t.Parallel()
	b := []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -40}
	for i := range b[:11] {
		b[i] += float64(i) / 100
	}
	p, err := cases.Compare(make([]float64, len(b)), b, cases.Question{Metric: "dice", A: "otter", B: "heron", HigherIsBetter: true}, cases.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if p.P >= cases.Level || p.Outcome != cases.NoDifference || !strings.Contains(p.Verdict, "no difference is shown of the mean") {
		t.Errorf("p = %v, %s: %s", p.P, p.Outcome, p.Verdict)
	}
}
