package jobs_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minivess/minivess/engine/jobs"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
)

// newLauncher makes a workspace whose jobs are killed when the test ends.
func newLauncher(t *testing.T, limit int) *jobs.Launcher {
	t.Helper()
	ws, err := workspace.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		all, err := runs.List(ws)
		if err != nil {
			t.Error(err)
		}
		for _, r := range all {
			if r.State.Active() && r.Worker.PID > 1 {
				_ = syscall.Kill(-r.Worker.PID, syscall.SIGKILL)
			}
		}
	})
	// A program built with -race lingers for a second when it ends.
	return &jobs.Launcher{Workspace: ws, WorkerPath: os.Args[0], MaxConcurrent: limit, Env: []string{"GORACE=atexit_sleep_ms=0"}}
}

func launch(t *testing.T, l *jobs.Launcher, act string) string {
	t.Helper()
	id, err := l.Launch(t.Context(), specFor(act))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func load(t *testing.T, l *jobs.Launcher, id string) runs.Run {
	t.Helper()
	r, err := runs.Load(l.Workspace, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// until watches a run until it has said something of a kind, n times.
func until(t *testing.T, l *jobs.Launcher, id, kind string, n int) journal.Record {
	t.Helper()
	for rec, err := range l.Watch(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if rec.Kind == kind {
			if n--; n == 0 {
				return rec
			}
		}
	}
	log, _ := os.ReadFile(filepath.Join(l.Workspace.Run(id), runs.WorkerLog))
	t.Fatalf("run %s ended as %s without %q; worker.log: %s", id, load(t, l, id).State, kind, log)
	return journal.Record{}
}

// wait watches a run to its end.
func wait(t *testing.T, l *jobs.Launcher, id string) runs.Run {
	t.Helper()
	for _, err := range l.Watch(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return load(t, l, id)
}

func wantState(t *testing.T, l *jobs.Launcher, id string, want runs.State, code string) {
	t.Helper()
	r := load(t, l, id)
	got := ""
	if r.Failure != nil {
		got = r.Failure.Code
	}
	if r.State != want || got != code {
		t.Errorf("run %s is %s (%q), want %s (%q)", id, r.State, got, want, code)
	}
}

func openGate(t *testing.T, l *jobs.Launcher, id string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(l.Workspace.Run(id), "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}

func TestLaunchRunsToTheEnd(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	l.Env = append(l.Env, "FAKE_EXTRA=passed-on")
	id := launch(t, l, "finish")
	if r := wait(t, l, id); r.State != runs.StateFinished || r.LastStep != 1 || r.Attempt != 1 {
		t.Errorf("%+v", r)
	}
	log, err := os.ReadFile(filepath.Join(l.Workspace.Run(id), runs.WorkerLog))
	if err != nil || !strings.Contains(string(log), "act finish") || !strings.Contains(string(log), "passed-on") {
		t.Errorf("worker.log %q, %v", log, err)
	}
}

// A launched job never looks dead, not even in the first instant.
func TestNeverLooksDeadWhileStarting(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	for range 5 {
		id := launch(t, l, "finish")
		for {
			r := load(t, l, id)
			if r.State == runs.StateFailed {
				t.Fatalf("looked dead: %+v", r.Failure)
			}
			if !r.State.Active() {
				break
			}
		}
	}
}

func TestWorkerHasItsOwnSession(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	id := launch(t, l, "hold")
	until(t, l, id, runs.EventMetric, 1)
	pid := load(t, l, id).Worker.PID
	if sid, err := unix.Getsid(pid); err != nil || sid != pid {
		t.Errorf("session %d, %v; want its own, %d", sid, err, pid)
	}
	if pgid, err := unix.Getpgid(pid); err != nil || pgid != pid {
		t.Errorf("process group %d, %v; want its own, %d", pgid, err, pid)
	}
	if st, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", pid)); err == nil && st != os.DevNull {
		t.Errorf("its input is %q", st)
	}
}

// startLauncher runs a second process that launches, and returns what it
// printed. Killing it is up to the caller.
func startLauncher(t *testing.T, ws *workspace.Workspace, act, key string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "JOBS_TEST_LAUNCHER="+ws.Root(), "JOBS_TEST_ACT="+act, "JOBS_TEST_KEY="+key)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Signal(syscall.SIGCONT)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return cmd, strings.TrimSpace(line)
}

func TestJobSurvivesItsLauncher(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	cmd, id := startLauncher(t, l.Workspace, "gate", "")
	until(t, l, id, runs.EventMetric, 1)
	kill(t, cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait()
	wantState(t, l, id, runs.StateRunning, "")
	openGate(t, l, id)
	if r := wait(t, l, id); r.State != runs.StateFinished {
		t.Errorf("%s", r.State)
	}
}

// The lock is the truth: a worker that is a zombie, because its launcher does
// not get to reap it, is dead.
func TestZombieIsDead(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	cmd, id := startLauncher(t, l.Workspace, "hold", "")
	until(t, l, id, runs.EventMetric, 1)
	pid := load(t, l, id).Worker.PID
	kill(t, cmd.Process.Pid, syscall.SIGSTOP)
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the launcher did not stop: %v, %v", status, err)
	}
	kill(t, pid, syscall.SIGKILL)
	for range l.Watch(t.Context(), id, 0) { // ends when it is seen to be dead
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the worker is no zombie (%v): the test shows nothing", err)
	}
	wantState(t, l, id, runs.StateFailed, runs.CodeWorkerDied)
}

// A process that the worker started and that outlives it does not keep it
// looking alive.
func TestOrphansDoNotKeepAWorkerAlive(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	id := launch(t, l, "child")
	var w runs.Warning
	if err := until(t, l, id, runs.EventWarning, 1).Decode(&w); err != nil {
		t.Fatal(err)
	}
	orphan, err := strconv.Atoi(w.Message)
	if err != nil {
		t.Fatal(err)
	}
	defer kill(t, orphan, syscall.SIGKILL)
	kill(t, load(t, l, id).Worker.PID, syscall.SIGKILL)
	wait(t, l, id)
	wantState(t, l, id, runs.StateFailed, runs.CodeWorkerDied)
	next := launch(t, l, "finish") // and the slot is free
	if r := wait(t, l, next); r.State != runs.StateFinished {
		t.Errorf("%s", r.State)
	}
}

func TestDeathIsSeen(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 2)
	crash, killed := launch(t, l, "crash"), launch(t, l, "hold")
	until(t, l, killed, runs.EventMetric, 1)
	kill(t, load(t, l, killed).Worker.PID, syscall.SIGKILL)
	for _, id := range []string{crash, killed} {
		r := wait(t, l, id)
		if r.State != runs.StateFailed || r.Failure.Code != runs.CodeWorkerDied || !r.Resumable || r.LastStep != 1 {
			t.Errorf("%s: %s %+v", id, r.State, r.Failure)
		}
	}
}

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
	defer w.Close()
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

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 2)
	spec := specFor("gate")
	spec.Key = "thread/3/1"
	first, err := l.Launch(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	openGate(t, l, first)
	wait(t, l, first)
	for range 2 {
		if again, err := l.Launch(t.Context(), spec); err != nil || again != first {
			t.Errorf("%s, %v; want %s", again, err, first)
		}
	}
	if r := load(t, l, first); r.Attempt != 1 {
		t.Errorf("it was started %d times", r.Attempt)
	}
	if other := launch(t, l, "finish"); other == first {
		t.Error("a job without a key got the same run")
	} else {
		wait(t, l, other)
	}
}

// A launcher killed between making the run and starting its worker: the same
// call again finishes the launch.
func TestHalfALaunchIsFinished(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	spec := specFor("finish")
	spec.Key = "thread/4/1"
	dir, err := runs.Create(l.Workspace, spec)
	if err != nil {
		t.Fatal(err)
	}
	id, err := l.Launch(t.Context(), spec)
	if err != nil || id != filepath.Base(dir) {
		t.Fatalf("%s, %v; want %s", id, err, filepath.Base(dir))
	}
	if r := wait(t, l, id); r.State != runs.StateFinished || r.Attempt != 1 {
		t.Errorf("%s, %d attempts", r.State, r.Attempt)
	}
}

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

func TestBadWorkers(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "none"), dir, text} {
		l.WorkerPath = path
		if _, err := l.Launch(t.Context(), specFor("finish")); !errors.Is(err, jobs.ErrWorker) || !strings.Contains(err.Error(), "make build") {
			t.Errorf("%q: %v; want ErrWorker", path, err)
		}
	}
	if ids, err := runs.IDs(l.Workspace); err != nil || len(ids) != 0 {
		t.Errorf("runs were made: %q, %v", ids, err)
	}
	if err := os.Chmod(text, 0o700); err != nil {
		t.Fatal(err)
	}
	l.WorkerPath = text
	id, err := l.Launch(t.Context(), specFor("finish"))
	if !errors.Is(err, jobs.ErrWorker) {
		t.Errorf("%v; want ErrWorker", err)
	}
	wantState(t, l, id, runs.StateFailed, runs.CodeNeverStarted)
}

