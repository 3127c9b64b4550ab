package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/tools"
)

// usageError marks a command line that could not be understood: exit 2.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// takes checks the number of arguments; most below zero means any number.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case most == 0 && len(args) > 0:
			return usagef("%s takes no arguments, but got %q\n  usage: %s", cmd.CommandPath(), args[0], cmd.UseLine())
		case len(args) < least:
			return usagef("%s needs %s, but got %d\n  usage: %s", cmd.CommandPath(), arguments(least), len(args), cmd.UseLine())
		case most >= 0 && len(args) > most:
			return usagef("%s takes at most %s, but got %d; quote what belongs together\n  usage: %s",
				cmd.CommandPath(), arguments(most), len(args), cmd.UseLine())
		}
		return nil
	}
}

func arguments(n int) string {
	if n == 1 {
		return "one argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

// knownCommand refuses words after a command that only has subcommands.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	hint := fmt.Sprintf("%s --help lists the commands", cmd.CommandPath())
	if near := tools.Nearest(args[0], names); near != "" {
		hint = fmt.Sprintf("did you mean %s? %s", near, hint)
	} else if !cmd.HasParent() {
		hint += `; minivess ask "…" takes plain words`
	}
	return usagef("unknown command %q for %q\n  %s", args[0], cmd.CommandPath(), hint)
}

// flagError says which flag was wrong. What a number parser is called inside
// is of no use to anybody.
func flagError(cmd *cobra.Command, err error) error {
	text := err.Error()
	if before, after, ok := strings.Cut(text, ": strconv."); ok {
		text = before + after[strings.LastIndex(after, ": "):]
	}
	return usagef("%s\n  %s --help lists the flags", text, cmd.CommandPath())
}

func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain a command",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				if cmd == nil {
					cmd, rest = root, args
				}
				return knownCommand(cmd, rest)
			}
			return cmd.Help()
		},
	}
}
