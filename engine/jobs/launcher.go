// Package jobs runs worker processes on this machine, without a daemon: it
// launches them so that they outlive the launcher, makes them wait for each
// other, cancels, resumes and watches them. Everything it needs to know is in
// run folders and in file locks, so any process can take over from any other.
// What a job does is the worker's business.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/minivess/minivess/engine/filelock"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
)

// Executor is the name by which this executor signs the queued event.
const Executor = "local"

// The worker's exit codes. Any other means that the run failed.
const (
	ExitDone         = 0
	ExitBadSpec      = 2
	ExitCheckpointed = 75 // SIGTERM: state saved, can be resumed
)

var (
	// ErrWorker says that the worker program could not be started.
	ErrWorker = errors.New("cannot start the worker")
	// ErrEnded refuses to cancel a run that has ended.
	ErrEnded = errors.New("the run has ended")
	// ErrNotResumable refuses to resume a run that has nothing to go on with.
	ErrNotResumable = errors.New("the run cannot be resumed")
	// ErrOtherHost refuses to signal a worker on another machine.
	ErrOtherHost = errors.New("the worker runs on another machine")
)

// Launcher starts and steers the jobs of one workspace. Workspace and
// WorkerPath are required. It holds no state: make as many as you like.
type Launcher struct {
	Workspace     *workspace.Workspace
	WorkerPath    string       // the minivess-worker program
	MaxConcurrent int          // jobs at work at the same time, 1 when not positive
	Env           []string     // added to the worker's environment
	Logger        *slog.Logger // may be nil
	Now           func() time.Time
}

// Launch makes a run of a specification and starts its worker, which takes
// its turn by itself. It returns the run's id at once. A specification with
// the non-empty Key of a run that is there already starts nothing: that run's
// id is returned. (If whoever launched that one was killed before its worker
// was started, the worker is started now.)
func (l *Launcher) Launch(ctx context.Context, spec runs.Spec) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	worker, err := l.worker()
	if err != nil {
		return "", err
	}
	dir, err := runs.Create(l.Workspace, spec)
	known := errors.Is(err, runs.ErrExists) && spec.Key != ""
	if err != nil && !known {
		return "", err
	}
	id := filepath.Base(dir)
	if known {
		if start, err := l.unfinishedLaunch(id); err != nil || !start {
			return id, err
		}
	}
	err = l.start(ctx, worker, id, runs.Queued{Executor: Executor}, neverStarted)
	if errors.Is(err, journal.ErrLocked) || errors.Is(err, errStarted) {
		return id, nil // another process was faster, with the same key
	}
	return id, err
}

// errStarted says that the run was started meanwhile.
var errStarted = errors.New("the run was started meanwhile")

func (l *Launcher) unfinishedLaunch(id string) (bool, error) {
	r, err := runs.Load(l.Workspace, id)
	if err != nil {
		return false, err
	}
	return r.State == runs.StateFailed && r.Failure.Code == runs.CodeNeverStarted, nil
}

func neverStarted(f *runs.Fold) error {
	if f.Attempt > 0 || f.Terminal() {
		return errStarted
	}
	return nil
}

// Resume starts a stopped run again, from its last checkpoint if it has one.
// A positive epochs is the new total number of epochs, with which a finished
// run can be resumed as well. The error wraps runs.ErrRunning when the run is
// at work, ErrNotResumable when going on makes no sense.
func (l *Launcher) Resume(ctx context.Context, id string, epochs int) error {
	worker, err := l.worker()
	if err != nil {
		return err
	}
	r, err := runs.Load(l.Workspace, id)
	if err != nil {
		return err
	}
	switch {
	case r.State.Active():
		return fmt.Errorf("%w: %s is %s", runs.ErrRunning, id, r.State)
	case r.State == runs.StateFinished && epochs <= 0:
		return fmt.Errorf("%w: %s has finished; say how many epochs it shall have to train it further", ErrNotResumable, id)
	case r.State != runs.StateFinished && !r.Resumable:
		return fmt.Errorf("%w: %s failed with %s (%s) and would fail again; launch a new run", ErrNotResumable, id, r.Failure.Code, r.Failure.Error)
	}
	unchanged := func(f *runs.Fold) error {
		if f.Attempt != r.Attempt {
			return fmt.Errorf("%w: %s was resumed meanwhile", runs.ErrRunning, id)
		}
		return nil
	}
	err = l.start(ctx, worker, id, runs.Queued{Executor: Executor, Resume: true, Epochs: max(epochs, 0)}, unchanged)
	if errors.Is(err, journal.ErrLocked) || errors.Is(err, errStarted) {
		return fmt.Errorf("%w: %s was resumed meanwhile", runs.ErrRunning, id)
	}
	return err
}

