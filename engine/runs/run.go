package runs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/filelock"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/workspace"
)

var (
	// ErrNoRun says that nothing answers to a run id or selector.
	ErrNoRun = errors.New("no such run")
	// ErrRunning refuses what cannot be done to a run at work.
	ErrRunning = errors.New("the run is at work")
)

// Run is a run folder as it stands: the specification, what its events add up
// to, and its tags. The maps are keyed by "split/name", as in "val/dice".
type Run struct {
	Spec        Spec                  `json:"spec"`
	Dir         string                `json:"dir"`
	State       State                 `json:"state"`
	LastStep    int64                 `json:"last_step"`
	Epoch       int                   `json:"epoch"`
	Attempt     int                   `json:"attempt"` // how often it was started
	Progress    *Progress             `json:"progress,omitempty"`
	Resource    *Resource             `json:"resource,omitempty"`
	Started     time.Time             `json:"started,omitzero"`
	Ended       time.Time             `json:"ended,omitzero"`
	Seen        time.Time             `json:"seen,omitzero"`     // time of the last event
	Seconds     float64               `json:"seconds,omitempty"` // that it worked, until Seen
	Worker      Started               `json:"worker,omitzero"`
	Failure     *Failed               `json:"failure,omitempty"`
	Reason      string                `json:"reason,omitempty"`
	Best        map[string]Best       `json:"best,omitempty"`
	Latest      map[string]Number     `json:"latest,omitempty"`
	Summary     map[string]Number     `json:"summary,omitempty"`
	Worst       *Worst                `json:"worst,omitempty"`       // of an evaluation
	Checkpoints map[string]Checkpoint `json:"checkpoints,omitempty"` // by role
	Warnings    int                   `json:"warnings,omitempty"`
	Tags        map[string]string     `json:"tags,omitempty"`
	Epochs      int                   `json:"epochs,omitempty"` // the total asked for on resuming, 0 for the specification's
	Resumable   bool                  `json:"resumable"`
}

// Report is the path of an evaluation's report, or "" when there is none.
func (r Run) Report() string {
	if r.Spec.Kind != KindEvaluate {
		return ""
	}
	path := filepath.Join(r.Dir, filepath.FromSlash(ReportFile))
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return ""
	}
	return path
}

// ID is the run's id.
func (r Run) ID() string { return r.Spec.RunID }

// Load reads one run. The error wraps ErrNoRun, ErrBadSpec, ErrBadRun or
// journal.ErrDamaged.
func Load(ws *workspace.Workspace, id string) (Run, error) {
	if !ValidID(id) {
		return Run{}, fmt.Errorf("%w: %q is no run id", ErrNoRun, id)
	}
	dir := ws.Run(id)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return Run{}, fmt.Errorf("%w: %s", ErrNoRun, id)
	}
	spec, err := ReadSpec(dir)
	if err != nil {
		return Run{}, fmt.Errorf("run %s: %w", id, err)
	}
	var f Fold
	live, err := Advance(ws, id, &f, nil)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Run{}, fmt.Errorf("run %s: %w", id, err)
	}
	tags, err := ReadTags(dir, spec)
	if err != nil {
		return Run{}, fmt.Errorf("run %s: %w", id, err)
	}
	return Assemble(ws, spec, &f, live, tags), nil
}

// Assemble makes a Run of its parts, for callers that fold incrementally.
func Assemble(ws *workspace.Workspace, spec Spec, f *Fold, live bool, tags map[string]string) Run {
	dir := ws.Run(spec.RunID)
	_, cancelled, err := ReadCancel(dir)
	state, failure := StateOf(f, live, cancelled && err == nil)
	if failure != nil && failure.Code == CodeWorkerDied && spec.Kind != KindTrain {
		// Its step is that of the weights, and it has no checkpoints.
		failure.Error = "the worker died without saying why (killed, out of memory, or a power cut)"
		failure.Hint = "resume the run to go on after the volumes that are done; worker.log may say more"
	}
	c := f.clone()
	return Run{
		Spec: spec, Dir: dir, State: state, LastStep: c.Step, Epoch: c.Epoch, Attempt: c.Attempt,
		Progress: c.Progress, Resource: c.Resource, Started: c.Started, Ended: ended(&c, state), Seen: c.Seen, Seconds: c.seconds(c.Seen),
		Worker: c.Worker, Failure: failure, Reason: c.Reason, Best: c.Best, Latest: c.Latest, Summary: c.Summary, Worst: c.Worst,
		Checkpoints: c.Checkpoints, Warnings: c.Warnings, Tags: tags, Epochs: c.Epochs,
		Resumable: resumable(state, failure),
	}
}

