package inorder_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/train/inorder"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Whatever takes how long, results come in order, and never more than the limits
// allow is going on.
func TestOrderAndLimits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		l := inorder.Limits{Weight: rapid.Int64Range(1, 20).Draw(rt, "weight"), Tasks: rapid.IntRange(1, 4).Draw(rt, "tasks")}
		weights := rapid.SliceOfN(rapid.Int64Range(0, 30), 0, 20).Draw(rt, "weights")
		times := rapid.SliceOfN(rapid.IntRange(0, 9), len(weights), len(weights)).Draw(rt, "times")
		synctest.Test(t, func(t *testing.T) {
			var got []int
			var weight, tasks atomic.Int64
			q := inorder.New(t.Context(), l, func(i int) error { got = append(got, i); return nil })
			for i, w := range weights {
				if err := q.Reserve(w); err != nil {
					t.Fatal(err)
				}
				q.Submit(w, func(context.Context) (int, error) {
					if n := tasks.Add(1); n > int64(l.Tasks) {
						t.Errorf("%d tasks at once, at most %d may be", n, l.Tasks)
					}
					if sum := weight.Add(min(w, l.Weight)); sum > l.Weight {
						t.Errorf("tasks weigh %d, at most %d may be", sum, l.Weight)
					}
					time.Sleep(time.Duration(times[i]) * time.Second) // in the bubble's time
					weight.Add(-min(w, l.Weight))
					tasks.Add(-1)
					return i, nil
				})
			}
			if err := q.Wait(); err != nil {
				t.Fatal(err)
			}
			if len(got) != len(weights) || !slices.IsSorted(got) {
				t.Errorf("delivered %v of %d", got, len(weights))
			}
		})
	})
}

// Tasks do run side by side: two that wait for each other both end.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	a, b := make(chan struct{}), make(chan struct{})
	q := inorder.New(t.Context(), inorder.Limits{Weight: 2, Tasks: 2}, func(int) error { return nil })
	for _, pair := range [][2]chan struct{}{{a, b}, {b, a}} {
		if err := q.Reserve(1); err != nil {
			t.Fatal(err)
		}
		q.Submit(1, func(context.Context) (int, error) {
			close(pair[0])
			<-pair[1]
			return 0, nil
		})
	}
	if err := q.Wait(); err != nil {
		t.Fatal(err)
	}
}

// An error ends the queue: nothing behind it is delivered, and whoever waits
// for room is told.
func TestAnErrorEndsTheQueue(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad")
	for name, where := range map[string]string{"of a task": "task", "of the delivery": "deliver", "of the context": "context"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var got []int
			q := inorder.New(ctx, inorder.Limits{Weight: 10, Tasks: 2}, func(i int) error {
				if i == 1 && where == "deliver" {
					return bad
				}
				got = append(got, i)
				return nil
			})
			if err := q.Deliver(0); err != nil {
				t.Fatal(err)
			}
			if err := q.Reserve(10); err != nil {
				t.Fatal(err)
			}
			q.Submit(10, func(ctx context.Context) (int, error) {
				switch where {
				case "task":
					return 0, bad
				case "context":
					cancel()
					<-ctx.Done()
					return 0, ctx.Err()
				}
				return 1, nil
			})
			var err error
			for i := 2; i < 100 && err == nil; i++ {
				err = q.Deliver(i)
			}
			if err == nil {
				t.Error("a queue that has ended takes more")
			}
			if err := q.Wait(); err == nil || where != "context" && !errors.Is(err, bad) {
				t.Errorf("the error is %v", err)
			}
			if !slices.Equal(got, []int{0}) {
				t.Errorf("delivered %v", got)
			}
		})
	}
}

// A reservation that is not used is given back.
func TestGiveBack(t *testing.T) {
	t.Parallel()
	q := inorder.New(t.Context(), inorder.Limits{Weight: 1, Tasks: 1}, func(int) error { return nil })
	for range 3 {
		if err := q.Reserve(5); err != nil {
			t.Fatal(err)
		}
		q.GiveBack(5)
	}
	if err := q.Wait(); err != nil {
		t.Fatal(err)
	}
}
