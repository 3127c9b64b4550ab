package assistant

import (
	"time"

	"github.com/minivess/minivess/tools"
)

// EventKind says what an Event reports, and so which of its fields are set.
type EventKind string

// The kinds of event, in the order in which a turn usually produces them.
const (
	EventTurn     EventKind = "turn"     // a turn began; Text is what the user said
	EventThinking EventKind = "thinking" // the model is being asked; Text names it
	// EventToken carries a part of what the model says while it says it. It is
	// provisional: any event but another EventToken withdraws what is shown of it.
	EventToken EventKind = "token" // Text, Lost
	// EventWithdrawn says that an answer broke off and is begun anew, perhaps by
	// another model.
	EventWithdrawn EventKind = "withdrawn" // Text says why
	EventReply     EventKind = "reply"     // words beside a plan (assumptions, remarks); Text
	EventPlan      EventKind = "plan"      // a plan was made or changed; Plan
	EventReview    EventKind = "review"    // the turn waits for a Decision; Plan, Review
	EventDecision  EventKind = "decision"  // a decision was taken, by a person or by policy; Decision
	EventStep      EventKind = "step"      // a step changed its state; Step
	EventProgress  EventKind = "progress"  // a running step or its job reports; StepID, Progress
	EventProblem   EventKind = "problem"   // something went wrong and the turn goes on; Problem
	EventAnswer    EventKind = "answer"    // the final words; Answer
	EventDone      EventKind = "done"      // always the last event of a sequence; Outcome
)

// Event is one report from a turn: everything a front end needs to draw the
// chat, the plan card, the steps, the live curves and the answer. A slow reader
// slows the turn down, never a launched job, and no event is dropped but
// EventToken: the model does not wait for readers, and what it said is in the
// answer anyway.
type Event struct {
	Kind     EventKind       `json:"kind"`
	Time     time.Time       `json:"time"`
	Thread   string          `json:"thread,omitempty"`
	Turn     int             `json:"turn,omitempty"`
	Text     string          `json:"text,omitempty"`
	Plan     *Plan           `json:"plan,omitempty"`
	Review   *Review         `json:"review,omitempty"`
	Decision *Decision       `json:"decision,omitempty"`
	Step     *Step           `json:"step,omitempty"`
	StepID   string          `json:"step_id,omitempty"`
	Lost     int             `json:"lost,omitempty"` // parts that were dropped just before this one
	Progress *tools.Progress `json:"progress,omitempty"`
	Answer   *Answer         `json:"answer,omitempty"`
	Problem  *Problem        `json:"problem,omitempty"`
	Outcome  *Outcome        `json:"outcome,omitempty"`
}

// Review is a question that only a person (or a policy) may answer: may these
// steps be done? It survives a restart and can be answered once.
type Review struct {
	ID string `json:"id"` // what a Decision must quote, if it quotes one
	// Fingerprint is of what is asked: of the plan as it is shown, of what each
	// waiting step would do, and of the thread. An approval is good for it alone.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Expires is when the question is too old to be answered; it is asked again then.
	Expires time.Time `json:"expires,omitzero"`

	Steps []string `json:"steps"` // the steps that wait for a word
	// Confirm are those of Steps that destroy something: a Decision has to
	// name each of them, a blanket approval leaves them waiting.
	Confirm []string `json:"confirm,omitempty"`
	Plan    *Plan    `json:"plan,omitempty"`
	// Changed says in words what is different from the plan that was approved
	// before, if that is why the question is asked again.
	Changed []string `json:"changed,omitempty"`
}

// Quoted is a decision that says which review it answers, as it was shown.
func (r *Review) Quoted(d Decision) Decision {
	d.Review, d.Fingerprint = r.ID, r.Fingerprint
	return d
}

// Answer is what the turn says in the end.
type Answer struct {
	Text    string   `json:"text"`
	Sources []Source `json:"sources,omitempty"`
	// Unverified lists numbers of Text that occur in no tool result.
	Unverified []string `json:"unverified,omitempty"`
	// Questions are what the user has to say before anything can be done.
	Questions []Question `json:"questions,omitempty"`
	// Followups are what the thread will take up when runs have ended.
	Followups []Followup `json:"followups,omitempty"`
}

// Followup is something that the user wants done, or wants to be told, when
// runs have ended. It is kept with the thread until Follow takes it up.
type Followup struct {
	ID     string    `json:"id"`
	Thread string    `json:"thread"`
	Turn   int       `json:"turn"`          // the turn in which it was asked for
	Runs   []string  `json:"runs"`          // what it waits for
	Say    string    `json:"say,omitempty"` // what to do then, in the user's words; empty: only to be told
	Asked  time.Time `json:"asked"`
}

// Source is where the numbers of an answer come from.
type Source struct {
	Step    string   `json:"step"`
	Tool    string   `json:"tool"`
	Run     string   `json:"run,omitempty"`
	Query   string   `json:"query,omitempty"`
	Summary string   `json:"summary,omitempty"`
	Numbers []string `json:"numbers,omitempty"` // the answer's numbers found here
}

// Problem is an error for people: what, and the way on.
type Problem struct {
	Code       string   `json:"code"`
	Message    string   `json:"message"`
	Hint       string   `json:"hint,omitempty"`
	Candidates []string `json:"candidates,omitempty"`
}

// Status is how a sequence of events ended.
type Status string

// The ways in which a sequence of events ends.
const (
	StatusAnswered Status = "answered" // all done; Outcome.Answer
	StatusWaiting  Status = "waiting"  // a Decision is needed; Outcome.Review
	StatusFailed   Status = "failed"   // an honest error; Outcome.Problem, and Answer in words
	StatusDetached Status = "detached" // the caller left; jobs go on, Continue takes the turn up again
)

// Outcome is the end of a sequence of events.
type Outcome struct {
	Status  Status   `json:"status"`
	Plan    *Plan    `json:"plan,omitempty"` // the last plan, with states and results
	Answer  *Answer  `json:"answer,omitempty"`
	Review  *Review  `json:"review,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
	TraceID string   `json:"trace_id,omitempty"`
	// Dropped counts the parts of answers that the reader was too slow to see as
	// they were written. The answers themselves are whole.
	Dropped uint64 `json:"dropped,omitempty"`
}
