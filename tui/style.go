package tui

import "charm.land/lipgloss/v2"

// styles are the few looks that the program has. Meaning never rests on colour
// alone: every state also has a sign of its own.
type styles struct {
	dim, bold, user, assistant, good, bad, warn, accent, frame, title, selected lipgloss.Style
}

func newStyles() styles {
	fg := func(c string) lipgloss.Style { return lipgloss.NewStyle().Foreground(lipgloss.Color(c)) }
	return styles{
		dim:       fg("8"),
		bold:      lipgloss.NewStyle().Bold(true),
		user:      fg("6").Bold(true),
		assistant: fg("2").Bold(true),
		good:      fg("2"),
		bad:       fg("1"),
		warn:      fg("3"),
		accent:    fg("5"),
		frame:     fg("8"),
		title:     lipgloss.NewStyle().Bold(true),
		selected:  lipgloss.NewStyle().Reverse(true),
	}
}
