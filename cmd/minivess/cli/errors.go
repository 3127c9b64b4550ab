package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/llm/router"
	"github.com/minivess/minivess/agent/memory"
	"github.com/minivess/minivess/agent/thread"
	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/evals"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/policy"
)

// problemError is a problem of the assistant as an error.
type problemError struct{ *assistant.Problem }

func (e problemError) Error() string { return e.Message }

// silentError carries an exit code for a failure that was already reported.
type silentError struct{ code int }

func (e *silentError) Error() string { return fmt.Sprintf("exit %d", e.code) }

// leftError says that a person stopped watching a run, which goes on.
type leftError struct{ run string }

func (e *leftError) Error() string { return "left run " + e.run + ", which goes on" }

// complaint is an error as a person and a script see it: what and where, and
// the way on.
type complaint struct {
	Code       string   `json:"code"`
	Message    string   `json:"message"`
	Hint       string   `json:"hint,omitempty"`
	Candidates []string `json:"candidates,omitempty"`
	exit       int
}

// complaintOf words an error.
func complaintOf(err error) complaint {
	var (
		silent  *silentError
		left    *leftError
		problem problemError
		tool    *tools.Error
	)
	switch {
	case errors.As(err, &silent):
		return complaint{Code: string(tools.CodeFailed), Message: err.Error(), exit: silent.code}
	case errors.As(err, &left):
		return complaint{"interrupted", err.Error(), fmt.Sprintf("minivess runs %s shows it; minivess tool job_cancel '{\"run\":%q}' stops it", left.run, left.run), nil, ExitFailed}
	case errors.Is(err, context.Canceled):
		return complaint{"interrupted", "interrupted", "launched jobs go on; minivess runs shows them", nil, ExitFailed}
	case errors.As(err, &problem):
		p := problem.Problem
		return complaint{p.Code, p.Message, p.Hint, p.Candidates, tools.ExitCode(&tools.Error{Code: tools.Code(p.Code)})}
	case errors.As(err, &tool):
		return complaint{string(tool.Code), tool.Message, tool.Hint, tool.Candidates, tools.ExitCode(tool)}
	}
	code, hint := classify(err)
	message, own, _ := strings.Cut(err.Error(), "\n  ")
	if missing := (*fs.PathError)(nil); errors.As(err, &missing) && errors.Is(err, fs.ErrNotExist) && code == tools.CodeNotFound {
		message = fmt.Sprintf("there is no file %q", missing.Path)
	}
	hint = strings.Trim(own+"\n  "+hint, "\n ")
	return complaint{string(code), message, hint, nil, tools.ExitCode(&tools.Error{Code: code})}
}

// classify says what kind of error one without a code is, and the way on if
// the error itself does not know it.
func classify(err error) (tools.Code, string) {
	usage := (*usageError)(nil)
	switch {
	case errors.Is(err, config.ErrInvalid):
		return tools.CodeBadArguments, "minivess train --help-config lists every key"
	case errors.Is(err, router.ErrInvalid), errors.Is(err, policy.ErrInvalid):
		return tools.CodeBadArguments, ""
	case errors.Is(err, assistant.ErrNothingSaid):
		return tools.CodeBadArguments, `for example: minivess ask "which run has the best Dice?"`
	case errors.Is(err, thread.ErrAmbiguous):
		return tools.CodeAmbiguous, "give more of its id; minivess threads lists them"
	case errors.Is(err, thread.ErrNotFound):
		return tools.CodeNotFound, `minivess threads lists them; minivess ask "…" begins one`
	case errors.Is(err, thread.ErrBusy):
		return tools.CodeConflict, "another minivess is at work on it; wait for that, or begin a new one without --thread"
	case errors.Is(err, assistant.ErrNoFollowup):
		return tools.CodeNotFound, `say "tell me when it is done, then evaluate it" with or after a training; minivess threads show prints what waits`
	case errors.Is(err, assistant.ErrUnfinished), errors.Is(err, assistant.ErrNoReview):
		return tools.CodeConflict, "minivess threads lists what waits or was cut off; minivess threads resume takes it up"
	case errors.Is(err, assistant.ErrDecision), errors.Is(err, assistant.ErrUnconfirmed), errors.Is(err, assistant.ErrFork), errors.Is(err, memory.ErrText):
		return tools.CodeBadArguments, ""
	case errors.Is(err, memory.ErrNotFound):
		return tools.CodeNotFound, "minivess memory lists what is remembered"
	case errors.Is(err, memory.ErrFull), errors.Is(err, graph.ErrIncompatible):
		return tools.CodeConflict, ""
	case errors.Is(err, assistant.ErrNothing):
		return tools.CodeNotFound, `minivess threads lists what is unfinished; minivess ask "…" begins something new`
	case errors.Is(err, workspace.ErrNotFound):
		return tools.CodeNotFound, ""
	case errors.Is(err, fs.ErrNotExist):
		return tools.CodeNotFound, "check the path; a relative one starts at the current folder"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR):
		return tools.CodeFailed, "mend that, or work in another folder: --workspace FOLDER"
	case errors.Is(err, syscall.ENOSPC):
		return tools.CodeFailed, "free some space, or work on a larger disk: --workspace FOLDER"
	case errors.Is(err, evals.ErrSuite), errors.As(err, &usage),
		errors.Is(err, metrics.ErrMetric), errors.Is(err, metrics.ErrTolerance), errors.Is(err, metrics.ErrDefinition):
		return tools.CodeBadArguments, ""
	default:
		return tools.CodeFailed, ""
	}
}

// String is the complaint over several lines.
func (c complaint) String() string {
	var b strings.Builder
	b.WriteString(c.Message)
	if c.Hint != "" && !strings.Contains(c.Message, c.Hint) {
		fmt.Fprintf(&b, "\n  %s", c.Hint)
	}
	if len(c.Candidates) > 0 && !strings.Contains(c.Message, c.Candidates[0]) && !strings.Contains(c.Hint, c.Candidates[0]) {
		fmt.Fprintf(&b, "\n  there is: %s", strings.Join(c.Candidates, ", "))
	}
	return b.String()
}

// printError writes "error: what" with where and the way on.
func (env *environment) printError(err error) {
	if quiet := (*silentError)(nil); errors.As(err, &quiet) {
		return
	}
	_, _ = fmt.Fprintf(env.Streams.Err, "error: %s\n", printable(complaintOf(err).String()))
}

// printErrorJSON gives a script that asked for JSON its one value, also when
// things go wrong.
func (env *environment) printErrorJSON(err error) {
	if env.printed {
		return
	}
	c := complaintOf(err)
	_ = env.printJSON(struct {
		Error complaint `json:"error"`
	}{c})
}
