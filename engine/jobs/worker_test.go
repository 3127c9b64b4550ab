package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/minivess/minivess/engine/jobs"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
)

// The test binary runs itself: as the worker when it is started as one, and
// as a second launcher when the environment says so.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "--run" {
		os.Exit(fakeWorker(os.Args[2]))
	}
	if root := os.Getenv("JOBS_TEST_LAUNCHER"); root != "" {
		os.Exit(fakeLauncher(root))
	}
	goleak.VerifyTestMain(m)
}

// play is the experiment of a fake job: what it does once it has started.
type play struct {
	// Act is finish, hold (until told to stop), gate (until the file "go" is
	// in the run folder, then finish), hold-once (hold, but finish when
	// resumed), crash or child (start a process that outlives it, then hold).
	Act string `json:"act"`
}

func fakeWorker(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	spec, err := runs.ReadSpec(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return jobs.ExitBadSpec
	}
	var p play
	if err := json.Unmarshal(spec.Experiment, &p); err != nil {
		return jobs.ExitBadSpec
	}
	ws, err := workspace.OfRun(dir)
	if err != nil {
		return 1
	}
	w, err := journal.OpenWriter(ctx, filepath.Join(dir, runs.EventsFile), journal.Options{Wait: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = w.Close() }()
	release, err := jobs.AcquireSlot(ctx, ws, 0)
	if err != nil {
		return halt(w, dir, 0)
	}
	defer release()
	return act(ctx, w, dir, p)
}

func act(ctx context.Context, w *journal.Writer, dir string, p play) int {
	ws, _ := workspace.OfRun(dir)
	var f runs.Fold
	if err := runs.FoldEvents(ws, filepath.Base(dir), &f); err != nil {
		return 1
	}
	host, _ := os.Hostname()
	step := f.Step
	say(w, runs.EventStarted, runs.Started{PID: os.Getpid(), Host: host, Step: step})
	fmt.Println("act", p.Act, "epochs", f.Epochs, os.Getenv("FAKE_EXTRA"))
	say(w, runs.EventMetric, runs.Metric{Step: step + 1, Split: "train", Values: map[string]runs.Number{"loss": 0.5}})
	switch {
	case p.Act == "crash":
		return 1
	case p.Act == "child":
		c := exec.Command("sleep", "600")
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := c.Start(); err != nil {
			return 1
		}
		say(w, runs.EventWarning, runs.Warning{Message: fmt.Sprint(c.Process.Pid)})
		<-ctx.Done()
		return halt(w, dir, step+1)
	case p.Act == "hold", p.Act == "hold-once" && f.Attempt == 0:
		<-ctx.Done()
		return halt(w, dir, step+1)
	case p.Act == "gate":
		for {
			if _, err := os.Stat(filepath.Join(dir, "go")); err == nil {
				break
			}
			select {
			case <-ctx.Done():
				return halt(w, dir, step+1)
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	say(w, runs.EventFinished, runs.Finished{Step: step + 1, Reason: "all steps done"})
	return jobs.ExitDone
}

func halt(w *journal.Writer, dir string, step int64) int {
	kind := runs.EventCheckpointed
	if _, asked, _ := runs.ReadCancel(dir); asked {
		kind = runs.EventCancelled
	}
	say(w, kind, runs.Stopped{Reason: "SIGTERM", Step: step})
	return jobs.ExitCheckpointed
}

func say(w *journal.Writer, kind string, data any) {
	if _, err := w.Append(kind, data); err != nil {
		panic(err)
	}
}

// fakeLauncher launches one job, prints its id or the error, and waits to be
// killed or for its input to end.
func fakeLauncher(root string) int {
	ws, err := workspace.Find(root, root)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	l := &jobs.Launcher{Workspace: ws, WorkerPath: os.Args[0], MaxConcurrent: 1, Env: []string{"GORACE=atexit_sleep_ms=0"}}
	spec := specFor(os.Getenv("JOBS_TEST_ACT"))
	spec.Key = os.Getenv("JOBS_TEST_KEY")
	id, err := l.Launch(context.Background(), spec)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(id)
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil && errors.Is(err, os.ErrClosed) {
		return 1
	}
	return 0
}

func specFor(act string) runs.Spec {
	b, err := json.Marshal(play{Act: act})
	if err != nil {
		panic(err)
	}
	return runs.Spec{Kind: runs.KindTrain, Model: "segresnet", Dataset: runs.DatasetRef{Name: "toy"}, Experiment: b}
}
