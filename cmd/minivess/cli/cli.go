// Package cli turns command lines into calls. It is the composition root of
// the control plane: the only place where workspace, tools, agent, screen and
// traces meet. Nothing here decides anything that a tool or the agent could.
package cli

import (
	"context"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"charm.land/fang/v2"
	"github.com/spf13/cobra"

	"github.com/minivess/minivess/tools"
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
	context.AfterFunc(ctx, stop) // the first interrupt lets go in order, a second one kills
	env := &environment{Build: build, Streams: streams}
	root := newRoot(env)
	root.SetArgs(args)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { env.styledHelp(ctx, root, cmd) })
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitDone
	}
	env.printError(err)
	if env.JSON || slices.Contains(args, "--json") {
		env.printErrorJSON(err)
	}
	return complaintOf(err).exit
}

// styledHelp prints the help of a command in fang's style. Only help goes
// through fang: to style an error, it would ask the terminal for its colours,
// wait for an answer, and swallow what was typed meanwhile.
func (env *environment) styledHelp(ctx context.Context, root, cmd *cobra.Command) {
	root.SetArgs(append(strings.Fields(cmd.CommandPath())[1:], "--help"))
	if err := fang.Execute(ctx, root, fang.WithoutVersion(), fang.WithoutManpage()); err != nil {
		env.printError(err)
	}
}

func newRoot(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "minivess",
		Short: "A conversational MLOps assistant for 3D biomedical segmentation",
		Long: "minivess plans, runs and answers for 3D biomedical segmentation: ask in plain words, approve the plan, query what happened.\n" +
			"Without a command it opens the chat. Everything stays on this machine: no account, key, server or network is needed.",
		Args:          knownCommand,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return env.chat(cmd.Context(), "") },
	}
	root.PersistentFlags().BoolVar(&env.JSON, "json", false, "print one JSON value on stdout")
	root.PersistentFlags().StringVar(&env.Dir, "workspace", "", "folder that holds .minivess (default: MINIVESS_HOME, else found upwards from here)")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		newAsk(env), newChat(env), newTool(env), newRuns(env), newSQL(env), newMetrics(env),
		newTrain(env), newModels(env), newModel(env), newEval(env), newThreads(env), newGraph(env), newMemory(env), newPolicy(env), newMCP(env), newInit(env), newDoctor(env), newVersion(env),
	)
	root.SetHelpCommand(newHelp(root))
	return root
}

// printable removes what could drive a terminal from text that may come from
// data, and keeps line breaks.
func printable(s string) string { return tools.Printable(s) }
