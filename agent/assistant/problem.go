package assistant

import (
	"errors"

	"github.com/minivess/minivess/tools"
)

// Problem codes of the assistant itself; the others are those of the tools.
const (
	CodeModel      = "model"      // the language model could not be asked, or its answer was empty
	CodeBadPlan    = "bad_plan"   // the model's plan was invalid twice
	CodeLoop       = "loop"       // the model asks for the same again and again
	CodeUnverified = "unverified" // the answer has numbers that no tool result supports
	CodeRun        = "run"        // a launched run failed or was cancelled
	CodeStale      = "stale"      // something has changed since a plan was approved
	CodeBadRef     = "bad_reference"
)

// hinter is an error that knows the way on; the errors of agent/llm are.
type hinter interface {
	error
	Hint() string
}

// problemOf turns an error into one for people.
func problemOf(code string, err error) *Problem {
	if te, ok := errors.AsType[*tools.Error](err); ok {
		return &Problem{Code: string(te.Code), Message: te.Message, Hint: te.Hint, Candidates: te.Candidates}
	}
	p := &Problem{Code: code, Message: err.Error()}
	if h, ok := errors.AsType[hinter](err); ok {
		p.Hint = h.Hint()
	}
	return p
}

// String gives message and hint as one paragraph.
func (p *Problem) String() string {
	if p.Hint == "" {
		return p.Message
	}
	return p.Message + "\n  " + p.Hint
}
