// Package worker is the worker program: it takes its turn among the jobs of
// the workspace, holds the run's journal for as long as it lives, and hands
// the work to engine/train. Nothing is computed here.
package worker

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/minivess/minivess/engine/jobs"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/train"
	"github.com/minivess/minivess/engine/workspace"
)

// Build says what this program was made from.
type Build struct {
	Version, Commit, Date string
	Native                string // folder of the native runtimes
}

const usage = `usage:
  minivess-worker --run FOLDER   do the job in FOLDER/job.json
  minivess-worker bench [flags]  time training steps
  minivess-worker apply [flags]  pass arrays through a network, for comparisons
  minivess-worker version
`

// exitFailed is the exit code of a run that failed.
const exitFailed = 1

// Main runs the program and returns its exit code: 0 done, 2 bad
// specification or usage, 75 stopped with the state saved, 1 failed.
func Main(b Build, args []string, stdout, stderr io.Writer) int {
	// A limit on file sizes shall be an error of the write, not the end.
	signal.Ignore(syscall.SIGXFSZ)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	switch {
	case len(args) == 1 && args[0] == "version":
		fmt.Fprintf(stdout, "minivess-worker %s (%s, %s)\n", b.Version, b.Commit, b.Date)
		return jobs.ExitDone
	}
	if err := restart(args); err != nil {
		fmt.Fprintf(stderr, "going on without %s: %v\n", waitPolicy, err)
	}
	if len(args) > 0 && args[0] == "bench" {
		return bench(ctx, args[1:], stdout, stderr)
	}
	if len(args) > 0 && args[0] == "apply" {
		return apply(ctx, args[1:], stderr)
	}
	flags := flag.NewFlagSet("minivess-worker", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	run := flags.String("run", "", "run folder")
	if err := flags.Parse(args); err != nil || *run == "" || flags.NArg() > 0 {
		fmt.Fprint(stderr, usage)
		return jobs.ExitBadSpec
	}
	logger := slog.New(slog.NewTextHandler(stderr, nil)).With("run", filepath.Base(*run))
	err := work(ctx, b, *run, logger)
	if err != nil && !errors.Is(err, train.ErrStopped) {
		logger.ErrorContext(ctx, "the worker ends", "error", err)
	}
	return exitCode(err)
}

func exitCode(err error) int {
	switch {
	case err == nil:
		return jobs.ExitDone
	case errors.Is(err, train.ErrStopped):
		return jobs.ExitCheckpointed
	case errors.Is(err, train.ErrBadSpec):
		return jobs.ExitBadSpec
	default:
		return exitFailed
	}
}

// openJournal takes the journal's lock. A launcher that appends its line holds
// it for a moment, which is waited for; another worker is not.
func openJournal(ctx context.Context, ws *workspace.Workspace, id string, logger *slog.Logger) (*journal.Writer, error) {
	events := filepath.Join(ws.Run(id), runs.EventsFile)
	j, err := journal.OpenWriter(ctx, events, journal.Options{Logger: logger})
	if !errors.Is(err, journal.ErrLocked) {
		return j, err
	}
	if begun, ferr := begun(ws, id); ferr != nil || begun {
		return nil, errors.Join(err, ferr)
	}
	const moment = 5 * time.Second
	waiting, cancel := context.WithTimeout(ctx, moment)
	defer cancel()
	j, werr := journal.OpenWriter(waiting, events, journal.Options{Logger: logger, Wait: true})
	if werr != nil {
		return nil, errors.Join(err, werr)
	}
	// Whoever held it may have been a worker, which has done the job since.
	if begun, ferr := begun(ws, id); ferr != nil || begun {
		return nil, errors.Join(err, ferr, j.Close())
	}
	return j, nil
}

// begun tells whether a worker has taken up what was queued last.
func begun(ws *workspace.Workspace, id string) (bool, error) {
	var f runs.Fold
	if err := runs.FoldEvents(ws, id, &f); err != nil {
		return false, err
	}
	return f.Last != "" && f.Last != runs.EventQueued, nil
}

// work holds the journal for as long as it runs: that lock is how others see
// that the worker is alive.
func work(ctx context.Context, b Build, dir string, logger *slog.Logger) (err error) {
	ws, err := workspace.OfRun(dir)
	if err != nil {
		return fmt.Errorf("%w: %w", train.ErrBadSpec, err)
	}
	id := filepath.Base(dir)
	j, err := openJournal(ctx, ws, id, logger)
	if errors.Is(err, journal.ErrLocked) {
		return fmt.Errorf("another worker is at work on this run (it holds %s): %w", filepath.Join(dir, runs.EventsFile), err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	defer func() {
		if p := recover(); p != nil {
			err = died(ctx, j, dir, p, logger)
		}
	}()
	var f runs.Fold
	if err := runs.FoldEvents(ws, id, &f); err != nil {
		return err
	}
	spec, err := runs.ReadSpec(dir)
	if err == nil {
		release, err := takeTurn(ctx, ws, dir)
		if err != nil {
			return stopped(j, dir, f.Step, err)
		}
		defer release()
	}
	t, err := startTracing(ctx, b, ws, spec, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.shutdown()) }()
	return train.Run(t.ctx, dir, train.Deps{Journal: j, Logger: logger, Tracer: t.tracer, Version: b.Version, Native: b.Native, Epochs: f.Epochs})
}

// takeTurn waits for a slot, unless the run was cancelled before.
func takeTurn(ctx context.Context, ws *workspace.Workspace, dir string) (release func(), err error) {
	if _, asked, err := runs.ReadCancel(dir); err != nil || asked {
		return nil, errors.Join(err, context.Canceled)
	}
	return jobs.AcquireSlot(ctx, ws, 0)
}

// stopped ends a run that was told to stop before it began.
func stopped(j *journal.Writer, dir string, step int64, err error) error {
	if !errors.Is(err, context.Canceled) {
		_, aerr := j.Append(runs.EventFailed, runs.Failed{Code: train.CodeInternal, Error: err.Error(), Step: step})
		return errors.Join(err, aerr)
	}
	return train.Stop(j, dir, step)
}

// died records a panic that nothing below had caught.
func died(ctx context.Context, j *journal.Writer, dir string, value any, logger *slog.Logger) error {
	err := fmt.Errorf("panic: %v", value)
	logger.ErrorContext(ctx, "panic", "value", fmt.Sprint(value))
	_, aerr := j.Append(runs.EventFailed, runs.Failed{
		Code: train.CodeInternal, Error: err.Error(), Hint: "see " + filepath.Join(dir, runs.WorkerLog),
	})
	return errors.Join(err, aerr)
}
