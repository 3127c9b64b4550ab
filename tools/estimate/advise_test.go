package estimate_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/tools/estimate"
)

// TestAdviceFits: what is proposed for a training that is too large fits by the
// same estimate, whatever the room.
func TestAdviceFits(t *testing.T) {
	t.Parallel()
	big := job(func(e *config.Experiment) {
		e.Model.InitFilters, e.Train.PatchSize, e.Train.BatchSize, e.Train.CacheMegabytes = 16, [3]int{96, 96, 64}, 4, 64
	})
	whole, err := estimate.Training(big, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, share := range []int64{90, 70, 45, 25} {
		room := whole.Cost.MemoryBytes * share / 100
		s, err := estimate.Advise(t.Context(), big, room)
		if err != nil {
			t.Fatal(err)
		}
		if s == nil || s.Wanted != whole.Cost.MemoryBytes || len(s.Ways) == 0 || len(s.Ways) > 3 {
			t.Fatalf("in %d%% of the room: %v", share, s)
		}
		for _, w := range s.Ways {
			changed := big
			e, err := config.Resolve(config.ExperimentLayer("job", big.Experiment), config.MapLayer("advice", w.Settings))
			if err != nil {
				t.Fatalf("%s: %v", w, err)
			}
			changed.Experiment = e.Experiment
			got, err := estimate.Training(changed, nil)
			if err != nil || got.Cost.MemoryBytes != w.MemoryBytes || w.MemoryBytes > room {
				t.Errorf("%s: %d bytes, and %d were said, of %d: %v", w, got.Cost.MemoryBytes, w.MemoryBytes, room, err)
			}
			if !strings.Contains(s.String(), w.String()) {
				t.Errorf("%q does not say %q", s, w)
			}
		}
	}
}

func TestNoAdvice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		job  estimate.Job
		room int64
	}{
		"it fits":           {job(same), 1 << 40},
		"nobody knows":      {job(same), 0},
		"a TorchScript one": {job(func(e *config.Experiment) { e.Model.Name = config.TorchScript }), 1},
	} {
		if s, err := estimate.Advise(t.Context(), c.job, c.room); s != nil || err != nil {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
	s, err := estimate.Advise(t.Context(), job(same), 1e6)
	if err != nil || len(s.Ways) != 0 || !strings.Contains(s.String(), "no patch of this network fits") {
		t.Errorf("in a megabyte: %v, %v", s, err)
	}
	if _, err := estimate.Advise(t.Context(), job(func(e *config.Experiment) { e.Model.Name = "nobody" }), 1); err == nil {
		t.Error("an unknown model was advised on")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := estimate.Advise(ctx, job(same), 1e6); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
