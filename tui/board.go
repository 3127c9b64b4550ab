package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
)

// refreshEvery is how often the board is read while something runs; a quiet
// workspace is looked at less often.
const (
	refreshEvery = time.Second
	refreshIdle  = 5 * time.Second
)

// boardMsg is one reading of the board.
type boardMsg struct {
	runs   []Run
	focus  string
	curves map[string][]Point
	err    error
}

// readBoard reads the runs, and the curves of the one in focus: the one the
// person chose, else the newest that is active, else the newest.
func readBoard(ctx context.Context, board Board, chosen string) tea.Cmd {
	return func() tea.Msg {
		runs, err := board.Runs(ctx)
		if err != nil {
			return boardMsg{err: err}
		}
		m := boardMsg{runs: runs, focus: inFocus(runs, chosen)}
		if m.focus != "" {
			m.curves, m.err = board.Curves(ctx, m.focus)
		}
		return m
	}
}

func inFocus(runs []Run, chosen string) string {
	for _, r := range runs {
		if chosen != "" && r.ID == chosen {
			return r.ID
		}
	}
	for _, r := range runs {
		if r.Active() && r.Kind == "train" {
			return r.ID
		}
	}
	for _, r := range runs {
		if r.Kind == "train" {
			return r.ID
		}
	}
	return ""
}

// tickMsg asks for the next reading of the board.
type tickMsg struct{}

func tick(after time.Duration) tea.Cmd {
	return tea.Tick(after, func(time.Time) tea.Msg { return tickMsg{} })
}
