package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/planner"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/mcp"
	"github.com/minivess/minivess/tools/policy"
	"github.com/minivess/minivess/tools/sandbox"
)

// policy is the policy in force over a session's workspace.
func (env *environment) policy(s *session) *policy.Store {
	return &policy.Store{
		Files:     policy.Files(s.workspace.Root(), env.settings()),
		Catalogue: func() []tools.Descriptor { return catalogue(s.registry) },
	}
}

// settings is the folder of a person's settings; empty when there is none.
func (env *environment) settings() string {
	if dir := env.Streams.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	if home := env.Streams.Getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".config")
	}
	return ""
}

// catalogue is all that a policy may name: the tools that there are and those
// that are only described.
func catalogue(r *tools.Registry) []tools.Descriptor {
	list := r.List()
	unbuilt, err := tools.Unbuilt()
	if err != nil { // a file of this very program; without it names are checked less
		return list
	}
	for _, d := range unbuilt {
		if _, built := r.Lookup(d.Name); !built {
			list = append(list, d)
		}
	}
	return list
}

// roots are the folders that tools work in.
func (s *session) roots(working string) (sandbox.Roots, error) {
	working, err := filepath.Abs(working)
	if err != nil {
		working = "" // then relative paths are refused
	}
	r := sandbox.Roots{Project: s.workspace.Project(), Workspace: s.workspace.Root(), Working: working}
	grants, err := s.policy.Paths()
	for _, g := range grants {
		r.Grants = append(r.Grants, sandbox.Grant(g))
	}
	return r, err
}

// origin is where a call comes from that says nothing else: the assistant,
// whose calls are named after their conversation.
func (s *session) origin(_ context.Context, c tools.Call) tools.Origin {
	thread, _, _ := strings.Cut(c.ID, "/")
	if s.model == planner.Name {
		return tools.Origin{Source: tools.SourcePlanner, Thread: thread}
	}
	return tools.Origin{Source: tools.SourceModel, Thread: thread}
}

// policyApprover answers for the policy where an MCP client cannot ask anybody.
type policyApprover struct{}

// Approve implements mcp.Approver by what the preview says of the rules.
func (policyApprover) Approve(_ context.Context, a mcp.Ask) (tools.Approval, bool, error) {
	r := a.Preview.Ruling
	switch {
	case r == nil || r.Verdict == tools.Ask:
		return tools.Approval{}, false, nil
	case r.Verdict != tools.Allow:
		return tools.Approval{}, false, r.Refusal(a.Tool.Name)
	}
	now := time.Now()
	return tools.Approval{
		Fingerprint: tools.Fingerprint(a.Call.Tool, a.Call.Args), By: r.By, At: now, ExpiresAt: now.Add(time.Minute), Blanket: true,
	}, true, nil
}

func newPolicy(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:   "policy",
		Short: "Show which calls may run unasked, or say what would happen to one",
		Long: "The policy lies in .minivess/policy.yaml and, for all of your workspaces, in ~/.config/minivess/policy.yaml.\n" +
			"Of all rules that fit a call the strictest stands: deny before ask before allow. Without a rule, reading runs\n" +
			"and everything else is asked about; nothing that destroys is ever allowed by a rule. See docs/how-to/permissions.md.",
		Example: "  minivess policy\n" +
			"  minivess policy check train_launch '{\"dataset\":\"demo\",\"model\":\"segresnet\"}' --source model",
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return env.showPolicy(cmd.Context()) },
	}
	source := string(tools.SourceCLI)
	check := &cobra.Command{
		Use: "check TOOL [ARGUMENTS]", Short: "Say whether a call would be allowed, asked about or denied, and by which line", Args: takes(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return env.checkPolicy(cmd.Context(), args, source) },
	}
	check.Flags().StringVar(&source, "source", source, "who makes the call: cli, planner, model or mcp")
	c.AddCommand(check)
	return c
}

// ruleText is one rule as it is shown.
type ruleText struct {
	Where   string        `json:"where"`
	Verdict tools.Verdict `json:"verdict"`
	Fits    string        `json:"fits"`
	Because string        `json:"because,omitempty"`
}

// policyText is the policy in force as it is shown.
type policyText struct {
	Files  []string     `json:"files"`
	Rules  []ruleText   `json:"rules"`
	Read   []string     `json:"read"`
	Write  []string     `json:"write"`
	Limits tools.Limits `json:"limits"`
	Today  tools.Spent  `json:"today"`
}

