package assistant

import (
	"encoding/json"

	"github.com/minivess/minivess/agent/graph"
)

// The fields that Told reads.
const (
	fieldMessages  = "messages"
	fieldFollowups = "followups"
)

// Told reads what one stored write of a conversation tells people: the texts of
// the messages that a transcript shows, and how many follow-ups the thread has
// from then on, or -1 if the write is not about them. It decodes no more than
// that, so that many threads can be searched. A write that cannot be read tells
// nothing.
func Told(thread string, c graph.Change) (said []string, followups int) {
	switch c.Field {
	case fieldMessages:
		return shownTexts(c.Value), -1
	case fieldFollowups:
		var all []Followup
		if json.Unmarshal(c.Value, &all) != nil {
			return nil, -1
		}
		return nil, len((&state{Followups: all}).followups(thread))
	}
	return nil, -1
}

// shownTexts are those of the messages that are shown.
func shownTexts(stored json.RawMessage) []string {
	var all []struct {
		Role    Role              `json:"role"`
		Text    string            `json:"text"`
		Calls   []json.RawMessage `json:"calls"`
		Answer  *struct{}         `json:"answer"`
		Invalid bool              `json:"invalid"`
	}
	if json.Unmarshal(stored, &all) != nil {
		return nil
	}
	var said []string
	for _, m := range all {
		short := Message{Role: m.Role, Calls: make([]Call, len(m.Calls)), Invalid: m.Invalid}
		if m.Answer != nil {
			short.Answer = &Answer{}
		}
		if short.shown() && m.Text != "" {
			said = append(said, m.Text)
		}
	}
	return said
}
