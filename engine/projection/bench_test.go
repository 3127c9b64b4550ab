package projection_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/minivess/minivess/engine/projection"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/runs/runstest"
	"github.com/minivess/minivess/engine/workspace"
)

// fill makes n finished runs with steps metric events each.
func fill(tb testing.TB, ws *workspace.Workspace, n, steps int) {
	tb.Helper()
	for i := range n {
		var events []any
		put := func(kind string, data any) { events = append(events, kind, data) }
		put(runs.EventQueued, runs.Queued{Executor: "local"})
		put(runs.EventStarted, runs.Started{PID: 1, Host: "h"})
		for s := range steps {
			put(runs.EventMetric, runs.Metric{Step: int64(s + 1), Epoch: s / 50, Split: "train", Values: map[string]runs.Number{"loss": runs.Number(1 / float64(s+1)), "lr": 1e-3}})
			if s%50 == 49 {
				put(runs.EventMetric, runs.Metric{Step: int64(s + 1), Epoch: s / 50, Split: "val", Values: map[string]runs.Number{"dice": runs.Number(float64(s) / float64(steps+i))}})
			}
		}
		put(runs.EventFinished, runs.Finished{Step: int64(steps), Reason: "all steps done"})
		runstest.Create(tb, ws, runs.Spec{
			Kind: runs.KindTrain, Model: "segresnet", RunID: fmt.Sprintf("bench-run-%04d", i), Created: time.Unix(int64(i), 0),
			Dataset: runs.DatasetRef{Name: "toy"}, Experiment: []byte(`{"fold":0,"seed":1,"train":{"learning_rate":0.001,"patch_size":[48,48,48]}}`),
		}, events...)
	}
}

func openPlain(tb testing.TB, ws *workspace.Workspace) *projection.DB {
	tb.Helper()
	db, err := projection.Open(tb.Context(), ws, slog.Default())
	if err != nil {
		tb.Fatal(err)
	}
	return db
}

// BenchmarkOpen opens the projection of a workspace in a new process's
// position: small, large without a snapshot, large with one; and refreshes.
func BenchmarkOpen(b *testing.B) {
	for _, c := range []struct{ n, steps int }{{5, 400}, {1000, 1000}} {
		ws, err := workspace.Create(b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		fill(b, ws, c.n, c.steps)
		b.Run(fmt.Sprintf("first/runs=%d", c.n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				if err := projection.Delete(ws); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				db := openPlain(b, ws)
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("again/runs=%d", c.n), func(b *testing.B) {
			for b.Loop() {
				db := openPlain(b, ws)
				b.ReportMetric(float64(db.Stats().Bytes), "bytes-read/op")
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("refresh/runs=%d", c.n), func(b *testing.B) {
			db := openPlain(b, ws)
			defer func() { _ = db.Close() }()
			for b.Loop() {
				if err := db.Refresh(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("list-without-duckdb/runs=%d", c.n), func(b *testing.B) {
			for b.Loop() {
				if _, err := runs.List(ws); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
