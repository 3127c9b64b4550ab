package cli

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/volume"
)

// metricsOptions are the flags of `minivess metrics`.
type metricsOptions struct {
	compat    string
	tolerance float64
	only      []string
	label     uint8
}

func newMetrics(env *environment) *cobra.Command {
	o := metricsOptions{}
	c := &cobra.Command{
		Use:   "metrics REFERENCE PREDICTION",
		Short: "Score one segmentation against another: Dice, clDice, HD95, NSD and kin",
		Long: "metrics compares two label volumes (NIfTI) and prints every score with the definition\n" +
			"that it follows. Published packages disagree about HD95 and NSD; --compat picks whose\n" +
			"definition, or all side by side. A missed structure is penalised, two empty masks agree\n" +
			"perfectly, and what was excluded is printed. With --compat all, --json prints one object\n" +
			"with an object of scores for each definition.",
		Example: "  minivess metrics seg/mv01.nii.gz predicted/mv01.nii.gz\n" +
			"  minivess metrics R.nii.gz P.nii.gz --compat all --tolerance 2 --json",
		Args: takes(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.metrics(cmd.Context(), args[0], args[1], o)
		},
	}
	c.Flags().StringVar(&o.compat, "compat", metrics.Minivess, "definition: "+strings.Join(metrics.Definitions(), ", ")+", or all")
	c.Flags().Float64Var(&o.tolerance, "tolerance", metrics.DefaultTolerance, "tolerance of NSD, in the spacing's unit")
	c.Flags().StringSliceVar(&o.only, "metric", nil, "only these metrics")
	c.Flags().Uint8Var(&o.label, "label", 1, "the label that counts as foreground")
	return c
}

func (env *environment) metrics(ctx context.Context, reference, prediction string, o metricsOptions) error {
	ref, pred, options, err := readPair(ctx, env.path(reference), env.path(prediction), o)
	if err != nil {
		return err
	}
	if o.compat == "all" {
		all, err := metrics.Compare(ctx, ref, pred, options)
		if err != nil {
			return err
		}
		if env.JSON {
			return env.printJSON(all)
		}
		return env.printComparison(all)
	}
	if !slices.Contains(metrics.Definitions(), o.compat) {
		return usagef("there is no definition %q\n  --compat takes %s, or all", o.compat, strings.Join(metrics.Definitions(), ", "))
	}
	options.Definition = o.compat
	result, err := metrics.Evaluate(ctx, ref, pred, options)
	if err != nil {
		return err
	}
	if env.JSON {
		return env.printJSON(result)
	}
	return env.printComparison(metrics.Comparison{result})
}

// readPair reads both masks and checks that they lie on the same grid.
func readPair(ctx context.Context, reference, prediction string, o metricsOptions) (ref, pred metrics.Mask, options metrics.Options, err error) {
	r, err := volume.ReadLabels(ctx, reference, volume.Limits{})
	if err != nil {
		return ref, pred, options, err
	}
	p, err := volume.ReadLabels(ctx, prediction, volume.Limits{})
	if err != nil {
		return ref, pred, options, err
	}
	if err := sameGrid(reference, r, prediction, p); err != nil {
		return ref, pred, options, err
	}
	options = metrics.Options{Spacing: r.Spacing, Unit: r.Unit, Tolerance: o.tolerance, Metrics: o.only}
	return metrics.Foreground(r.Shape, r.Data, o.label), metrics.Foreground(p.Shape, p.Data, o.label), options, nil
}

// sameGrid refuses masks that do not lie voxel on voxel, and says how they differ.
func sameGrid(reference string, r *volume.Labels, prediction string, p *volume.Labels) error {
	differ := r.Shape != p.Shape || r.Unit != p.Unit
	for axis := range 3 {
		differ = differ || math.Abs(r.Spacing[axis]-p.Spacing[axis]) > 1e-4*r.Spacing[axis]
	}
	if !differ {
		for i := range 3 {
			for j := range 4 {
				if math.Abs(r.Affine[i][j]-p.Affine[i][j]) > 1e-3*math.Max(1, math.Abs(r.Affine[i][j])) {
					return fmt.Errorf("the masks lie in different places\n  reference   %q   affine %v\n  prediction  %q   affine %v\n  Write the prediction with the affine of its image",
						reference, r.Affine, prediction, p.Affine)
				}
			}
		}
		return nil
	}
	line := func(l *volume.Labels) string {
		return fmt.Sprintf("%d×%d×%d  %.4g×%.4g×%.4g %s", l.Shape[0], l.Shape[1], l.Shape[2], l.Spacing[0], l.Spacing[1], l.Spacing[2], l.Unit)
	}
	return fmt.Errorf("the masks are not on the same grid\n  reference   %q   %s\n  prediction  %q   %s\n  Resample one onto the other's grid first",
		reference, line(r), prediction, line(p))
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
			row = append(row, score(r, name))
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

func score(r metrics.Result, name string) string {
	v, ok := r.Values[name]
	switch {
	case !ok:
		return "–"
	case math.IsNaN(v):
		return "NaN"
	default:
		return fmt.Sprintf("%.5f", v)
	}
}

func unitName(unit string) string {
	switch unit {
	case "um":
		return "µm"
	case "":
		return "unstated units"
	default:
		return unit
	}
}
