package export_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/export"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/onnx"
	"github.com/minivess/minivess/engine/nn/ort/orttest"
	"github.com/minivess/minivess/engine/nn/safetensors"
	"github.com/minivess/minivess/engine/nn/weights"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/volume"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// trained makes a run folder with a best and a last checkpoint of a small
// SegResNet, and a dataset of val validation volumes.
func trained(t *testing.T, val int) runs.Run {
	t.Helper()
	e := config.Default()
	e.Model.InitFilters = 8
	e.Model.Extra = map[string]any{"blocks_down": []int{1, 1}, "blocks_up": []int{1}}
	e.Train.PatchSize = [3]int{8, 8, 8}
	a, err := models.New(e.Model.Name, e.Model.Options())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	state, err := nntest.Weights(a.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, runs.CheckpointsDir), 0o750); err != nil {
		t.Fatal(err)
	}
	best, last := filepath.Join(dir, runs.CheckpointsDir, "best.safetensors"), filepath.Join(dir, runs.CheckpointsDir, "last.safetensors")
	if err := a.SaveCheckpoint(best, state, nil); err != nil {
		t.Fatal(err)
	}
	more := &nn.State{}
	for w := range state.All() {
		moment := w
		moment.Name = "optimizer.m." + w.Name
		if err := errors.Join(more.Add(w), more.Add(moment)); err != nil {
			t.Fatal(err)
		}
	}
	if err := safetensors.Write(last, more, nil); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	r := runs.Run{Dir: dir, State: runs.StateFinished, Spec: runs.Spec{
		RunID: "brisk-otter-7f3a", Name: "first", Kind: runs.KindTrain, Model: e.Model.Name, Experiment: raw,
		Dataset: runs.DatasetRef{Name: "toy", Digest: "d1"},
	}}
	r.Checkpoints = map[string]runs.Checkpoint{
		"best": {Path: "checkpoints/best.safetensors", Role: "best", Step: 40},
		"last": {Path: "checkpoints/last.safetensors", Role: "last", Step: 60},
	}
	for i := range val + 1 {
		ref := save(t, dir, string(rune('a'+i)))
		ref.Split = "val"
		if i == val {
			ref.Split = "train"
		}
		r.Spec.Dataset.Volumes = append(r.Spec.Dataset.Volumes, ref)
	}
	return r
}

