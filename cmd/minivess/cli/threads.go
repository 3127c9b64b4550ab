package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/thread"
	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/tools"
)

func newThreads(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:   "threads",
		Short: "List conversations; show, name, search, resume, follow, fork or export one",
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return env.listThreads(cmd.Context()) },
	}
	c.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List conversations, the one last worked on first; --json prints a list", Args: takes(0, 0),
			RunE: func(cmd *cobra.Command, _ []string) error { return env.listThreads(cmd.Context()) },
		},
		newShowThread(env), newNameThread(env), newSearchThreads(env), newForkThread(env), newExportThread(env),
		&cobra.Command{
			Use: "resume [THREAD]", Aliases: []string{"continue"}, Args: takes(0, 1),
			Short: "Go on with a turn that was cut off or waits; steps that are done stay done",
			RunE: func(cmd *cobra.Command, args []string) error {
				return env.continueThread(cmd.Context(), latestOr(args))
			},
		},
		&cobra.Command{
			Use: "follow [THREAD]", Args: takes(0, 1),
			Short: "Wait for the runs that a conversation follows up, and do what was asked for then",
			Long: "follow waits for the runs of \"tell me when it is done, then …\" and takes the follow-up up as a turn of its own, which asks before it changes anything.\n" +
				"Interrupted, it leaves the follow-up where it is. Without THREAD it takes the conversation last worked on that has one.",
			RunE: func(cmd *cobra.Command, args []string) error { return env.follow(cmd.Context(), args) },
		},
	)
	return c
}

// latestOr is the thread named on the command line, else the last one.
func latestOr(args []string) string {
	if len(args) == 0 {
		return "latest"
	}
	return args[0]
}

// withThread opens the workspace and finds a conversation.
func (env *environment) withThread(ctx context.Context, name string, do func(s *session, info thread.Info) error) error {
	return env.withThreadID(ctx, name, func(s *session, id string) error {
		info, err := s.threads.Get(ctx, id)
		if err != nil {
			return err
		}
		return do(s, info)
	})
}

// withThreadID is withThread for what needs no more than the id.
func (env *environment) withThreadID(ctx context.Context, name string, do func(s *session, id string) error) error {
	s, err := env.open(ctx, mustBe, assistant.AskBeforeChange)
	if err != nil {
		return err
	}
	defer s.close()
	id, err := s.knownThread(ctx, name)
	if err != nil {
		return err
	}
	return do(s, id)
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
	return env.printThreads(all, `no conversations yet; minivess ask "…" begins one`)
}

