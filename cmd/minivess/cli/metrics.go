package cli

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/folder"
	"github.com/minivess/minivess/engine/metrics/instances"
	"github.com/minivess/minivess/engine/metrics/probability"
)

// metricsOptions are the flags of `minivess metrics`.
type metricsOptions struct {
	compat        string
	tolerance     float64
	beta, width   float64
	empty         string
	only          []string
	families      []string
	label         uint8
	labels        []string
	ignore        []string
	matching      string
	iou           float64
	connectivity  int
	resample      bool
	probabilities bool
	threshold     float64
	bins          int
	vessels       string
	allowMissing  bool
	memory        string
	threads       int
	out           []string
	force         bool
}

func newMetrics(env *environment) *cobra.Command {
	o := metricsOptions{}
	c := &cobra.Command{
		Use:   "metrics REFERENCE PREDICTION",
		Short: "Score segmentations against references: Dice, clDice, HD95, NSD and kin",
		Long: "metrics compares two label volumes (NIfTI), or two folders of them paired by file name,\n" +
			"and prints every score with the definition that it follows. Published packages disagree\n" +
			"about HD95 and NSD; --compat picks whose definition, or all side by side. A missed structure\n" +
			"is penalised, two empty masks agree perfectly, and what was excluded is printed.\n\n" +
			"Of folders, it prints each metric over the cases (mean, median, quartiles, a bootstrap\n" +
			"interval) and the worst cases first; --out writes every score to a .csv, .parquet or .json\n" +
			"file. With --compat all, --json prints one object with an object of scores for each\n" +
			"definition. With --vessels, metrics measures the vessels of masks instead: length, branch\n" +
			"points, tortuosity and radius of every piece.",
		Example: "  minivess metrics seg/mv01.nii.gz predicted/mv01.nii.gz\n" +
			"  minivess metrics R.nii.gz P.nii.gz --compat all --tolerance 2 --json\n" +
			"  minivess metrics seg predicted --labels all --family overlap,centreline --out scores.csv\n" +
			"  minivess metrics seg/mv01.nii.gz --vessels",
		Args: func(cmd *cobra.Command, args []string) error {
			if o.vessels != "" {
				return takes(1, 1)(cmd, args)
			}
			return takes(2, 2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.idle(cmd.Flags().Changed); err != nil {
				return err
			}
			return o.explained(env.metrics(cmd.Context(), args, o))
		},
	}
	o.flags(c)
	return c
}

// flags declares the flags, what is scored first.
func (o *metricsOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.compat, "compat", metrics.Minivess, "definition: "+strings.Join(metrics.Definitions(), ", ")+", or all")
	f.StringSliceVar(&o.only, "metric", nil, "only these metrics; hdN is the Nth percentile of the border distances")
	f.StringSliceVar(&o.families, "family", nil, "only these families: "+strings.Join(metricFamilies(), ", "))
	f.Float64Var(&o.tolerance, "tolerance", metrics.DefaultTolerance, "tolerance of NSD, in the spacing's unit")
	f.Float64Var(&o.beta, "beta", metrics.DefaultBeta, "how many times as much recall counts as precision in f_beta")
	f.Float64Var(&o.width, "boundary-width", metrics.DefaultBoundaryWidth, "width of boundary_iou's band, in voxels")
	f.StringVar(&o.empty, "empty", "", "what an empty mask counts: penalise, nan or exclude (default: as each definition has it)")
	f.Uint8Var(&o.label, "label", 0, "the one label that counts as foreground (default: the only one there is)")
	f.StringSliceVar(&o.labels, "labels", nil, "labels to score each on its own, such as 1,2,3, or all")
	f.StringSliceVar(&o.ignore, "ignore", nil, "labels of the reference where nothing is judged")
	f.StringVar(&o.matching, "matching", "", "how lesions are paired: overlap, greedy or optimal (default overlap; greedy for panoptic_quality)")
	f.Float64Var(&o.iou, "match-iou", instances.DefaultThreshold, "least IoU of a greedy or optimal pair")
	f.IntVar(&o.connectivity, "connectivity", 26, "neighbours that belong to one lesion: 6, 18 or 26")
	f.BoolVar(&o.resample, "resample", false, "put a prediction on another grid onto its reference's")
	f.BoolVar(&o.probabilities, "probabilities", false, "the prediction is a map of the foreground's probability")
	f.Float64Var(&o.threshold, "threshold", folder.DefaultThreshold, "probability from which a voxel is foreground")
	f.IntVar(&o.bins, "bins", probability.DefaultBins, "calibration bins")
	f.StringVar(&o.vessels, "vessels", "", "measure the vessels of one file or folder instead: components or segments")
	f.Lookup("vessels").NoOptDefVal = "components"
	f.BoolVar(&o.allowMissing, "allow-missing", false, "of folders: count a missing prediction as an empty one")
	f.StringVar(&o.memory, "memory", "", "memory to take at most, such as 4GB (default: most of what is free)")
	f.IntVar(&o.threads, "threads", 0, "threads to use (default: all)")
	f.StringArrayVar(&o.out, "out", nil, "write the scores to a .csv, .parquet or .json file; may be repeated")
	f.BoolVar(&o.force, "force", false, "let --out replace files")
}

// idle refuses flags that would change nothing, as whoever gave them expects
// otherwise.
func (o *metricsOptions) idle(given func(flag string) bool) error {
	ofScores := []string{
		"compat", "metric", "family", "tolerance", "beta", "boundary-width", "empty", "matching", "match-iou", "connectivity", "resample",
		"probabilities", "threshold", "bins", "allow-missing", "threads",
	}
	if at := slices.IndexFunc(ofScores, given); o.vessels != "" && at >= 0 {
		return usagef("--%s changes nothing about --vessels\n  drop one of the two", ofScores[at])
	}
	ofProbabilities := []string{"threshold", "bins"}
	if at := slices.IndexFunc(ofProbabilities, given); !o.probabilities && at >= 0 {
		return usagef("--%s is about maps of probabilities\n  --probabilities says that the prediction is one", ofProbabilities[at])
	}
	if o.force && len(o.out) == 0 {
		return usagef("--force lets --out replace files, and there is no --out")
	}
	return nil
}

// metrics scores what the arguments name: files or folders.
func (env *environment) metrics(ctx context.Context, args []string, o metricsOptions) error {
	outputs, err := env.outputs(o)
	if err != nil {
		return err
	}
	memory, err := o.memoryLimit()
	if err != nil {
		return err
	}
	const least = 64 << 20
	if memory > 0 { // else garbage may take as much again
		debug.SetMemoryLimit(max(memory, least))
	}
	if o.vessels != "" {
		return env.measureVessels(ctx, args[0], o, memory, outputs)
	}
	options, err := o.resolve()
	if err != nil {
		return err
	}
	options.Memory = memory
	folders := 0
	for _, path := range args {
		if st, err := os.Stat(env.path(path)); err != nil {
			return err
		} else if st.IsDir() {
			folders++
		}
	}
	switch folders {
	case 2:
		return env.scoreFolders(ctx, env.path(args[0]), env.path(args[1]), options, o, outputs)
	case 1:
		return usagef("%q and %q are a folder and a file; metrics compares two files or two folders", args[0], args[1])
	}
	return env.scorePair(ctx, env.path(args[0]), env.path(args[1]), options, o, outputs)
}

// unitName is a unit for a person.
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

// plural is a number of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
