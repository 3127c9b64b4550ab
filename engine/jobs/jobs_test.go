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
	"syscall"
	"testing"

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
	wait(t, l, id) // ends when it is seen to be dead
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
	for rec, err := range l.Watch(t.Context(), id, 1<<40) {
		t.Errorf("a record from behind the end: %v, %v", rec, err)
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
