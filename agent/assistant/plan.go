package assistant

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/tools"
)

// StepState is where a step of a plan is.
type StepState string

// The states of a step.
const (
	StepPlanned  StepState = "planned"  // waits for a decision
	StepApproved StepState = "approved" // may run; waits for the steps it needs
	StepRunning  StepState = "running"  // the tool is at work, or the run that it launched
	StepDone     StepState = "done"
	StepFailed   StepState = "failed"
	StepSkipped  StepState = "skipped"  // a step it needs failed
	StepRejected StepState = "rejected" // the user said no
)

// Plan is an ordered list of tool calls with what the model said beside them.
// Its JSON is what `minivess ask --plan --json` prints.
type Plan struct {
	Steps       []Step     `json:"plan"`
	Reply       string     `json:"reply,omitempty"`
	Questions   []Question `json:"questions,omitempty"`
	Assumptions []string   `json:"assumptions,omitempty"`
}

// Question is something the user has to say before anything can be done.
// Choices may be empty.
type Question struct {
	Text    string   `json:"text"`
	Choices []string `json:"choices,omitempty"`
}

// Step is one tool call of a plan. Args may refer to the result of an earlier
// step as "@ID.field"; Resolved is what was really sent to the tool.
type Step struct {
	ID       string          `json:"id"`
	Tool     string          `json:"tool"`
	Args     json.RawMessage `json:"args"`
	Needs    []string        `json:"needs"`
	Effect   tools.Effect    `json:"effect,omitempty"`
	Preview  *tools.Preview  `json:"preview,omitempty"`
	State    StepState       `json:"state,omitempty"`
	Approval *Approval       `json:"approval,omitempty"`
	Resolved json.RawMessage `json:"resolved,omitempty"`
	Result   *tools.Result   `json:"result,omitempty"`
	Run      string          `json:"run,omitempty"`     // the run it launched
	Outcome  *RunOutcome     `json:"outcome,omitempty"` // how that run ended
	Error    *Problem        `json:"error,omitempty"`
	Started  time.Time       `json:"started,omitzero"`
	Ended    time.Time       `json:"ended,omitzero"`
	// Attempts are the earlier goes at the step, which failed; what is planned
	// now differs from them and was, or has to be, approved by itself.
	Attempts []Attempt `json:"attempts,omitempty"`
}

// Attempt is one failed go at a step.
type Attempt struct {
	Args    json.RawMessage `json:"args"`
	Run     string          `json:"run,omitempty"`
	Outcome *RunOutcome     `json:"outcome,omitempty"`
	Error   *Problem        `json:"error,omitempty"`
	// Remedy says what is changed in the next go, and why.
	Remedy string `json:"remedy,omitempty"`
}

// Approval says who allowed a step, and when. It binds to the step: the call
// that the step becomes when its references are resolved is the only one that
// it covers, once. Fingerprint is of tool, arguments and what the preview
// showed; a step that no longer has it is asked about again.
type Approval struct {
	Fingerprint string `json:"fingerprint,omitempty"`

	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Expires time.Time `json:"expires"`
	Blanket bool      `json:"blanket,omitempty"` // given by policy to all steps at once
}

// Cost adds up what the previews of the steps estimate: seconds as if the
// steps ran one after another, the largest memory, all disk space. Steps that
// will not be done cost nothing.
func (p *Plan) Cost() tools.Cost {
	var c tools.Cost
	for i := range p.Steps {
		if s := p.Steps[i].State; s == StepRejected || s == StepSkipped {
			continue
		}
		if pv := p.Steps[i].Preview; pv != nil {
			c.Seconds += pv.Cost.Seconds
			c.MemoryBytes = max(c.MemoryBytes, pv.Cost.MemoryBytes)
			c.DiskBytes += pv.Cost.DiskBytes
		}
	}
	return c
}

// clone copies the plan so far that steps can be changed without the original
// seeing it.
func (p *Plan) clone() *Plan {
	c := *p
	c.Steps = slices.Clone(p.Steps)
	return &c
}

// Step returns the step called id, or nil.
func (p *Plan) Step(id string) *Step {
	for i := range p.Steps {
		if p.Steps[i].ID == id {
			return &p.Steps[i]
		}
	}
	return nil
}

// Verdict is the kind of a decision.
type Verdict = graph.Verdict

// The verdicts.
const (
	Approve = graph.Approve // do the steps
	Reject  = graph.Reject  // do none of them; Text says why, and the model hears it
	Edit    = graph.Edit    // change arguments or drop steps (Args, Set, Drop); the changed plan is reviewed again
	Respond = graph.Respond // Text says in words what to change; the model plans anew
)

// Decision answers a Review.
type Decision struct {
	// Review is the id of the review that this answers; empty means whichever
	// is pending. Fingerprint is that of the review as it was shown to whoever
	// decides; Review.Quoted fills in both.
	Review      string  `json:"review,omitempty"`
	Fingerprint string  `json:"fingerprint,omitempty"`
	Verdict     Verdict `json:"verdict"`
	// Steps limits an approval to these steps. Empty approves every step that
	// destroys nothing; a destroying step is approved only if it is named here.
	Steps []string `json:"steps,omitempty"`
	// Args replaces all arguments of steps (Edit).
	Args map[string]json.RawMessage `json:"args,omitempty"`
	// Set changes single arguments (Edit): "2.max_steps" to the value as a
	// person types it (200, 64x64x32, dice,cldice, or JSON). "max_steps" alone
	// is enough where only one waiting step has such an argument; an empty
	// value, or null, takes the argument out.
	Set map[string]string `json:"set,omitempty"`
	// Drop takes steps out of the plan (Edit), and with them those that use
	// what they would have made.
	Drop []string `json:"drop,omitempty"`
	// Text is the reason (Reject) or the wish (Respond).
	Text string    `json:"text,omitempty"`
	By   string    `json:"by,omitempty"` // who decided; filled in from Options.User
	At   time.Time `json:"at,omitzero"`
}
