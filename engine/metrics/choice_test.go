package metrics_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

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

func TestCheckNames(t *testing.T) {
	t.Parallel()
	for _, name := range append(metrics.Choice(), "hd90", "hd99.5") {
		if err := metrics.Check(name); err != nil {
			t.Error(err)
		}
	}
	for name, want := range map[string]string{
		"dise": "did you mean dice?", "cl-dice": "did you mean cldice?", "Panoptic Quality": "did you mean panoptic_quality?",
		"hd0": "", "hd100": "", "uncertainty": "choose of dice", "": "choose of dice", "lesion_f2": "did you mean lesion_f1?", "\x1b[0m": `"\x1b[0m"`,
	} {
		err := metrics.Check(name)
		if !errors.Is(err, metrics.ErrMetric) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", name, err, want)
		}
	}
}
