package cli

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/minivess/minivess/engine/machine"
	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/folder"
	"github.com/minivess/minivess/engine/metrics/instances"
	"github.com/minivess/minivess/engine/metrics/probability"
	"github.com/minivess/minivess/engine/metrics/topology"
	"github.com/minivess/minivess/engine/volume"
	"github.com/minivess/minivess/tools"
)

// metricFamilies lists the families that --family takes.
func metricFamilies() []string {
	return append(metrics.Families(), folder.FamilyVessels, metrics.FamilyProbability, metrics.FamilyUncertainty)
}

// resolve turns the flags into options of the engine.
func (o metricsOptions) resolve() (folder.Options, error) {
	definitions := []string{o.compat}
	if o.compat == "all" {
		definitions = metrics.Definitions()
	} else if !slices.Contains(metrics.Definitions(), o.compat) {
		return folder.Options{}, usagef("there is no definition %q\n  --compat takes %s, or all", o.compat, strings.Join(metrics.Definitions(), ", "))
	}
	names, err := o.names(definitions)
	if err != nil {
		return folder.Options{}, err
	}
	labels, err := o.chosenLabels()
	if err != nil {
		return folder.Options{}, err
	}
	out := folder.Options{
		Mask: metrics.Options{
			Tolerance: o.tolerance, Beta: o.beta, BoundaryWidth: o.width, Empty: metrics.EmptyPolicy(o.empty), Metrics: names.masks,
			Matching: instances.Matching(o.matching), MatchThreshold: o.iou, Connectivity: topology.Connectivity(o.connectivity),
		},
		Definitions: definitions, Labels: labels, Vessels: names.vessels, Resample: o.resample,
		Probabilities: o.probabilities, Threshold: o.threshold, Judged: names.judged, Bins: o.bins, Threads: o.threads,
	}
	if names.noMasks {
		out.Definitions = nil
	}
	if o.threads < 0 || o.iou == 0 || o.beta == 0 || o.width == 0 || o.threshold == 0 || o.bins == 0 {
		return out, usagef("--threads, --match-iou, --beta, --boundary-width, --threshold and --bins must be above 0")
	}
	return out, nil
}

// scoreNames are the metrics asked for, by who computes them.
type scoreNames struct {
	masks, vessels, judged []string
	noMasks                bool // masks are not scored at all, rather than by everything
}

// names sorts --metric and --family out; neither means everything but vessels.
func (o metricsOptions) names(definitions []string) (scoreNames, error) {
	var n scoreNames
	if len(o.only)+len(o.families) == 0 {
		if o.probabilities {
			n.judged = probability.Names()
		}
		return n, nil
	}
	for _, family := range o.families {
		members, err := o.family(family, definitions)
		if err != nil {
			return n, err
		}
		for _, name := range members {
			n.add(name)
		}
	}
	for _, name := range o.only {
		if err := o.checkName(name, definitions); err != nil {
			return n, err
		}
		n.add(name)
	}
	n.noMasks = len(n.masks) == 0
	return n, nil
}

// add files a name with who computes it, once.
func (n *scoreNames) add(name string) {
	list := &n.masks
	switch {
	case slices.Contains(folder.VesselNames(), name):
		list = &n.vessels
	case metrics.OfProbabilities(name):
		list = &n.judged
	}
	if !slices.Contains(*list, name) {
		*list = append(*list, name)
	}
}

// family lists the members of a family that the definitions have.
func (o metricsOptions) family(family string, definitions []string) ([]string, error) {
	switch family {
	case folder.FamilyVessels:
		return folder.VesselNames(), nil
	case metrics.FamilyProbability, metrics.FamilyUncertainty:
		if !o.probabilities {
			return nil, usagef("family %s judges probabilities, and the prediction is read as labels\n  --probabilities reads it as probabilities", family)
		}
		return metrics.Expand(family)
	}
	members := metrics.Family(family)
	if members == nil {
		return nil, usagef("there is no family %q\n  %s", family, tools.DidYouMean(family, metricFamilies(), "families"))
	}
	members = slices.DeleteFunc(members, func(name string) bool { return !anyHas(definitions, name) })
	if len(members) == 0 {
		return nil, usagef("definition %s has no metric of family %s\n  it has %s", o.compat, family, strings.Join(metrics.Names(o.compat), ", "))
	}
	return members, nil
}

