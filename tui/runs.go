package tui

import (
	"fmt"
	"slices"
	"strings"
)

// focused returns the run whose curves are shown.
func (m *model) focused() (Run, bool) {
	for _, r := range m.board.runs {
		if r.ID == m.board.focus {
			return r, true
		}
	}
	return Run{}, false
}

// runsTable lists the runs, newest first, around the cursor.
func (m *model) runsTable(width, height int) []string {
	columns := []struct {
		title string
		width int
		value func(Run) string
	}{
		{"run", 18, func(r Run) string { return clean(r.ID) }},
		{"state", 11, func(r Run) string { return stateSign(r.State) + " " + r.State }},
		{"model", 10, func(r Run) string { return clean(r.Model) }},
		{"dataset", 10, func(r Run) string { return clean(r.Dataset) }},
		{"dice", 6, func(r Run) string {
			if !r.HasScore {
				return ""
			}
			return number(r.Score)
		}},
		{"step", 9, func(r Run) string {
			if r.Steps == 0 {
				return ""
			}
			return fmt.Sprintf("%d/%d", r.Step, r.Steps)
		}},
		{"kind", 8, func(r Run) string { return r.Kind }},
		{"age", 8, func(r Run) string { return r.Age }},
		{"name", 24, func(r Run) string { return clean(r.Name) }},
	}
	var head strings.Builder
	for _, c := range columns {
		head.WriteString(fit(c.title, c.width) + " ")
	}
	lines := []string{m.styles.title.Render(fit(" "+head.String(), width))}
	if len(m.board.runs) == 0 {
		return append(lines, "", m.styles.dim.Render("  No runs yet. Press esc, then say for example: train a segresnet on demo"))
	}
	visible := max(height-2, 1)
	from := min(max(0, m.cursor-visible/2), max(0, len(m.board.runs)-visible))
	for i, r := range m.board.runs[from:min(from+visible, len(m.board.runs))] {
		var row strings.Builder
		for _, c := range columns {
			row.WriteString(fit(c.value(r), c.width) + " ")
		}
		line := fit(" "+row.String(), width)
		if from+i == m.cursor {
			line = m.styles.selected.Render(line)
		}
		lines = append(lines, line)
	}
	return append(lines, m.styles.dim.Render(fit(" up down choose · enter curves · esc back", width)))
}

func stateSign(state string) string {
	switch state {
	case "running":
		return "▸"
	case "finished":
		return "✓"
	case "failed":
		return "✗"
	case "cancelled":
		return "–"
	default:
		return "·"
	}
}

// curves draws the run in focus: what it is, how far it is, its series.
func (m *model) curves(width, height int) []string {
	run, ok := m.focused()
	if !ok {
		if m.board.err != nil {
			return strings.Split(m.styles.bad.Render(wrap(clean(m.board.err.Error()), width, 0)), "\n")
		}
		return []string{m.styles.dim.Render(fit(" no runs yet", width))}
	}
	what := strings.Join(slices.DeleteFunc([]string{clean(run.Model), clean(run.Dataset), stateSign(run.State) + " " + run.State}, func(s string) bool { return s == "" }), " · ")
	lines := []string{m.styles.title.Render(fit(clean(run.ID), width)), m.styles.dim.Render(fit(what, width)), fit(runLine(run), width)}
	names := seriesToDraw(m.board.curves)
	if len(names) == 0 {
		return append(lines, m.styles.dim.Render(fit("no values yet", width)))
	}
	room := height - len(lines) - 1
	names = names[:min(len(names), max(room/6, 1))]
	each := min(room/len(names), 14)
	for i, name := range names {
		look := m.styles.good
		if i%2 == 1 {
			look = m.styles.accent
		}
		lines = append(lines, strings.Split(chart(name, m.board.curves[name], width, each, look, m.styles.dim), "\n")...)
	}
	return lines
}

// runLine says how far a run is, in one line.
func runLine(r Run) string {
	var parts []string
	if r.Steps > 0 {
		parts = append(parts, fmt.Sprintf("%s %d/%d", bar(float64(r.Step)/float64(r.Steps), 10), r.Step, r.Steps))
	}
	if r.Active() && r.Rate > 0 {
		parts = append(parts, fmt.Sprintf("%.1f steps/s", r.Rate))
	}
	if r.Active() && r.ETASeconds > 0 {
		parts = append(parts, "eta "+duration(r.ETASeconds))
	}
	if r.HasScore {
		parts = append(parts, "dice "+number(r.Score))
	}
	return strings.Join(parts, "  ")
}

// seriesToDraw orders the series: what a researcher looks at first comes first.
func seriesToDraw(curves map[string][]Point) []string {
	order := []string{"val dice", "loss", "val cldice", "val loss", "lr"}
	var names []string
	for _, name := range order {
		if len(curves[name]) > 0 {
			names = append(names, name)
		}
	}
	return names
}
