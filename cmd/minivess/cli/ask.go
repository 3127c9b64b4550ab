package cli

import (
	"context"
	"fmt"
	"slices"
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
			"The answer goes to stdout, everything else to stderr. --json prints one object with plan, answer and sources.\n" +
			"Without a terminal a plan that needs approval exits with 3 and says how to approve it.",
		Example: "  minivess ask \"make a synthetic dataset called demo with 10 volumes\"\n" +
			"  minivess ask --plan \"train a segresnet on demo for 3 epochs and evaluate it\"\n" +
			"  minivess ask --yes \"resume the latest run\"",
		Args: takes(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.text = strings.Join(args, " ")
			if strings.TrimSpace(o.text) == "" {
				return &usageError{assistant.ErrNothingSaid}
			}
			return env.ask(cmd.Context(), o)
		},
	}
	c.Flags().BoolVar(&o.plan, "plan", false, "only say what would be done")
	c.Flags().BoolVar(&o.explain, "explain", false, "like --plan, and show which words led to which argument")
	c.Flags().BoolVarP(&o.yes, "yes", "y", false, "approve everything except what destroys")
	c.Flags().StringVar(&o.thread, "thread", "", "go on with this conversation (id, prefix or latest) instead of a new one")
	return c
}

func (env *environment) ask(ctx context.Context, o askOptions) error {
	if o.plan || o.explain {
		return env.planOnly(ctx, o)
	}
	policy := assistant.AskBeforeChange
	if o.yes {
		policy = assistant.AllButDestroying
	}
	s, err := env.open(ctx, makeOne, policy)
	if err != nil {
		return err
	}
	defer s.close()
	thread, err := s.thread(ctx, o.thread, o.text)
	if err != nil {
		return err
	}
	return env.converse(ctx, s, thread, s.assistant.Turn(ctx, thread, o.text))
}

// planOnly prints what would be done. Nothing is done, and no conversation is
// begun; only the trace of the planning is kept.
func (env *environment) planOnly(ctx context.Context, o askOptions) error {
	s, err := env.open(ctx, makeOne, assistant.AskBeforeChange)
	if err != nil {
		return err
	}
	defer s.close()
	plan, err := s.assistant.PlanOnly(ctx, o.text)
	if err != nil {
		return err
	}
	plan, unavailable := s.whole(ctx, o.text, plan)
	if env.JSON {
		return env.printJSON(planJSON(plan, unavailable, s.explain(ctx, o)))
	}
	show := newNarrator(env.Streams, false)
	show.plan(&plan, env.Streams.Out)
	var asked strings.Builder
	writeQuestions(&asked, plan.Reply, plan.Questions)
	_, _ = fmt.Fprint(env.Streams.Out, asked.String())
	if e := s.explain(ctx, o); e != nil {
		_, _ = fmt.Fprintln(env.Streams.Out, printable(e.String()))
	}
	return nil
}

// planOutput is what `minivess ask --plan --json` prints. Plan, reply and
// questions are always there.
type planOutput struct {
	Steps       []planStep           `json:"plan"`
	Reply       string               `json:"reply"`
	Questions   []assistant.Question `json:"questions"`
	Assumptions []string             `json:"assumptions,omitempty"`
	Explain     []planner.Reason     `json:"explain,omitempty"`
}

// planStep is a step, marked if its tool is not there in this version.
type planStep struct {
	assistant.Step
	Unavailable bool `json:"unavailable,omitempty"`
}

func planJSON(p assistant.Plan, unavailable []string, e *planner.Explanation) planOutput {
	out := planOutput{Steps: make([]planStep, len(p.Steps)), Reply: p.Reply, Questions: p.Questions, Assumptions: p.Assumptions}
	for i, s := range p.Steps {
		out.Steps[i] = planStep{Step: s, Unavailable: slices.Contains(unavailable, s.ID)}
	}
	if out.Questions == nil {
		out.Questions = []assistant.Question{}
	}
	if e != nil {
		out.Explain = e.Reasons
	}
	return out
}

// explain says how the planner reads the sentence, if that was asked for.
func (s *session) explain(ctx context.Context, o askOptions) *planner.Explanation {
	if !o.explain {
		return nil
	}
	e := s.planner.Explain(ctx, s.registry.List(), o.text)
	return &e
}
