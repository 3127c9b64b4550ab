package projection_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/projection"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/runs/runstest"
	"github.com/minivess/minivess/engine/workspace"
)

// The test binary runs itself as a second process that looks at a workspace.
func TestMain(m *testing.M) {
	if root := os.Getenv("PROJECTION_TEST_LOOK"); root != "" {
		os.Exit(lookFromOutside(root))
	}
	// Each check of a property opens several databases: a hundred would take
	// most of a minute. The command line still has the last word.
	if err := flag.Set("rapid.checks", "12"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

func lookFromOutside(root string) int {
	ctx := context.Background()
	ws, err := workspace.Find(root, root)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	db, err := projection.Open(ctx, ws, nil)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() { _ = db.Close() }()
	t, err := db.Query(ctx, "select count(*) from metrics", projection.Limits{})
	fmt.Println(t.Rows, err, db.Stats().Snapshot)
	return 0
}

func newWorkspace(tb testing.TB) *workspace.Workspace {
	tb.Helper()
	ws, err := workspace.Create(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	return ws
}

func openDB(tb testing.TB, ws *workspace.Workspace) *projection.DB {
	tb.Helper()
	db, err := projection.Open(tb.Context(), ws, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

func refresh(tb testing.TB, db *projection.DB) {
	tb.Helper()
	if err := db.Refresh(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// rows runs a query and renders its rows one a line.
func rows(tb testing.TB, db *projection.DB, query string) string {
	tb.Helper()
	t, err := db.Query(tb.Context(), query, projection.Limits{Rows: projection.MaxRows})
	if err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	var out []string
	for _, r := range t.Rows {
		line := make([]string, len(r))
		for i, v := range r {
			line[i] = fmt.Sprint(v)
		}
		out = append(out, strings.Join(line, " "))
	}
	return strings.Join(out, "\n")
}

func want(tb testing.TB, db *projection.DB, query, want string) {
	tb.Helper()
	if diff := cmp.Diff(want, rows(tb, db, query)); diff != "" {
		tb.Errorf("%s: %s", query, diff)
	}
}

func spec(id string) runs.Spec {
	return runs.Spec{
		RunID: id, Name: "first", Kind: runs.KindTrain, Model: "segresnet", Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Dataset:    runs.DatasetRef{Name: "toy"},
		Experiment: []byte(`{"fold":2,"seed":7,"train":{"learning_rate":1e-3,"patch_size":[48,48,24],"loss":"dice_ce"},"tags":null}`),
		Sources:    map[string]string{"train.learning_rate": "override"},
		Tags:       map[string]string{"group": "a"},
	}
}

func judge(id, about string) runs.Spec {
	s := spec(id)
	s.Kind, s.Name, s.Tags = runs.KindEvaluate, "", nil
	s.Evaluate = &runs.EvaluateSpec{Run: about, Split: "test", Metrics: []string{"dice"}}
	return s
}

func create(tb testing.TB, ws *workspace.Workspace, s runs.Spec, events ...any) {
	tb.Helper()
	runstest.Create(tb, ws, s, events...)
}

func add(tb testing.TB, ws *workspace.Workspace, id string, events ...any) {
	tb.Helper()
	runstest.Append(tb, ws.Run(id), events...)
}

func metric(step int64, split, name string, v runs.Number) []any {
	return []any{runs.EventMetric, runs.Metric{Step: step, Epoch: int(step), Split: split, Values: map[string]runs.Number{name: v}}}
}

func concat(parts ...[]any) []any { return slices.Concat(parts...) }

var start = []any{runs.EventQueued, runs.Queued{Executor: "local"}, runs.EventStarted, runs.Started{PID: 3, Host: "h", Device: "cpu"}}

func TestTables(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	create(t, ws, spec("calm-owl-0001"), concat(start, metric(1, "train", "loss", 0.5), metric(1, "val", "dice", 0.75), []any{
		runs.EventCheckpoint,
		runs.Checkpoint{Path: "checkpoints/last.safetensors", Role: "last", Step: 1, SHA256: "aa", Bytes: 10},
		runs.EventCheckpoint,
		runs.Checkpoint{Path: "checkpoints/last.safetensors", Role: "last", Step: 2, SHA256: "bb", Bytes: 11},
		runs.EventArtifact,
		runs.Artifact{Path: "artifacts/log.txt", Role: "log", SHA256: "cc", Bytes: 3},
		runs.EventFinished,
		runs.Finished{Step: 2, Epoch: 2, Reason: "all steps done", Summary: map[string]runs.Number{"val/dice": 0.75}},
	})...)
	_, err := dataset.Open(ws).Add(t.Context(), dataset.Dataset{
		Name: "toy", Root: "/data/toy", Layout: "pairs", Digest: "dd", Created: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Volumes: []dataset.Volume{{ID: "a", Foreground: 0.25}, {ID: "b", Foreground: 0.75}},
	})
	if err != nil {
		t.Fatal(err)
	}
	db := openDB(t, ws)
	want(t, db, "select run_id, name, kind, model, dataset, fold, seed, state, created, step, epoch, attempts, parent, reason, error, resumable, device from runs",
		"calm-owl-0001 first train segresnet toy 2 7 finished 2026-01-02 03:04:05 +0000 UTC 2 2 1 <nil> all steps done <nil> false cpu")
	want(t, db, "select key, value, source from params order by key",
		"fold 2 <nil>\nseed 7 <nil>\ntags null <nil>\ntrain.learning_rate 1e-3 override\ntrain.loss dice_ce <nil>\ntrain.patch_size [48,48,24] <nil>")
	want(t, db, "select run_id, job_id, name, split, step, epoch, value from metrics order by name",
		"calm-owl-0001 calm-owl-0001 dice val 1 1 0.75\ncalm-owl-0001 calm-owl-0001 loss train 1 1 0.5")
	want(t, db, "select path, role, sha256, bytes, step from artifacts order by path",
		"artifacts/log.txt log cc 3 <nil>\ncheckpoints/last.safetensors last bb 11 2")
	want(t, db, "select key, value from tags", "group a")
	want(t, db, "select name, digest, layout, root, volumes, folds, foreground from datasets", "toy dd pairs /data/toy 2 <nil> 0.5")
	if err := runs.SetTag(t.Context(), ws, "calm-owl-0001", "group", "b"); err != nil {
		t.Fatal(err)
	}
	refresh(t, db)
	want(t, db, "select key, value from tags", "group b")
	for _, info := range projection.Tables() { // the description is the truth
		d, err := db.Query(t.Context(), "describe "+info.Name, projection.Limits{})
		if err != nil || len(d.Rows) != len(info.Columns) {
			t.Fatalf("%s: %d columns, %v", info.Name, len(d.Rows), err)
		}
		for i, c := range info.Columns {
			if d.Rows[i][0] != c.Name || d.Rows[i][1] != c.Type {
				t.Errorf("%s: %v; described as %+v", info.Name, d.Rows[i], c)
			}
		}
	}
}

func TestEvaluationCountsForTheJudgedRun(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	create(t, ws, spec("calm-owl-0001"), concat(start, metric(5, "val", "dice", 0.8))...)
	create(t, ws, judge("wise-fox-0002", "calm-owl-0001"), concat(start, []any{
		runs.EventCase,
		runs.Case{Volume: "v1", Split: "test", Values: map[string]runs.Number{"dice": 0.7}},
		runs.EventCase,
		runs.Case{Volume: "v2", Split: "test", Values: map[string]runs.Number{"dice": 0.9}, Excluded: map[string]string{"hd95": "empty prediction"}},
		runs.EventFinished,
		runs.Finished{Step: 5, Summary: map[string]runs.Number{"test/dice": 0.8}},
	})...)
	db := openDB(t, ws)
	want(t, db, "select run_id, job_id, split, name, step, value from metrics order by job_id",
		"calm-owl-0001 calm-owl-0001 val dice 5 0.8\ncalm-owl-0001 wise-fox-0002 test dice 5 0.8")
	want(t, db, "select run_id, job_id, volume, name, value, excluded from case_metrics order by volume, name",
		"calm-owl-0001 wise-fox-0002 v1 dice 0.7 <nil>\ncalm-owl-0001 wise-fox-0002 v2 dice 0.9 <nil>\ncalm-owl-0001 wise-fox-0002 v2 hd95 <nil> empty prediction")
	want(t, db, "select run_id, parent, split from runs where kind = 'evaluate'", "wise-fox-0002 calm-owl-0001 test")
	if err := runs.Delete(t.Context(), ws, "wise-fox-0002"); err != nil {
		t.Fatal(err)
	}
	refresh(t, db)
	want(t, db, "select count(*) from metrics where split = 'test'", "0")
	want(t, db, "select count(*) from case_metrics", "0")
}

// A run that goes on from its checkpoint measures some steps again: what it
// measured last counts, and what it never measured again stays.
func TestResumedRun(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	create(t, ws, spec("calm-owl-0001"), concat(start, metric(1, "train", "loss", 9), metric(2, "train", "loss", 8), metric(3, "train", "loss", 7), metric(3, "val", "dice", 0.3))...)
	db := openDB(t, ws)
	add(t, ws, "calm-owl-0001", concat(start, metric(2, "train", "loss", 6), metric(2, "train", "loss", 5), metric(4, "train", "loss", 3))...)
	refresh(t, db)
	const query = "select split, step, value from metrics order by split, step"
	result := "train 1 9\ntrain 2 5\ntrain 3 7\ntrain 4 3\nval 3 0.3"
	want(t, db, query, result)
	want(t, db, "select attempts from runs", "2")
	want(t, openDB(t, ws), query, result)
}

func TestRefreshReadsOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	var events []any
	for i := range int64(200) {
		events = append(events, metric(i, "train", "loss", 1)...)
	}
	create(t, ws, spec("calm-owl-0001"), concat(start, events)...)
	create(t, ws, spec("calm-owl-0002"), concat(start, events)...)
	db := openDB(t, ws)
	first := db.Stats().Bytes
	refresh(t, db)
	if again := db.Stats().Bytes; again != first {
		t.Errorf("a refresh of nothing new read %d bytes", again-first)
	}
	before := fileSize(t, ws, "calm-owl-0002")
	add(t, ws, "calm-owl-0002", metric(200, "train", "loss", 2)...)
	refresh(t, db)
	if got, added := db.Stats().Bytes-first, fileSize(t, ws, "calm-owl-0002")-before; got != added {
		t.Errorf("read %d bytes, %d were added", got, added)
	}
	want(t, db, "select count(*) from metrics", "401")
}

func fileSize(t *testing.T, ws *workspace.Workspace, id string) int64 {
	t.Helper()
	st, err := os.Stat(filepath.Join(ws.Run(id), runs.EventsFile))
	if err != nil {
		t.Fatal(err)
	}
	return st.Size()
}

// States follow the lock, without anything being written.
func TestStatesAreLive(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	create(t, ws, spec("calm-owl-0001"))
	w, err := journal.OpenWriter(t.Context(), filepath.Join(ws.Run("calm-owl-0001"), runs.EventsFile), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	db := openDB(t, ws)
	const query = "select state, error_code, resumable from runs"
	want(t, db, query, "queued <nil> false")
	if _, err := w.Append(runs.EventStarted, runs.Started{}); err != nil {
		t.Fatal(err)
	}
	refresh(t, db)
	want(t, db, query, "running <nil> false")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, db, query, "running <nil> false")
	refresh(t, db)
	want(t, db, query, "failed worker_died true")
	if err := runs.RequestCancel(ws.Run("calm-owl-0001"), runs.Cancel{}); err != nil {
		t.Fatal(err)
	}
	refresh(t, db)
	want(t, db, query, "cancelled <nil> true")
}

func TestUnreadableRunsAreShown(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	create(t, ws, spec("calm-owl-0001"), concat(start, metric(1, "train", "loss", 1))...)
	create(t, ws, spec("calm-owl-0002"), concat(start, metric(1, "train", "loss", 1), metric(2, "train", "loss", 1))...)
	create(t, ws, spec("calm-owl-0003"), start...)
	spoil(t, filepath.Join(ws.Run("calm-owl-0002"), runs.EventsFile), -40)
	spoil(t, filepath.Join(ws.Run("calm-owl-0003"), runs.SpecFile), 0)
	db := openDB(t, ws)
	want(t, db, "select run_id, state, error_code from runs order by run_id",
		"calm-owl-0001 failed worker_died\ncalm-owl-0002 failed damaged\ncalm-owl-0003 failed damaged")
	want(t, db, "select error like '%at byte%' from runs where run_id = 'calm-owl-0002'", "true")
	want(t, db, "select run_id, step from metrics order by run_id", "calm-owl-0001 1\ncalm-owl-0002 1")
	refresh(t, db)
	want(t, db, "select count(*) from runs", "3")
}

func spoil(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A run deleted and made again under the same id (the same idempotency key)
// is another run.
func TestSameIDAgain(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	create(t, ws, spec("calm-owl-0001"), concat(start, metric(1, "train", "loss", 1), metric(2, "train", "loss", 1))...)
	db := openDB(t, ws)
	if err := runs.Delete(t.Context(), ws, "calm-owl-0001"); err != nil {
		t.Fatal(err)
	}
	other := spec("calm-owl-0001")
	other.Name = "second"
	create(t, ws, other, concat(start, metric(1, "train", "loss", 3))...)
	refresh(t, db)
	want(t, db, "select name from runs", "second")
	want(t, db, "select step, value from metrics", "1 3")
}

func TestQueriesWhileRefreshing(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	create(t, ws, spec("calm-owl-0001"), start...)
	db := openDB(t, ws)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				// The run's row is made anew at each refresh; nobody sees it missing.
				if got := rows(t, db, "select count(*) from runs"); got != "1" {
					t.Errorf("%s runs", got)
				}
			}
		})
	}
	for i := range int64(20) {
		add(t, ws, "calm-owl-0001", metric(i, "train", "loss", 1)...)
		refresh(t, db)
	}
	close(stop)
	wg.Wait()
	want(t, db, "select count(*) from metrics", "20")
}

func TestNumbersThatAreNone(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	var nan runs.Number
	if err := json.Unmarshal([]byte(`"NaN"`), &nan); err != nil {
		t.Fatal(err)
	}
	create(t, ws, spec("calm-owl-0001"), concat(start, metric(1, "train", "loss", nan))...)
	db := openDB(t, ws)
	table, err := db.Query(t.Context(), "select value, isnan(value) from metrics", projection.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(table)
	if err != nil || !strings.Contains(string(b), `"rows":[["NaN",true]]`) {
		t.Errorf("%s, %v", b, err)
	}
}
