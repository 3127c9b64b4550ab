package rows_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics/internal/rows"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryRowIsVisitedOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 50).Draw(rt, "n")
		visits := make([]atomic.Int32, n)
		err := rows.Each(t.Context(), n, rapid.IntRange(-1, 9).Draw(rt, "size"), rapid.IntRange(0, 5).Draw(rt, "threads"), func(from, to int) error {
			for i := from; i < to; i++ {
				visits[i].Add(1)
			}
			return nil
		})
		if err != nil {
			rt.Fatal(err)
		}
		for i := range visits {
			if v := visits[i].Load(); v != 1 {
				rt.Fatalf("row %d was visited %d times", i, v)
			}
		}
	})
}

func TestTheFirstErrorEndsTheWork(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	if err := rows.Each(t.Context(), 9, 1, 3, func(from, _ int) error {
		if from == 4 {
			return broken
		}
		return nil
	}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := rows.Each(ctx, 9, 1, 3, func(int, int) error { return broken }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