// ended is when the run ended; for one that died without a word, when it was
// last heard of.
func ended(f *Fold, s State) time.Time {
	if s.Active() || !f.Ended.IsZero() {
		return f.Ended
	}
	return f.Seen
}

// IDs returns the ids of all run folders, sorted.
func IDs(ws *workspace.Workspace) ([]string, error) {
	entries, err := os.ReadDir(ws.Runs())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() && ValidID(e.Name()) {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// List reads all runs, newest first. One that cannot be read does not hide
// the others: it is listed as failed, with the reason.
func List(ws *workspace.Workspace) ([]Run, error) {
	ids, err := IDs(ws)
	if err != nil {
		return nil, err
	}
	all := make([]Run, 0, len(ids))
	for _, id := range ids {
		r, err := Load(ws, id)
		if errors.Is(err, ErrNoRun) {
			continue // deleted meanwhile
		}
		if err != nil {
			r = Unreadable(ws, id, err)
		}
		all = append(all, r)
	}
	Sort(all)
	return all, nil
}

// Sort orders runs from the newest to the oldest.
func Sort(all []Run) {
	slices.SortFunc(all, func(a, b Run) int {
		if c := b.Spec.Created.Compare(a.Spec.Created); c != 0 {
			return c
		}
		return strings.Compare(a.Spec.RunID, b.Spec.RunID)
	})
}

// Unreadable stands for a run folder that Load cannot read.
func Unreadable(ws *workspace.Workspace, id string, cause error) Run {
	return Run{
		Spec: Spec{Schema: SpecSchema, RunID: id}, Dir: ws.Run(id), State: StateFailed,
		Failure: &Failed{Code: CodeDamaged, Error: cause.Error(), Hint: "mend the folder, or delete the run"},
	}
}

// Delete removes a run: its folder is moved out of sight in one step and then
// removed. The error wraps ErrNoRun, or ErrRunning when it is at work.
func Delete(ctx context.Context, ws *workspace.Workspace, id string) error {
	if !ValidID(id) {
		return fmt.Errorf("%w: %q is no run id", ErrNoRun, id)
	}
	dir := ws.Run(id)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s", ErrNoRun, id)
	}
	// Holding the journal keeps a worker from starting under our hands. A
	// damaged journal has no writer, and must not keep its run from deletion.
	w, err := journal.OpenWriter(ctx, eventsPath(dir), journal.Options{})
	if errors.Is(err, journal.ErrLocked) {
		return running(id)
	}
	if err != nil && !errors.Is(err, journal.ErrDamaged) {
		return fmt.Errorf("delete run %s: %w", id, err)
	}
	if w != nil {
		defer w.Close() //nolint:errcheck // the file is gone by then
		if taken, err := Taken(ws, id); taken || err != nil {
			return errors.Join(err, running(id))
		}
	}
	return remove(ws, id)
}

func running(id string) error {
	return fmt.Errorf("%w: %s; cancel it first", ErrRunning, id)
}

// Taken reports whether a worker that was launched for the run waits or
// starts, though it has not opened the journal yet. The caller holds the
// journal.
func Taken(ws *workspace.Workspace, id string) (bool, error) {
	var f Fold
	if err := readNew(eventsPath(ws.Run(id)), &f, nil); err != nil {
		return false, err
	}
	return filelock.HeldPath(Ticket(ws, id, &f))
}

func remove(ws *workspace.Workspace, id string) error {
	gone := filepath.Join(ws.Runs(), ".gone-"+id+"-"+NewID())
	if err := os.Rename(ws.Run(id), gone); err != nil {
		return fmt.Errorf("delete run %s: %w", id, err)
	}
	if err := atomicfile.SyncDir(ws.Runs()); err != nil {
		return fmt.Errorf("delete run %s: %w", id, err)
	}
	if err := os.RemoveAll(gone); err != nil {
		return fmt.Errorf("delete run %s: it is no longer listed, but its files are still in %q: %w", id, gone, err)
	}
	return nil
}
