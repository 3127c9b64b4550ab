package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/runs"
)

// Deps is what a job is given by its process.
type Deps struct {
	Journal Journal      // the run's events.jsonl, locked
	Logger  *slog.Logger // what a person reads when something went wrong
	Tracer  trace.Tracer // makes the job's span, below the one in ctx
	Version string
	Native  string // folder of the native runtimes, where ONNX Runtime lies
	// Memory is how many bytes scoring may take beside the network, 0 for half of
	// what the system says is free.
	Memory int64
	// Epochs, when positive, replaces the specification's number of epochs.
	Epochs int
}

// job is one run of a specification.
type job struct {
	Deps
	dir        string
	spec       runs.Spec
	experiment config.Experiment
	described  bool // whether the specification has an experiment
	report     *reporter
	saver      *saver
	begun      time.Time
	step       int64 // for the last words
}

// Run does the job whose specification lies in dir, and ends the journal with
// what became of it. It returns nil when all is done, ErrStopped when ctx
// ended and the state was saved, an error that wraps ErrBadSpec when job.json
// cannot be run, or another error when the run failed. Panics become errors.
func Run(ctx context.Context, dir string, d Deps) (err error) {
	// libtorch keeps its thread pool and its errors by operating-system thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	j := &job{Deps: d, dir: dir, saver: newSaver(dir), report: newReporter(d.Journal), begun: time.Now()}
	return j.run(ctx)
}

func (j *job) run(ctx context.Context) error {
	if err := j.readSpec(); err != nil {
		return j.end(ctx, err)
	}
	ctx, span := j.Tracer.Start(ctx, "job "+string(j.spec.Kind), trace.WithAttributes(
		attribute.String("minivess.run.id", j.spec.RunID),
		attribute.String("minivess.job.kind", string(j.spec.Kind)),
		attribute.String("minivess.model", j.spec.Model),
		attribute.String("minivess.dataset", j.spec.Dataset.Name),
	))
	defer span.End()

	background, quit := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		j.report.run(background)
	}()
	err := j.work(ctx)
	quit()
	<-done
	err = j.end(ctx, err)
	if err != nil && !errors.Is(err, ErrStopped) {
		span.SetStatus(codes.Error, plain(err.Error()))
	}
	span.SetAttributes(attribute.Int64("minivess.step", j.step))
	return err
}

func (j *job) readSpec() error {
	spec, err := runs.ReadSpec(j.dir)
	if err != nil {
		return err
	}
	j.spec = spec
	if j.described = len(spec.Experiment) > 0 && string(spec.Experiment) != "null"; j.described {
		if err := json.Unmarshal(spec.Experiment, &j.experiment); err != nil {
			return fmt.Errorf("%w: experiment: %w", ErrBadSpec, err)
		}
	}
	if j.Epochs > 0 {
		j.experiment.Train.Epochs, j.experiment.Train.MaxSteps = j.Epochs, 0
	}
	if spec.Kind == runs.KindTrain {
		if err := j.experiment.Validate(); err != nil {
			return fmt.Errorf("%w: %w", ErrBadSpec, err)
		}
	}
	return nil
}

// work dispatches on the kind of job.
func (j *job) work(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			stack := make([]byte, 1<<16)
			j.Logger.ErrorContext(ctx, "panic", "value", fmt.Sprint(p), "stack", string(stack[:runtime.Stack(stack, false)]))
			err = panicked(p)
		}
	}()
	switch j.spec.Kind {
	case runs.KindTrain:
		return j.fit(ctx)
	case runs.KindEvaluate:
		return j.evaluate(ctx)
	case runs.KindPredict:
		return j.predict(ctx)
	default:
		return fmt.Errorf("%w: unknown kind %q", ErrBadSpec, j.spec.Kind)
	}
}

// end writes the last record.
func (j *job) end(ctx context.Context, err error) error {
	if err == nil {
		return j.report.failure()
	}
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, ErrStopped)) {
		return Stop(j.Journal, j.dir, j.step)
	}
	f := explain(err)
	f.Step = j.step
	j.Logger.ErrorContext(ctx, "the run failed", "code", f.Code, "error", f.Error, "step", f.Step)
	if _, aerr := j.Journal.Append(runs.EventFailed, f); aerr != nil {
		return errors.Join(err, fmt.Errorf("write the last event: %w", aerr))
	}
	return err
}

// Stop records that a job was told to stop, with its state saved up to a step:
// its end if somebody asked for that (cancel.json), else a pause. It returns
// ErrStopped once that is written down.
func Stop(w Journal, dir string, step int64) error {
	kind, reason := runs.EventCheckpointed, "told to stop; resume goes on from here"
	if c, asked, err := runs.ReadCancel(dir); asked || err != nil {
		kind, reason = runs.EventCancelled, "cancelled"
		if c.Reason != "" {
			reason = plain(c.Reason)
		}
	}
	if _, err := w.Append(kind, runs.Stopped{Reason: reason, Step: step}); err != nil {
		return fmt.Errorf("write the last event: %w", err)
	}
	return ErrStopped
}

// started writes the first record of this attempt.
func (j *job) started(device string, threads int) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	_, err = j.Journal.Append(runs.EventStarted, runs.Started{
		PID: os.Getpid(), Host: host, Device: device, Threads: threads, Version: j.Version, Step: j.step,
	})
	return err
}
