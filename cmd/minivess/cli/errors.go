package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/thread"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
)

// problemError is a problem of the assistant as an error.
type problemError struct{ *assistant.Problem }

func (e problemError) Error() string { return e.Message }

// exitCode maps an error to the exit code.
func exitCode(err error) int {
	var (
		silent  *silentError
		usage   *usageError
		problem problemError
		tool    *tools.Error
	)
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &silent):
		return silent.code
	case errors.As(err, &usage), isUnknownCommand(err):
		return ExitUsage
	case errors.As(err, &problem):
		return tools.ExitCode(&tools.Error{Code: tools.Code(problem.Code), Message: problem.Message})
	case errors.As(err, &tool):
		return tools.ExitCode(tool)
	case errors.Is(err, thread.ErrNotFound), errors.Is(err, workspace.ErrNotFound):
		return ExitNotFound
	default:
		return ExitFailed
	}
}

// isUnknownCommand recognises cobra's only error without a type.
func isUnknownCommand(err error) bool {
	return strings.HasPrefix(err.Error(), "unknown command")
}

// describe writes an error for people: what, where, and what to do next.
func describe(err error) string {
	var (
		problem problemError
		tool    *tools.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted; launched jobs go on"
	case errors.As(err, &problem):
		return withHint(problem.Message, problem.Hint, problem.Candidates)
	case errors.As(err, &tool):
		return withHint(tool.Error(), tool.Hint, tool.Candidates)
	case isUnknownCommand(err):
		return err.Error() + "\n  minivess --help lists the commands; minivess ask \"…\" takes plain words"
	}
	return err.Error()
}

func withHint(message, hint string, candidates []string) string {
	var b strings.Builder
	b.WriteString(message)
	if hint != "" && !strings.Contains(message, hint) {
		fmt.Fprintf(&b, "\n  %s", hint)
	}
	if len(candidates) > 0 && !strings.Contains(message, candidates[0]) && !strings.Contains(hint, candidates[0]) {
		fmt.Fprintf(&b, "\n  there is: %s", strings.Join(candidates, ", "))
	}
	return b.String()
}
