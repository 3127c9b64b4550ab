package runs_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/runs/runstest"
)

func TestTags(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	spec := trainSpec()
	spec.Tags = map[string]string{"group": "a", "old": "1"}
	id := create(t, ws, spec)
	var wg sync.WaitGroup
	for i := range 5 { // at once, as several processes would
		wg.Go(func() {
			if err := runs.SetTag(t.Context(), ws, id, fmt.Sprintf("k%d", i), "v w"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(runs.SetTag(t.Context(), ws, id, "group", "b"), runs.UnsetTag(t.Context(), ws, id, "old"), runs.UnsetTag(t.Context(), ws, id, "none")); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"group": "b", "k0": "v w", "k1": "v w", "k2": "v w", "k3": "v w", "k4": "v w"}
	if diff := cmp.Diff(want, load(t, ws, id).Tags); diff != "" {
		t.Error(diff)
	}
}

func TestCurves(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	loss := func(step int64, v runs.Number) []any {
		return []any{runs.EventMetric, runs.Metric{Step: step, Split: "train", Values: map[string]runs.Number{"loss": v}}}
	}
	id := create(t, ws, trainSpec())
	c, err := runs.ReadCurves(ws, id)
	if err != nil || len(c.Names()) != 0 {
		t.Fatalf("%v, %v", c, err)
	}
	for _, e := range [][]any{loss(1, 5), loss(2, 4), loss(3, 3), loss(4, 9), loss(3, 2), loss(6, 1), loss(5, 1.5)} {
		runstest.Append(t, ws.Run(id), e...) // resumed after step 2; step 4 is never measured again
		if err := c.Refresh(ws, id); err != nil {
			t.Fatal(err)
		}
	}
	want := []runs.Point{{Step: 1, Value: 5}, {Step: 2, Value: 4}, {Step: 3, Value: 2}, {Step: 4, Value: 9}, {Step: 5, Value: 1.5}, {Step: 6, Value: 1}}
	if diff := cmp.Diff(want, c.Points("train/loss")); diff != "" {
		t.Error(diff)
	}
	whole, err := runs.ReadCurves(ws, id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, whole.Points("train/loss")); diff != "" {
		t.Error(diff)
	}
}
