package train

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/safetensors"
	"github.com/minivess/minivess/engine/runs"
)

// A training learns, and its journal tells all of it.
func TestFit(t *testing.T) {
	e := tiny()
	e.Train.Epochs, e.Train.LearningRate = 8, 3e-3
	dir := folder(t, e, balls(t))
	n, err := run(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	steps := losses(t, n)
	if len(steps) != 32 || !(steps[32] < 0.7*steps[1]) {
		t.Errorf("%d steps, loss from %v to %v", len(steps), steps[1], steps[32])
	}
	var fold runs.Fold
	for _, r := range n.all {
		if err := fold.Apply(r); err != nil {
			t.Fatal(err)
		}
	}
	if fold.Last != runs.EventFinished || fold.Step != 32 || fold.Epoch != 8 || fold.Reason != "all steps done" {
		t.Errorf("the events add up to %q at step %d, epoch %d: %s", fold.Last, fold.Step, fold.Epoch, fold.Reason)
	}
	if best := fold.Best["val/dice"]; !(best.Value > 0.3) || fold.Summary["val/dice"] != best.Value {
		t.Errorf("best %v, summary %v", best, fold.Summary)
	}
	phases := map[string]bool{}
	for _, p := range of[runs.Progress](t, n, runs.EventProgress) {
		phases[p.Phase] = true
	}
	if !phases["load"] || !phases["train"] || !phases["validate"] {
		t.Errorf("phases %v", phases)
	}
	started := of[runs.Started](t, n, runs.EventStarted)
	if len(started) != 1 || started[0].Device != "cpu" || started[0].Threads != 1 || started[0].Version != "test" {
		t.Errorf("started %+v", started)
	}
	checkpoints(t, dir, fold)
}

// checkpoints checks that what the journal says of the files is so, and that
// best is what anybody can load.
func checkpoints(t *testing.T, dir string, fold runs.Fold) {
	t.Helper()
	for _, role := range []string{roleLast, roleBest} {
		c := fold.Checkpoints[role]
		sum, size, err := runs.Digest(filepath.Join(dir, c.Path))
		if err != nil || sum != c.SHA256 || size != c.Bytes {
			t.Errorf("%s: %+v is %s, %d bytes, %v", role, c, sum, size, err)
		}
		if _, err := os.Stat(filepath.Join(dir, runs.CheckpointsDir, role+".json")); err != nil {
			t.Error(err)
		}
	}
	adapter, err := models.New("segresnet", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := adapter.LoadCheckpoint(filepath.Join(dir, fold.Checkpoints[roleBest].Path)); err != nil {
		t.Error(err)
	}
}

// However a training is interrupted, its losses are those of one that was not:
// equal to the last bit, dropout, flips and warm-up included.
func TestResumedLossesAreEqual(t *testing.T) {
	volumes := balls(t)
	e := tiny()
	e.Model.Dropout, e.Train.WarmupSteps, e.Train.CheckpointEvery, e.Train.ValidateEvery = 0.3, 3, 3, 4
	whole, err := run(t.Context(), folder(t, e, volumes))
	if err != nil {
		t.Fatal(err)
	}
	want := losses(t, whole)
	for _, k := range []int64{1, 4, 5} {
		dir := folder(t, e, volumes)
		first, err := stopAt(t, dir, k)
		if !errors.Is(err, ErrStopped) {
			t.Fatalf("stopped at %d: %v", k, err)
		}
		if s := of[runs.Stopped](t, first, runs.EventCheckpointed); len(s) != 1 || s[0].Step != k {
			t.Fatalf("stopped at %d: %+v", k, s)
		}
		second, err := run(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if s := of[runs.Started](t, second, runs.EventStarted); s[0].Step != k {
			t.Errorf("resumed at step %d, want %d", s[0].Step, k)
		}
		if diff := cmp.Diff(want, losses(t, first, second)); diff != "" {
			t.Errorf("stopped at %d:\n%s", k, diff)
		}
		if diff := cmp.Diff(validations(t, whole), validations(t, first, second)); diff != "" {
			t.Errorf("stopped at %d, validations:\n%s", k, diff)
		}
	}
}

func validations(t *testing.T, journals ...*notes) map[int64]runs.Number {
	t.Helper()
	series := map[int64]runs.Number{}
	for _, n := range journals {
		for _, m := range of[runs.Metric](t, n, runs.EventMetric) {
			if m.Split == "val" {
				series[m.Step] = m.Values["dice"]
			}
		}
	}
	return series
}

// A kill loses the steps since the last checkpoint; they are made again, alike.
func TestStepsAfterTheLastCheckpointAreRepeated(t *testing.T) {
	volumes := balls(t)
	e := tiny()
	e.Train.CheckpointEvery = 2
	whole, err := run(t.Context(), folder(t, e, volumes))
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, e, volumes)
	last := filepath.Join(dir, runs.CheckpointsDir, "last.safetensors")
	var kept []byte
	n := &notes{}
	n.each = func(_ string, data any) { // keeps the checkpoint that a kill would have left
		if c, ok := data.(runs.Checkpoint); ok && c.Role == roleLast && c.Step == 4 {
			kept, err = os.ReadFile(last)
		}
	}
	if err := errors.Join(Run(t.Context(), dir, deps(n)), err); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(last, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := run(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	want, got := losses(t, whole), losses(t, again)
	if len(got) != 4 {
		t.Fatalf("%d steps were repeated, want 4", len(got))
	}
	for step, loss := range got {
		if loss != want[step] {
			t.Errorf("step %d: %v, uninterrupted %v", step, loss, want[step])
		}
	}
}

// A job that somebody cancelled ends as cancelled.
func TestCancelled(t *testing.T) {
	dir := folder(t, tiny(), balls(t))
	if err := runs.RequestCancel(dir, runs.Cancel{Reason: "no longer needed"}); err != nil {
		t.Fatal(err)
	}
	n, err := stopAt(t, dir, 2)
	if s := of[runs.Stopped](t, n, runs.EventCancelled); !errors.Is(err, ErrStopped) || len(s) != 1 || s[0].Reason != "no longer needed" || s[0].Step != 2 {
		t.Errorf("%v, %+v", err, s)
	}
}

// failure runs a job that must fail and gives its last words.
func failure(t *testing.T, dir string) runs.Failed {
	t.Helper()
	n, err := run(t.Context(), dir)
	if err == nil {
		t.Fatal("the job succeeded")
	}
	f := of[runs.Failed](t, n, runs.EventFailed)
	if len(f) != 1 || n.all[len(n.all)-1].Kind != runs.EventFailed {
		t.Fatalf("%v; %d failed events", err, len(f))
	}
	return f[0]
}

func TestDivergence(t *testing.T) {
	e := tiny()
	e.Train.LearningRate, e.Train.Schedule, e.Train.CheckpointEvery, e.Train.GradientClip, e.Train.Epochs = 1e5, "constant", 1, 0, 10
	dir := folder(t, e, balls(t))
	f := failure(t, dir)
	if f.Code != CodeNaNLoss || !strings.Contains(f.Hint, "lower train.learning_rate (it is 100000, try 10000)") {
		t.Fatalf("%+v", f)
	}
	c, err := readCheckpoint(filepath.Join(dir, runs.CheckpointsDir, "last.safetensors"))
	if err != nil || c.meta.Position.Step != f.Step || !strings.Contains(f.Hint, "is kept") {
		t.Errorf("the last good checkpoint: %v; failed after step %d: %s", err, f.Step, f.Hint)
	}
}

func TestNoForeground(t *testing.T) {
	dir := t.TempDir()
	shape := [3]int{8, 8, 8}
	f := failure(t, folder(t, tiny(), []runs.VolumeRef{save(t, dir, "a", "train", shape, empty), save(t, dir, "b", "val", shape, ball(shape))}))
	if f.Code != CodeNoForeground || f.Step != 0 || !strings.Contains(f.Error, "no foreground in any training volume") {
		t.Errorf("%+v", f)
	}
}

// What cannot be run says so, with its own code.
func TestBadJobs(t *testing.T) {
	volumes := balls(t)
	gone, mismatch, cut := volumes[0], volumes[0], volumes[0]
	gone.Image = filepath.Join(t.TempDir(), "x\x1b[31m.nii.gz")
	mismatch.Label = volumes[1].Label
	cut.Image = filepath.Join(t.TempDir(), "cut.nii.gz")
	b, err := os.ReadFile(volumes[0].Image)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut.Image, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		change  func(*config.Experiment)
		volumes []runs.VolumeRef
		code    string
		want    string
	}{
		{"unknown model", func(e *config.Experiment) { e.Model.Name = "segresnt" }, volumes, CodeBadSpec, `unknown model "segresnt"; did you mean segresnet?`},
		{"channels", func(e *config.Experiment) { e.Model.InChannels = 2 }, volumes, CodeBadSpec, "volumes have one channel"},
		{"range", func(e *config.Experiment) { e.Train.LearningRate = -1 }, volumes, CodeBadSpec, "train.learning_rate is -1"},
		{"no cuda", func(e *config.Experiment) { e.Device = "cuda" }, volumes, CodeBadSpec, "sees no CUDA device"},
		{"no volumes", func(*config.Experiment) {}, volumes[2:], CodeBadInput, "no volumes"},
		{"missing file", func(*config.Experiment) {}, []runs.VolumeRef{gone}, CodeBadInput, "no such file"},
		{"label does not match", func(*config.Experiment) {}, []runs.VolumeRef{mismatch}, CodeBadInput, "label does not match its image"},
		{"truncated", func(*config.Experiment) {}, []runs.VolumeRef{cut}, CodeBadInput, "cut.nii.gz"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := tiny()
			c.change(&e)
			f := failure(t, folder(t, e, c.volumes))
			if f.Code != c.code || !strings.Contains(f.Error, c.want) || f.Hint == "" {
				t.Errorf("got %+v\nwant code %s and %q", f, c.code, c.want)
			}
			if strings.Contains(f.Error, "\x1b") {
				t.Errorf("the error has a terminal escape: %q", f.Error)
			}
		})
	}
	if f := failure(t, folderOf(t, runs.Spec{Kind: runs.KindTrain, Experiment: []byte(`{"seed":"x"}`)})); f.Code != CodeBadSpec {
		t.Errorf("%+v", f)
	}
	if _, err := run(t.Context(), folderOf(t, runs.Spec{Kind: "dance"})); !errors.Is(err, ErrBadSpec) {
		t.Errorf("unknown kind: %v", err)
	}
}

// A disk that fills up while a checkpoint is written ends the run; the
// checkpoint before it is whole, and the run can be resumed from it.
func TestFullDisk(t *testing.T) {
	volumes := balls(t)
	e := tiny()
	e.Train.CheckpointEvery = 2
	dir := folder(t, e, volumes)
	n := &notes{}
	j := &job{Deps: deps(n), dir: dir, saver: newSaver(dir), report: newReporter(n)}
	saves := 0
	j.saver.write = func(path string, s *nn.State, metadata map[string]string) error {
		if saves++; saves == 2 {
			return &os.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}
		}
		return safetensors.Write(path, s, metadata)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := j.run(t.Context())
	f := of[runs.Failed](t, n, runs.EventFailed)
	if !errors.Is(err, syscall.ENOSPC) || len(f) != 1 || f[0].Code != CodeDiskFull || !strings.Contains(f[0].Hint, "resume") {
		t.Fatalf("%v, %+v", err, f)
	}
	resumed, err := run(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if s := of[runs.Started](t, resumed, runs.EventStarted); s[0].Step != 2 {
		t.Errorf("resumed after step %d, want 2", s[0].Step)
	}
}

// A journal that cannot be written is not trained on without.
func TestFullDiskForEvents(t *testing.T) {
	n := &notes{}
	n.each = func(kind string, _ any) {
		if kind == runs.EventMetric {
			n.fail = syscall.ENOSPC
		}
	}
	if err := Run(t.Context(), folder(t, tiny(), balls(t)), deps(n)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v", err)
	}
}

// A damaged checkpoint is named, and so is the way on.
func TestCorruptCheckpoint(t *testing.T) {
	dir := folder(t, tiny(), balls(t))
	if _, err := stopAt(t, dir, 5); !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	last := filepath.Join(dir, runs.CheckpointsDir, "last.safetensors")
	if err := os.Truncate(last, 1000); err != nil {
		t.Fatal(err)
	}
	f := failure(t, dir)
	if f.Code != CodeCheckpoint || !strings.Contains(f.Error, last) || !strings.Contains(f.Hint, "remove "+last) {
		t.Fatalf("%+v", f)
	}
	if err := os.Remove(last); err != nil {
		t.Fatal(err)
	}
	n, err := run(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	w := of[runs.Warning](t, n, runs.EventWarning)
	if len(w) != 1 || !strings.Contains(w[0].Message, "no optimiser") {
		t.Errorf("%+v", w)
	}
	if s := of[runs.Started](t, n, runs.EventStarted); s[0].Step != 4 {
		t.Errorf("went on after step %d, want 4, the best", s[0].Step)
	}
}

// Training stops when validation no longer improves, and more epochs can be
// asked for afterwards.
func TestEarlyStopping(t *testing.T) {
	e := tiny()
	e.Train.LearningRate, e.Train.Patience, e.Train.ValidateEvery, e.Train.Epochs = 1e-12, 2, 1, 5
	dir := folder(t, e, balls(t))
	n, err := run(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if f := of[runs.Finished](t, n, runs.EventFinished); f[0].Reason != "early stopping" || f[0].Step != 3 {
		t.Errorf("%+v", f)
	}
	again := &notes{}
	d := deps(again)
	d.Epochs = 6
	if err := Run(t.Context(), dir, d); err != nil {
		t.Fatal(err)
	}
	if f := of[runs.Finished](t, again, runs.EventFinished); f[0].Step != 5 {
		t.Errorf("resumed: %+v", f)
	}
}

// Without validation volumes there is still a best checkpoint: the last.
func TestNoValidation(t *testing.T) {
	dir := folder(t, tiny(), balls(t)[:2])
	n, err := run(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := readCheckpoint(filepath.Join(dir, runs.CheckpointsDir, "best.safetensors"))
	if err != nil || c.meta.Position.Step != 8 {
		t.Errorf("best: %v, %+v", err, c)
	}
	if w := of[runs.Warning](t, n, runs.EventWarning); len(w) != 1 || !strings.Contains(w[0].Message, "no validation volumes") {
		t.Errorf("%+v", w)
	}
}

// Memory for volumes, precision and recomputation change the means, not
// whether a training works.
func TestOtherMeans(t *testing.T) {
	volumes := balls(t)
	plain, err := run(t.Context(), folder(t, tiny(), volumes))
	if err != nil {
		t.Fatal(err)
	}
	uncached := tiny()
	uncached.Train.CacheMegabytes = 0
	n, err := run(t.Context(), folder(t, uncached, volumes))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(losses(t, plain), losses(t, n)); diff != "" {
		t.Error(diff)
	}
	if w := of[runs.Warning](t, n, runs.EventWarning); len(w) != 1 || !strings.Contains(w[0].Message, "cache_megabytes") {
		t.Errorf("%+v", w)
	}
	other := tiny()
	other.Train.Precision, other.Train.GradientCheckpointing = "bfloat16", true
	if n, err = run(t.Context(), folder(t, other, volumes)); err != nil {
		t.Fatal(err)
	}
	for step, want := range losses(t, plain) {
		if got := losses(t, n)[step]; !(got > want-0.1 && got < want+0.1) {
			t.Errorf("bfloat16, step %d: %v, float32 has %v", step, got, want)
		}
	}
}

// Hundreds of steps take no more memory than the first hundred.
func TestMemoryStaysFlat(t *testing.T) {
	e := tiny()
	e.Train.MaxSteps, e.Train.Epochs, e.Train.CheckpointEvery = 300, 1000, 1000
	var rss []int64
	n := &notes{}
	n.each = func(_ string, data any) {
		if m, ok := data.(runs.Metric); ok && m.Split == "train" && m.Step%50 == 0 {
			b, _ := (&usage{}).sample(time.Time{})
			rss = append(rss, b)
		}
	}
	if err := Run(t.Context(), folder(t, e, balls(t)[:2]), deps(n)); err != nil {
		t.Fatal(err)
	}
	if len(rss) != 6 || slices.Max(rss[2:])-rss[1] > 16<<20 {
		t.Errorf("resident bytes every 50 steps: %v", rss)
	}
}
