// Package cli turns command lines into calls. It is the composition root of
// the control plane: the only place where workspace, tools, agent, screen and
// traces meet. Nothing here decides anything that a tool or the agent could.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"

	"charm.land/fang/v2"
	"github.com/spf13/cobra"
)

// Exit codes of minivess, part of its public interface.
const (
	ExitDone          = 0
	ExitFailed        = 1
	ExitUsage         = 2
	ExitNeedsApproval = 3
	ExitNotFound      = 4
	ExitRefused       = 5
)

// Build says what this binary was built from.
type Build struct {
	Version, Commit, Date string
	// Native is the folder of the native runtimes it was built against.
	Native string
}

// Main runs one command line and returns the exit code.
func Main(build Build, args []string, streams Streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	env := &environment{Build: build, Streams: streams}
	root := newRoot(env)
	root.SetArgs(args)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	err := fang.Execute(ctx, root,
		fang.WithoutVersion(),
		fang.WithErrorHandler(func(w io.Writer, _ fang.Styles, err error) { env.printError(w, err) }),
	)
	return exitCode(err)
}

func newRoot(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "minivess",
		Short: "A conversational MLOps assistant for 3D biomedical segmentation",
		Long: "minivess plans, runs and answers for 3D biomedical segmentation: ask in plain words, approve the plan, query what happened.\n" +
			"Without a command it opens the chat. Everything stays on this machine: no account, key, server or network is needed.",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return env.chat(cmd.Context(), "") },
	}
	root.PersistentFlags().BoolVar(&env.JSON, "json", false, "print one JSON value on stdout")
	root.PersistentFlags().StringVar(&env.Dir, "workspace", "", "folder whose .minivess to use (default: found upwards from here, or MINIVESS_HOME)")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w\n  `%s --help` lists the flags", err, cmd.CommandPath())}
	})
	root.AddCommand(
		newAsk(env), newChat(env), newTool(env), newRuns(env), newSQL(env), newMetrics(env),
		newTrain(env), newEval(env), newThreads(env), newDoctor(env), newVersion(env),
	)
	for _, c := range root.Commands() {
		asUsageErrors(c)
	}
	return root
}

// usageError marks a command line that could not be understood: exit 2.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// asUsageErrors makes a wrong number of arguments a usage error.
func asUsageErrors(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return &usageError{fmt.Errorf("%w\n  usage: %s", err, cmd.UseLine())}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		asUsageErrors(sub)
	}
}

// printError writes "error: what" with what, where and the way on.
func (env *environment) printError(w io.Writer, err error) {
	if quiet := (*silentError)(nil); errors.As(err, &quiet) {
		return
	}
	_, _ = fmt.Fprintf(w, "error: %s\n", printable(describe(err)))
}

// silentError carries an exit code for a failure that was already reported.
type silentError struct{ code int }

func (e *silentError) Error() string { return fmt.Sprintf("exit %d", e.code) }

// printable removes what could drive a terminal from text that may come from
// data, and keeps line breaks.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if r < 0x20 || (r >= 0x7f && r < 0xa0) || r == '\u202e' || r == '\u2066' || r == '\u2067' || r == '\u2068' {
			return -1
		}
		return r
	}, s)
}
