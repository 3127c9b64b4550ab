package assistant

import "time"

// Role says who speaks in a Message.
type Role string

// The roles of a conversation.
const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleTool      Role = "tool"
)

// Message is one entry of a thread's conversation.
type Message struct {
	Turn   int       `json:"turn"`
	Time   time.Time `json:"time"`
	Role   Role      `json:"role"`
	Text   string    `json:"text,omitempty"`
	Calls  []Call    `json:"calls,omitempty"`   // tool calls the model asked for (assistant)
	CallID string    `json:"call_id,omitempty"` // which call this answers (tool)
	Tool   string    `json:"tool,omitempty"`
	Plan   *Plan     `json:"plan,omitempty"`   // the plan as it ended (on the last tool message of a round)
	Answer *Answer   `json:"answer,omitempty"` // the final words of a turn (assistant)
}

// Call is a tool call as the model wrote it.
type Call struct {
	ID   string `json:"id"`
	Tool string `json:"tool"`
	Args string `json:"args"`
}
