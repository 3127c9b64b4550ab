package metrics_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/probability"
)

// Every metric has a direction, and it is the right one.
func TestDirectionOfEveryMetric(t *testing.T) {
	t.Parallel()
	lower := []string{
		metrics.HD95, metrics.HD, metrics.ASSD, metrics.MASD, metrics.RadiusError, metrics.Betti0Error, metrics.Betti1Error, metrics.Betti2Error,
		metrics.EulerError, probability.Brier, probability.NLL, probability.ECE, probability.MCE,
	}
	all := append(metrics.Choice(), "hd50", "hd99.5")
	lower = append(lower, "hd50", "hd99.5")
	for _, name := range all {
		for _, n := range []string{name, name + "_1", name + "_12"} {
			if got := metrics.HigherIsBetter(n); got == slices.Contains(lower, name) {
				t.Errorf("higher is better for %s: %v", n, got)
			}
		}
	}
	if len(metrics.Choice()) < 30 {
		t.Errorf("only %d metrics to choose from", len(metrics.Choice()))
	}
}

func TestUnknownNamesAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range append(metrics.Choice(), "hd90", "hd99.5") {
		if err := metrics.Check(name); err != nil {
			t.Error(err)
		}
	}
	for name, want := range map[string]string{
		"dise": "did you mean dice?", "cl-dice": "did you mean cldice?", "Panoptic Quality": "did you mean panoptic_quality?",
		"hd0": "", "hd100": "", "colour": "choose of dice", "": "choose of dice", "lesion_f2": "did you mean lesion_f1?", "\x1b[0m": `"\x1b[0m"`,
	} {
		err := metrics.Check(name)
		if !errors.Is(err, metrics.ErrMetric) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", name, err, want)
		}
	}
}

// Families stand for their metrics, and every metric is in one.
func TestExpand(t *testing.T) {
	t.Parallel()
	got, err := metrics.Expand("boundary", "dice", "hd95", "hd90", "dice")
	if diff := cmp.Diff([]string{"hd95", "hd", "nsd", "assd", "masd", "boundary_iou", "dice", "hd90"}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	all, err := metrics.Expand(append(metrics.Families(), metrics.FamilyProbability, metrics.FamilyUncertainty)...)
	want := metrics.Choice()
	slices.Sort(all)
	slices.Sort(want)
	if diff := cmp.Diff(want, all); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if _, err := metrics.Expand("dice", "overlaps"); !errors.Is(err, metrics.ErrMetric) {
		t.Error(err)
	}
}
