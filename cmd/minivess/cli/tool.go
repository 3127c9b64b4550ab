package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/tools"
)

// toolOptions are the flags of `minivess tool`.
type toolOptions struct {
	dryRun bool
	schema bool
	yes    bool
	wait   bool
	id     string
}

func newTool(env *environment) *cobra.Command {
	var o toolOptions
	c := &cobra.Command{
		Use:   "tool [NAME [ARGUMENTS]]",
		Short: "Call one tool with JSON arguments, or list the tools",
		Long: "Without a name, tool lists the catalogue; --help-schema shows what one takes.\n" +
			"ARGUMENTS is a JSON object, or - to read one from stdin. What writes, launches or\n" +
			"destroys is previewed and needs approval: a word at the terminal, or the flag.",
		Example: "  minivess tool dataset_list\n" +
			"  minivess tool train_launch --help-schema\n" +
			"  minivess tool train_launch '{\"dataset\":\"demo\",\"model\":\"segresnet\"}' --dry-run\n" +
			"  minivess tool runs_sql '{\"query\":\"select count(*) from runs\"}' --json",
		Args: takes(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return env.tool(cmd.Context(), args, o) },
	}
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "only say what would happen and what it costs")
	c.Flags().BoolVar(&o.schema, "help-schema", false, "show what the tool does and takes")
	c.Flags().BoolVarP(&o.yes, "yes", "y", false, "approve this call, also if it destroys")
	c.Flags().BoolVar(&o.wait, "wait", false, "wait for the run that the tool launches")
	c.Flags().StringVar(&o.id, "id", "", "idempotency key: a call repeated with the same key acts once")
	return c
}

func (env *environment) tool(ctx context.Context, args []string, o toolOptions) error {
	where := makeOne
	if len(args) == 0 || o.schema {
		where = anywhere
	}
	s, err := env.open(ctx, where, assistant.AskBeforeChange)
	if err != nil {
		return err
	}
	defer s.close()
	if len(args) == 0 {
		return env.listTools(s.registry.List())
	}
	if o.schema {
		return env.describeTool(s.registry, args[0])
	}
	call := tools.Call{ID: o.id, Tool: args[0], Args: json.RawMessage("{}")}
	if len(args) == 2 {
		if call.Args, err = env.readArguments(args[1]); err != nil {
			return err
		}
	}
	if o.dryRun {
		return env.preview(ctx, s, call)
	}
	result, err := env.invoke(ctx, s, call, o.yes)
	if err != nil {
		return err
	}
	if o.wait && result.Run != "" {
		if result.Summary, err = env.await(ctx, s, result.Run); err != nil {
			return err
		}
	}
	if env.JSON {
		return env.printJSON(result)
	}
	if d, ok := s.registry.Lookup(call.Tool); ok && d.Effect == tools.Read {
		return env.printValue(call.Tool, result)
	}
	_, err = fmt.Fprintln(env.Streams.Out, printable(result.Summary))
	return err
}

// readArguments takes a JSON object from the command line or from stdin.
func (env *environment) readArguments(text string) (json.RawMessage, error) {
	if text == "-" {
		const limit = 1 << 20
		b, err := io.ReadAll(io.LimitReader(env.stdin(), limit))
		if err != nil {
			return nil, fmt.Errorf("reading arguments from stdin: %w", err)
		}
		text = string(b)
	}
	if !json.Valid([]byte(text)) {
		return nil, usagef("the arguments are not JSON: %.80q\n  Quote them for the shell: minivess tool NAME '{\"key\":\"value\"}'", text)
	}
	return json.RawMessage(text), nil
}

