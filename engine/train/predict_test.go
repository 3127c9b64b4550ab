package train

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn/onnx"
	"github.com/minivess/minivess/engine/nn/ort/orttest"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/volume"
)

// trainedOn makes a run with a few steps and gives its best checkpoint.
func trainedOn(t *testing.T, e config.Experiment, volumes []runs.VolumeRef) (checkpoint string) {
	t.Helper()
	dir := folder(t, e, volumes)
	if _, err := run(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, runs.CheckpointsDir, "best.safetensors")
}

// predictSpec asks for the labels of volumes.
func predictSpec(t *testing.T, e config.Experiment, out string, volumes ...runs.VolumeRef) runs.Spec {
	t.Helper()
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	p := &runs.PredictSpec{}
	for _, v := range volumes {
		p.Inputs = append(p.Inputs, runs.PredictInput{ID: v.ID, Image: v.Image, Output: filepath.Join(out, v.ID+".nii.gz")})
	}
	return runs.Spec{Kind: runs.KindPredict, Model: e.Model.Name, Experiment: b, Predict: p}
}

func readLabels(t *testing.T, path string) *volume.Labels {
	t.Helper()
	l, err := volume.ReadLabels(t.Context(), path, volume.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A prediction labels images that have no labels, as an evaluation would, and
// says how sure it is.
func TestPredict(t *testing.T) {
	volumes := balls(t)
	e := slim()
	e.Train.Epochs, e.Train.LearningRate, e.Train.PatchSize = 6, 3e-3, [3]int{16, 16, 8}
	checkpoint := trainedOn(t, e, volumes)
	judged := folderOf(t, runs.Spec{
		Kind: runs.KindEvaluate, Model: "segresnet", Dataset: runs.DatasetRef{Name: "balls", Volumes: volumes},
		Evaluate: &runs.EvaluateSpec{Run: "calm-heron-0001", Checkpoint: checkpoint, Split: "test"},
	})
	if _, err := run(t.Context(), judged); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	spec := predictSpec(t, e, out, volumes[3], volumes[1])
	spec.Predict.Run, spec.Predict.Checkpoint = "calm-heron-0001", checkpoint
	sum, _, err := runs.Digest(volumes[3].Image)
	if err != nil {
		t.Fatal(err)
	}
	spec.Predict.Inputs[0].Probabilities, spec.Predict.Inputs[0].ImageSHA256 = filepath.Join(out, "p.nii.gz"), sum
	n, err := run(t.Context(), folderOf(t, spec))
	if err != nil {
		t.Fatal(err)
	}
	got, want := readLabels(t, filepath.Join(out, "d.nii.gz")), readLabels(t, filepath.Join(judged, "artifacts", "predictions", "d.nii.gz"))
	if diff := cmp.Diff(want.Data, got.Data); diff != "" || !bytes.Contains(got.Data, []byte{1}) {
		t.Errorf("the labels are not those of the evaluation:\n%s", diff)
	}
	sameGrid(t, filepath.Join(out, "d.nii.gz"), volumes[3].Image)
	sameGrid(t, filepath.Join(out, "b.nii.gz"), volumes[1].Image)
	p, err := volume.Read(t.Context(), spec.Predict.Inputs[0].Probabilities, volume.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range p.Data {
		if (v > 0.5) != (got.Data[i] == 1) || !(v >= 0 && v <= 1) {
			t.Fatalf("voxel %d: probability %v, label %d", i, v, got.Data[i])
		}
	}
	a := of[runs.Artifact](t, n, runs.EventArtifact)
	if len(a) != 3 || a[0].Role != roleProbability || a[1].Path != filepath.Join(out, "d.nii.gz") || a[1].SHA256 == "" {
		t.Errorf("%+v", a)
	}
	progress := of[runs.Progress](t, n, runs.EventProgress)
	if last := progress[len(progress)-1]; last.Phase != "predict" || last.Done != last.Total || last.Total < 3 {
		t.Errorf("%+v", last)
	}
	if f := of[runs.Finished](t, n, runs.EventFinished); f[0].Summary["predict/volumes"] != 2 || f[0].Reason != "all 2 volumes predicted" {
		t.Errorf("%+v", f)
	}
}

// A prediction that was stopped leaves no half-written file, and goes on with
// what is missing.
func TestPredictResumes(t *testing.T) {
	volumes := balls(t)
	e := slim()
	out := t.TempDir()
	spec := predictSpec(t, e, out, volumes...)
	spec.Predict.Run, spec.Predict.Checkpoint = "calm-heron-0001", trainedOn(t, e, volumes)
	dir := folderOf(t, spec)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w, err := journal.OpenWriter(t.Context(), filepath.Join(dir, runs.EventsFile), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	first := &notes{each: func(kind string, _ any) {
		if kind == runs.EventArtifact {
			cancel()
		}
	}}
	d := deps(first)
	d.Journal = both{w, first}
	if err := Run(ctx, dir, d); !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(out)
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files after the stop, want 1: %v", len(files), err)
	}
	second, err := run(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if a := of[runs.Artifact](t, second, runs.EventArtifact); len(a) != 3 {
		t.Errorf("%d files were written by the second attempt, want 3", len(a))
	}
}

// both writes to two journals.
type both [2]Journal

func (b both) Append(kind string, data any) (journal.Record, error) {
	if _, err := b[0].Append(kind, data); err != nil {
		return journal.Record{}, err
	}
	return b[1].Append(kind, data)
}

// Networks in files predict as they are.
func TestPredictWithFiles(t *testing.T) {
	volumes := balls(t)
	e := slim()
	e.Train.PatchSize = [3]int{16, 16, 8}
	checkpoint := trainedOn(t, e, volumes)
	out := t.TempDir()
	spec := predictSpec(t, e, out, volumes[2])
	spec.Predict.Run, spec.Predict.Checkpoint = "calm-heron-0001", checkpoint
	if _, err := run(t.Context(), folderOf(t, spec)); err != nil {
		t.Fatal(err)
	}
	want := readLabels(t, filepath.Join(out, "c.nii.gz"))

	m, err := models.New("segresnet", e.Model.Options())
	if err != nil {
		t.Fatal(err)
	}
	state, err := m.LoadCheckpoint(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := m.ExportONNX(&b, state, onnx.Spec{Patch: e.Train.PatchSize}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "net.onnx")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, script("good")} {
		out := t.TempDir()
		spec := predictSpec(t, e, out, volumes[2])
		spec.Predict.Model = path
		n := &notes{}
		d := deps(n)
		d.Native = filepath.Dir(filepath.Dir(orttest.Library(t)))
		if err := Run(t.Context(), folderOf(t, spec), d); err != nil {
			t.Fatal(err)
		}
		got := readLabels(t, filepath.Join(out, "c.nii.gz"))
		if path == file && !bytes.Equal(want.Data, got.Data) {
			t.Error("the ONNX file's labels are not the checkpoint's")
		}
		if got.Shape != volumes[2].Shape {
			t.Errorf("%s: shape %v", path, got.Shape)
		}
	}
}

// script is the path of a TorchScript file of scripts/peers/script_fixture.py.
func script(name string) string {
	path, err := filepath.Abs(filepath.Join("..", "nn", "torch", "testdata", "script", name+".ts"))
	if err != nil {
		panic(err)
	}
	return path
}

// What cannot be predicted is refused before anything is written, saying why.
func TestBadPredictions(t *testing.T) {
	volumes := balls(t)
	e := slim()
	checkpoint := trainedOn(t, e, volumes)
	dir := t.TempDir()
	text, sick := filepath.Join(dir, "text.ts"), filepath.Join(dir, "sick.nii.gz")
	if err := os.WriteFile(text, []byte("not a network"), 0o600); err != nil {
		t.Fatal(err)
	}
	v := volume.Volume{Shape: [3]int{2, 2, 2}, Spacing: [3]float64{1, 1, 1}, Data: []float32{1, 2, 3, 4, 5, 6, 7, float32(math.NaN())}}
	if err := volume.Write(t.Context(), sick, &v, volume.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*runs.PredictSpec)
		code   string
		want   string
	}{
		{"output exists", func(p *runs.PredictSpec) { p.Inputs[0].Output = volumes[1].Image }, CodeBadInput, "is there already"},
		{"no image", func(p *runs.PredictSpec) { p.Inputs[0].Image += ".gone" }, CodeBadInput, "gone"},
		{"changed image", func(p *runs.PredictSpec) { p.Inputs[0].ImageSHA256 = strings.Repeat("0", 64) }, CodeBadInput, "has changed since the launch"},
		{"NaN in the image", func(p *runs.PredictSpec) { p.Inputs[0].Image = sick }, CodeBadInput, "sick.nii.gz"},
		{"no folder", func(p *runs.PredictSpec) { p.Inputs[0].Output = filepath.Join(dir, "none", "x.nii.gz") }, CodeBadInput, "save the prediction"},
		{"no checkpoint", func(p *runs.PredictSpec) { p.Checkpoint += ".gone" }, CodeCheckpoint, "gone"},
		{"no network", func(p *runs.PredictSpec) { p.Run, p.Checkpoint, p.Model = "", "", text }, CodeBadSpec, "not a TorchScript network"},
		{"two channels", func(p *runs.PredictSpec) { p.Run, p.Checkpoint, p.Model = "", "", script("channels") }, CodeBadSpec, "to have 2 channels"},
		{"wrong output", func(p *runs.PredictSpec) { p.Run, p.Checkpoint, p.Model = "", "", script("halving") }, CodeBadSpec, "want (N, classes, X, Y, Z)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := t.TempDir()
			spec := predictSpec(t, e, out, volumes[0])
			spec.Predict.Run, spec.Predict.Checkpoint = "calm-heron-0001", checkpoint
			c.change(spec.Predict)
			if f := failure(t, folderOf(t, spec)); f.Code != c.code || !strings.Contains(f.Error, c.want) || f.Hint == "" {
				t.Errorf("got %+v\nwant code %s and %q", f, c.code, c.want)
			}
			if files, err := os.ReadDir(out); err != nil || len(files) > 0 {
				t.Errorf("%d files were written: %v", len(files), err)
			}
		})
	}
	overwritten := predictSpec(t, e, dir, volumes[0])
	overwritten.Predict.Run, overwritten.Predict.Checkpoint = "calm-heron-0001", checkpoint
	in := &overwritten.Predict.Inputs[0]
	in.Output, in.Overwrite = sick, true
	if _, err := run(t.Context(), folderOf(t, overwritten)); err != nil {
		t.Error(err)
	}
	if l := readLabels(t, sick); l.Shape != volumes[0].Shape {
		t.Errorf("shape %v", l.Shape)
	}
}