func TestBadSpecsAreRefused(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	spec := specFor("finish")
	spec.Name = "a\x1b[31mb"
	if _, err := l.Launch(t.Context(), spec); !errors.Is(err, runs.ErrBadSpec) {
		t.Errorf("%v; want ErrBadSpec", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Launch(ctx, specFor("finish")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want Canceled", err)
	}
}

func TestWatchReattaches(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	id := launch(t, l, "gate")
	seen := until(t, l, id, runs.EventMetric, 1) // and lets go
	openGate(t, l, id)
	var kinds []string
	for rec, err := range l.Watch(t.Context(), id, seen.Offset) {
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, rec.Kind)
	}
	if len(kinds) != 1 || kinds[0] != runs.EventFinished {
		t.Errorf("after attaching again: %q; want only the end", kinds)
	}
	for rec := range l.Watch(t.Context(), id, 1<<40) {
		t.Errorf("a record from behind the end: %v", rec)
	}
	for _, err := range l.Watch(t.Context(), "no-such-run", 0) {
		if !errors.Is(err, runs.ErrNoRun) {
			t.Errorf("%v; want ErrNoRun", err)
		}
	}
}

func TestWatchEndsWithTheContext(t *testing.T) {
	t.Parallel()
	l := newLauncher(t, 1)
	id := launch(t, l, "hold")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for rec, err := range l.Watch(ctx, id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if rec.Kind == runs.EventMetric {
			cancel()
		}
	}
	wantState(t, l, id, runs.StateRunning, "")
}
