package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/tools"
)

// runsOptions are the flags of `minivess runs`.
type runsOptions struct {
	model, dataset, state, tag, since, orderBy string
	descending                                 bool
	limit                                      int
}

func newRuns(env *environment) *cobra.Command {
	var o runsOptions
	c := &cobra.Command{
		Use:   "runs [RUN]",
		Short: "List the runs, or show one",
		Long: "runs lists what was run, newest first. RUN is an id or unique prefix, a name, latest,\n" +
			"latest:model=… or best:dice. --json prints {\"runs\": […], \"total\": n}, or one run's record.",
		Example: "  minivess runs\n  minivess runs --model segresnet --state finished\n  minivess runs best:dice\n  minivess runs --json",
		Args:    takes(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return env.read(cmd.Context(), "run_show", map[string]any{"run": args[0]})
			}
			return env.runs(cmd.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.model, "model", "", "only this model")
	f.StringVar(&o.dataset, "dataset", "", "only this dataset")
	f.StringVar(&o.state, "state", "", "only this state: queued, running, finished, failed, cancelled")
	f.StringVar(&o.tag, "tag", "", "only with this tag, key or key=value")
	f.StringVar(&o.since, "since", "", "only since then: a date, or like 2d")
	f.StringVar(&o.orderBy, "order-by", "", "a column or a metric")
	f.BoolVar(&o.descending, "descending", false, "highest first")
	f.IntVar(&o.limit, "limit", 0, "at most so many")
	return c
}

// runs lists runs through the runs_list tool.
func (env *environment) runs(ctx context.Context, o runsOptions) error {
	args := map[string]any{}
	for key, value := range map[string]string{
		"model": o.model, "dataset": o.dataset, "state": o.state, "tag": o.tag, "since": o.since, "order_by": o.orderBy,
	} {
		if value != "" {
			args[key] = value
		}
	}
	if o.descending {
		args["descending"] = true
	}
	if o.limit != 0 {
		args["limit"] = o.limit
	}
	return env.read(ctx, "runs_list", args)
}

// read calls a reading tool and prints its value (--json) or its text.
func (env *environment) read(ctx context.Context, tool string, args map[string]any) error {
	s, err := env.open(ctx, mustBe, assistant.AskBeforeChange)
	if err != nil {
		return err
	}
	defer s.close()
	raw, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("encoding arguments: %w", err)
	}
	result, err := s.registry.Invoke(byHand(ctx), tools.Call{Tool: tool, Args: raw}, func(tools.Progress) {})
	if err != nil {
		return err
	}
	if env.JSON {
		return env.printJSON(result.Value)
	}
	return env.printValue(tool, result)
}
