// Package toolstest holds what the tests of several tool families share: a
// worker that needs no libtorch, because it is the test binary itself, and
// small datasets. Only tests import it.
package toolstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/jobs"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
)

// modeVariable tells the test binary that it is a worker, and how to behave.
const modeVariable = "MINIVESS_TEST_WORKER"

// Mode is how the worker behaves.
type Mode string

// The modes.
const (
	Finish Mode = "finish" // does its work at once
	Wait   Mode = "wait"   // works until it is told to stop, then saves its state
	Die    Mode = "die"    // is gone in the middle of its work, without a word
	NaN    Mode = "nan"    // diverges
)

// Steps is how many training steps the worker claims to have done.
const Steps = 40

// Main is what TestMain of a package calls whose tests launch workers.
func Main(ctx context.Context, m *testing.M) int {
	mode := os.Getenv(modeVariable)
	if mode == "" {
		return m.Run()
	}
	code, err := work(ctx, Mode(mode), os.Args[len(os.Args)-1], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}

// Launcher launches the test binary as worker. Runs that are still at work are
// stopped when the test ends.
func Launcher(t *testing.T, ws *workspace.Workspace, mode Mode) *jobs.Launcher {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := &jobs.Launcher{Workspace: ws, WorkerPath: self, MaxConcurrent: 4, Env: []string{modeVariable + "=" + string(mode)}}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		all, err := runs.List(ws)
		if err != nil {
			t.Error(err)
		}
		for _, r := range all {
			if !r.State.Active() {
				continue
			}
			if err := l.Cancel(ctx, r.ID()); err != nil && !errors.Is(err, jobs.ErrEnded) {
				t.Error(err)
			}
			Ended(ctx, t, l, r.ID())
		}
	})
	return l
}

