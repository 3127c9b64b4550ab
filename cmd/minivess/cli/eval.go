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
			"Tools, arguments, order, refusals and the state afterwards are checked. Scores of the built-in planner are the planner's.\n" +
			"--json prints the report; a list of them if there are several suites.",
		Args: takes(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error { return env.eval(cmd.Context(), args, o) },
	}
	run.Flags().StringVar(&o.junit, "junit", "", "also write JUnit XML to this file")
	run.Flags().IntVar(&o.parallel, "parallel", 2, "cases at work at the same time")
	run.Flags().Int64Var(&o.seed, "seed", 0, "seed of the suite")
	c := &cobra.Command{Use: "eval", Short: "Score the assistant offline", Args: knownCommand, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	c.AddCommand(run)
	return c
}

func (env *environment) eval(ctx context.Context, paths []string, o evalOptions) error {
	if o.junit != "" && len(paths) > 1 {
		return usagef("--junit names one file, but there are %d suites\n  run them one by one", len(paths))
	}
	missed := false
	var reports []evals.Report
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
		reports = append(reports, report)
		if err := env.keepReport(report, o); err != nil {
			return err
		}
		if !env.JSON {
			if err := report.WriteTable(env.Streams.Out); err != nil {
				return err
			}
		}
	}
	if env.JSON {
		if err := env.printReports(reports); err != nil {
			return err
		}
	}
	if missed {
		return &silentError{ExitFailed}
	}
	return nil
}

// keepReport writes the file that build servers read.
func (env *environment) keepReport(r evals.Report, o evalOptions) error {
	if o.junit == "" {
		return nil
	}
	path := env.path(o.junit)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("writing JUnit XML: %w", err)
	}
	return atomicfile.Write(path, 0o644, r.WriteJUnit)
}

// printReports prints one value: the report, or a list if there are several.
func (env *environment) printReports(all []evals.Report) error {
	if len(all) == 1 {
		return env.printJSON(all[0])
	}
	return env.printJSON(all)
}
