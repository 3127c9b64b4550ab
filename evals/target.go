package evals

import (
	"context"
	"encoding/json"
)

// Target opens a fresh, empty place to talk to, one a case.
type Target interface {
	Open(ctx context.Context, o OpenOptions) (Session, error)
}

// OpenOptions say which case the session is for.
type OpenOptions struct {
	Case string // the case's id, for names of folders and threads
	Seed int64  // the same for the same suite seed and case
}

// Session is one conversation on one workspace.
type Session interface {
	// Call invokes a tool directly, approved, as the case's author: to set up
	// the workspace and to look at its end state. It returns the tool's Value;
	// for a tool that launches a run it returns when the run has ended.
	Call(ctx context.Context, tool string, args json.RawMessage) (json.RawMessage, error)
	// Say is one turn of a person. It returns when the turn is over: answered,
	// or, where the policy withholds approval, refused.
	Say(ctx context.Context, text string, o SayOptions) (Turn, error)
	// Close ends the session and removes what it made.
	Close() error
}

// SayOptions say how far a turn goes.
type SayOptions struct {
	Mode    Mode
	Approve Approval
}

// Mode says whether a turn only plans or also acts.
type Mode string

// The two modes.
const (
	Plan Mode = "plan"
	Act  Mode = "act"
)

// Approval is the answer that the person of a case gives to every plan.
type Approval string

// The approval policies. ApproveBlanket is the blanket yes, which must never
// allow a destroy; ApproveAll approves every step by name, destroy too.
const (
	ApproveNone    Approval = "none"
	ApproveBlanket Approval = "blanket"
	ApproveAll     Approval = "all"
)

// Turn is what came of one thing said. Steps are in plan order and include
// those of follow-up plans within the turn.
type Turn struct {
	Steps     []Step
	Reply     string
	Questions []string
}

// Step is one planned tool call.
type Step struct {
	ID     string          `json:"id"`
	Tool   string          `json:"tool"`
	Args   json.RawMessage `json:"args"`
	Needs  []string        `json:"needs,omitempty"`
	Effect string          `json:"effect,omitempty"`
	Status Status          `json:"status,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// Status says what became of a step.
type Status string

// What may become of a step. Planned is the end of the road in Plan mode.
const (
	Planned Status = "planned"
	Done    Status = "done"
	Failed  Status = "failed"
	Refused Status = "refused" // needed an approval that was not given
)