// checkName refuses a metric that cannot be computed, and says which can.
func (o metricsOptions) checkName(name string, definitions []string) error {
	vessels := slices.Contains(folder.VesselNames(), name)
	switch {
	case metrics.OfProbabilities(name) && !o.probabilities:
		return usagef("%s judges probabilities, and the prediction is read as labels\n  --probabilities reads it as probabilities", name)
	case metrics.OfProbabilities(name), vessels, anyHas(definitions, name):
		return nil
	case anyHas(metrics.Definitions(), name):
		return usagef("definition %s has no %s\n  it has %s", o.compat, name, strings.Join(metrics.Names(o.compat), ", "))
	}
	known := slices.Concat(metrics.Choice(), []string{metrics.NSDSubvoxel}, folder.VesselNames())
	hint := tools.DidYouMean(name, known, "metrics")
	if near := metrics.Nearest(name); near != "" {
		hint = fmt.Sprintf("did you mean %s?", near)
	}
	return usagef("unknown metric %q\n  %s", name, hint)
}

func anyHas(definitions []string, metric string) bool {
	return slices.ContainsFunc(definitions, func(d string) bool { return metrics.Has(d, metric) })
}

// chosenLabels reads --label, --labels and --ignore.
func (o metricsOptions) chosenLabels() (folder.Labels, error) {
	var chosen folder.Labels
	ignore, err := labelList("--ignore", o.ignore)
	if err != nil {
		return chosen, err
	}
	chosen.Ignore = ignore
	switch {
	case o.label != 0 && len(o.labels) > 0:
		return chosen, usagef("--label and --labels exclude each other")
	case o.label != 0:
		chosen.List = []uint8{o.label}
	case len(o.labels) == 1 && o.labels[0] == "all":
		chosen.All = true
	default:
		chosen.List, err = labelList("--labels", o.labels)
	}
	return chosen, err
}

func labelList(flag string, words []string) ([]uint8, error) {
	var list []uint8
	for _, word := range words {
		label, err := strconv.ParseUint(strings.TrimSpace(word), 10, 8)
		if err != nil {
			return nil, usagef("%s takes whole numbers from 0 to 255, not %q", flag, word)
		}
		list = append(list, uint8(label))
	}
	return list, nil
}

// memoryLimit is --memory in bytes, else most of what is free; 0 where the
// system does not tell.
func (o metricsOptions) memoryLimit() (int64, error) {
	if o.memory == "" {
		return machine.FreeMemory() / 10 * 8, nil
	}
	n, ok := parseBytes(o.memory)
	if !ok {
		return 0, usagef("--memory takes a size such as 4GB or 512MiB, not %q", o.memory)
	}
	return n, nil
}

// parseBytes reads a size such as 4GB, 1.5 GiB or 1000000.
func parseBytes(text string) (int64, bool) {
	text = strings.TrimSuffix(strings.ToUpper(strings.ReplaceAll(text, " ", "")), "B")
	unit := 1.0
	for _, u := range []struct {
		suffix string
		bytes  float64
	}{{"KI", 1 << 10}, {"MI", 1 << 20}, {"GI", 1 << 30}, {"TI", 1 << 40}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}} {
		if number, ok := strings.CutSuffix(text, u.suffix); ok {
			text, unit = number, u.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n*unit >= 1) || n*unit > math.MaxInt64/2 {
		return 0, false
	}
	return int64(n * unit), true
}

// explained adds the flag that is the way on to an error of the engine, and
// marks errors in options as such.
func (o metricsOptions) explained(err error) error {
	also := func(hint string) error { return fmt.Errorf("%w\n  %s", err, hint) }
	switch {
	case err == nil:
		return nil
	case errors.Is(err, folder.ErrOption), errors.Is(err, metrics.ErrParameter), errors.Is(err, metrics.ErrPolicy), errors.Is(err, metrics.ErrLabel):
		return &usageError{err}
	case errors.Is(err, folder.ErrGrid):
		return also("--resample puts the prediction onto the reference's grid")
	case errors.Is(err, metrics.ErrNotBinary) && o.vessels == "":
		return also("--labels all scores every label on its own, --labels 1,2 some, --label 1 only one")
	case errors.Is(err, metrics.ErrNotBinary):
		return also("--labels all measures every label on its own, --label 1 only one")
	case errors.Is(err, folder.ErrMemory):
		return also("--memory raises the limit; fewer metrics take less, --family overlap the least")
	case errors.Is(err, volume.ErrTooLarge):
		return also("--memory raises the limit")
	case errors.Is(err, volume.ErrNotLabels) && !o.probabilities:
		return also("a map of probabilities is scored with --probabilities")
	}
	return err
}
