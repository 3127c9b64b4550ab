package estimate_test

import (
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/tools/estimate"
)

func job(change func(*config.Experiment)) estimate.Job {
	e := config.Default()
	change(&e)
	return estimate.Job{Experiment: e, Train: [][3]int{{96, 96, 48}, {96, 96, 48}}, Held: [][3]int{{96, 96, 48}}}
}

func training(t *testing.T, past estimate.History, change func(*config.Experiment)) estimate.Estimate {
	t.Helper()
	est, err := estimate.Training(job(change), past)
	if err != nil {
		t.Fatal(err)
	}
	return est
}

func same(*config.Experiment) {}

func TestMoreWorkCostsMore(t *testing.T) {
	t.Parallel()
	base := training(t, nil, same)
	if base.Parameters != 1_176_186 || base.Steps != 160 {
		t.Errorf("got %d parameters, %d steps", base.Parameters, base.Steps)
	}
	for name, change := range map[string]func(*config.Experiment){
		"epochs":  func(e *config.Experiment) { e.Train.Epochs *= 3 },
		"batch":   func(e *config.Experiment) { e.Train.BatchSize, e.Train.MaxSteps, e.Train.Epochs = 4, 160, 100 },
		"patch":   func(e *config.Experiment) { e.Train.PatchSize = [3]int{64, 64, 64} },
		"filters": func(e *config.Experiment) { e.Model.InitFilters = 16 },
	} {
		more := training(t, nil, change)
		if more.Cost.Seconds <= base.Cost.Seconds || more.Cost.MemoryBytes < base.Cost.MemoryBytes {
			t.Errorf("%s: %+v is not above %+v", name, more.Cost, base.Cost)
		}
	}
	judged, err := estimate.Evaluation(job(same), nil)
	if err != nil || judged.Cost.Seconds <= 0 || judged.Cost.Seconds >= base.Cost.Seconds || judged.Cost.MemoryBytes >= base.Cost.MemoryBytes {
		t.Errorf("an evaluation: %+v, %v", judged.Cost, err)
	}
}

// TestTheClosestRunIsTheBasis: the newest run that did the same arithmetic,
// else one with the same network, else any, and never one of another device.
func TestTheClosestRunIsTheBasis(t *testing.T) {
	t.Parallel()
	measured := func(run string, rate float64, change func(*config.Experiment)) estimate.Measured {
		return estimate.Measured{Run: run, Rate: rate, Experiment: job(change).Experiment}
	}
	onCUDA := func(e *config.Experiment) { e.Device = "cuda" }
	batchOf1 := func(e *config.Experiment) { e.Train.BatchSize = 1 }
	for name, c := range map[string]struct {
		past estimate.History
		want string
	}{
		"none":           {nil, "no run was measured here yet"},
		"the same":       {estimate.History{measured("a", 1, batchOf1), measured("b", 2, same), measured("c", 4, same)}, "measured rate of run b (2.00 steps/s)"},
		"another batch":  {estimate.History{measured("a", 1, batchOf1), measured("b", 2, onCUDA)}, "cost model at the speed of run a"},
		"another device": {estimate.History{measured("b", 2, onCUDA)}, "no run was measured here yet"},
	} {
		if got := training(t, c.past, same).Cost.Basis; !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	slow := training(t, estimate.History{measured("a", 1, same)}, same).Cost.Seconds
	fast := training(t, estimate.History{measured("a", 4, same)}, same).Cost.Seconds
	if slow < 160 || fast > slow/2 {
		t.Errorf("at 1 step/s %g s, at 4 steps/s %g s", slow, fast)
	}
}

func TestWhatCannotBeEstimatedIsAnError(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*config.Experiment){
		"model": func(e *config.Experiment) { e.Model.Name = "nobody" },
		"patch": func(e *config.Experiment) { e.Train.PatchSize = [3]int{20, 20, 20} },
	} {
		if _, err := estimate.Training(job(change), nil); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := estimate.Evaluation(job(change), nil); err == nil {
			t.Errorf("%s: no error for an evaluation", name)
		}
	}
}
