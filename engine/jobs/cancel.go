package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
)

// Cancel ends a run: it leaves cancel.json, and sends SIGTERM to the worker's
// process group, upon which the worker saves its state and stops. It does not
// wait for that; Watch does. For a run whose worker is dead it writes the
// cancelled event itself. The error wraps ErrEnded when there is nothing to
// cancel, ErrOtherHost when the worker is out of reach of a signal (then
// cancel.json is there for it all the same).
func (l *Launcher) Cancel(ctx context.Context, id string) error {
	r, err := runs.Load(l.Workspace, id)
	if err != nil {
		return err
	}
	if !r.State.Active() {
		return l.cancelStopped(ctx, r)
	}
	if err := runs.RequestCancel(r.Dir, runs.Cancel{Time: l.now().UTC(), Reason: "cancelled by the user"}); err != nil {
		return fmt.Errorf("cancel run %s: %w", id, err)
	}
	if err := signalWorker(r); err != nil {
		return fmt.Errorf("cancel run %s: %w", id, err)
	}
	// It may have died between the look and the signal.
	if r, err = runs.Load(l.Workspace, id); err != nil {
		return err
	}
	if r.State.Active() {
		return nil
	}
	return l.writeCancelled(ctx, r)
}

// cancelStopped cancels a run that nobody works on: one whose worker died can
// be closed, so that it no longer asks to be resumed.
func (l *Launcher) cancelStopped(ctx context.Context, r runs.Run) error {
	died := r.Failure != nil && (r.Failure.Code == runs.CodeWorkerDied || r.Failure.Code == runs.CodeNeverStarted)
	if r.State != runs.StateFailed || !died {
		return fmt.Errorf("%w: %s is %s", ErrEnded, r.ID(), r.State)
	}
	return l.writeCancelled(ctx, r)
}

// writeCancelled appends the cancelled event if no other event ended the run.
func (l *Launcher) writeCancelled(ctx context.Context, r runs.Run) error {
	var f runs.Fold
	if err := runs.FoldEvents(l.Workspace, r.ID(), &f); err != nil {
		return err
	}
	if f.Terminal() {
		return nil
	}
	err := appendEvent(ctx, r.Dir, runs.EventCancelled, runs.Stopped{Reason: "cancelled after the worker was gone", Step: f.Step})
	if errors.Is(err, journal.ErrLocked) {
		return fmt.Errorf("%w: %s was resumed meanwhile", runs.ErrRunning, r.ID())
	}
	return err
}

// signalWorker sends SIGTERM to the group of a worker that holds its lock.
func signalWorker(r runs.Run) error {
	who := workerFile{PID: r.Worker.PID, Host: r.Worker.Host}
	if r.State == runs.StateQueued {
		var err error
		who, err = readWorkerFile(r.Dir)
		if errors.Is(err, os.ErrNotExist) {
			return nil // just being launched: the worker looks for cancel.json when it starts
		}
		if err != nil {
			return err
		}
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	if who.Host != "" && who.Host != host {
		return fmt.Errorf("%w: %q, here is %q; it will find the request when it looks for it", ErrOtherHost, who.Host, host)
	}
	if who.PID <= 1 {
		return fmt.Errorf("%w: no process id is known for run %s", runs.ErrBadRun, r.ID())
	}
	err = syscall.Kill(-who.PID, syscall.SIGTERM)
	if errors.Is(err, syscall.ESRCH) {
		// Not the leader of a group: started by hand, or by another scheduler.
		err = syscall.Kill(who.PID, syscall.SIGTERM)
	}
	if errors.Is(err, syscall.ESRCH) {
		return nil // gone by itself
	}
	return err
}