// save writes a volume whose bright half is its label.
func save(t *testing.T, dir, id string) runs.VolumeRef {
	t.Helper()
	shape := [3]int{12, 10, 9}
	n := shape[0] * shape[1] * shape[2]
	v := volume.Volume{Shape: shape, Spacing: [3]float64{0.5, 0.5, 2}, Unit: "um", Data: nntest.Image(id, nn.Shape{n})}
	l := volume.Labels{Shape: shape, Spacing: v.Spacing, Unit: "um", Data: make([]uint8, n)}
	for i, x := range v.Data {
		if x > 0 {
			l.Data[i] = 1
		}
	}
	ref := runs.VolumeRef{
		ID: id, Image: filepath.Join(dir, id+".nii.gz"), Label: filepath.Join(dir, id+"_seg.nii.gz"),
		Shape: shape, Spacing: v.Spacing, Unit: "um",
	}
	if err := volume.Write(t.Context(), ref.Image, &v, volume.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := volume.WriteLabels(t.Context(), ref.Label, &l, volume.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	return ref
}

// request asks for an export into an empty folder, checked on all volumes.
func request(t *testing.T, r runs.Run, f export.Format) export.Request {
	t.Helper()
	s, err := export.Open(r, "")
	if err != nil {
		t.Fatal(err)
	}
	return export.Request{
		Source: s, Format: f, Path: filepath.Join(t.TempDir(), f.FileName()), Version: "v1",
		Verify: export.Verify{Library: orttest.Library(t), Threads: 1, Volumes: 10, Time: time.Hour},
	}
}

func TestONNX(t *testing.T) {
	t.Parallel()
	r := trained(t, 2)
	q := request(t, r, export.ONNX)
	var phases []string
	q.Progress = func(phase string, _, _ int) { phases = append(phases, phase) }
	announced, err := export.Measure(q)
	if err != nil {
		t.Fatal(err)
	}
	got, err := export.Export(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if d := got.Files[0].Bytes - announced.Bytes; d < 0 || d > 100 || got.Files[0].Path != q.Path || len(got.Files[0].SHA256) != 64 {
		t.Errorf("wrote %+v, announced %+v", got.Files, announced)
	}
	if got.Dice == nil || got.Dice.Volumes != 2 || got.Dice.Of != 2 || got.Dice.Split != "val" || !(got.Dice.Exported > 0 && got.Dice.Exported < 1) || got.Dice.Recorded != nil {
		t.Errorf("%+v", got.Dice)
	}
	if want := []string{"load", "write", "check", "judge", "judge"}; !slices.Equal(phases, want) {
		t.Errorf("phases %q, want %q", phases, want)
	}
	for _, c := range got.Checks {
		if !c.Made {
			t.Errorf("not checked: %+v", c)
		}
	}
	info, err := onnx.ReadInfo(q.Path)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"run": "brisk-otter-7f3a", "run_name": "first", "checkpoint": "best", "step": "40", "dataset": "toy", "dataset_digest": "d1",
		"normalise": "zscore", "patch": "8,8,8", "window": "8,8,8", "divisor": "2,2,2", "classes": "2", "spacing": "0.5,0.5,2",
		"spacing_unit": "um", "model": "segresnet", "weights": "float32", "minivess": "v1", "overlap": "0.25", "window_weights": "gaussian",
	} {
		if info.Metadata[key] != want {
			t.Errorf("metadata %s: %q, want %q", key, info.Metadata[key], want)
		}
	}
	if len(info.Metadata["checkpoint_sha256"]) != 64 || got.Opset != onnx.Opset || len(got.Inputs) != 1 || got.Parameters == 0 {
		t.Errorf("%+v", got)
	}

	// What libtorch recorded is compared with: the same, and something else.
	c := r.Checkpoints["best"]
	c.Metric, c.Value = "val/dice", runs.Number(got.Dice.Exported)
	r.Checkpoints["best"] = c
	again, err := export.Export(t.Context(), request(t, r, export.ONNX))
	if err != nil || again.Dice.Recorded == nil || *again.Dice.Recorded != got.Dice.Exported {
		t.Errorf("%+v: %v", again.Dice, err)
	}
	c.Value -= 0.1
	r.Checkpoints["best"] = c
	q = request(t, r, export.ONNX)
	if _, err := export.Export(t.Context(), q); !errors.Is(err, export.ErrCheck) || !strings.Contains(err.Error(), "libtorch's was") {
		t.Errorf("another Dice than recorded: %v", err)
	}
	if left := names(t, filepath.Dir(q.Path)); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// Narrowed models are smaller, and their loss is measured against float32.
func TestNarrowedONNX(t *testing.T) {
	t.Parallel()
	r := trained(t, 1)
	full, err := export.Export(t.Context(), request(t, r, export.ONNX))
	if err != nil {
		t.Fatal(err)
	}
	for format, most := range map[export.Format]struct{ ratio, logit float64 }{export.ONNXHalf: {0.7, 0.02}, export.ONNXInt8: {0.5, 0.5}} {
		got, err := export.Export(t.Context(), request(t, r, format))
		if err != nil {
			t.Fatal(err)
		}
		d := got.Dice
		if d == nil || d.Reference == nil || d.Loss == nil || d.LargestLogit == nil {
			t.Fatalf("%s: %+v", format, d)
		}
		if math.Abs(*d.Reference-full.Dice.Exported) > 1e-9 || *d.Loss != *d.Reference-d.Exported || math.Abs(*d.Loss) > 0.1 {
			t.Errorf("%s: %+v, the Dice in float32 is %v", format, d, full.Dice.Exported)
		}
		if *d.LargestLogit <= 0 || *d.LargestLogit > most.logit || got.SizeRatio <= 0 || got.SizeRatio > most.ratio {
			t.Errorf("%s: logits differ by %g, size ratio %g", format, *d.LargestLogit, got.SizeRatio)
		}
	}
}

func TestBareWeights(t *testing.T) {
	t.Parallel()
	r := trained(t, 0)
	for _, f := range []export.Format{export.Safetensors, export.NPZ} {
		q := request(t, r, f)
		got, err := export.Export(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Checks) != 1 || !got.Checks[0].Made || got.Dice != nil {
			t.Errorf("%s: %+v", f, got)
		}
		w, err := weights.Open(q.Path, weights.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(w.Tensors()) == 0 || w.Metadata()["run"] != "brisk-otter-7f3a" || w.Metadata()["model"] != "segresnet" {
			t.Errorf("%s: %d tensors, %v", f, len(w.Tensors()), w.Metadata())
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The last checkpoint is taken where there is no best, without its optimiser.
func TestLastCheckpoint(t *testing.T) {
	t.Parallel()
	r := trained(t, 0)
	delete(r.Checkpoints, "best")
	q := request(t, r, export.Safetensors)
	got, err := export.Export(t.Context(), q)
	if err != nil || got.Checkpoint != "last" || got.Step != 60 {
		t.Errorf("%+v: %v", got, err)
	}
}

// Without ONNX Runtime the model is written, and said to be unchecked.
func TestWithoutRuntime(t *testing.T) {
	t.Parallel()
	q := request(t, trained(t, 0), export.ONNX)
	q.Verify.Library = filepath.Join(t.TempDir(), "none.so")
	got, err := export.Export(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(got.Checks, func(c export.Check) bool { return !c.Made })
	if i < 0 || !strings.Contains(got.Checks[i].Found, "make native") {
		t.Errorf("%+v", got.Checks)
	}
}

// When the time is up, what was not judged is said.
func TestNoTime(t *testing.T) {
	t.Parallel()
	q := request(t, trained(t, 1), export.ONNX)
	q.Verify.Time = 0
	got, err := export.Export(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if last := got.Checks[len(got.Checks)-1]; last.Made || !strings.Contains(last.Found, "takes longer than") || got.Dice != nil {
		t.Errorf("%+v", got)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"load", "judge"} {
		ctx, cancel := context.WithCancel(t.Context())
		q := request(t, trained(t, 2), export.ONNX)
		q.Progress = func(phase string, _, _ int) {
			if phase == at {
				cancel()
			}
		}
		if _, err := export.Export(ctx, q); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled in %s: %v", at, err)
		}
		if left := names(t, filepath.Dir(q.Path)); len(left) != 0 {
			t.Errorf("left behind: %q", left)
		}
		cancel()
	}
}

func TestExternalWeights(t *testing.T) {
	t.Parallel()
	q := request(t, trained(t, 0), export.ONNX)
	q.External = true
	got, err := export.Export(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Files) != 2 || got.Files[1].Path != q.Path+onnx.DataSuffix || got.Bytes() != got.Files[0].Bytes+got.Files[1].Bytes {
		t.Errorf("%+v", got.Files)
	}
}

func TestPathsRefused(t *testing.T) {
	t.Parallel()
	r := trained(t, 0)
	dir := t.TempDir()
	file := filepath.Join(dir, "old.onnx")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		filepath.Join(dir, "none", "m.onnx"): fs.ErrNotExist, filepath.Join(file, "m.onnx"): syscall.ENOTDIR, dir: export.ErrExists,
		file: export.ErrExists, "": export.ErrSource,
	} {
		for _, f := range export.Formats() {
			q := request(t, r, f)
			q.Path = path
			if _, err := export.Export(t.Context(), q); !errors.Is(err, want) && !strings.Contains(err.Error(), "is not a folder") {
				t.Errorf("%s to %q: %v", f, path, err)
			}
			if _, err := export.Measure(q); err == nil {
				t.Errorf("%s to %q: a preview does not say that it cannot be", f, path)
			}
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "old" {
		t.Errorf("the old file holds %q: %v", b, err)
	}
	q := request(t, r, export.Safetensors)
	q.Path, q.Overwrite = file, true
	if _, err := export.Export(t.Context(), q); err != nil {
		t.Errorf("asked to overwrite: %v", err)
	}
}

func TestSourcesRefused(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*runs.Run){
		"an evaluation":     func(r *runs.Run) { r.Spec.Kind = runs.KindEvaluate },
		"no checkpoint":     func(r *runs.Run) { r.Checkpoints = nil },
		"a lost checkpoint": func(r *runs.Run) { r.Dir += "x" },
		"an unknown model":  func(r *runs.Run) { r.Spec.Experiment = json.RawMessage(`{"model":{"name":"resnet"}}`) },
		"a script": func(r *runs.Run) {
			r.Spec.Experiment = json.RawMessage(`{"model":{"name":"torchscript","options":{"path":"x.ts"}}}`)
		},
		"no experiment": func(r *runs.Run) { r.Spec.Experiment = json.RawMessage(`[]`) },
	} {
		r := trained(t, 0)
		change(&r)
		if _, err := export.Open(r, ""); !errors.Is(err, export.ErrSource) {
			t.Errorf("%s: %v", what, err)
		}
	}
	q := request(t, trained(t, 0), "gguf")
	if _, err := export.Export(t.Context(), q); !errors.Is(err, export.ErrFormat) || !strings.Contains(err.Error(), "onnx-int8") {
		t.Errorf("an unknown format: %v", err)
	}
}

// A window that the network cannot take is refused with what would fit, before
// anything is written.
func TestUnfitWindow(t *testing.T) {
	t.Parallel()
	q := request(t, trained(t, 1), export.ONNX)
	q.Source.Experiment.Infer.Window = [3]int{8, 8, 9}
	for what, try := range map[string]func() error{
		"export":  func() error { _, err := export.Export(t.Context(), q); return err },
		"measure": func() error { _, err := export.Measure(q); return err },
	} {
		if err := try(); !errors.Is(err, adapter.ErrSize) || !strings.Contains(err.Error(), "axis z has 9, 8 or 10 would fit") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if left := names(t, filepath.Dir(q.Path)); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

// A network for images of several channels is run, but there is nothing to judge
// it on.
func TestSeveralChannels(t *testing.T) {
	t.Parallel()
	q := request(t, trained(t, 1), export.ONNX)
	a, err := models.New("segresnet", map[string]any{"in_channels": 3, "blocks_down": []int{1, 1}, "blocks_up": []int{1}})
	if err != nil {
		t.Fatal(err)
	}
	state, err := nntest.Weights(a.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.SaveCheckpoint(q.Source.Path, state, nil); err != nil {
		t.Fatal(err)
	}
	q.Source.Adapter = a
	got, err := export.Export(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if last := got.Checks[len(got.Checks)-1]; last.Made || !strings.Contains(last.Found, "several channels") || !strings.Contains(got.Checks[1].Found, "1×3×8×8×8") {
		t.Errorf("%+v", got.Checks)
	}
}

// Weights that another network owns, that are cut off or not finite are never
// exported.
func TestBadCheckpoints(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func([]byte) []byte{
		"cut off":     func(b []byte) []byte { return b[:len(b)-1] },
		"not finite":  func(b []byte) []byte { return append(b[:len(b)-4], 0, 0, 0xc0, 0x7f) },
		"another's":   func(b []byte) []byte { return bytes.Replace(b, []byte("convInit"), []byte("convFirs"), 1) },
		"no weights":  func([]byte) []byte { return nil },
		"a text file": func([]byte) []byte { return []byte("hello, world, this is no checkpoint") },
	} {
		r := trained(t, 0)
		path := filepath.Join(r.Dir, "checkpoints", "best.safetensors")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, change(b), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, f := range []export.Format{export.ONNX, export.Safetensors} {
			q := request(t, r, f)
			if _, err := export.Export(t.Context(), q); err == nil || !strings.Contains(err.Error(), "best.safetensors") {
				t.Errorf("%s as %s: %v", what, f, err)
			}
			if left := names(t, filepath.Dir(q.Path)); len(left) != 0 {
				t.Errorf("%s: left behind: %q", what, left)
			}
		}
	}
}
