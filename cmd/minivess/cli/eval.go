package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/evals"
)

// evalOptions are the flags of `minivess eval run`.
type evalOptions struct {
	junit    string
	parallel int
	seed     int64
}

func newEval(env *environment) *cobra.Command {
	var o evalOptions
	run := &cobra.Command{
		Use:   "run SUITE.yaml …",
		Short: "Score the assistant against suites; a miss exits with 1",
		Long: "Each case gets a workspace of its own, wired exactly like the one a person talks to, and says something to the assistant.\n" +
			"Tools, arguments, order, refusals and the state afterwards are checked. Scores of the built-in planner are the planner's.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return env.eval(cmd.Context(), args, o) },
	}
	run.Flags().StringVar(&o.junit, "junit", "", "also write JUnit XML to this file")
	run.Flags().IntVar(&o.parallel, "parallel", 2, "cases at work at the same time")
	run.Flags().Int64Var(&o.seed, "seed", 0, "seed of the suite")
	c := &cobra.Command{Use: "eval", Short: "Score the assistant offline", Args: cobra.NoArgs}
	c.AddCommand(run)
	return c
}

func (env *environment) eval(ctx context.Context, paths []string, o evalOptions) error {
	missed := false
	for _, path := range paths {
		suite, err := evals.ReadSuite(env.path(path))
		if err != nil {
			return err
		}
		report, err := evals.Run(ctx, suite, target{env}, evals.Options{Parallel: o.parallel, Seed: o.seed})
		if err != nil {
			return err
		}
		missed = missed || !report.Passed()
		if err := env.printReport(report, o); err != nil {
			return err
		}
	}
	if missed {
		return &silentError{ExitFailed}
	}
	return nil
}

func (env *environment) printReport(r evals.Report, o evalOptions) error {
	if o.junit != "" {
		path := env.path(o.junit)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return fmt.Errorf("writing JUnit XML: %w", err)
		}
		if err := atomicfile.Write(path, 0o644, r.WriteJUnit); err != nil {
			return err
		}
	}
	if env.JSON {
		return r.WriteJSON(env.Streams.Out)
	}
	return r.WriteTable(env.Streams.Out)
}
