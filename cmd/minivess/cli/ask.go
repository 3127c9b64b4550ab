package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/planner"
)

// askOptions are the flags of `minivess ask`.
type askOptions struct {
	text    string
	plan    bool
	explain bool
	yes     bool
	thread  string
}

func newAsk(env *environment) *cobra.Command {
	var o askOptions
	c := &cobra.Command{
		Use:   "ask TEXT",
		Short: "Say something in plain words: one turn in the shell",
		Long: "ask plans what you say, shows the plan with its cost, asks before anything is written, launched or destroyed, does it, and answers.\n" +
			"The answer goes to stdout, everything else to stderr. Without a terminal a plan that needs approval exits with 3.",
		Example: "  minivess ask \"make a synthetic dataset called demo with 10 volumes\"\n" +
			"  minivess ask --plan \"train a segresnet on demo for 3 epochs and evaluate it\"\n" +
			"  minivess ask --yes \"resume the latest run\"",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.text = strings.Join(args, " ")
			return env.ask(cmd.Context(), o)
		},
	}
	c.Flags().BoolVar(&o.plan, "plan", false, "only say what would be done")
	c.Flags().BoolVar(&o.explain, "explain", false, "with --plan: show which words led to which argument")
	c.Flags().BoolVarP(&o.yes, "yes", "y", false, "approve everything except what destroys")
	c.Flags().StringVar(&o.thread, "thread", "", "go on with this conversation (id, prefix or latest) instead of a new one")
	return c
}

func (env *environment) ask(ctx context.Context, o askOptions) error {
	if o.plan {
		return env.planOnly(ctx, o)
	}
	policy := assistant.AskBeforeChange
	if o.yes {
		policy = assistant.AllButDestroying
	}
	s, err := env.open(ctx, policy)
	if err != nil {
		return err
	}
	defer s.close()
	thread, err := s.thread(ctx, o.thread, o.text)
	if err != nil {
		return err
	}
	show := newNarrator(env.Streams, env.JSON)
	outcome, err := assistant.Wait(s.assistant.Turn(ctx, thread, o.text), show.see)
	for err == nil && outcome.Status == assistant.StatusWaiting {
		decision, ok := env.decide(outcome.Review)
		if !ok {
			show.finish()
			return env.needsApproval(thread, outcome)
		}
		outcome, err = assistant.Wait(s.assistant.Decide(ctx, thread, decision), show.see)
	}
	show.finish()
	if err != nil {
		return err
	}
	return env.report(thread, outcome)
}

// report prints the outcome of a turn: the answer to stdout, or the problem.
func (env *environment) report(thread string, o assistant.Outcome) error {
	if env.JSON {
		if err := env.printJSON(turnJSON(thread, o)); err != nil {
			return err
		}
	} else if o.Answer != nil {
		if err := env.printAnswer(o.Answer); err != nil {
			return err
		}
	}
	switch o.Status {
	case assistant.StatusFailed:
		if o.Problem == nil || env.JSON {
			return &silentError{ExitFailed}
		}
		return problemError{o.Problem}
	case assistant.StatusDetached:
		_, err := fmt.Fprintf(env.Streams.Err, "Left. Launched jobs go on; `minivess threads continue %s` takes it up again.\n", thread)
		return err
	case assistant.StatusWaiting, assistant.StatusAnswered:
	}
	return nil
}

// printAnswer writes the words, and where their numbers come from.
func (env *environment) printAnswer(a *assistant.Answer) error {
	var b strings.Builder
	b.WriteString(printable(a.Text) + "\n")
	for _, q := range a.Questions {
		b.WriteString(printable(q.Text) + "\n")
		for _, choice := range q.Choices {
			b.WriteString("  " + printable(choice) + "\n")
		}
	}
	for _, s := range a.Sources {
		if s.Query != "" {
			fmt.Fprintf(&b, "\nQuery: %s\n", printable(s.Query))
		}
	}
	_, err := fmt.Fprint(env.Streams.Out, b.String())
	return err
}

// turnOutput is what `minivess ask --json` prints.
type turnOutput struct {
	Thread  string             `json:"thread"`
	Status  assistant.Status   `json:"status"`
	Plan    []assistant.Step   `json:"plan"`
	Reply   string             `json:"reply,omitempty"`
	Answer  *assistant.Answer  `json:"answer,omitempty"`
	Review  *assistant.Review  `json:"review,omitempty"`
	Problem *assistant.Problem `json:"problem,omitempty"`
	TraceID string             `json:"trace_id,omitempty"`
}

