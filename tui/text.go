package tui

import (
	"fmt"
	"math"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/minivess/minivess/tools"
)

// clean makes text that may come from data safe to draw: no escape sequences,
// no control characters, no direction overrides. Line breaks stay.
func clean(s string) string { return strings.ReplaceAll(tools.Printable(s), "\t", " ") }

// wrap breaks text at width, with every line after the first indented.
func wrap(s string, width, indent int) string {
	width = max(width, 8)
	pad := strings.Repeat(" ", indent)
	lines := strings.Split(ansi.Wrap(s, max(width-indent, 8), ""), "\n")
	return strings.Join(lines, "\n"+pad)
}

// fit cuts a line to width and pads it, so that columns stay in place.
func fit(s string, width int) string {
	if width <= 0 {
		return ""
	}
	s = ansi.Truncate(s, width, "…")
	return s + strings.Repeat(" ", max(0, width-ansi.StringWidth(s)))
}

// duration says seconds the way people do: 4 s, 2 min 30 s, 9 h 5 min.
func duration(seconds float64) string {
	switch s := int64(math.Round(seconds)); {
	case math.IsNaN(seconds) || math.IsInf(seconds, 0):
		return "?"
	case seconds > 0 && seconds < 1:
		return "<1 s"
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		if s%60 == 0 {
			return fmt.Sprintf("%d min", s/60)
		}
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	default:
		return fmt.Sprintf("%d h %d min", s/3600, s%3600/60)
	}
}

// size says bytes with three digits at most.
func size(bytes int64) string {
	v, unit := float64(bytes), "B"
	for _, u := range []string{"KB", "MB", "GB", "TB"} {
		if v < 1000 {
			break
		}
		v, unit = v/1000, u
	}
	if v >= 10 || unit == "B" {
		return fmt.Sprintf("%.0f %s", v, unit)
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}

// spark draws a series as one line of eighth blocks, newest value at the right.
func spark(points []Point, width int) string {
	blocks := []rune("▁▂▃▄▅▆▇█")
	if width <= 0 || len(points) == 0 {
		return ""
	}
	points = resample(points, width)
	lo, hi := bounds(points)
	var b strings.Builder
	for _, p := range points {
		k := 0
		if hi > lo {
			k = int((p.Value - lo) / (hi - lo) * float64(len(blocks)-1))
		}
		b.WriteRune(blocks[min(max(k, 0), len(blocks)-1)])
	}
	return b.String()
}

// resample keeps at most n points, each the mean of its share of the series.
func resample(points []Point, n int) []Point {
	if len(points) <= n {
		return points
	}
	out := make([]Point, n)
	for i := range n {
		part := points[i*len(points)/n : (i+1)*len(points)/n]
		for _, p := range part {
			out[i].Step += p.Step / float64(len(part))
			out[i].Value += p.Value / float64(len(part))
		}
	}
	return out
}

func bounds(points []Point) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, p := range points {
		if !math.IsNaN(p.Value) && !math.IsInf(p.Value, 0) {
			lo, hi = min(lo, p.Value), max(hi, p.Value)
		}
	}
	return lo, hi
}
