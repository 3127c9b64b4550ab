package runs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/filelock"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
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
	dir, err := runs.Create(ws, spec)
	if err != nil {
		tb.Fatal(err)
	}
	appendEvents(tb, dir, events...)
	return filepath.Base(dir)
}

func appendEvents(tb testing.TB, dir string, events ...any) {
	tb.Helper()
	w, err := journal.OpenWriter(tb.Context(), filepath.Join(dir, runs.EventsFile), journal.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	for i := 0; i < len(events); i += 2 {
		if _, err := w.Append(events[i].(string), events[i+1]); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
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
		`{"schema":1,"run_id":"brisk-otter-7f3a","kind":"dance"}`:                              `unknown kind "dance"`,
		`{"schema":1,"run_id":"brisk-otter-7f3a","kind":"evaluate"}`:                           `needs the part "evaluate"`,
		`{"schema":1,"run_id":"other-otter-7f3a","kind":"train"}`:                              "lies in the folder of",
		`{"schema":1,"run_id":"brisk-otter-7f3a","kind":"train","model":"\u001b[31m"}`:         "printable",
		`{"schema":1,"run_id":"brisk-otter-7f3a","kind":"evaluate","evaluate":{"run":"../x"}}`: "judged run",
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

// The table of states: which records there are, whether somebody holds the
// lock, and whether cancel.json is there.
func TestStates(t *testing.T) {
	t.Parallel()
	queued, started := []any{runs.EventQueued, runs.Queued{}}, []any{runs.EventStarted, runs.Started{PID: 7}}
	with := func(parts ...[]any) []any {
		var all []any
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	ev := func(kind string, data any) []any { return []any{kind, data} }
	finished := ev(runs.EventFinished, runs.Finished{Step: 9, Reason: "all steps done"})
	oom := ev(runs.EventFailed, runs.Failed{Code: "out_of_memory", Step: 4})
	nan := ev(runs.EventFailed, runs.Failed{Code: "nan_loss"})
	checkpointed := ev(runs.EventCheckpointed, runs.Stopped{Step: 5})
	cancelled := ev(runs.EventCancelled, runs.Stopped{Step: 5})
	for name, c := range map[string]struct {
		events        []any
		alive, cancel bool
		state         runs.State
		code          string
		resumable     bool
	}{
		"nothing, launcher alive":       {nil, true, false, runs.StateQueued, "", false},
		"nothing":                       {nil, false, false, runs.StateFailed, runs.CodeNeverStarted, true},
		"nothing, cancelled":            {nil, false, true, runs.StateCancelled, "", true},
		"queued":                        {queued, true, false, runs.StateQueued, "", false},
		"queued, worker gone":           {queued, false, false, runs.StateFailed, runs.CodeNeverStarted, true},
		"queued, cancelled, alive":      {queued, true, true, runs.StateQueued, "", false},
		"running":                       {with(queued, started), true, false, runs.StateRunning, "", false},
		"running, asked to stop":        {with(queued, started), true, true, runs.StateRunning, "", false},
		"worker died":                   {with(queued, started), false, false, runs.StateFailed, runs.CodeWorkerDied, true},
		"worker died after cancel":      {with(queued, started), false, true, runs.StateCancelled, "", true},
		"finished":                      {with(queued, started, finished), false, false, runs.StateFinished, "", false},
		"finished, still closing":       {with(queued, started, finished), true, false, runs.StateFinished, "", false},
		"finished despite cancel":       {with(queued, started, finished), false, true, runs.StateFinished, "", false},
		"out of memory":                 {with(queued, started, oom), false, false, runs.StateFailed, "out_of_memory", true},
		"diverged":                      {with(queued, started, nan), false, false, runs.StateFailed, "nan_loss", false},
		"checkpointed":                  {with(queued, started, checkpointed), false, false, runs.StateCancelled, "", true},
		"cancelled":                     {with(queued, started, cancelled), false, true, runs.StateCancelled, "", true},
		"resumed, queued":               {with(queued, started, checkpointed, queued), true, false, runs.StateQueued, "", false},
		"resumed, running":              {with(queued, started, oom, queued, started), true, false, runs.StateRunning, "", false},
		"resumed, died again":           {with(queued, started, checkpointed, queued, started), false, false, runs.StateFailed, runs.CodeWorkerDied, true},
		"resumed, never started":        {with(queued, started, checkpointed, queued), false, false, runs.StateFailed, runs.CodeNeverStarted, true},
		"resumed, finished":             {with(queued, started, oom, queued, started, finished), false, false, runs.StateFinished, "", false},
		"a kind from a later version":   {with(queued, started, ev("sparkled", nil)), true, false, runs.StateRunning, "", false},
		"queued twice by two launchers": {with(queued, queued, started), true, false, runs.StateRunning, "", false},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			ws := newWorkspace(t)
			id := create(t, ws, trainSpec(), c.events...)
			if c.cancel {
				if err := runs.RequestCancel(ws.Run(id), runs.Cancel{Time: time.Now()}); err != nil {
					t.Fatal(err)
				}
			}
			if c.alive {
				w, err := journal.OpenWriter(t.Context(), filepath.Join(ws.Run(id), runs.EventsFile), journal.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer w.Close()
			}
			r := load(t, ws, id)
			code := ""
			if r.Failure != nil {
				code = r.Failure.Code
			}
			if r.State != c.state || code != c.code || r.Resumable != c.resumable {
				t.Errorf("state %s, failure %q, resumable %v; want %s, %q, %v", r.State, code, r.Resumable, c.state, c.code, c.resumable)
			}
			if strings.HasPrefix(code, "worker") && (!strings.Contains(r.Failure.Hint, "resume") || r.Failure.Error == "") {
				t.Errorf("the failure says too little: %+v", r.Failure)
			}
			if c.alive == false && r.State != runs.StateFinished && len(c.events) > 2 && r.Ended.IsZero() {
				t.Error("a run that is over has no end")
			}
		})
	}
}

// A ticket held by a launcher or a waiting worker means alive, too.
func TestTicketMeansAlive(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	id := create(t, ws, trainSpec(), runs.EventQueued, runs.Queued{})
	var fold runs.Fold
	if err := runs.FoldEvents(ws, id, &fold); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(runs.Ticket(ws, id, &fold), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if r := load(t, ws, id); r.State != runs.StateFailed {
		t.Errorf("with a free ticket: %s", r.State)
	}
	if err := filelock.TryLock(f); err != nil {
		t.Fatal(err)
	}
	if r := load(t, ws, id); r.State != runs.StateQueued {
		t.Errorf("with a held ticket: %s", r.State)
	}
	if err := runs.Delete(t.Context(), ws, id); !errors.Is(err, runs.ErrRunning) {
		t.Errorf("deleting it: %v; want ErrRunning", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if r := load(t, ws, id); r.State != runs.StateFailed {
		t.Errorf("after the holder died: %s", r.State)
	}
}

func TestFoldedNumbers(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	m := func(step int64, split, name string, v runs.Number) []any {
		return []any{runs.EventMetric, runs.Metric{Step: step, Epoch: int(step / 10), Split: split, Values: map[string]runs.Number{name: v}}}
	}
	var nan runs.Number
	if err := nan.UnmarshalJSON([]byte(`"NaN"`)); err != nil {
		t.Fatal(err)
	}
	events := []any{runs.EventQueued, runs.Queued{}, runs.EventStarted, runs.Started{PID: 5, Host: "h", Device: "cpu"}}
	for _, e := range [][]any{
		m(10, "train", "loss", 0.5), m(10, "val", "dice", 0.7), m(10, "val", "hd95", 3), m(20, "val", "dice", 0.9),
		m(20, "val", "hd95", 5), m(30, "val", "dice", nan), m(30, "train", "loss", 0.1),
	} {
		events = append(events, e...)
	}
	events = append(events,
		runs.EventProgress, runs.Progress{Phase: "train", Done: 30, Total: 40, Epoch: 4},
		runs.EventWarning, runs.Warning{Message: "hm"},
		runs.EventCheckpoint, runs.Checkpoint{Path: "checkpoints/best.safetensors", Role: "best", Step: 20})
	r := load(t, ws, create(t, ws, trainSpec(), events...))
	if r.LastStep != 30 || r.Epoch != 4 || r.Progress.Done != 30 || r.Warnings != 1 || r.Worker.Device != "cpu" || r.Attempt != 1 {
		t.Errorf("%+v", r)
	}
	if b := r.Best["val/dice"]; b.Value != 0.9 || b.Step != 20 {
		t.Errorf("best dice %+v", b)
	}
	if b := r.Best["val/hd95"]; b.Value != 3 || b.Step != 10 {
		t.Errorf("best hd95 %+v: lower is better", b)
	}
	if l := r.Latest["train/loss"]; l != 0.1 {
		t.Errorf("latest loss %v", l)
	}
	if r.Checkpoints["best"].Step != 20 {
		t.Errorf("checkpoints %+v", r.Checkpoints)
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
		appendEvents(t, ws.Run(id), e...) // resumed after step 2; step 4 is never measured again
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