func turnJSON(thread string, o assistant.Outcome) turnOutput {
	out := turnOutput{Thread: thread, Status: o.Status, Plan: []assistant.Step{}, Answer: o.Answer, Review: o.Review, Problem: o.Problem, TraceID: o.TraceID}
	if o.Plan != nil {
		out.Plan, out.Reply = o.Plan.Steps, o.Plan.Reply
	}
	return out
}

// needsApproval says how to approve a plan that nobody was there to approve.
func (env *environment) needsApproval(thread string, o assistant.Outcome) error {
	if env.JSON {
		if err := env.printJSON(turnJSON(thread, o)); err != nil {
			return err
		}
		return &silentError{ExitNeedsApproval}
	}
	yes := "yes"
	if o.Review != nil && len(o.Review.Confirm) > 0 {
		yes = `"approve ` + strings.Join(o.Review.Steps, " ") + `"`
	}
	_, _ = fmt.Fprintf(env.Streams.Err,
		"This plan needs your approval.\n  minivess ask --thread %s %s      approves it\n  minivess ask --thread %s no       rejects it\n  --yes on the first line approves everything except what destroys.\n", thread, yes, thread)
	return &silentError{ExitNeedsApproval}
}

// decide asks the person at the terminal; ok is false when there is none.
func (env *environment) decide(r *assistant.Review) (assistant.Decision, bool) {
	if !env.Streams.Terminal || env.JSON || r == nil {
		return assistant.Decision{}, false
	}
	_, _ = fmt.Fprint(env.Streams.Err, "approve? [a]pprove  [r]eject  or say what to change: ")
	line, err := bufio.NewReader(env.Streams.In).ReadString('\n')
	if err != nil && line == "" {
		return assistant.Decision{}, false
	}
	d := assistant.Decision{Review: r.ID}
	switch answer := strings.TrimSpace(line); strings.ToLower(answer) {
	case "a", "y", "yes", "approve", "ok":
		d.Verdict = assistant.Approve
		if len(r.Confirm) > 0 {
			d.Steps = env.confirm(r)
		}
	case "r", "n", "no", "reject", "":
		d.Verdict = assistant.Reject
	default:
		d.Verdict, d.Text = assistant.Respond, answer
	}
	return d, true
}

// confirm asks for a word of its own for every step that destroys.
func (env *environment) confirm(r *assistant.Review) []string {
	destroys := map[string]bool{}
	for _, id := range r.Confirm {
		destroys[id] = true
	}
	var approved []string
	in := bufio.NewReader(env.Streams.In)
	for _, id := range r.Steps {
		if destroys[id] {
			_, _ = fmt.Fprintf(env.Streams.Err, "step %s destroys and cannot be undone. Type %s to confirm: ", id, id)
			line, _ := in.ReadString('\n')
			if strings.TrimSpace(line) != id {
				continue
			}
		}
		approved = append(approved, id)
	}
	return approved
}

// planOnly prints what would be done. It makes no workspace and writes nothing.
func (env *environment) planOnly(ctx context.Context, o askOptions) error {
	s, err := env.open(ctx, assistant.AskBeforeChange)
	if err != nil {
		return err
	}
	defer s.close()
	plan, err := s.assistant.PlanOnly(ctx, o.text)
	if err != nil {
		return err
	}
	if env.JSON {
		return env.printJSON(planJSON(plan, s.explain(ctx, o)))
	}
	show := newNarrator(env.Streams, false)
	show.plan(&plan, env.Streams.Out)
	for _, q := range plan.Questions {
		_, _ = fmt.Fprintln(env.Streams.Out, printable(q.Text))
		for _, choice := range q.Choices {
			_, _ = fmt.Fprintln(env.Streams.Out, "  "+printable(choice))
		}
	}
	if e := s.explain(ctx, o); e != nil {
		_, _ = fmt.Fprintln(env.Streams.Out, printable(e.String()))
	}
	return nil
}

// planOutput is what `minivess ask --plan --json` prints.
type planOutput struct {
	assistant.Plan
	Explanation *planner.Explanation `json:"explanation,omitempty"`
}

func planJSON(p assistant.Plan, e *planner.Explanation) planOutput {
	if p.Steps == nil {
		p.Steps = []assistant.Step{}
	}
	return planOutput{Plan: p, Explanation: e}
}

// explain says how the planner reads the sentence, if that was asked for.
func (s *session) explain(ctx context.Context, o askOptions) *planner.Explanation {
	if !o.explain {
		return nil
	}
	e := s.planner.Explain(ctx, s.registry.List(), o.text)
	return &e
}