func (env *environment) printThreads(all []thread.Info, none string) error {
	if env.JSON {
		return env.printJSON(append([]thread.Info{}, all...))
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(env.Streams.Out, none)
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
	return env.withThread(ctx, name, func(s *session, info thread.Info) error {
		return env.converse(ctx, s, info.ID, s.assistant.Continue(ctx, info.ID))
	})
}

// follow takes up what a conversation wants when its runs have ended.
func (env *environment) follow(ctx context.Context, args []string) error {
	s, err := env.open(ctx, mustBe, assistant.AskBeforeChange)
	if err != nil {
		return err
	}
	defer s.close()
	id := ""
	if len(args) > 0 {
		if id, err = s.knownThread(ctx, args[0]); err != nil {
			return err
		}
	} else if id, err = s.following(ctx); err != nil {
		return err
	}
	err = env.converse(ctx, s, id, s.assistant.Follow(ctx, id))
	if errors.Is(err, context.Canceled) {
		_, _ = fmt.Fprintf(env.Streams.Err, "interrupted; the follow-up stays\n  minivess threads follow %s waits for it again\n", id)
		return &silentError{ExitFailed}
	}
	return err
}

// following finds the conversation last worked on that follows up a run.
func (s *session) following(ctx context.Context) (string, error) {
	all, err := s.threads.List(ctx)
	if err != nil {
		return "", err
	}
	for _, t := range all {
		if t.Damage == "" && !t.Unfinished && t.Followups > 0 {
			return t.ID, nil
		}
	}
	return "", assistant.ErrNoFollowup
}

func newShowThread(env *environment) *cobra.Command {
	return &cobra.Command{
		Use: "show [THREAD]", Short: "Print a conversation; --json prints its messages", Args: takes(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return env.withThread(ctx, latestOr(args), func(s *session, info thread.Info) error {
				messages, err := s.assistant.Transcript(ctx, info.ID)
				if err != nil {
					return err
				}
				if env.JSON {
					return env.printJSON(append([]assistant.Message{}, messages...))
				}
				pending, err := s.assistant.Followups(ctx, info.ID)
				if err != nil {
					return err
				}
				return env.printTranscript(messages, pending)
			})
		},
	}
}

func (env *environment) printTranscript(messages []assistant.Message, pending []assistant.Followup) error {
	var b strings.Builder
	turn := 0
	for i := range messages {
		m := &messages[i]
		if m.Turn != turn {
			turn = m.Turn
			fmt.Fprintf(&b, "%sturn %d  %s\n", strings.Repeat("\n", min(i, 1)), turn, m.Time.Local().Format("2006-01-02 15:04"))
		}
		switch m.Role {
		case assistant.RoleUser:
			b.WriteString(indented("you   ", m.Text))
		case assistant.RoleAssistant:
			b.WriteString(indented("mini  ", m.Text))
		case assistant.RolePlan:
			for k := range m.Plan.Steps {
				s := &m.Plan.Steps[k]
				b.WriteString(indented("      ", fmt.Sprintf("%s %s %s", s.ID, sign(s.State), stepLine(s))))
			}
		case assistant.RoleNote:
		}
	}
	for _, f := range pending {
		b.WriteString(indented("later ", fmt.Sprintf("when %s has ended: %s", strings.Join(f.Runs, " and "), orTell(f.Say))))
	}
	_, err := fmt.Fprint(env.Streams.Out, b.String())
	return err
}

func orTell(say string) string {
	if say == "" {
		return "tell how it ended"
	}
	return say
}

// indented puts a label before a text, whose other lines stand under the first.
func indented(label, text string) string {
	return label + strings.ReplaceAll(strings.TrimRight(printable(text), "\n "), "\n", "\n"+strings.Repeat(" ", len(label))) + "\n"
}

// stepLine says what a step was and what came of it.
func stepLine(s *assistant.Step) string {
	if s.Error != nil {
		return s.Tool + ": " + s.Error.Message
	}
	return s.Tool + ": " + ending(s)
}

func sign(state assistant.StepState) string {
	switch state {
	case assistant.StepDone:
		return "✓"
	case assistant.StepFailed:
		return "✗"
	case assistant.StepRunning:
		return "▸"
	case assistant.StepSkipped, assistant.StepRejected:
		return "–"
	case assistant.StepPlanned, assistant.StepApproved:
	}
	return "·"
}

func newNameThread(env *environment) *cobra.Command {
	return &cobra.Command{
		Use: "name THREAD TITLE", Short: "Give a conversation another title", Args: takes(2, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return env.withThread(ctx, args[0], func(s *session, info thread.Info) error {
				if err := s.threads.Rename(ctx, info.ID, strings.Join(args[1:], " ")); err != nil {
					return err
				}
				named, err := s.threads.Get(ctx, info.ID)
				if err != nil {
					return err
				}
				return env.printThreads([]thread.Info{named}, "")
			})
		},
	}
}

func newSearchThreads(env *environment) *cobra.Command {
	return &cobra.Command{
		Use: "search WORDS", Short: "List the conversations in which all of the words occur, in the title or in what was said", Args: takes(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			s, err := env.open(ctx, mustBe, assistant.AskBeforeChange)
			if err != nil {
				return err
			}
			defer s.close()
			found, err := s.threads.Search(ctx, strings.Fields(strings.Join(args, " ")))
			if err != nil {
				return err
			}
			return env.printThreads(found, "no conversation has all of these words")
		},
	}
}

func newForkThread(env *environment) *cobra.Command {
	var at int
	c := &cobra.Command{
		Use: "fork [THREAD]", Short: "Copy a conversation up to a turn into a new one, which goes its own way", Args: takes(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return env.withThread(ctx, latestOr(args), func(s *session, info thread.Info) error {
				if cmd.Flags().Changed("at") && at < 1 {
					return usagef("--at counts turns from 1")
				}
				fresh, turn, err := s.assistant.Fork(ctx, info.ID, at, func(ctx context.Context) (string, error) {
					created, err := s.threads.Create(ctx, info.Title+" (fork)")
					return created.ID, err
				})
				if err != nil {
					return err
				}
				if env.JSON {
					return env.printJSON(map[string]any{"thread": fresh, "from": info.ID, "turn": turn})
				}
				_, err = fmt.Fprintf(env.Streams.Out, "%s goes on from turn %d of %s\n  minivess ask --thread %s \"…\"\n", fresh, turn, info.ID, fresh)
				return err
			})
		},
	}
	c.Flags().IntVar(&at, "at", 0, "the last turn to copy (default: the last one that is over)")
	return c
}

func newExportThread(env *environment) *cobra.Command {
	return &cobra.Command{
		Use: "export [THREAD] [FILE]", Short: "Write a conversation as Markdown, to a file or to stdout", Args: takes(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return env.withThread(ctx, latestOr(args), func(s *session, info thread.Info) error {
				text, err := s.assistant.Export(ctx, info.ID, info.Title)
				if err != nil {
					return err
				}
				if len(args) < 2 {
					_, err := fmt.Fprint(env.Streams.Out, text)
					return err
				}
				path := env.path(args[1])
				if err := atomicfile.WriteBytes(path, 0o600, []byte(text)); err != nil {
					return err
				}
				_, err = fmt.Fprintf(env.Streams.Err, "wrote %s, %s\n", args[1], tools.Bytes(int64(len(text))))
				return err
			})
		},
	}
}