// invoke previews and runs a call; what changes anything needs a word.
func (env *environment) invoke(ctx context.Context, s *session, call tools.Call, yes bool) (tools.Result, error) {
	ctx = byHand(ctx)
	d, ok := s.registry.Lookup(call.Tool)
	if ok {
		ruling, err := s.registry.Judge(ctx, call)
		if err != nil {
			return tools.Result{}, err
		}
		ok = ruling.Verdict == tools.Ask // what is allowed or denied is for the gates
	}
	if ok {
		p, err := s.registry.Preview(ctx, call)
		if err != nil {
			return tools.Result{}, err
		}
		if !yes && !env.approves(ctx, d, p) {
			why := "it would " + p.Summary
			if p.Ruling != nil {
				why += "; " + p.Ruling.By + " asks: " + p.Ruling.Reason
			}
			return tools.Result{}, tools.Errorf(tools.CodeNeedsApproval, "%s needs approval: %s", d.Name, why).WithHint("add --yes to approve this call")
		}
		now := time.Now()
		ctx = tools.WithApproval(ctx, tools.Approval{
			Fingerprint: tools.Fingerprint(call.Tool, call.Args), By: env.user(), At: now, ExpiresAt: now.Add(time.Hour), Reads: p.Ruling.Unnamed(),
		})
	}
	show := newNarrator(env.Streams, env.JSON)
	defer show.finish()
	return s.registry.Invoke(ctx, call, func(p tools.Progress) { show.progress(call.Tool, &p) })
}

// byHand says that a person typed the calls made with ctx.
func byHand(ctx context.Context) context.Context {
	return tools.WithOrigin(ctx, tools.Origin{Source: tools.SourceCLI})
}

// approves shows a preview and asks; without a terminal nobody approves.
func (env *environment) approves(ctx context.Context, d tools.Descriptor, p tools.Preview) bool {
	if !env.Streams.Terminal || env.JSON {
		return false
	}
	_, _ = fmt.Fprintf(env.Streams.Err, "%s%s\n", printable(p.Summary), costText(p.Cost))
	for _, w := range p.Writes {
		_, _ = fmt.Fprintf(env.Streams.Err, "  %s %s\n", touches(d.Effect), printable(w))
	}
	for _, note := range p.Notes {
		_, _ = fmt.Fprintf(env.Streams.Err, "  note: %s\n", printable(note))
	}
	want := "yes"
	if d.Effect == tools.Destroy {
		want = d.Name
		_, _ = fmt.Fprintf(env.Streams.Err, "  This cannot be undone. Type %s to confirm: ", want)
	} else {
		_, _ = fmt.Fprint(env.Streams.Err, "  Type yes to go on: ")
	}
	answer, ok := env.readLine(ctx)
	if !ok {
		_, _ = fmt.Fprintln(env.Streams.Err)
	}
	return ok && answer == want
}

// await follows a run to its end and says how it ended.
func (env *environment) await(ctx context.Context, s *session, run string) (string, error) {
	show := newNarrator(env.Streams, env.JSON)
	defer show.finish()
	outcome, err := s.watcher.Watch(ctx, run, func(p tools.Progress) { show.progress(run, &p) })
	if ctx.Err() != nil {
		return "", &leftError{run}
	}
	if err != nil {
		return "", err
	}
	if outcome.State != "finished" {
		return "", tools.Errorf(tools.CodeFailed, "run %s %s: %s", run, outcome.State, outcome.Error).WithHint("%s", outcome.Hint)
	}
	return outcome.Summary, nil
}

// preview prints a dry run.
func (env *environment) preview(ctx context.Context, s *session, call tools.Call) error {
	p, err := s.registry.Preview(byHand(ctx), call)
	if err != nil {
		return err
	}
	if env.JSON {
		return env.printJSON(p)
	}
	w := env.Streams.Out
	_, _ = fmt.Fprintf(w, "%s%s\n", printable(p.Summary), costText(p.Cost))
	_, _ = fmt.Fprintf(w, "  arguments  %s\n", printable(string(p.Args)))
	for _, path := range p.Writes {
		_, _ = fmt.Fprintf(w, "  writes     %s\n", printable(path))
	}
	for _, note := range p.Notes {
		_, _ = fmt.Fprintf(w, "  note       %s\n", printable(note))
	}
	if p.Cost.Basis != "" {
		_, _ = fmt.Fprintf(w, "  estimate   %s\n", printable(p.Cost.Basis))
	}
	return nil
}

// user is who gives approvals on this command line.
func (env *environment) user() string {
	for _, name := range []string{"USER", "LOGNAME"} {
		if u := strings.TrimSpace(env.Streams.Getenv(name)); u != "" {
			return u
		}
	}
	if host, err := os.Hostname(); err == nil {
		return "someone at " + host
	}
	return "user"
}
