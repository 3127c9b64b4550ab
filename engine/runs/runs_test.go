package runs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/runs/runstest"
	"github.com/minivess/minivess/engine/workspace"
)

func newWorkspace(tb testing.TB) *workspace.Workspace {
	tb.Helper()
	ws, err := workspace.Create(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	return ws
}

func trainSpec() runs.Spec {
	return runs.Spec{Kind: runs.KindTrain, Model: "segresnet", Dataset: runs.DatasetRef{Name: "toy"}, Experiment: []byte(`{"seed":1}`)}
}

// create makes a run with the given events (kind, data, kind, data, …).
func create(tb testing.TB, ws *workspace.Workspace, spec runs.Spec, events ...any) string {
	tb.Helper()
	return filepath.Base(runstest.Create(tb, ws, spec, events...))
}

func load(tb testing.TB, ws *workspace.Workspace, id string) runs.Run {
	tb.Helper()
	r, err := runs.Load(ws, id)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestCreateAndLoad(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	spec := trainSpec()
	spec.Name, spec.Tags = "first try", map[string]string{"group": "baseline"}
	id := create(t, ws, spec)
	if !runs.ValidID(id) || strings.Count(id, "-") != 2 {
		t.Errorf("id %q", id)
	}
	r := load(t, ws, id)
	spec.Schema, spec.RunID, spec.Created = runs.SpecSchema, id, r.Spec.Created
	spec.Experiment = r.Spec.Experiment // indented in the file
	if diff := cmp.Diff(spec, r.Spec); diff != "" {
		t.Error(diff)
	}
	if r.ID() != id || r.Dir != ws.Run(id) || r.Tags["group"] != "baseline" {
		t.Errorf("%+v", r)
	}
	for _, sub := range []string{runs.CheckpointsDir, runs.ArtifactsDir} {
		if _, err := os.Stat(filepath.Join(r.Dir, sub)); err != nil {
			t.Error(err)
		}
	}
	if entries, err := os.ReadDir(ws.Runs()); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestCreateWithAKeyActsOnce(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	spec := trainSpec()
	spec.Key = "thread/1/1"
	dirs := make([]string, 8)
	var fresh, known int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range dirs {
		wg.Go(func() {
			dir, err := runs.Create(ws, spec)
			mu.Lock()
			defer mu.Unlock()
			dirs[i] = dir
			switch {
			case err == nil:
				fresh++
			case errors.Is(err, runs.ErrExists):
				known++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, d := range dirs {
		if d != dirs[0] {
			t.Errorf("%q and %q for one key", d, dirs[0])
		}
	}
	if fresh != 1 || known != len(dirs)-1 {
		t.Errorf("%d fresh, %d known", fresh, known)
	}
	spec.Key = "thread/1/2"
	if dir, err := runs.Create(ws, spec); err != nil || dir == dirs[0] {
		t.Errorf("another key: %q, %v", dir, err)
	}
}

func TestHostileNamesAreRefusedAndQuoted(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	for _, id := range []string{"../x", "a/b", "..", ".", "", "-rf", "a\x1b[31mb", "A-B", "a b", "a\x00", strings.Repeat("a", 65), "ä"} {
		spec := trainSpec()
		spec.RunID = id
		if id != "" {
			_, err := runs.Create(ws, spec)
			checkRefused(t, id, err, runs.ErrBadSpec)
		}
		_, err := runs.Load(ws, id)
		checkRefused(t, id, err, runs.ErrNoRun)
		checkRefused(t, id, runs.Delete(t.Context(), ws, id), runs.ErrNoRun)
		checkRefused(t, id, runs.SetTag(t.Context(), ws, id, "k", "v"), runs.ErrNoRun)
		_, err = runs.ReadCurves(ws, id)
		checkRefused(t, id, err, runs.ErrNoRun)
	}
	for _, name := range []string{"a\x1b]0;owned\x07", "a\nb", "a/b", `a\b`, "latest", "all", "latest:x", "@1", " a", "a ", "x=y", "x,y", "a\u202eb", "\xff", strings.Repeat("n", 201), ".x"} {
		spec := trainSpec()
		spec.Name = name
		_, err := runs.Create(ws, spec)
		checkRefused(t, name, err, runs.ErrBadSpec)
	}
	for _, c := range [][2]string{{"", "v"}, {"k k", "v"}, {"k=", "v"}, {"k\x1b", "v"}, {"k", "v\x1b[2J"}, {"k", "a,b"}} {
		spec := trainSpec()
		spec.Tags = map[string]string{c[0]: c[1]}
		_, err := runs.Create(ws, spec)
		checkRefused(t, c[0]+c[1], err, runs.ErrBadTag)
	}
	if ids, err := runs.IDs(ws); err != nil || len(ids) != 0 {
		t.Errorf("runs were created: %q, %v", ids, err)
	}
}

func checkRefused(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%q: %v; want %v", what, err, want)
		return
	}
	if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x202e }) {
		t.Errorf("%q: the message has control characters: %q", what, err)
	}
}

func TestReadSpecRefuses(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "brisk-otter-7f3a")
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]string{
		`{`:            "unexpected EOF",
		`{"schema":2}`: "newer",
		`{"schema":0}`: "schema 0",
		`{"schema":1,"run_id":"brisk-otter-7f3a","kind":"dance"}`:                                      `unknown kind "dance"`,
		`{"schema":1,"run_id":"brisk-otter-7f3a","kind":"evaluate"}`:                                   `needs the part "evaluate"`,
		`{"schema":1,"run_id":"other-otter-7f3a","kind":"train"}`:                                      "lies in the folder of",
		`{"schema":1,"run_id":"brisk-otter-7f3a","kind":"train","model":"\u001b[31m"}`:                 "printable",
		`{"schema":1,"run_id":"brisk-otter-7f3a","kind":"evaluate","evaluate":{"run":"../x"}}`:         "judged run",
		`{"schema":1,"run_id":"brisk-otter-7f3a","kind":"train","init":{"path":"x.pt"}}`:               "must be absolute",
		`{"schema":1,"run_id":"brisk-otter-7f3a","kind":"train","network":{"path":"/x","run":"../x"}}`: `come from run "../x"`,
	} {
		if err := os.WriteFile(filepath.Join(dir, runs.SpecFile), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := runs.ReadSpec(dir); !errors.Is(err, runs.ErrBadSpec) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", content, err, want)
		}
	}
	if _, err := runs.ReadSpec(filepath.Join(dir, "none")); !errors.Is(err, runs.ErrBadSpec) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing job.json: %v", err)
	}
}

func TestDamagedRunsAreListedNotHidden(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	good := create(t, ws, trainSpec(), runs.EventQueued, runs.Queued{})
	bad := create(t, ws, trainSpec(), runs.EventQueued, runs.Queued{}, runs.EventStarted, runs.Started{})
	events := filepath.Join(ws.Run(bad), runs.EventsFile)
	b, err := os.ReadFile(events)
	if err != nil {
		t.Fatal(err)
	}
	b[20] ^= 1
	if err := os.WriteFile(events, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(ws.Runs(), "empty-folder"), 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := runs.Load(ws, bad); !errors.Is(err, journal.ErrDamaged) {
		t.Errorf("loading the damaged run: %v", err)
	}
	all, err := runs.List(ws)
	if err != nil || len(all) != 3 {
		t.Fatalf("%d runs, %v; want 3", len(all), err)
	}
	for _, r := range all {
		damaged := r.Failure != nil && r.Failure.Code == runs.CodeDamaged
		if damaged != (r.ID() != good) {
			t.Errorf("%s: damaged %v", r.ID(), damaged)
		}
	}
	for _, id := range []string{bad, "empty-folder"} {
		if err := runs.Delete(t.Context(), ws, id); err != nil {
			t.Errorf("deleting %s: %v", id, err)
		}
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	id := create(t, ws, trainSpec(), runs.EventQueued, runs.Queued{}, runs.EventStarted, runs.Started{})
	w, err := journal.OpenWriter(t.Context(), filepath.Join(ws.Run(id), runs.EventsFile), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := runs.Delete(t.Context(), ws, id); !errors.Is(err, runs.ErrRunning) {
		t.Errorf("%v; want ErrRunning", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := runs.Delete(t.Context(), ws, id); err != nil {
		t.Fatal(err)
	}
	if err := runs.Delete(t.Context(), ws, id); !errors.Is(err, runs.ErrNoRun) {
		t.Errorf("deleting again: %v", err)
	}
	if entries, err := os.ReadDir(ws.Runs()); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// The direct reader of metric events and encoding/json agree on what the
// worker writes, and on anything else.
func TestDecodeMetricAgreesWithJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := runs.Metric{
			Step: rapid.Int64().Draw(t, "step"), Epoch: rapid.Int().Draw(t, "epoch"), Split: rapid.String().Draw(t, "split"),
			Values: rapid.MapOf(rapid.String(), rapid.Custom(func(t *rapid.T) runs.Number { return runs.Number(rapid.Float64().Draw(t, "v")) })).Draw(t, "values"),
		}
		checkDecodeMetric(t, marshal(t, m))
	})
}

func FuzzDecodeMetric(f *testing.F) {
	f.Add([]byte(`{"step":1,"epoch":0,"split":"val","values":{"dice":0.5,"loss":"NaN"}}`))
	f.Add([]byte(`{"step":1,"epoch":0,"split":"val","values":{}}`))
	f.Add([]byte(`{"step":01,"epoch":0,"split":"val","values":{"a":1_0}}`))
	f.Add([]byte(`{"values":{"a":1},"step":2}`))
	f.Fuzz(func(t *testing.T, b []byte) { checkDecodeMetric(t, b) })
}