func (env *environment) showPolicy(ctx context.Context) error {
	s, err := env.open(ctx, mustBe, assistant.AskBeforeChange)
	if err != nil {
		return err
	}
	defer s.close()
	sheets, err := s.policy.Load()
	if err != nil {
		return err
	}
	out := policyText{Files: []string{}, Rules: []ruleText{}}
	roots, err := s.roots(env.Streams.Dir)
	if err != nil {
		return err
	}
	out.Read, out.Write = roots.Open()
	for _, sheet := range sheets {
		out.Files = append(out.Files, sheet.Name)
		for _, r := range sheet.Rules {
			out.Rules = append(out.Rules, ruleText{Where: fmt.Sprintf("%s:%d", r.File, r.Line), Verdict: r.Verdict, Fits: r.Fits(), Because: r.Because})
		}
	}
	limits, limitsErr := s.policy.Limits()
	out.Limits = limits
	purse := tools.NewPurse(filepath.Join(s.workspace.Root(), tools.PurseName), time.Now)
	var spentErr error
	out.Today, _, spentErr = purse.Spent("")
	if err := errors.Join(limitsErr, spentErr); err != nil {
		return err
	}
	if env.JSON {
		return env.printJSON(out)
	}
	return env.printPolicy(s, out)
}

func (env *environment) printPolicy(s *session, p policyText) error {
	var b strings.Builder
	if len(p.Files) == 0 {
		names := make([]string, len(s.policy.Files))
		for i, f := range s.policy.Files {
			names[i] = f.Name
		}
		fmt.Fprintf(&b, "There is no policy: neither %s.\n", strings.Join(names, " nor "))
	}
	for _, r := range p.Rules {
		fmt.Fprintf(&b, "%-5s  %s  (%s)", r.Verdict, r.Fits, r.Where)
		if r.Because != "" {
			fmt.Fprintf(&b, "  because %s", r.Because)
		}
		b.WriteString("\n")
	}
	b.WriteString("Without a rule, reading runs unasked and everything else is asked about. Nothing that destroys is allowed by a rule.\n")
	fmt.Fprintf(&b, "Read   %s\nWrite  %s\n", strings.Join(p.Read, ", "), strings.Join(p.Write, ", "))
	if p.Limits.Day.Set() || p.Limits.Thread.Set() {
		fmt.Fprintf(&b, "Budget by %s\n  a day           %s (today: %d launches, %s, %s)\n  a conversation  %s\n", p.Limits.By,
			limitText(p.Limits.Day), p.Today.Launches, tools.Duration(p.Today.Seconds), tools.Bytes(p.Today.Bytes), limitText(p.Limits.Thread))
	}
	_, err := fmt.Fprint(env.Streams.Out, printable(b.String()))
	return err
}

func limitText(l tools.Limit) string {
	var parts []string
	if l.Launches != nil {
		parts = append(parts, fmt.Sprintf("%d launches", *l.Launches))
	}
	if l.Seconds != nil {
		parts = append(parts, tools.Duration(*l.Seconds))
	}
	if l.Bytes != nil {
		parts = append(parts, tools.Bytes(*l.Bytes))
	}
	if len(parts) == 0 {
		return "no limit"
	}
	return strings.Join(parts, ", ")
}

// checkPolicy says what would happen to a call, and by which line.
func (env *environment) checkPolicy(ctx context.Context, args []string, source string) error {
	switch tools.Source(source) {
	case tools.SourceCLI, tools.SourcePlanner, tools.SourceModel, tools.SourceMCP:
	default:
		return usagef("--source is cli, planner, model or mcp, not %q", source)
	}
	s, err := env.open(ctx, mustBe, assistant.AskBeforeChange)
	if err != nil {
		return err
	}
	defer s.close()
	call := tools.Call{Tool: args[0], Args: []byte("{}")}
	if len(args) == 2 {
		if call.Args, err = env.readArguments(args[1]); err != nil {
			return err
		}
	}
	r, err := s.registry.Judge(tools.WithOrigin(ctx, tools.Origin{Source: tools.Source(source)}), call)
	if err != nil {
		return err
	}
	if env.JSON {
		return env.printJSON(r)
	}
	_, err = fmt.Fprintf(env.Streams.Out, "%s  by %s: %s\n", r.Verdict, printable(r.By), printable(r.Reason))
	for _, note := range r.Notes {
		_, _ = fmt.Fprintf(env.Streams.Out, "  %s\n", printable(note))
	}
	return err
}
