package tui

import (
	"fmt"
	"math"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/NimbleMarkets/ntcharts/v2/canvas"
	"github.com/NimbleMarkets/ntcharts/v2/linechart"
)

// chart draws one series with axes into width×height cells. A series that is
// too short to be a line says so instead.
func chart(name string, points []Point, width, height int, line, axis lipgloss.Style) string {
	title := name
	if n := len(points); n > 0 {
		title = fmt.Sprintf("%s %s", name, number(points[n-1].Value))
	}
	lines := []string{fit(title, width)}
	finite := finitePoints(points)
	if len(finite) < 2 || height < 4 || width < 16 {
		lines = append(lines, fit(spark(finite, width), width))
		return strings.Join(padLines(lines, width, height), "\n")
	}
	lo, hi := bounds(finite)
	if hi-lo < 1e-9 {
		lo, hi = lo-0.5, hi+0.5
	}
	first, last := finite[0].Step, finite[len(finite)-1].Step
	c := linechart.New(width, height-1, first, last, lo, hi,
		linechart.WithXYSteps(max(width/3, 1), 2),
		linechart.WithStyles(axis, axis, line),
		linechart.WithXLabelFormatter(func(_ int, v float64) string { return fmt.Sprintf("%.0f", v) }),
		linechart.WithYLabelFormatter(func(_ int, v float64) string { return number(v) }))
	c.DrawXYAxisAndLabel()
	finite = resample(finite, 2*width)
	for i := 1; i < len(finite); i++ {
		c.DrawBrailleLineWithStyle(
			canvas.Float64Point{X: finite[i-1].Step, Y: finite[i-1].Value},
			canvas.Float64Point{X: finite[i].Step, Y: finite[i].Value}, line)
	}
	lines = append(lines, strings.Split(c.View(), "\n")...)
	return strings.Join(padLines(lines, width, height), "\n")
}

// padLines makes the block exactly height lines of width cells.
func padLines(lines []string, width, height int) []string {
	out := make([]string, 0, height)
	for i := range height {
		if i < len(lines) {
			out = append(out, fit(lines[i], width))
		} else {
			out = append(out, strings.Repeat(" ", max(width, 0)))
		}
	}
	return out
}

func finitePoints(points []Point) []Point {
	out := make([]Point, 0, len(points))
	for _, p := range points {
		if !math.IsNaN(p.Value) && !math.IsInf(p.Value, 0) {
			out = append(out, p)
		}
	}
	return out
}

// number prints a value with three significant digits.
func number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "NaN"
	case a != 0 && (a < 1e-3 || a >= 1e5):
		return fmt.Sprintf("%.1e", v)
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.3f", v)
	}
}
