package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/graph"
)

func newGraph(env *environment) *cobra.Command {
	var mermaid bool
	c := &cobra.Command{
		Use:   "graph",
		Short: "Show how the assistant works: its nodes and where they lead",
		Args:  knownCommand,
		RunE:  func(*cobra.Command, []string) error { return env.showGraph(mermaid) },
	}
	c.Flags().BoolVar(&mermaid, "mermaid", false, "draw it as a Mermaid flowchart")
	c.AddCommand(&cobra.Command{
		Use:   "history [THREAD]",
		Short: "List what a conversation's graph recorded, step by step",
		Args:  takes(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := "latest"
			if len(args) == 1 {
				name = args[0]
			}
			return env.graphHistory(cmd.Context(), name)
		},
	})
	return c
}

func (env *environment) showGraph(mermaid bool) error {
	shape, err := assistant.Shape()
	if err != nil {
		return err
	}
	switch {
	case env.JSON:
		return env.printJSON(shape)
	case mermaid:
		_, err := fmt.Fprint(env.Streams.Out, shape.Mermaid())
		return err
	}
	w := tabwriter.NewWriter(env.Streams.Out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "node\tleads to\t")
	for _, n := range shape.Nodes {
		var to []string
		for _, e := range shape.Edges {
			if e.From == n.Name {
				to = append(to, e.To)
			}
		}
		about := ""
		if n.Writes {
			about = "may change things: runs once, never by itself again"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", n.Name, strings.Join(to, ", "), about)
	}
	return w.Flush()
}

// graphHistory lists the records of a thread. Their contents are the
// conversation, which other commands show.
func (env *environment) graphHistory(ctx context.Context, name string) error {
	moments := []graph.Moment{}
	err := env.withThreadID(ctx, name, func(s *session, id string) error {
		for m, err := range graph.Moments(ctx, s.threads, id) {
			if err != nil {
				return err
			}
			moments = append(moments, m)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if env.JSON {
		return env.printJSON(moments)
	}
	w := tabwriter.NewWriter(env.Streams.Out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "point\tturn\tstep\twhat\tnode\tnext\twrote\tbytes")
	for _, m := range moments {
		_, _ = fmt.Fprintf(w, "%d\t%d\t%d\t%s\t%s\t%s\t%s\t%d\n", m.At, m.Run, m.Step, printable(string(m.Kind)), printable(m.Node),
			printable(strings.Join(m.Next, " ")), printable(strings.Join(m.Wrote, " ")), m.Bytes)
	}
	return w.Flush()
}
