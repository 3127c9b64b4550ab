package runs

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/minivess/minivess/engine/filelock"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/workspace"
)

// State is where a run stands.
type State string

// The five states of a run.
const (
	StateQueued    State = "queued"
	StateRunning   State = "running"
	StateFinished  State = "finished"
	StateFailed    State = "failed"
	StateCancelled State = "cancelled"
)

// Active reports whether work is going on or about to.
func (s State) Active() bool { return s == StateQueued || s == StateRunning }

// The codes of failures that no worker has written down.
const (
	CodeWorkerDied   = "worker_died"   // it started, and is gone without a last word
	CodeNeverStarted = "never_started" // it was launched, and is gone without a first word
	CodeDamaged      = "damaged"       // the run folder cannot be read
)

// StateOf folds events, the liveness of the worker and the request to cancel
// into a state. The failure is the one in the journal, or, for a worker that
// died without a word, one that says so.
func StateOf(f *Fold, alive, cancelRequested bool) (State, *Failed) {
	switch f.Last {
	case EventFinished:
		return StateFinished, nil
	case EventFailed:
		return StateFailed, f.Failure
	case EventCancelled, EventCheckpointed:
		return StateCancelled, nil
	case EventStarted:
		switch {
		case alive:
			return StateRunning, nil
		case cancelRequested:
			return StateCancelled, nil
		}
		return StateFailed, &Failed{
			Code: CodeWorkerDied, Step: f.Step,
			Error: fmt.Sprintf("the worker died after step %d without saying why (killed, out of memory, or a power cut)", f.Step),
			Hint:  "resume the run to go on from its last checkpoint; worker.log may say more",
		}
	default:
		switch {
		case alive:
			return StateQueued, nil
		case cancelRequested:
			return StateCancelled, nil
		}
		return StateFailed, &Failed{
			Code:  CodeNeverStarted,
			Error: "the worker never started",
			Hint:  "resume the run to start it; worker.log may say more",
		}
	}
}

// resumable reports whether going on could help: a worker that stopped at bad
// data or a diverged loss would only stop there again.
func resumable(s State, failure *Failed) bool {
	if s == StateCancelled {
		return true
	}
	if s != StateFailed || failure == nil {
		return false
	}
	switch failure.Code {
	case "bad_input", "bad_spec", "no_foreground", "nan_loss", CodeDamaged:
		return false
	default:
		return true
	}
}

// Ticket is the path of the file that stands for a job in the queue for a
// slot. The launcher locks it before the job is queued and the worker
// inherits the lock, so there is no moment at which a launched job looks dead.
func Ticket(ws *workspace.Workspace, id string, f *Fold) string {
	return filepath.Join(ws.Slots(), fmt.Sprintf("%020d-%s.ticket", f.Queued.UnixNano(), id))
}

// alive reports whether a worker, or a launcher about to start one, has the
// run. The lock moves from the journal (launcher) to the ticket and back to
// the journal (worker), overlapping each time, hence the order of questions.
func alive(ws *workspace.Workspace, id string, f *Fold) (bool, error) {
	ticket := Ticket(ws, id, f)
	held, err := filelock.HeldPath(ticket)
	if held || err != nil {
		return held, err
	}
	if held, err = journal.Locked(eventsPath(ws.Run(id))); held || err != nil {
		return held, err
	}
	return filelock.HeldPath(ticket)
}

// Advance reads the events that have come since the fold's offset, passes
// each to visit when that is not nil, and tells whether the run is alive. A
// worker's last words are never missed: a dead one is reported only when
// nothing was appended after its lock was seen to be free.
func Advance(ws *workspace.Workspace, id string, f *Fold, visit func(journal.Record) error) (bool, error) {
	path := eventsPath(ws.Run(id))
	for {
		if err := readNew(path, f, visit); err != nil {
			return false, err
		}
		if f.Terminal() {
			return false, nil
		}
		live, err := alive(ws, id, f)
		if live || err != nil {
			return live, err
		}
		before := f.Offset
		if err := readNew(path, f, visit); err != nil {
			return false, err
		}
		if f.Offset == before {
			return false, nil
		}
	}
}

func readNew(path string, f *Fold, visit func(journal.Record) error) error {
	for rec, err := range journal.Read(path, f.Offset) {
		if err != nil {
			return err
		}
		if err := f.Apply(rec); err != nil {
			return fmt.Errorf("%w: %q: %w", ErrBadRun, path, err)
		}
		if visit == nil {
			continue
		}
		if err := visit(rec); err != nil {
			return err
		}
	}
	return nil
}

// ErrBadRun says that a run folder does not hold what it should.
var ErrBadRun = errors.New("bad run folder")

// FoldEvents reads the events since the fold's offset, for a caller that
// holds the journal itself and so cannot ask whether the run is alive.
func FoldEvents(ws *workspace.Workspace, id string, f *Fold) error {
	return readNew(eventsPath(ws.Run(id)), f, nil)
}
