package tui

import (
	"slices"
	"strings"

	"github.com/minivess/minivess/agent/assistant"
)

// speaker says whose words an entry of the transcript holds.
type speaker int

const (
	speakerUser speaker = iota
	speakerAssistant
	speakerPlan
	speakerNote
	speakerProblem
)

// entry is one thing in the transcript. A plan entry is drawn anew from its
// plan each time, so that states and progress stay current; words are drawn
// once for each width.
type entry struct {
	who   speaker
	text  string
	plan  *assistant.Plan
	drawn string
	width int // that drawn is for
}

// transcript is the conversation as it is shown.
type transcript struct {
	entries []entry
	draft   strings.Builder // what the model says at this moment; not checked yet
}

// hear shows a part of an answer while it is written. Where parts were dropped
// on the way, it says so with an ellipsis.
func (t *transcript) hear(text string, lost int) {
	if lost > 0 {
		t.draft.WriteString("…")
	}
	t.draft.WriteString(clean(text))
}

// withdraw forgets what was shown of an answer while it was written.
func (t *transcript) withdraw() { t.draft.Reset() }

func (t *transcript) add(who speaker, text string) {
	if text = strings.TrimRight(clean(text), "\n "); text != "" {
		t.entries = append(t.entries, entry{who: who, text: text})
	}
}

// setPlan shows a plan, in the place of the last one if nothing was said since.
func (t *transcript) setPlan(p *assistant.Plan) {
	if p == nil || len(p.Steps) == 0 {
		return
	}
	for i := len(t.entries) - 1; i >= 0 && t.entries[i].who != speakerUser; i-- {
		if t.entries[i].who == speakerPlan && samePlan(t.entries[i].plan, p) {
			t.entries[i].plan = p
			return
		}
	}
	t.entries = append(t.entries, entry{who: speakerPlan, plan: p})
}

// recall shows what was said in an earlier session.
func (t *transcript) recall(messages []assistant.Message) {
	for i := range messages {
		switch m := &messages[i]; m.Role {
		case assistant.RoleUser:
			t.add(speakerUser, m.Text)
		case assistant.RoleAssistant:
			t.add(speakerAssistant, m.Text)
		case assistant.RolePlan:
			t.setPlan(m.Plan)
		case assistant.RoleNote:
		}
	}
}

// refresh shows where a plan got to in the card that was shown last, wherever
// that stands, and says whether it was that plan's.
func (t *transcript) refresh(p *assistant.Plan) bool {
	for i, e := range slices.Backward(t.entries) {
		if e.who != speakerPlan {
			continue
		}
		if !samePlan(e.plan, p) || !slices.EqualFunc(e.plan.Steps, p.Steps, func(a, b assistant.Step) bool { return string(a.Args) == string(b.Args) }) {
			return false
		}
		t.entries[i].plan = p
		return true
	}
	return false
}

// samePlan says whether two plans have the same steps, in whatever state.
func samePlan(a, b *assistant.Plan) bool {
	if len(a.Steps) != len(b.Steps) {
		return false
	}
	for i := range a.Steps {
		if a.Steps[i].ID != b.Steps[i].ID || a.Steps[i].Tool != b.Steps[i].Tool {
			return false
		}
	}
	return true
}

// lastPlan returns the plan that was shown last, or nil.
func (t *transcript) lastPlan() *assistant.Plan {
	for _, v := range slices.Backward(t.entries) {
		if v.who == speakerPlan {
			return v.plan
		}
	}
	return nil
}

// render draws the transcript at a width.
func (t *transcript) render(width int, st styles, p planView) string {
	blocks := make([]string, 0, len(t.entries))
	for i := range t.entries {
		e := &t.entries[i]
		if e.who == speakerPlan {
			blocks = append(blocks, p.render(e.plan, width, st))
			continue
		}
		if e.drawn == "" || e.width != width {
			e.drawn, e.width = e.draw(width, st), width
		}
		blocks = append(blocks, e.drawn)
	}
	if text := strings.TrimSpace(t.draft.String()); text != "" {
		blocks = append(blocks, st.dim.Render("mini… "+wrap(text, width, 6)))
	}
	return strings.Join(blocks, "\n\n")
}

// draw draws the words of an entry at a width.
func (e *entry) draw(width int, st styles) string {
	words := wrap(e.text, width, 6)
	switch e.who {
	case speakerUser:
		return st.user.Render("you   ") + words
	case speakerAssistant:
		return st.assistant.Render("mini  ") + words
	case speakerProblem:
		return st.bad.Render("error ") + words
	case speakerNote, speakerPlan:
	}
	return st.dim.Render("·     " + words)
}
