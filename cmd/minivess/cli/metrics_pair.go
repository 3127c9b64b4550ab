package cli

import (
	"context"
	"fmt"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/folder"
	"github.com/minivess/minivess/engine/metrics/probability"
)

// scorePair scores one file against another.
func (env *environment) scorePair(ctx context.Context, reference, prediction string, options folder.Options, o metricsOptions, outputs []output) error {
	c, err := folder.Score(ctx, folder.Pair{Case: caseName(reference), Reference: reference, Prediction: prediction}, options)
	if err != nil {
		return err
	}
	if err := env.writeScores(ctx, outputs, []folder.Case{c}, c); err != nil {
		return err
	}
	if env.JSON {
		env.printResampled(c)
		return env.printJSON(plainly(c, o))
	}
	for i, s := range c.Structures {
		if len(c.Structures) > 1 || len(o.labels) > 0 {
			if i > 0 {
				_, _ = fmt.Fprintln(env.Streams.Out)
			}
			_, _ = fmt.Fprintf(env.Streams.Out, "label %d\n", s.Label)
		}
		if err := env.printComparison(s.Results); err != nil {
			return err
		}
	}
	if len(c.Structures) == 0 && len(options.Definitions) > 0 {
		_, _ = fmt.Fprintln(env.Streams.Err, "neither file holds a label to score")
	}
	if c.IgnoredVoxels > 0 {
		_, _ = fmt.Fprintf(env.Streams.Err, "%s ignored\n", plural(c.IgnoredVoxels, "voxel"))
	}
	env.printResampled(c)
	return env.printJudged(c)
}

// plainly is what --json prints of two files: of one structure under one
// definition its result, under several an object of scores for each, and the
// whole case where there is more to say.
func plainly(c folder.Case, o metricsOptions) any {
	switch {
	case len(o.labels) > 0 || len(o.ignore) > 0 || o.probabilities || o.resample || len(c.Structures) != 1:
		return c
	case o.compat == "all" || len(c.Structures[0].Results) > 1:
		return metrics.Comparison(c.Structures[0].Results)
	default:
		return c.Structures[0].Results[0]
	}
}

// printResampled says that and how a prediction was resampled.
func (env *environment) printResampled(c folder.Case) {
	if r := c.Resampled; r != nil {
		_, _ = fmt.Fprintf(env.Streams.Err, "resampled from %s: %.3g %% of the predicted foreground lies outside of the reference, which it leaves %.3g %% uncovered\n",
			r.From, 100*r.Outside, 100*r.Uncovered)
	}
}

// printComparison prints a column a definition.
func (env *environment) printComparison(all metrics.Comparison) error {
	w := tabwriter.NewWriter(env.Streams.Out, 0, 4, 2, ' ', 0)
	head := []string{"metric"}
	for _, r := range all {
		head = append(head, r.Definition)
	}
	_, _ = fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, name := range all.Metrics() {
		row := []string{name}
		for _, r := range all {
			row = append(row, score(r.Values, name))
		}
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	r := all[0]
	_, _ = fmt.Fprintf(env.Streams.Err, "distances in %s · tolerance %g · %d reference and %d predicted voxels\n",
		unitName(r.Unit), r.Tolerance, r.ReferenceVoxels, r.PredictionVoxels)
	for _, r := range all {
		for _, name := range all.Metrics() {
			if why, ok := r.Excluded[name]; ok {
				_, _ = fmt.Fprintf(env.Streams.Err, "%s %s: %s\n", r.Definition, name, why)
			} else if why, ok := r.ByPolicy[name]; ok {
				_, _ = fmt.Fprintf(env.Streams.Err, "%s %s: %s\n", r.Definition, name, why)
			}
		}
	}
	return nil
}

// printJudged prints the scores of probabilities.
func (env *environment) printJudged(c folder.Case) error {
	j := c.Probability
	if j == nil {
		return nil
	}
	w := tabwriter.NewWriter(env.Streams.Out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "metric\tprobabilities")
	for _, name := range probability.Names() {
		_, excluded := j.Excluded[name]
		if _, ok := j.Values[name]; ok || excluded {
			_, _ = fmt.Fprintf(w, "%s\t%s\n", name, score(j.Values, name))
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	for _, name := range probability.Names() {
		if why, ok := j.Excluded[name]; ok {
			_, _ = fmt.Fprintf(env.Streams.Err, "%s: %s\n", name, why)
		}
	}
	return nil
}

// score is a value for a person.
func score(values map[string]float64, name string) string {
	v, ok := values[name]
	switch {
	case !ok:
		return "–"
	case math.IsNaN(v):
		return "NaN"
	default:
		return fmt.Sprintf("%.5f", v)
	}
}