// start queues the run and starts its worker. While the journal is locked
// here, check may still refuse, looking at the events so far.
func (l *Launcher) start(ctx context.Context, worker, id string, q runs.Queued, check func(*runs.Fold) error) error {
	t, err := l.enqueue(ctx, id, q, check)
	if err != nil {
		return err
	}
	pid, err := l.spawn(ctx, worker, id, t)
	if err != nil {
		return errors.Join(err, l.writeOff(ctx, id, err), t.remove())
	}
	// From here on the worker holds the ticket.
	if err := errors.Join(t.f.Close(), writeWorkerFile(l.Workspace.Run(id), pid)); err != nil && l.Logger != nil {
		l.Logger.WarnContext(ctx, "the job runs, but its process id could not be written down; it cannot be cancelled until it has started",
			"run", id, "pid", pid, "error", err)
	}
	return nil
}

// enqueue appends the queued event and makes the ticket, in one go with
// respect to other launchers.
func (l *Launcher) enqueue(ctx context.Context, id string, q runs.Queued, check func(*runs.Fold) error) (_ *ticket, err error) {
	dir := l.Workspace.Run(id)
	w, err := journal.OpenWriter(ctx, filepath.Join(dir, runs.EventsFile), journal.Options{Sync: true, Now: l.Now, Logger: l.Logger})
	if err != nil {
		return nil, fmt.Errorf("queue run %s: %w", id, err)
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	var f runs.Fold
	if err := runs.FoldEvents(l.Workspace, id, &f); err != nil {
		return nil, fmt.Errorf("queue run %s: %w", id, err)
	}
	before := runs.Ticket(l.Workspace, id, &f)
	held, err := filelock.HeldPath(before)
	switch {
	case err != nil:
		return nil, fmt.Errorf("queue run %s: %w", id, err)
	case held:
		return nil, errStarted
	}
	if err := check(&f); err != nil {
		return nil, err
	}
	if err := errors.Join(runs.ClearCancel(dir), os.RemoveAll(before)); err != nil {
		return nil, fmt.Errorf("queue run %s: %w", id, err)
	}
	rec, err := w.Append(runs.EventQueued, q)
	if err != nil {
		return nil, err
	}
	if err := f.Apply(rec); err != nil {
		return nil, err
	}
	return newTicket(runs.Ticket(l.Workspace, id, &f))
}

// writeOff records that the worker could not be started.
func (l *Launcher) writeOff(ctx context.Context, id string, cause error) error {
	return appendEvent(ctx, l.Workspace.Run(id), runs.EventFailed, runs.Failed{
		Code: runs.CodeNeverStarted, Error: cause.Error(), Hint: "make build makes the worker; minivess doctor checks it",
	})
}

// appendEvent writes one event to the journal of a run that nobody works on.
func appendEvent(ctx context.Context, dir, kind string, data any) error {
	w, err := journal.OpenWriter(ctx, filepath.Join(dir, runs.EventsFile), journal.Options{Sync: true})
	if err != nil {
		return err
	}
	_, err = w.Append(kind, data)
	return errors.Join(err, w.Close())
}

func (l *Launcher) worker() (string, error) {
	path, err := filepath.Abs(l.WorkerPath)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrWorker, err)
	}
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w; make build makes it", ErrWorker, err)
	case st.IsDir() || st.Mode()&0o111 == 0:
		return "", fmt.Errorf("%w: %q is not a program; make build makes it", ErrWorker, path)
	}
	return path, nil
}

func (l *Launcher) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}
