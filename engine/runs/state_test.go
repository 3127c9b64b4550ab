package runs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minivess/minivess/engine/filelock"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
)

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
				defer func() { _ = w.Close() }()
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
