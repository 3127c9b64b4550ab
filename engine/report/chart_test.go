package report

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/cases"
)

func TestScales(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values  []float64
		bounded bool
		want    string
	}{
		"shares":      {[]float64{0.61, 0.93}, true, "0.6 0.7 0.8 0.9 1.0"},
		"narrow":      {[]float64{0.902, 0.911}, true, "0.902 0.904 0.906 0.908 0.910 0.912"},
		"near one":    {[]float64{0.99, 1}, true, "0.990 0.992 0.994 0.996 0.998 1.000"},
		"distances":   {[]float64{1.2, 57}, false, "0 10 20 30 40 50 60"},
		"below zero":  {[]float64{-0.4, 0.4}, false, "−0.4 −0.2 0.0 0.2 0.4"},
		"one value":   {[]float64{0.5, 0.5}, true, "0.44 0.46 0.48 0.50 0.52 0.54 0.56"},
		"none":        {[]float64{math.NaN(), math.Inf(1)}, true, "0.0 0.2 0.4 0.6 0.8 1.0"},
		"all perfect": {[]float64{1, 1}, true, "0.90 0.95 1.00"},
	} {
		s := newScale(c.values, c.bounded)
		var got []string
		for _, v := range s.ticks {
			got = append(got, s.text(v))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

// TestEverythingLiesOnTheChart draws random values.
func TestEverythingLiesOnTheChart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bounded := rapid.Bool().Draw(t, "bounded")
		value := rapid.Float64Range(-1e6, 1e6)
		if bounded {
			value = rapid.Float64Range(0, 1)
		}
		values := rapid.SliceOfN(value, 1, 40).Draw(t, "values")
		var all []sample
		for i, v := range values {
			all = append(all, sample{strconv.Itoa(i), v, false})
		}
		s := newScale(values, bounded)
		out := newStrip("x", all, s, cases.Summarise(values, cases.Options{Resamples: 50}), func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) })
		if len(out.Dots) != len(values) || len(out.Ticks) < 2 || len(out.Ticks) > 12 {
			t.Fatalf("%d dots of %d values, %d ticks", len(out.Dots), len(values), len(out.Ticks))
		}
		within := func(what, text string, low, high float64) {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || v < low-0.06 || v > high+0.06 {
				t.Fatalf("%s lies at %s", what, text)
			}
		}
		for _, d := range out.Dots {
			within("a dot", d.X, chartMargin, chartWidth-chartMargin)
			within("a dot", d.Y, 3, chartAxis-3)
		}
		for _, k := range out.Ticks {
			within("a tick", k.X, chartMargin, chartWidth-chartMargin)
		}
		within("the mean", out.Mean, chartMargin, chartWidth-chartMargin)
	})
}

// TestSwarmKeepsDotsApart lays equal values beside each other.
func TestSwarmKeepsDotsApart(t *testing.T) {
	t.Parallel()
	var all []sample
	for i := range chartLanes {
		all = append(all, sample{strconv.Itoa(i), 0.5, false})
	}
	seen := map[string]bool{}
	for _, d := range swarm(all, newScale([]float64{0, 1}, true), func(float64) string { return "" }) {
		seen[d.X+" "+d.Y] = true
	}
	if len(seen) != chartLanes {
		t.Errorf("%d places for %d dots", len(seen), chartLanes)
	}
}

// TestAreaFilter averages exactly what a pixel covers.
func TestAreaFilter(t *testing.T) {
	t.Parallel()
	p := plane{w: 3, h: 1, spacing: [2]float64{1, 1}, grey: []float64{0, 6, 12}, class: []byte{agreed, none, missed}}
	half := p.scaled(2, 1)
	if d := cmp.Diff([]float64{2, 10}, half.grey); d != "" { // (0·1 + 6·½)/1½ and (6·½ + 12·1)/1½
		t.Error(d)
	}
	if half.class[0] != agreed || half.class[1] != missed {
		t.Errorf("classes %v", half.class)
	}
	twice := p.scaled(6, 2)
	if d := cmp.Diff([]float64{0, 0, 6, 6, 12, 12, 0, 0, 6, 6, 12, 12}, twice.grey); d != "" {
		t.Error(d)
	}
}

// TestDominant lets thin structures and errors win over background.
func TestDominant(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cover [classCount]int
		want  byte
	}{
		"background":          {[classCount]int{none: 9}, none},
		"a thin vessel":       {[classCount]int{none: 99, agreed: 1}, agreed},
		"mostly right":        {[classCount]int{agreed: 3, missed: 2, wrong: 2}, agreed},
		"as much wrong":       {[classCount]int{agreed: 2, wrong: 2}, wrong},
		"missed before false": {[classCount]int{missed: 2, wrong: 2}, missed},
	} {
		if got := dominant(c.cover); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestLargestPiece counts along faces, and missed voxels apart from false ones;
// of equal pieces the first counts.
func TestLargestPiece(t *testing.T) {
	t.Parallel()
	class := []byte{
		missed, missed, none, wrong,
		none, none, missed, wrong,

		none, none, missed, wrong,
		none, none, missed, none,
	}
	for at, want := range map[int]piece{
		2: {3, "false", tally{errors: []int{2, 1}, structure: []int{0, 0}}},
		3: {3, "missed", tally{errors: []int{1, 2}, structure: []int{0, 0}}},
	} {
		c := &classified{shape: [3]int{4, 2, 2}, class: slices.Clone(class)}
		c.class[at] = none
		if p, err := c.largestPiece(t.Context()); err != nil || !reflect.DeepEqual(p, want) {
			t.Errorf("without voxel %d: %+v, %v", at, p, err)
		}
	}
}

// TestEveryMetricIsDescribed keeps the page complete when metrics are added.
func TestEveryMetricIsDescribed(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, m := range append(metrics.Choice(), "hd90") {
		text, name := describe(m, Scoring{Unit: "um", Tolerance: 2}), title(m)
		if strings.HasPrefix(text, "Not described") || name == m {
			t.Errorf("%s: %q, %q", m, name, text)
		}
		if other, taken := seen[name]; taken {
			t.Errorf("%s and %s are both called %q", m, other, name)
		}
		seen[name] = m
	}
}

// TestLegendHasThePicturesColours keeps the style sheet and the palette equal.
func TestLegendHasThePicturesColours(t *testing.T) {
	t.Parallel()
	for k, name := range map[byte]string{agreed: "agreed", missed: "missed", wrong: "false"} {
		c := tints(true)[k].colour
		if want := fmt.Sprintf("--%s:#%02x%02x%02x", name, c.R, c.G, c.B); !strings.Contains(style, want) {
			t.Errorf("the style sheet lacks %s", want)
		}
	}
}
