package assistant

import "time"

// Role says who speaks in a Message.
type Role string

// The roles of a conversation.
const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RolePlan      Role = "plan" // a plan as it ended, with the results of its steps
	RoleNote      Role = "note" // something told to the model only; no transcript shows it
)

// Message is one entry of a thread's conversation.
type Message struct {
	Turn int       `json:"turn"`
	Time time.Time `json:"time"`
	Role Role      `json:"role"`
	Text string    `json:"text,omitempty"`
	// Hears is what the model is told instead of Text, where the two differ
	// (user): without the part that waits for a run, names put for what the
	// user calls them. Notes say so, for the plan.
	Hears string   `json:"hears,omitempty"`
	Notes []string `json:"notes,omitempty"`
	Calls []Call   `json:"calls,omitempty"` // tool calls that the model asked for (assistant)
	// Assumptions and Questions came with the model's words (assistant).
	// Assumed names the arguments that no words of the user stand for ("1.fold").
	Assumptions []string   `json:"assumptions,omitempty"`
	Assumed     []string   `json:"assumed,omitempty"`
	Questions   []Question `json:"questions,omitempty"`
	Notices     []string   `json:"notices,omitempty"` // how the model's words came about, where a person should know

	Plan   *Plan   `json:"plan,omitempty"`   // call k of the message before is step k (plan)
	Answer *Answer `json:"answer,omitempty"` // the final words of a turn (assistant)
	// Own marks words that the assistant made up by itself, out of what the user
	// said or a run came to (assistant).
	Own bool `json:"own,omitempty"`
	// Invalid marks a plan that never came to review; no transcript shows it.
	Invalid bool `json:"invalid,omitempty"`
}

// Call is a tool call as the model wrote it.
type Call struct {
	ID   string `json:"id"`
	Tool string `json:"tool"`
	Args string `json:"args"`

	step int // of the plan that it became, from 1, while a model is told
}

// shown says whether a person sees the message when a thread is opened. The
// words beside a plan are shown with the plan.
func (m *Message) shown() bool {
	switch m.Role {
	case RoleUser:
		return true
	case RoleAssistant:
		return len(m.Calls) == 0 && m.Answer != nil
	case RolePlan:
		return !m.Invalid
	case RoleNote:
	}
	return false
}

// draft says whether these are the model's own last words, which the answer
// that follows repeats or replaces.
func (m *Message) draft() bool {
	return m.Role == RoleAssistant && len(m.Calls) == 0 && m.Answer == nil
}
