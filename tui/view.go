package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// sideFrom is the width from which the board has a pane of its own.
const sideFrom = 96

// View draws the whole screen.
func (m *model) View() tea.View {
	lines := []string{m.header()}
	lines = append(lines, m.body()...)
	lines = append(lines, m.inputLines()...)
	lines = append(lines, m.footer())
	v := tea.NewView(strings.Join(lines, "\n"))
	v.AltScreen = true
	v.MouseMode = tea.MouseModeNone
	v.WindowTitle = "minivess"
	return v
}

func (m *model) bodyHeight() int { return max(m.height-4, 3) }

func (m *model) chatWidth() int {
	if m.width >= sideFrom {
		return m.width - m.sideWidth() - 3
	}
	return m.width
}

func (m *model) sideWidth() int { return max(m.width*2/5, 38) }

// header says where we are: workspace, what runs, who plans.
func (m *model) header() string {
	running := 0
	for _, r := range m.board.runs {
		if r.Active() {
			running++
		}
	}
	left := " " + m.styles.bold.Render("minivess") + "  " + clean(m.options.Workspace)
	right := fmt.Sprintf("%d running · %s · %s ", running, count(len(m.board.runs), "run"), clean(m.options.Model))
	gap := m.width - ansi.StringWidth(left) - ansi.StringWidth(right)
	if gap < 1 {
		return fit(left, m.width)
	}
	return left + strings.Repeat(" ", gap) + m.styles.dim.Render(right)
}

// body draws the page, with the board beside the chat where there is room.
func (m *model) body() []string {
	height := m.bodyHeight()
	switch m.screen {
	case screenRuns:
		return padLines(m.runsTable(m.width, height), m.width, height)
	case screenCurves:
		return padLines(m.curves(m.width, height), m.width, height)
	case screenHelp:
		return padLines(strings.Split(m.styles.help(), "\n"), m.width, height)
	case screenChat:
	}
	chat := padLines(strings.Split(m.chat.View(), "\n"), m.chatWidth(), height)
	if m.width < sideFrom {
		return chat
	}
	side := padLines(m.curves(m.sideWidth(), height), m.sideWidth(), height)
	for i := range chat {
		chat[i] += m.styles.frame.Render(" │ ") + side[i]
	}
	return chat
}

// layoutChat gives the viewport its size and content, and keeps it at its end
// unless the person scrolled up.
func (m *model) layoutChat() {
	width, height := m.chatWidth(), m.bodyHeight()
	if m.width < sideFrom && m.strip() != "" {
		height--
	}
	m.chat.SetWidth(width)
	m.chat.SetHeight(height)
	m.chat.SetContent(m.transcript.render(width-1, m.styles, planView{progress: m.progress, spinner: m.spin.View()}))
	if m.follow {
		m.chat.GotoBottom()
	}
	m.input.SetWidth(max(m.width-6, 8))
}

// strip is the board in one line, for screens without room for a pane.
func (m *model) strip() string {
	run, ok := m.focused()
	if !ok || !run.Active() {
		return ""
	}
	s := fmt.Sprintf(" %s %s", m.spin.View(), clean(run.ID))
	if run.State == "queued" {
		return s + "  queued"
	}
	if run.Steps > 0 {
		s += fmt.Sprintf("  %s %d/%d", bar(float64(run.Step)/float64(run.Steps), 8), run.Step, run.Steps)
	}
	if loss := m.board.curves["loss"]; len(loss) > 0 {
		s += fmt.Sprintf("  loss %s %s", number(loss[len(loss)-1].Value), spark(loss, 10))
	}
	if run.ETASeconds > 0 {
		s += "  eta " + duration(run.ETASeconds)
	}
	return s
}

// inputLines draws the rule above the input, which says what the input is
// for, and the input itself.
func (m *model) inputLines() []string {
	label := ""
	switch {
	case m.mode == modeEdit:
		label = " change the plan: in words, drop step 2, or 2.max_steps=200 "
	case m.mode == modeReason:
		label = " why not? (enter sends) "
	case m.mode == modeConfirm:
		label = fmt.Sprintf(" step %s destroys and cannot be undone: y confirms, n rejects ", clean(m.nextToConfirm()))
	case m.stream.active():
		label = fmt.Sprintf(" %s %s ", m.spin.View(), m.status)
		if m.thinking {
			label += "· esc stops "
		}
	case m.review != nil:
		label = " a approve   e edit   r reject   or say what to change "
	case m.offered != nil:
		label = " c continue   x leave it "
	}
	line := "─" + label
	line += strings.Repeat("─", max(0, m.width-ansi.StringWidth(line)))
	rule := m.styles.frame.Render(fit(line, m.width))
	if label != "" && !m.stream.active() {
		rule = m.styles.warn.Render(fit(line, m.width))
	}
	return []string{rule, fit(" "+m.input.View(), m.width)}
}

// footer lists the keys that work here, or the job at hand on small screens.
func (m *model) footer() string {
	if s := m.strip(); s != "" && m.width < sideFrom {
		return fit(s, m.width)
	}
	return m.styles.dim.Render(fit(" enter send · ^R runs · ^G curves · pgup/pgdn scroll · ? help · ^C quit (jobs go on)", m.width))
}

func (s styles) help() string {
	return strings.Join([]string{
		"",
		s.title.Render("  Say it in plain words"),
		"    make a synthetic dataset called demo with 10 volumes",
		"    train a segresnet on demo for 20 epochs, then evaluate it on the test split",
		"    which run has the best dice?     resume the latest run     cancel it",
		"    tell me when it is done, then evaluate it      always use fold 0 as test",
		"",
		s.title.Render("  A plan waits for your word"),
		"    a  approve   r  reject   e  edit: use batch 2, drop step 3, 2.max_steps=200",
		"    reading runs at once; writing, launching and destroying never do",
		"",
		s.title.Render("  Keys"),
		"    enter   send            up down  earlier sentences    pgup pgdn  scroll",
		"    ctrl+r  table of runs   ctrl+g   curves of a run      esc        back, stop",
		"    ctrl+c  quit; jobs go on, and the conversation is kept",
	}, "\n")
}
