package jobs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/minivess/minivess/engine/jobs"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
)

func TestCancel(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	running := launch(t, l, "hold")
	until(t, l, running, runs.EventMetric, 1)
	waiting := launch(t, l, "hold")
	for _, id := range []string{waiting, running} {
		if err := l.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if r := wait(t, l, id); r.State != runs.StateCancelled || !r.Resumable {
			t.Errorf("%s: %s, resumable %v", id, r.State, r.Resumable)
		}
	}
	if r := load(t, l, waiting); r.Attempt != 0 {
		t.Errorf("the waiting job was started")
	}
	if err := l.Cancel(t.Context(), running); !errors.Is(err, jobs.ErrEnded) {
		t.Errorf("cancelling again: %v; want ErrEnded", err)
	}
	if err := l.Cancel(t.Context(), "no-such-run"); !errors.Is(err, runs.ErrNoRun) {
		t.Errorf("%v; want ErrNoRun", err)
	}
}

func TestCancelDeadWorker(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	id := launch(t, l, "crash")
	wait(t, l, id)
	if err := l.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	r := load(t, l, id)
	if r.State != runs.StateCancelled || r.LastStep != 1 {
		t.Errorf("%s at step %d", r.State, r.LastStep)
	}
	var f runs.Fold
	if err := runs.FoldEvents(l.Workspace, id, &f); err != nil || f.Last != runs.EventCancelled {
		t.Errorf("the last event is %q, %v", f.Last, err)
	}
}

func TestCancelOnAnotherHost(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	dir, err := runs.Create(l.Workspace, specFor("hold"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := journal.OpenWriter(t.Context(), filepath.Join(dir, runs.EventsFile), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	say(w, runs.EventStarted, runs.Started{PID: os.Getpid(), Host: "elsewhere.example"})
	id := filepath.Base(dir)
	if err := l.Cancel(t.Context(), id); !errors.Is(err, jobs.ErrOtherHost) || !strings.Contains(err.Error(), "elsewhere.example") {
		t.Errorf("%v; want ErrOtherHost", err)
	}
	if _, asked, err := runs.ReadCancel(dir); !asked || err != nil {
		t.Errorf("cancel.json: %v, %v", asked, err)
	}
}

// SIGTERM without a wish to cancel is how a cluster makes room.
func TestCheckpointAndResume(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	id := launch(t, l, "hold-once")
	until(t, l, id, runs.EventMetric, 1)
	if err := l.Resume(t.Context(), id, 0); !errors.Is(err, runs.ErrRunning) {
		t.Errorf("resuming a running job: %v; want ErrRunning", err)
	}
	kill(t, load(t, l, id).Worker.PID, syscall.SIGTERM)
	if r := wait(t, l, id); r.State != runs.StateCancelled || !r.Resumable || r.Reason != "SIGTERM" {
		t.Fatalf("%s, %q", r.State, r.Reason)
	}
	if err := l.Resume(t.Context(), id, 7); err != nil {
		t.Fatal(err)
	}
	r := wait(t, l, id)
	if r.State != runs.StateFinished || r.Attempt != 2 || r.LastStep != 2 || r.Epochs != 7 {
		t.Errorf("%s, attempt %d, step %d, epochs %d", r.State, r.Attempt, r.LastStep, r.Epochs)
	}
	if err := l.Resume(t.Context(), id, 0); !errors.Is(err, jobs.ErrNotResumable) {
		t.Errorf("resuming a finished run: %v; want ErrNotResumable", err)
	}
	if err := l.Resume(t.Context(), id, 9); err != nil {
		t.Errorf("training it further: %v", err)
	}
	if r := wait(t, l, id); r.State != runs.StateFinished || r.Attempt != 3 || r.Epochs != 9 {
		t.Errorf("%+v", r)
	}
}

func TestResumeAfterCancelForgetsTheWish(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	id := launch(t, l, "hold-once")
	until(t, l, id, runs.EventMetric, 1)
	if err := l.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	wait(t, l, id)
	if err := l.Resume(t.Context(), id, 0); err != nil {
		t.Fatal(err)
	}
	if r := wait(t, l, id); r.State != runs.StateFinished {
		t.Errorf("%s", r.State)
	}
}

func TestResumeRefusesWhatWouldFailAgain(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	dir, err := runs.Create(l.Workspace, specFor("finish"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := journal.OpenWriter(t.Context(), filepath.Join(dir, runs.EventsFile), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	say(w, runs.EventFailed, runs.Failed{Code: "nan_loss", Error: "the loss is NaN at step 12"})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	err = l.Resume(t.Context(), filepath.Base(dir), 0)
	if !errors.Is(err, jobs.ErrNotResumable) || !strings.Contains(err.Error(), "nan_loss") {
		t.Errorf("%v; want ErrNotResumable with the reason", err)
	}
}

func TestTwoResumesAtOnce(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	id := launch(t, l, "hold-once")
	until(t, l, id, runs.EventMetric, 1)
	kill(t, load(t, l, id).Worker.PID, syscall.SIGKILL)
	wait(t, l, id)
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = l.Resume(t.Context(), id, 0) })
	}
	wg.Wait()
	ok := 0
	for _, err := range errs {
		switch {
		case err == nil:
			ok++
		case !errors.Is(err, runs.ErrRunning) && !errors.Is(err, jobs.ErrNotResumable):
			t.Error(err)
		}
	}
	if r := wait(t, l, id); ok != 1 || r.Attempt != 2 {
		t.Errorf("%d resumes went through, %d attempts", ok, r.Attempt)
	}
}
