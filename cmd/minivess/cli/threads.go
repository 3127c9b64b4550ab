package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/thread"
)

func newThreads(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:   "threads",
		Short: "List conversations, or take one up again",
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return env.listThreads(cmd.Context()) },
	}
	c.AddCommand(&cobra.Command{
		Use:   "continue [THREAD]",
		Short: "Go on with a turn that was cut off; steps that are done stay done",
		Args:  takes(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := "latest"
			if len(args) == 1 {
				name = args[0]
			}
			return env.continueThread(cmd.Context(), name)
		},
	})
	return c
}

func (env *environment) listThreads(ctx context.Context) error {
	s, err := env.open(ctx, mustBe, assistant.AskBeforeChange)
	if err != nil {
		return err
	}
	defer s.close()
	all, err := s.threads.List(ctx)
	if err != nil {
		return err
	}
	if env.JSON {
		return env.printJSON(append([]thread.Info{}, all...))
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(env.Streams.Out, `no conversations yet; minivess ask "…" begins one`)
		return err
	}
	w := tabwriter.NewWriter(env.Streams.Out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "thread\tturns\tupdated\tstate\ttitle")
	for _, t := range all {
		state := ""
		switch {
		case t.Damage != "":
			state = "damaged"
		case t.Busy:
			state = "at work"
		case t.Waiting:
			state = "waits for your word"
		case t.Unfinished:
			state = "cut off"
		}
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", t.ID, t.Turns, t.Updated.Local().Format("2006-01-02 15:04"), state, printable(t.Title))
	}
	return w.Flush()
}

// continueThread goes on with a turn that a kill or a closed terminal cut off.
func (env *environment) continueThread(ctx context.Context, name string) error {
	s, err := env.open(ctx, mustBe, assistant.AskBeforeChange)
	if err != nil {
		return err
	}
	defer s.close()
	id, err := s.knownThread(ctx, name)
	if err != nil {
		return err
	}
	return env.converse(ctx, s, id, s.assistant.Continue(ctx, id))
}
