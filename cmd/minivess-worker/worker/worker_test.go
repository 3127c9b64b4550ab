package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/safetensors"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/volume"
	"github.com/minivess/minivess/engine/workspace"
)

// asWorker makes the test program behave as minivess-worker, so that real
// processes can be killed.
const asWorker = "MINIVESS_TEST_AS_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(asWorker) != "" {
		os.Exit(Main(Build{Version: "test"}, os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// command is a worker process, not yet started.
func command(t *testing.T, output *bytes.Buffer, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Env = append(os.Environ(), asWorker+"=1")
	c.Stdout, c.Stderr = output, output
	return c
}

// work runs a worker to its end and gives its exit code.
func runWorker(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var output bytes.Buffer
	return code(t, command(t, &output, args...).Run()), output.String()
}

func code(t *testing.T, err error) int {
	t.Helper()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0
}

// experiment is a training of a second or two.
func experiment() config.Experiment {
	e := config.Default()
	e.Threads, e.Device, e.Seed = 1, "cpu", 5
	e.Train.PatchSize, e.Train.BatchSize, e.Train.PatchesPerVolume = [3]int{8, 8, 8}, 1, 10
	e.Train.Epochs, e.Train.CheckpointEvery, e.Train.Patience = 4, 7, 0
	return e
}

// data writes one training and one validation volume.
func data(t *testing.T) runs.DatasetRef {
	t.Helper()
	dir := t.TempDir()
	d := runs.DatasetRef{Name: "cubes", Digest: "x"}
	for _, split := range []string{"train", "val"} {
		shape := [3]int{12, 12, 12}
		v := volume.Volume{Shape: shape, Spacing: [3]float64{1, 1, 1}, Unit: "um", Data: make([]float32, 12*12*12)}
		l := volume.Labels{Shape: shape, Spacing: v.Spacing, Unit: "um", Data: make([]uint8, 12*12*12)}
		for i := range v.Data {
			if x, y := i%12, i/12%12; x > 3 && x < 8 && y > 3 && y < 8 {
				l.Data[i], v.Data[i] = 1, 10
			}
			v.Data[i] += float32(i * 7 % 5)
		}
		ref := runs.VolumeRef{ID: split, Split: split, Shape: shape, Spacing: v.Spacing, Unit: "um", Image: filepath.Join(dir, split+".nii"), Label: filepath.Join(dir, split+"_seg.nii")}
		if err := errors.Join(
			volume.Write(t.Context(), ref.Image, &v, volume.WriteOptions{}),
			volume.WriteLabels(t.Context(), ref.Label, &l, volume.WriteOptions{}),
		); err != nil {
			t.Fatal(err)
		}
		d.Volumes = append(d.Volumes, ref)
	}
	return d
}

// newRun makes a workspace with one run.
func newRun(t *testing.T, e config.Experiment, d runs.DatasetRef) string {
	t.Helper()
	ws, err := workspace.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := runs.Create(ws, runs.Spec{Kind: runs.KindTrain, Model: e.Model.Name, Dataset: d, Experiment: b})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func records(t *testing.T, dir string) []journal.Record {
	t.Helper()
	var all []journal.Record
	for r, err := range journal.Read(filepath.Join(dir, runs.EventsFile), 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func last(t *testing.T, dir string) journal.Record {
	t.Helper()
	all := records(t, dir)
	if len(all) == 0 {
		t.Fatal("the journal is empty")
	}
	return all[len(all)-1]
}

// series gives losses and validations by step, the last record winning.
func series(t *testing.T, dir string) map[string]runs.Number {
	t.Helper()
	s := map[string]runs.Number{}
	for _, r := range records(t, dir) {
		if r.Kind != runs.EventMetric {
			continue
		}
		m, err := runs.DecodeMetric(r.Data)
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range m.Values {
			s[fmt.Sprintf("%s/%s@%d", m.Split, name, m.Step)] = v
		}
	}
	return s
}

// until waits for a training to have made a step.
func until(t *testing.T, dir string, step int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for r, err := range journal.Tail(ctx, filepath.Join(dir, runs.EventsFile), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind == runs.EventFailed {
			t.Fatalf("the worker failed: %s", r.Data)
		}
		if r.Kind == runs.EventMetric {
			if m, err := runs.DecodeMetric(r.Data); err == nil && m.Split == "train" && m.Step >= step {
				return
			}
		}
	}
	t.Fatalf("step %d was not reached", step)
}

// start starts a worker and gives what kills it with a signal and returns its
// exit code.
func start(t *testing.T, dir string) func(syscall.Signal) int {
	t.Helper()
	var output bytes.Buffer
	c := command(t, &output, "--run", dir)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return func(s syscall.Signal) int {
		if err := c.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		return code(t, c.Wait())
	}
}

// many is an experiment with everything that a checkpoint has to remember:
// running statistics, momentum, dropout, frozen and slower parameters.
func many() config.Experiment {
	e := experiment()
	e.Model = config.Model{Name: "dynunet", InitFilters: 4, InChannels: 1, OutChannels: 2, Dropout: 0.2, Extra: map[string]any{
		"strides": []any{1.0, 2.0, 2.0}, "norm_name": "batch", "deep_supervision": true, "deep_supr_num": 1.0,
	}}
	e.Train.Optimizer, e.Train.Momentum, e.Train.LearningRate = "sgd", 0.9, 1e-2
	e.Train.Freeze = []string{"input_block.conv1.*"}
	e.Train.Groups = []config.Group{{Pattern: "output_block.*", LearningRateScale: 0.5}}
	return e
}

// A worker killed without warning in the middle of an epoch, and again after
// it was resumed, ends with the numbers of one that was left alone, and with
// the same file.
func TestKilledWorkerGoesOnAlike(t *testing.T) {
	t.Parallel()
	d := data(t)
	for name, e := range map[string]config.Experiment{"plain": experiment(), "many": many()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := newRun(t, e, d)
			if code, output := runWorker(t, "--run", whole); code != 0 {
				t.Fatalf("exit code %d: %s", code, output)
			}
			dir := newRun(t, e, d)
			for _, step := range []int64{9, 25} {
				kill := start(t, dir)
				until(t, dir, step)
				if code := kill(syscall.SIGKILL); code != -1 {
					t.Fatalf("exit code %d", code)
				}
			}
			if code, output := runWorker(t, "--run", dir); code != 0 {
				t.Fatalf("exit code %d: %s", code, output)
			}
			if diff := cmp.Diff(series(t, whole), series(t, dir)); diff != "" {
				t.Error(diff)
			}
			if len(series(t, whole)) != 3*40+4 {
				t.Errorf("%d values", len(series(t, whole)))
			}
			if r := last(t, dir); r.Kind != runs.EventFinished {
				t.Errorf("ends with %s", r.Kind)
			}
			sameWeights(t, whole, dir)
		})
	}
}

// sameWeights compares the tensors of two runs' last checkpoints, bit for bit.
func sameWeights(t *testing.T, a, b string) {
	t.Helper()
	var states [2]*nn.State
	for i, dir := range []string{a, b} {
		s, _, err := safetensors.Read(filepath.Join(dir, runs.CheckpointsDir, "last.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		states[i] = s
	}
	if states[0].Len() == 0 || states[0].Len() != states[1].Len() {
		t.Errorf("%d tensors and %d", states[0].Len(), states[1].Len())
	}
	for x := range states[0].All() {
		if y, _ := states[1].Get(x.Name); !bytes.Equal(x.Data, y.Data) {
			t.Errorf("%s differs", x.Name)
		}
	}
}

// SIGTERM saves the state and exits with 75.
func TestTerminatedWorker(t *testing.T) {
	t.Parallel()
	dir := newRun(t, experiment(), data(t))
	kill := start(t, dir)
	until(t, dir, 3)
	if code := kill(syscall.SIGTERM); code != 75 {
		t.Errorf("exit code %d, want 75", code)
	}
	r := last(t, dir)
	var s runs.Stopped
	if err := r.Decode(&s); err != nil || r.Kind != runs.EventCheckpointed || s.Step < 3 {
		t.Errorf("%s %+v %v", r.Kind, s, err)
	}
	if _, err := os.Stat(filepath.Join(dir, runs.CheckpointsDir, "last.safetensors")); err != nil {
		t.Error(err)
	}
}

// Two workers on one run: the second says why it does not start.
func TestSecondWorkerIsRefused(t *testing.T) {
	t.Parallel()
	dir := newRun(t, experiment(), data(t))
	kill := start(t, dir)
	until(t, dir, 1)
	if code, output := runWorker(t, "--run", dir); code != 1 || !strings.Contains(output, "another worker is at work on this run") {
		t.Errorf("exit code %d: %s", code, output)
	}
	kill(syscall.SIGKILL)
}

// A disk that is full for checkpoints, though not for events: the run fails,
// the checkpoint before is whole, and with space again the run goes on alike.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	d := data(t)
	dir := newRun(t, experiment(), d)
	kill := start(t, dir)
	until(t, dir, 8)
	kill(syscall.SIGTERM)

	var output bytes.Buffer
	c := exec.CommandContext(t.Context(), "bash", "-c", `ulimit -f 4000; exec "$0" --run "$1"`, os.Args[0], dir)
	c.Env = append(os.Environ(), asWorker+"=1")
	c.Stdout, c.Stderr = &output, &output
	if code := code(t, c.Run()); code != 1 {
		t.Errorf("exit code %d: %s", code, &output)
	}
	r := last(t, dir)
	var f runs.Failed
	if err := r.Decode(&f); err != nil || r.Kind != runs.EventFailed || f.Code != "disk_full" || !strings.Contains(f.Hint, "free some space") {
		t.Fatalf("%s %+v %v", r.Kind, f, err)
	}
	if code, output := runWorker(t, "--run", dir); code != 0 {
		t.Fatalf("exit code %d: %s", code, output)
	}
	if n := len(series(t, dir)); n != 3*40+4 {
		t.Errorf("%d values", n)
	}
}

func TestUsageAndBadSpecifications(t *testing.T) {
	t.Parallel()
	e := experiment()
	e.Train.LearningRate = -1
	cancelled := newRun(t, experiment(), data(t))
	if err := runs.RequestCancel(cancelled, runs.Cancel{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "usage:"},
		{[]string{"--run"}, 2, "usage:"},
		{[]string{"--run", "x", "y"}, 2, "usage:"},
		{[]string{"version"}, 0, "minivess-worker test"},
		{[]string{"--run", t.TempDir()}, 2, "bad job specification"},
		{[]string{"--run", newRun(t, e, data(t))}, 2, "train.learning_rate is -1"},
		{[]string{"--run", cancelled}, 75, ""},
		{[]string{"bench", "--patch", "7"}, 2, "train.patch_size"},
		{[]string{"bench", "--patch", "8", "--threads", "1", "--steps", "1"}, 0, "median_seconds"},
	} {
		if code, output := runWorker(t, c.args...); code != c.code || !strings.Contains(output, c.want) {
			t.Errorf("%q: exit code %d, want %d and %q:\n%s", c.args, code, c.code, c.want, output)
		}
	}
	if r := last(t, cancelled); r.Kind != runs.EventCancelled {
		t.Errorf("ends with %s", r.Kind)
	}
}