// Ended waits until a run has ended.
func Ended(ctx context.Context, t *testing.T, l *jobs.Launcher, id string) runs.Run {
	t.Helper()
	for _, err := range l.Watch(ctx, id, 0) {
		if err != nil {
			t.Fatal(err)
		}
	}
	r, err := runs.Load(l.Workspace, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Begun waits until a run's worker has written a record of that kind.
func Begun(ctx context.Context, t *testing.T, l *jobs.Launcher, id, kind string) {
	t.Helper()
	for rec, err := range l.Watch(ctx, id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if rec.Kind == kind {
			return
		}
	}
	t.Fatalf("run %s ended without a %s record", id, kind)
}

func work(ctx context.Context, mode Mode, dir string, log io.Writer) (code int, err error) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	spec, err := runs.ReadSpec(dir)
	if err != nil {
		return jobs.ExitBadSpec, err
	}
	ws, err := workspace.OfRun(dir)
	if err != nil {
		return jobs.ExitBadSpec, err
	}
	w, err := journal.OpenWriter(ctx, filepath.Join(dir, runs.EventsFile), journal.Options{Wait: true})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	release, err := jobs.AcquireSlot(ctx, ws, 0)
	if err != nil {
		return 1, err
	}
	defer release()
	_, _ = fmt.Fprintf(log, "\x1b[32mreading\x1b[0m\n10 %%\r100 %%\nworker of %s\n", spec.RunID)
	host, err := os.Hostname()
	if err != nil {
		return 1, err
	}
	s := script{dir: dir, w: w}
	s.say(runs.EventStarted, runs.Started{PID: os.Getpid(), Host: host, Device: "cpu", Threads: 1, Version: "test"})
	if spec.Kind == runs.KindEvaluate {
		s.evaluate(*spec.Evaluate, spec.Dataset)
		return s.code, s.err
	}
	if spec.Kind == runs.KindPredict {
		s.predict(*spec.Predict)
		return s.code, s.err
	}
	s.train(ctx, mode)
	return s.code, s.err
}

// script writes the events of a worker and remembers the first error.
type script struct {
	dir  string
	w    *journal.Writer
	code int
	err  error
}

func (s *script) say(kind string, data any) {
	if s.err != nil {
		return
	}
	_, s.err = s.w.Append(kind, data)
	if s.err != nil {
		s.code = 1
	}
}

func (s *script) save(role string, step int64) {
	path := filepath.Join(runs.CheckpointsDir, role+".safetensors")
	s.err = errors.Join(s.err, atomicfile.WriteBytes(filepath.Join(s.dir, path), 0o640, []byte("weights")))
	s.say(runs.EventCheckpoint, runs.Checkpoint{Path: filepath.ToSlash(path), Role: role, Step: step, Epoch: 1, SHA256: "00", Bytes: 7})
}

func (s *script) train(ctx context.Context, mode Mode) {
	s.say(runs.EventProgress, runs.Progress{Phase: "train", Done: 10, Total: Steps, Epoch: 1, Epochs: 2, Rate: 5, ETA: 6})
	s.say(runs.EventMetric, runs.Metric{Step: 10, Epoch: 1, Split: "train", Values: map[string]runs.Number{"loss": 0.9, "learning_rate": 1e-3}})
	s.save("last", 10)
	switch mode {
	case Wait:
		<-ctx.Done()
		kind := runs.EventCheckpointed
		if _, asked, err := runs.ReadCancel(s.dir); err == nil && asked {
			kind = runs.EventCancelled
		}
		s.say(kind, runs.Stopped{Reason: "told to stop", Step: 10})
		s.code = jobs.ExitCheckpointed
	case Die:
		s.code = 137
	case NaN:
		s.say(runs.EventFailed, runs.Failed{Code: "nan_loss", Error: "the loss is NaN at step 11", Hint: "lower the learning rate", Step: 11})
		s.code = 1
	case Finish:
		s.say(runs.EventMetric, runs.Metric{Step: Steps, Epoch: 2, Split: "train", Values: map[string]runs.Number{"loss": 0.2}})
		s.say(runs.EventMetric, runs.Metric{Step: Steps, Epoch: 2, Split: "val", Values: map[string]runs.Number{"dice": 0.8, "loss": 0.3}})
		s.save("best", Steps)
		s.save("last", Steps)
		s.say(runs.EventProgress, runs.Progress{Phase: "train", Done: Steps, Total: Steps, Epoch: 2, Epochs: 2, Rate: 5})
		s.say(runs.EventFinished, runs.Finished{Step: Steps, Epoch: 2, Seconds: 8, Reason: "all steps done"})
	}
}

// evaluate scores volume i of the split with 0.8 + i/100 by every metric.
func (s *script) evaluate(e runs.EvaluateSpec, data runs.DatasetRef) {
	mean := runs.Number(0)
	for i, v := range data.Volumes {
		values := map[string]runs.Number{}
		for _, m := range e.Metrics {
			values[m] = runs.Number(0.8 + float64(i)/100)
		}
		mean += values[e.Metrics[0]] / runs.Number(len(data.Volumes))
		s.say(runs.EventCase, runs.Case{Volume: v.ID, Split: e.Split, Values: values})
		s.say(runs.EventProgress, runs.Progress{Phase: "evaluate", Done: int64(i + 1), Total: int64(len(data.Volumes))})
	}
	s.say(runs.EventMetric, runs.Metric{Split: e.Split, Values: map[string]runs.Number{e.Metrics[0]: mean}})
	s.say(runs.EventFinished, runs.Finished{Reason: "all volumes scored", Summary: map[string]runs.Number{e.Split + "/" + e.Metrics[0]: mean}})
}

// predict writes something where labels are wanted.
func (s *script) predict(p runs.PredictSpec) {
	for i, in := range p.Inputs {
		for _, path := range in.Writes() {
			s.err = errors.Join(s.err, atomicfile.WriteBytes(path, 0o640, []byte("labels")))
			s.say(runs.EventArtifact, runs.Artifact{Path: path, Role: "prediction", SHA256: "00", Bytes: 6})
		}
		s.say(runs.EventProgress, runs.Progress{Phase: "predict", Done: int64(i + 1), Total: int64(len(p.Inputs))})
	}
	s.say(runs.EventFinished, runs.Finished{Reason: "all volumes predicted"})
}
