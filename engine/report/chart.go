package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/minivess/minivess/engine/metrics/cases"
)

// The measures of a chart, in SVG units.
const (
	chartWidth   = 360
	chartHeight  = 54
	chartMargin  = 18
	chartAxis    = 40 // y of the axis
	chartMiddle  = 20 // y of the values
	chartSwarm   = 6  // how near dots come to each other
	chartLanes   = 5  // how many dots lie above each other at most, odd
	chartLaneGap = 5
	chartBox     = 9 // half of the box's height
)

// strip is a chart of one metric's values over cases: a dot each, over a box
// from quartile to quartile with the median, and the mean with its interval.
type strip struct {
	Title  string
	Dots   []dot
	Ticks  []tick
	Box    *boxed
	Mean   string // x, "" without values
	Low    string // x of the mean's interval, "" without one
	High   string
	Points string // of the mean's diamond
}

type dot struct {
	X, Y, Title string
	Policy      bool // set by the policy for empty masks
}

type tick struct{ X, Text string }

type boxed struct{ X, Width, Median string }

// scale maps values to x.
type scale struct {
	low, high float64
	ticks     []float64
	step      float64
}

// newScale covers the finite values with round ticks; those of a bounded metric
// stay within 0 and 1.
func newScale(values []float64, bounded bool) scale {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if finite(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	if low > high {
		low, high = 0, 1
	}
	if high-low < 1e-9*max(1, math.Abs(high)) {
		pad := max(0.05, 0.1*math.Abs(high))
		low, high = low-pad, high+pad
	}
	step := niceStep(high - low)
	s := scale{low: math.Floor(low/step) * step, high: math.Ceil(high/step) * step, step: step}
	if bounded {
		s.low, s.high = max(0, s.low), min(1, s.high)
	}
	for i := range 12 {
		v := math.Round(s.low/step)*step + float64(i)*step
		if v > s.high+step/1000 {
			break
		}
		s.ticks = append(s.ticks, v)
	}
	return s
}

// niceStep is a 1, 2 or 5 of some power of ten that makes about five steps.
func niceStep(width float64) float64 {
	raw := width / 5
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if raw <= m*power*1.2 {
			return m * power
		}
	}
	return 10 * power
}

func (s scale) x(v float64) float64 {
	return chartMargin + (chartWidth-2*chartMargin)*(v-s.low)/(s.high-s.low)
}

func (s scale) text(v float64) string {
	decimals := max(0, -int(math.Floor(math.Log10(s.step)+1e-9)))
	return strings.ReplaceAll(strconv.FormatFloat(v+0, 'f', decimals, 64), "-", "−")
}

func coordinate(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// sample is one case's value in a chart.
type sample struct {
	name   string
	value  float64
	policy bool
}

// newStrip draws the samples on a scale. Values that are not finite are left
// out.
func newStrip(what string, all []sample, s scale, sum cases.Summary, write func(float64) string) strip {
	out := strip{Title: fmt.Sprintf("%s: %s", what, sum.String())}
	for _, v := range s.ticks {
		out.Ticks = append(out.Ticks, tick{coordinate(s.x(v)), s.text(v)})
	}
	if sum.N == 0 {
		return out
	}
	out.Dots = swarm(all, s, write)
	if !math.IsNaN(sum.LowerQuartile) {
		low, high := s.x(sum.LowerQuartile), s.x(sum.UpperQuartile)
		out.Box = &boxed{coordinate(low), coordinate(max(0.5, high-low)), coordinate(s.x(sum.Median))}
	}
	x := s.x(sum.Mean)
	out.Mean = coordinate(x)
	out.Points = fmt.Sprintf("%s,%d %s,%d %s,%d %s,%d", coordinate(x-4), chartMiddle, coordinate(x), chartMiddle-4, coordinate(x+4), chartMiddle, coordinate(x), chartMiddle+4)
	if i := sum.Interval; i != nil {
		out.Low, out.High = coordinate(max(chartMargin, s.x(i.Low))), coordinate(min(chartWidth-chartMargin, s.x(i.High)))
	}
	return out
}

// swarm lays dots beside each other that would cover each other.
func swarm(all []sample, s scale, write func(float64) string) []dot {
	sorted := slices.Clone(all)
	sorted = slices.DeleteFunc(sorted, func(v sample) bool { return !finite(v.value) })
	slices.SortStableFunc(sorted, func(a, b sample) int {
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	last := [chartLanes]float64{}
	for i := range last {
		last[i] = math.Inf(-1)
	}
	var out []dot
	for _, v := range sorted {
		x := s.x(v.value)
		lane := 0
		for i := range last {
			if x-last[i] >= chartSwarm {
				lane = i
				break
			}
			if last[i] < last[lane] {
				lane = i
			}
		}
		last[lane] = x
		offset := (lane + 1) / 2 * chartLaneGap
		if lane%2 == 1 {
			offset = -offset
		}
		out = append(out, dot{coordinate(x), strconv.Itoa(chartMiddle + offset), v.name + ": " + write(v.value), v.policy})
	}
	return out
}
