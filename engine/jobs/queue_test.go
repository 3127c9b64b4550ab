package jobs_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/minivess/minivess/engine/jobs"
	"github.com/minivess/minivess/engine/runs"
)

func TestTwoProcessesLaunchAtOnce(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	var ids, keyed [3]string
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() { _, keyed[i] = startLauncher(t, l.Workspace, "finish", "same") })
		wg.Go(func() { _, ids[i] = startLauncher(t, l.Workspace, "finish", "") })
	}
	wg.Wait()
	if keyed[1] != keyed[0] || keyed[2] != keyed[0] {
		t.Errorf("one key, several runs: %q", keyed)
	}
	type span struct{ from, to time.Time }
	var spans []span
	for _, id := range append(ids[:], keyed[0]) {
		r := wait(t, l, id)
		if r.State != runs.StateFinished || r.Attempt != 1 {
			t.Errorf("%s: %s, %d attempts", id, r.State, r.Attempt)
		}
		spans = append(spans, span{r.Started, r.Ended})
	}
	for i, a := range spans {
		for _, b := range spans[:i] {
			if a.from.Before(b.to) && b.from.Before(a.to) {
				t.Errorf("two jobs at work at once: %v and %v", a, b)
			}
		}
	}
}

func TestLimitAndOrder(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 2)
	var ids []string
	for range 4 {
		ids = append(ids, launch(t, l, "gate"))
	}
	until(t, l, ids[0], runs.EventStarted, 1)
	until(t, l, ids[1], runs.EventStarted, 1)
	wantState(t, l, ids[2], runs.StateQueued, "")
	wantState(t, l, ids[3], runs.StateQueued, "")
	openGate(t, l, ids[1])
	until(t, l, ids[2], runs.EventStarted, 1)
	wantState(t, l, ids[3], runs.StateQueued, "")
	openGate(t, l, ids[2])
	until(t, l, ids[3], runs.EventStarted, 1)
	openGate(t, l, ids[0])
	openGate(t, l, ids[3])
	for _, id := range ids {
		if r := wait(t, l, id); r.State != runs.StateFinished {
			t.Errorf("%s", r.State)
		}
	}
}

func TestQueueIsFairAndSkipsTheDead(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	first := launch(t, l, "gate")
	until(t, l, first, runs.EventStarted, 1)
	var waiting []string
	for range 4 {
		waiting = append(waiting, launch(t, l, "finish"))
	}
	killQueued(t, l, waiting[1])
	openGate(t, l, first)
	var last time.Time
	for i, id := range waiting {
		r := wait(t, l, id)
		if i == 1 {
			wantState(t, l, id, runs.StateFailed, runs.CodeNeverStarted)
			continue
		}
		if r.State != runs.StateFinished || !r.Started.After(last) {
			t.Errorf("job %d: %s, started %v, the one before at %v", i, r.State, r.Started, last)
		}
		last = r.Started
	}
	if left, err := filepath.Glob(filepath.Join(l.Workspace.Slots(), "*.ticket")); err != nil || len(left) != 0 {
		t.Errorf("tickets left behind: %q, %v", left, err)
	}
}

// killQueued kills a worker that waits, by the process id that the launcher
// wrote down.
func killQueued(t *testing.T, l *jobs.Launcher, id string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(l.Workspace.Run(id), runs.WorkerFile))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), `"pid":`)
	digits, _, _ := strings.Cut(rest, ",")
	pid, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatal(err)
	}
	kill(t, pid, syscall.SIGKILL)
}

func TestAcquireSlotWithoutALauncher(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	release, err := jobs.AcquireSlot(t.Context(), l.Workspace, 1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := jobs.AcquireSlot(ctx, l.Workspace, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want Canceled", err)
	}
	second := make(chan error)
	go func() {
		r, err := jobs.AcquireSlot(t.Context(), l.Workspace, 1)
		if err == nil {
			r()
		}
		second <- err
	}()
	release()
	if err := <-second; err != nil {
		t.Error(err)
	}
	both, err := jobs.AcquireSlot(t.Context(), l.Workspace, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer both()
	other, err := jobs.AcquireSlot(t.Context(), l.Workspace, 2)
	if err != nil {
		t.Fatal(err)
	}
	other()
}
