package train

import (
	"math"
	"slices"
	"testing"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/cost"
	"github.com/minivess/minivess/engine/nn/torch"
	"github.com/minivess/minivess/engine/train/selection"
)

// TestCostForetellsMemory holds the peak that engine/nn/cost foretells of whole
// training steps, loss and optimiser included, against what libtorch allocates.
// It counts the whole process and so runs alone.
func TestCostForetellsMemory(t *testing.T) { //nolint:paralleltest // counts the process's memory
	for name, change := range map[string]func(*config.Experiment){
		"as it is":     func(*config.Experiment) {},
		"sgd":          func(e *config.Experiment) { e.Train.Optimizer, e.Train.Momentum = "sgd", 0.9 },
		"plain sgd":    func(e *config.Experiment) { e.Train.Optimizer, e.Train.Momentum = "sgd", 0 },
		"frozen":       func(e *config.Experiment) { e.Train.Freeze = []string{"convInit*", "down_layers*"} },
		"dice":         func(e *config.Experiment) { e.Train.Loss = "dice" },
		"ce":           func(e *config.Experiment) { e.Train.Loss = "ce" },
		"recomputing":  func(e *config.Experiment) { e.Train.GradientCheckpointing = true },
		"supervision":  func(e *config.Experiment) { supervised(e) },
		"four classes": func(e *config.Experiment) { e.Model.OutChannels = 4 },
		"small batch":  func(e *config.Experiment) { e.Train.BatchSize = 1 },
		"wide": func(e *config.Experiment) {
			e.Model.InitFilters, e.Train.PatchSize = 32, [3]int{8, 8, 8} // the optimiser takes most
		},
	} {
		e := config.Default()
		e.Device, e.Threads = "cpu", 1
		e.Train.BatchSize, e.Train.PatchSize = 2, [3]int{24, 24, 16}
		change(&e)
		foretold := foretell(t, e)
		counter := torch.CountMemory()
		counter.Reset()
		before := counter.Live()
		r, err := Bench(t.Context(), e, BenchRequest{Steps: 1})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := r.TensorBytes - before
		off := float64(foretold)/float64(got) - 1
		t.Logf("%s: %.2f MB, foretold %.2f MB (%+.2f%%)", name, float64(got)/1e6, float64(foretold)/1e6, 100*off)
		if math.Abs(off) > 0.05 {
			t.Errorf("%s: %d bytes were foretold and %d taken", name, foretold, got)
		}
	}
}

func supervised(e *config.Experiment) {
	e.Model = config.Model{Name: "dynunet", InitFilters: 8, InChannels: 1, OutChannels: 2, Extra: map[string]any{
		"strides": []any{1, 2, 2}, "deep_supervision": true, "deep_supr_num": 1,
	}}
}

func foretell(t *testing.T, e config.Experiment) int64 {
	t.Helper()
	m, err := models.New(e.Model.Name, e.Model.Options())
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := selection.Make(m.TrainableParameters(), e.Train)
	if err != nil {
		t.Fatal(err)
	}
	frozen := func(name string) bool {
		return slices.ContainsFunc(chosen.Frozen, func(p nn.Param) bool { return p.Name == name })
	}
	optimiser := e.Train.Optimizer
	if optimiser == "sgd" && e.Train.Momentum == 0 {
		optimiser = cost.Descent
	}
	c, err := cost.Of(m, cost.Request{
		Batch: e.Train.BatchSize, Patch: e.Train.PatchSize, Precision: e.Train.Precision, Training: true,
		Checkpointing: e.Train.GradientCheckpointing, Optimiser: optimiser, Frozen: frozen, Loss: e.Train.Loss, Threads: e.Threads,
		Auxiliary: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c.PeakBytes
}
