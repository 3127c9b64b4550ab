package tui

import (
	"context"
	"iter"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/minivess/minivess/agent/assistant"
)

// key handles one key press: keys that work everywhere first, then those of
// the plan under review, then the page, then the input line.
func (m *model) key(msg tea.KeyPressMsg) tea.Cmd {
	name := msg.String()
	switch name {
	case "ctrl+c":
		return tea.Quit
	case "ctrl+r":
		m.toggle(screenRuns)
		return nil
	case "ctrl+g":
		m.toggle(screenCurves)
		return nil
	case "esc":
		if m.thinking && m.screen == screenChat {
			m.stream.stop()
			return nil
		}
		m.screen, m.mode = screenChat, modeChat
		return nil
	case "pgup", "pgdown", "ctrl+u", "ctrl+d":
		m.scroll(name)
		return nil
	}
	if m.screen == screenRuns {
		return m.runsKey(name)
	}
	if m.input.Value() == "" && m.mode == modeChat {
		if cmd, ok := m.commandKey(name); ok {
			return cmd
		}
	}
	if m.mode == modeConfirm {
		return m.confirmKey(name)
	}
	return m.inputKey(msg)
}

func (m *model) toggle(s screen) {
	if m.screen == s {
		m.screen = screenChat
	} else {
		m.screen = s
	}
}

func (m *model) scroll(name string) {
	switch name {
	case "pgup", "ctrl+u":
		m.chat.HalfPageUp()
	case "pgdown", "ctrl+d":
		m.chat.HalfPageDown()
	}
	m.follow = m.chat.AtBottom()
}

// commandKey handles single letters while nothing is typed and the assistant
// is waiting for a word. Anything else begins a sentence.
func (m *model) commandKey(name string) (tea.Cmd, bool) {
	if name == "?" {
		m.toggle(screenHelp)
		return nil, true
	}
	if m.stream.active() {
		return nil, false
	}
	if m.review == nil {
		return m.offerKey(name)
	}
	switch name {
	case "a":
		return m.approve(), true
	case "e":
		m.mode = modeEdit
		return nil, true
	case "r":
		m.mode = modeReason
		return nil, true
	}
	return nil, false
}

// offerKey answers the offer to take up unfinished work.
func (m *model) offerKey(name string) (tea.Cmd, bool) {
	if m.offered == nil {
		return nil, false
	}
	switch name {
	case "c":
		return m.goOn(), true
	case "x":
		m.offered = nil
		m.transcript.add(speakerNote, "Left. Runs that it launched go on.")
		return m.abandon(), true
	}
	return nil, false
}

// abandonedMsg says whether unfinished work could be given up.
type abandonedMsg struct{ err error }

func (m *model) abandon() tea.Cmd {
	return func() tea.Msg { return abandonedMsg{m.options.Assistant.Abandon(m.ctx, m.options.Thread)} }
}

// approve approves everything that destroys nothing; each destroying step is
// asked for by itself first.
func (m *model) approve() tea.Cmd {
	if next := m.nextToConfirm(); next != "" {
		m.mode = modeConfirm
		return nil
	}
	d := assistant.Decision{Verdict: assistant.Approve}
	if len(m.review.Confirm) > 0 {
		for _, id := range m.review.Steps {
			if !slices.Contains(m.review.Confirm, id) {
				d.Steps = append(d.Steps, id)
			}
		}
		d.Steps = append(d.Steps, m.confirmed...)
	}
	return m.decide(d)
}

// nextToConfirm returns the first destroying step without a word of its own.
func (m *model) nextToConfirm() string {
	if m.review == nil {
		return ""
	}
	for _, id := range m.review.Confirm {
		if !slices.Contains(m.confirmed, id) {
			return id
		}
	}
	return ""
}

func (m *model) confirmKey(name string) tea.Cmd {
	switch name {
	case "y":
		m.confirmed = append(m.confirmed, m.nextToConfirm())
		m.mode = modeChat
		return m.approve()
	case "n":
		m.mode = modeChat
		return m.decide(assistant.Decision{Verdict: assistant.Reject, Text: "the destroying step was not confirmed"})
	}
	return nil
}

// inputKey edits the input line, recalls history, and sends.
func (m *model) inputKey(msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "enter":
		return m.submit(strings.TrimSpace(m.input.Value()))
	case "up":
		m.recallBy(-1)
		return nil
	case "down":
		m.recallBy(1)
		return nil
	}
	var cmd tea.Cmd
	m.input, cmd = m.input.Update(msg)
	return cmd
}

// submit gives what was typed to whoever waits for it.
func (m *model) submit(text string) tea.Cmd {
	if text == "" && m.mode != modeReason {
		return nil
	}
	if m.stream.active() {
		m.transcript.add(speakerNote, "One moment: the assistant is still at work. Ctrl+C leaves; jobs go on.")
		return nil
	}
	m.history = append(m.history, text)
	m.recall = len(m.history)
	switch m.mode {
	case modeEdit:
		m.transcript.add(speakerUser, text)
		return m.say(text)
	case modeReason:
		m.transcript.add(speakerUser, "reject: "+text)
		return m.decide(assistant.Decision{Verdict: assistant.Reject, Text: text})
	case modeChat, modeConfirm:
	}
	if text == "quit" || text == "exit" || text == "/quit" {
		return tea.Quit
	}
	if m.review != nil {
		m.transcript.add(speakerUser, text)
		return m.say(text)
	}
	return m.send(text)
}

// say takes what a person types while a plan waits: a yes or a no, a change by
// field ("2.max_steps=200"), steps to drop, or a wish in words. What destroys is
// confirmed by itself.
func (m *model) say(text string) tea.Cmd {
	if d := assistant.DecisionFor(text, m.review); d.Verdict == assistant.Approve && len(m.review.Confirm) > 0 {
		m.mode = modeChat
		m.input.Reset()
		return m.approve()
	}
	review := m.review
	cmd := m.begin(func(ctx context.Context) iter.Seq2[assistant.Event, error] {
		return m.options.Assistant.Turn(ctx, m.options.Thread, text)
	})
	m.review, m.asked = nil, review
	return cmd
}

func (m *model) recallBy(by int) {
	if len(m.history) == 0 {
		return
	}
	m.recall = min(max(m.recall+by, 0), len(m.history))
	if m.recall == len(m.history) {
		m.input.SetValue("")
		return
	}
	m.input.SetValue(m.history[m.recall])
	m.input.CursorEnd()
}

// runsKey moves in the table of runs.
func (m *model) runsKey(name string) tea.Cmd {
	switch name {
	case "up", "k":
		m.cursor = max(m.cursor-1, 0)
	case "down", "j":
		m.cursor = min(m.cursor+1, max(len(m.board.runs)-1, 0))
	case "home", "g":
		m.cursor = 0
	case "end", "G":
		m.cursor = max(len(m.board.runs)-1, 0)
	case "enter":
		if m.cursor < len(m.board.runs) {
			m.chosen, m.screen = m.board.runs[m.cursor].ID, screenCurves
			return readBoard(m.ctx, m.options.Board, m.chosen)
		}
	case "q":
		m.screen = screenChat
	}
	return nil
}
