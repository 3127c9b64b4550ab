package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/memory"
	"github.com/minivess/minivess/tools"
)

func newMemory(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:   "memory",
		Short: "Show what the assistant remembers about this workspace; add, edit or forget entries",
		Long: "The memory has what you told the assistant to remember, in your own words: preferences become defaults that plans state, facts name things.\n" +
			"In a conversation say \"always use fold 0\", \"what do you remember?\" or \"forget that\". --json prints a list.",
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.withMemory(cmd, func(s *session) error {
				items, err := s.memory.List(cmd.Context())
				if err != nil {
					return err
				}
				return env.printMemory(s, items)
			})
		},
	}
	c.AddCommand(
		&cobra.Command{
			Use: "add TEXT", Short: "Remember a preference or a fact", Args: takes(1, -1),
			Example: `  minivess memory add "always use fold 0"`,
			RunE: func(cmd *cobra.Command, args []string) error {
				return env.withMemory(cmd, func(s *session) error {
					item, err := s.memory.Remember(cmd.Context(), memory.Item{Text: strings.Join(args, " ")})
					if err != nil {
						return err
					}
					return env.printMemory(s, []memory.Item{item})
				})
			},
		},
		&cobra.Command{
			Use: "edit ID TEXT", Short: "Give an entry other words", Args: takes(2, -1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return env.withMemory(cmd, func(s *session) error {
					item, err := s.memory.Edit(cmd.Context(), args[0], strings.Join(args[1:], " "))
					if err != nil {
						return err
					}
					return env.printMemory(s, []memory.Item{item})
				})
			},
		},
		&cobra.Command{
			Use: "forget ID…", Short: "Forget entries for good; all forgets everything", Args: takes(1, -1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return env.withMemory(cmd, func(s *session) error {
					gone, err := s.memory.Forget(cmd.Context(), args...)
					if err != nil {
						return err
					}
					if env.JSON {
						return env.printJSON(append([]memory.Item{}, gone...))
					}
					for _, i := range gone {
						if _, err := fmt.Fprintf(env.Streams.Out, "forgotten: %s\n", printable(i.Text)); err != nil {
							return err
						}
					}
					return nil
				})
			},
		},
	)
	return c
}

func (env *environment) withMemory(cmd *cobra.Command, do func(*session) error) error {
	s, err := env.open(cmd.Context(), mustBe, assistant.AskBeforeChange)
	if err != nil {
		return err
	}
	defer s.close()
	return do(s)
}

// printMemory lists entries with what they stand for.
func (env *environment) printMemory(s *session, items []memory.Item) error {
	if env.JSON {
		return env.printJSON(append([]memory.Item{}, items...))
	}
	if len(items) == 0 {
		_, err := fmt.Fprintln(env.Streams.Out, `nothing is remembered yet; say "always use fold 0" in a conversation, or minivess memory add "…"`)
		return err
	}
	w := tabwriter.NewWriter(env.Streams.Out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "id\tsaid\twhat\tstands for")
	for _, i := range items {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", i.ID, i.When(time.Now()), printable(i.Text), standsFor(i, s.registry.List()))
	}
	return w.Flush()
}

// standsFor lists the arguments that an entry fills in.
func standsFor(i memory.Item, catalogue []tools.Descriptor) string {
	var args []string
	for _, d := range memory.Defaults([]memory.Item{i}, catalogue) {
		args = append(args, fmt.Sprintf("%s.%s=%s", d.Tool, d.Arg, d.Value))
	}
	return strings.Join(args, " ")
}
