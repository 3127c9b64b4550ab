package train

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/volume"
)

// An evaluation predicts, scores and saves each volume, and sums up.
func TestEvaluate(t *testing.T) {
	volumes := balls(t)
	e := tiny()
	e.Train.Epochs, e.Train.LearningRate, e.Train.PatchSize = 10, 3e-3, [3]int{16, 16, 8}
	trained := folder(t, e, volumes)
	if _, err := run(t.Context(), trained); err != nil {
		t.Fatal(err)
	}
	best := filepath.Join(trained, runs.CheckpointsDir, "best.safetensors")
	spec := runs.Spec{
		Kind: runs.KindEvaluate, Model: "segresnet", Dataset: runs.DatasetRef{Name: "balls", Volumes: volumes},
		Evaluate: &runs.EvaluateSpec{Run: filepath.Base(trained), Checkpoint: best, Split: "test", Tolerance: 1},
	}
	dir := folderOf(t, spec)
	n, err := run(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	cases := of[runs.Case](t, n, runs.EventCase)
	if len(cases) != 1 || cases[0].Volume != "d" || !(cases[0].Values["dice"] > 0.5) {
		t.Fatalf("%+v", cases)
	}
	f := of[runs.Finished](t, n, runs.EventFinished)[0]
	for name, v := range cases[0].Values {
		if f.Summary["test/"+name] != v {
			t.Errorf("the mean of one volume's %s is %v, not %v", name, f.Summary["test/"+name], v)
		}
	}
	if l := cases[0].Labels; len(l) != 1 || l[0].Label != 1 || cmp.Diff(cases[0].Values, l[0].Values) != "" || cases[0].Definition != "minivess" || cases[0].Unit != "um" {
		t.Errorf("%+v", cases[0])
	}
	if len(cases[0].Values) != 4 || f.Summary["test/volumes"] != 1 {
		t.Errorf("%+v, %+v", cases[0], f)
	}
	a := of[runs.Artifact](t, n, runs.EventArtifact)
	if len(a) != 1 || a[0].Path != "artifacts/predictions/d.nii.gz" {
		t.Fatalf("%+v", a)
	}
	sameGrid(t, filepath.Join(dir, a[0].Path), volumes[3].Image)

	spec.Evaluate.Split = "dev"
	if f := failure(t, folderOf(t, spec)); f.Code != CodeBadSpec || !strings.Contains(f.Error, "no volumes in split") {
		t.Errorf("%+v", f)
	}
	spec.Evaluate.Split, spec.Evaluate.Checkpoint = "test", volumes[0].Image
	if f := failure(t, folderOf(t, spec)); f.Code != CodeCheckpoint || !strings.Contains(f.Error, volumes[0].Image) {
		t.Errorf("%+v", f)
	}
	spec.Evaluate.Checkpoint = best + ".gone"
	if f := failure(t, folderOf(t, spec)); f.Code != CodeCheckpoint {
		t.Errorf("%+v", f)
	}
}

// sameGrid checks that a prediction lies where its image does.
func sameGrid(t *testing.T, prediction, image string) {
	t.Helper()
	l, err := volume.ReadLabels(t.Context(), prediction, volume.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := volume.Read(t.Context(), image, volume.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if l.Shape != v.Shape || l.Spacing != v.Spacing || l.Unit != v.Unit {
		t.Errorf("%v %v %q, the image has %v %v %q", l.Shape, l.Spacing, l.Unit, v.Shape, v.Spacing, v.Unit)
	}
	if diff := cmp.Diff(v.Affine, l.Affine); diff != "" {
		t.Error(diff)
	}
}

func TestFileNames(t *testing.T) {
	t.Parallel()
	got := fileNames([]runs.VolumeRef{{ID: "a/b"}, {ID: "a_b"}, {ID: "a_b-2"}, {ID: "c"}})
	if diff := cmp.Diff([]string{"a_b.nii.gz", "a_b-2.nii.gz", "a_b-2-2.nii.gz", "c.nii.gz"}, got); diff != "" {
		t.Error(diff)
	}
	for id, want := range map[string]string{"mv07": "mv07", "../x": "_.._x", "a/b\x1b[0m": "a_b__0m", "": "_", "Ä": "_"} {
		if got := fileName(id); got != want {
			t.Errorf("%q becomes %q, want %q", id, got, want)
		}
	}
}
