package tui

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"
	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/agent/assistant"
)

// writer is an assistant whose events come when the test lets them.
type writer struct {
	*script
	events chan assistant.Event
}

func (w *writer) Turn(ctx context.Context, _, text string) iter.Seq2[assistant.Event, error] {
	w.asked = append(w.asked, text)
	return func(yield func(assistant.Event, error) bool) {
		for {
			select {
			case e, ok := <-w.events:
				if !ok || !yield(e, nil) {
					return
				}
			case <-ctx.Done():
				yield(assistant.Event{Kind: assistant.EventDone, Outcome: &assistant.Outcome{Status: assistant.StatusDetached}}, nil)
				return
			}
		}
	}
}

// writing is a program in the middle of a turn.
type writing struct {
	*model
	w    *writer
	next tea.Cmd
}

func newWriting(t *testing.T, width, height int) *writing {
	t.Helper()
	w := &writer{script: &script{}, events: make(chan assistant.Event)}
	m := newModel(t.Context(), Options{Assistant: w, Board: demoBoard(), Thread: "t", Model: "hosted-1", Workspace: "vessels"})
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	drive(t, m, readBoard(t.Context(), m.options.Board, ""))
	for _, r := range "how good is it?" {
		m.Update(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
	out := &writing{model: m, w: w}
	_, out.next = m.Update(tea.KeyPressMsg{Code: tea.KeyEnter})
	t.Cleanup(m.stream.drain)
	return out
}

// comes lets events come, one by one.
func (w *writing) comes(events ...assistant.Event) {
	for _, e := range events {
		go func() { w.w.events <- e }()
		_, w.next = w.Update(w.next())
	}
}

func token(text string) assistant.Event {
	return assistant.Event{Kind: assistant.EventToken, Text: text}
}

func thinking() assistant.Event {
	return assistant.Event{Kind: assistant.EventThinking, Text: "hosted-1"}
}

func answer(text string) assistant.Event {
	return assistant.Event{Kind: assistant.EventAnswer, Answer: &assistant.Answer{Text: text}}
}

func TestAnAnswerGrows(t *testing.T) {
	t.Parallel()
	const said = "Run brisk-otter-7f3a reaches a test Dice of 0.86 on 2 volumes. With two volumes the interval is only a range."
	for _, size := range [][2]int{{80, 24}, {100, 30}} {
		for name, events := range map[string][]assistant.Event{
			"middle": {thinking(), token(said[:40]), token(said[40:70])},
			"final":  {thinking(), token(said[:40]), token(said[40:]), answer(said), {Kind: assistant.EventDone, Outcome: &assistant.Outcome{Status: assistant.StatusAnswered}}},
			"gap":    {thinking(), token(said[:40]), {Kind: assistant.EventToken, Text: said[70:], Lost: 3}},
			"anew":   {thinking(), token(said[:40]), {Kind: assistant.EventWithdrawn, Text: "the stream ended"}, token("Another model says")},
		} {
			t.Run(fmt.Sprintf("%s_%dx%d", name, size[0], size[1]), func(t *testing.T) {
				t.Parallel()
				w := newWriting(t, size[0], size[1])
				w.comes(events...)
				golden.RequireEqual(t, []byte(frame(w.model)))
			})
		}
	}
}

// What was shown while it was written is gone with the same screen on which
// something else stands in its place.
func TestAWithheldNumberIsGone(t *testing.T) {
	t.Parallel()
	w := newWriting(t, 100, 30)
	w.comes(thinking(), token("It reaches a Dice of 0.93."))
	if screen := frame(w.model); !strings.Contains(screen, "mini… It reaches a Dice of 0.93.") {
		t.Fatalf("not shown while it is written:\n%s", screen)
	}
	w.comes(answer("the answer is withheld"))
	if screen := frame(w.model); strings.Contains(screen, "0.93") || strings.Contains(screen, "mini…") || !strings.Contains(screen, "withheld") {
		t.Errorf("after it was withheld:\n%s", screen)
	}
}

// Whoever scrolled up stays there while the answer grows, at any size.
func TestScrolledUpStaysThere(t *testing.T) {
	t.Parallel()
	w := newWriting(t, 80, 24)
	for i := range 40 {
		w.transcript.add(speakerNote, fmt.Sprintf("remark %d", i))
	}
	w.comes(thinking(), token("It "))
	w.Update(tea.KeyPressMsg{Code: tea.KeyPgUp})
	top := w.chat.YOffset()
	for i := range 30 {
		w.comes(token(fmt.Sprintf("is line %d\n", i)))
		if got := w.chat.YOffset(); got != top || w.follow {
			t.Fatalf("part %d moves the page from %d to %d", i, top, got)
		}
	}
	for width := 20; width < 140; width += 17 {
		for height := 8; height < 50; height += 9 {
			w.Update(tea.WindowSizeMsg{Width: width, Height: height})
			lines := strings.Split(frame(w.model), "\n")
			if len(lines) != height {
				t.Errorf("%dx%d: %d lines", width, height, len(lines))
			}
			for _, line := range lines {
				if ansi.StringWidth(line) > width {
					t.Errorf("%dx%d: %q is too long", width, height, line)
				}
			}
		}
	}
	w.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	w.Update(tea.KeyPressMsg{Code: tea.KeyPgDown})
	for !w.follow {
		w.Update(tea.KeyPressMsg{Code: tea.KeyPgDown})
	}
	w.comes(token("the end"))
	if screen := frame(w.model); !strings.Contains(screen, "the end") {
		t.Errorf("the page does not follow its end again:\n%s", screen)
	}
}

func TestEscapeStopsTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWriting(t, 100, 30)
	w.comes(thinking(), token("It reaches"))
	if screen := frame(w.model); !strings.Contains(screen, "esc stops") {
		t.Errorf("no word of how to stop:\n%s", screen)
	}
	w.Update(tea.KeyPressMsg{Code: tea.KeyEscape})
	drive(t, w.model, w.next)
	screen := frame(w.model)
	if strings.Contains(screen, "It reaches") || !strings.Contains(screen, "c continue   x leave it") || w.stream.active() {
		t.Errorf("after esc:\n%s", screen)
	}
	press(t, w.model, "c")
	if diff := cmp.Diff([]string{"how good is it?", "(continue)"}, w.w.asked); diff != "" {
		t.Error(diff)
	}
}

func TestHostileTokensAreHarmless(t *testing.T) {
	t.Parallel()
	w := newWriting(t, 80, 24)
	w.comes(thinking(), token("a\x1b[2J\x1b]0;own"), token("ed\x07\u202eb\x1b"), token("[31mc"))
	if content := w.View().Content; strings.Contains(content, "\x1b[2J") || strings.Contains(content, "\x1b]0;") || strings.Contains(content, "\x1b[31mc") || strings.ContainsAny(content, "\x07\u202e") {
		t.Errorf("%q", content)
	}
}
