package graph

import (
	"encoding/json"
	"time"
)

// Interrupt is a question that a node asks before it goes on. It is a value:
// it is stored with the thread and can be answered by another process.
type Interrupt struct {
	ID      string          `json:"id"`   // unique within the thread
	Node    string          `json:"node"` // the task that asks, with the subgraphs that lead to it
	Payload json.RawMessage `json:"payload,omitempty"`
	// Fingerprint is the SHA-256, in hexadecimal, of the thread, the task, the
	// payload, the binding and the state. Strict demands it of the answer.
	Fingerprint string    `json:"fingerprint,omitempty"`
	Strict      bool      `json:"strict,omitempty"`
	Allow       []Verdict `json:"allow,omitempty"`
	Expires     time.Time `json:"expires,omitzero"`
}

// Verdict is the kind of an Answer.
type Verdict string

// The verdicts that people give.
const (
	Approve Verdict = "approve" // go ahead
	Reject  Verdict = "reject"  // do not
	Edit    Verdict = "edit"    // go ahead, changed as the value says
	Respond Verdict = "respond" // neither: here is something to consider
)

// Answer answers an Interrupt. The node that asked runs again and finds it in
// its Runtime. Each interrupt is answered once.
type Answer struct {
	Interrupt string          `json:"interrupt"`
	Verdict   Verdict         `json:"verdict"`
	Value     json.RawMessage `json:"value,omitempty"`
	// Fingerprint is that of the question as it was shown to whoever answers.
	Fingerprint string `json:"fingerprint,omitempty"`
}
