package tui

import (
	"context"
	"fmt"
	"iter"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/minivess/minivess/agent/assistant"
)

// dueMsg says that a follow-up is to be taken up, or why none is.
type dueMsg struct {
	followup assistant.Followup
	err      error
}

// awaitFollowup waits beside the conversation until a follow-up is due. What
// was asked for since the last waiting began is waited for, too.
func (m *model) awaitFollowup() tea.Cmd {
	if m.options.Follower == nil || m.review != nil || m.stream.active() {
		return nil
	}
	if m.following != nil {
		m.following()
	}
	ctx, cancel := context.WithCancel(m.ctx)
	m.following = cancel
	return func() tea.Msg {
		f, err := m.options.Follower.Due(ctx, m.options.Thread, nil)
		return dueMsg{f, err}
	}
}

// followup takes up what is due, unless the conversation is at something else:
// then it is looked at again when that is over.
func (m *model) followup(msg dueMsg) tea.Cmd {
	if msg.err != nil || m.stream.active() || m.review != nil {
		return nil
	}
	said := msg.followup.Say
	if said == "" {
		said = "tell how it ended"
	}
	m.transcript.add(speakerNote, fmt.Sprintf("%s ended. Follow-up of turn %d: %s", strings.Join(msg.followup.Runs, " and "), msg.followup.Turn, said))
	m.offered, m.follow, m.status = nil, true, "working"
	return m.stream.start(m.ctx, func(ctx context.Context) iter.Seq2[assistant.Event, error] {
		return m.options.Follower.Follow(ctx, m.options.Thread)
	})
}
