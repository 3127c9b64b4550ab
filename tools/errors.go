package tools

import (
	"errors"
	"fmt"
)

// Code classifies an error for a program; the message is for a person.
type Code string

// The codes that a tool, the registry or a gate may return.
const (
	CodeBadArguments  Code = "bad_arguments"  // the arguments are wrong in themselves
	CodeUnknownTool   Code = "unknown_tool"   // no tool of that name
	CodeNotFound      Code = "not_found"      // a dataset, run or volume that is not there
	CodeAmbiguous     Code = "ambiguous"      // more than one where one is wanted
	CodeNeedsApproval Code = "needs_approval" // a person has to say yes to this very call
	CodeRefused       Code = "refused"        // a policy or a gate says no
	CodeConflict      Code = "conflict"       // the state of things does not allow it now
	CodeFailed        Code = "failed"         // it was tried and did not work
)

// Exit codes of the command line.
const (
	ExitDone          = 0
	ExitFailed        = 1
	ExitUsage         = 2
	ExitNeedsApproval = 3
	ExitNotFound      = 4
	ExitRefused       = 5
)

// Error is what every failing call returns: what went wrong, what to do next,
// and, where something was not found or is ambiguous, what there is.
type Error struct {
	Code       Code     `json:"code"`
	Message    string   `json:"message"`
	Hint       string   `json:"hint,omitempty"`
	Candidates []string `json:"candidates,omitempty"`

	cause error
}

// Error gives the message and, on a line of its own, the hint.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + "\n  " + e.Hint
}

// Unwrap returns the error behind this one, if there is one.
func (e *Error) Unwrap() error { return e.cause }

// Errorf makes an Error without a hint. A %w verb keeps its operand reachable
// for errors.Is.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), cause: errors.Unwrap(err)}
}

// WithHint returns a copy of e that says what to do next.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// WithCandidates returns a copy of e that lists what could have been meant.
func (e *Error) WithCandidates(names ...string) *Error {
	c := *e
	c.Candidates = names
	return &c
}

// AsError turns any error into an Error: itself, the one that it wraps, or a
// failed one with its text. A nil error gives nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeFailed, Message: err.Error(), cause: err}
}

// ExitCode maps an error to the exit code of the command line.
func ExitCode(err error) int {
	e := AsError(err)
	if e == nil {
		return ExitDone
	}
	switch e.Code {
	case CodeBadArguments, CodeUnknownTool, CodeAmbiguous:
		return ExitUsage
	case CodeNotFound:
		return ExitNotFound
	case CodeNeedsApproval:
		return ExitNeedsApproval
	case CodeRefused:
		return ExitRefused
	case CodeConflict, CodeFailed:
		return ExitFailed
	}
	return ExitFailed
}
