package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/volume"
	"github.com/minivess/minivess/engine/workspace"
)

// judgedVolumes is how many volumes there are to judge: at a third of a second
// or so each, a worker is far from its end when it is killed.
const judgedVolumes = 6

// toJudge writes the volumes of a test split, each with other balls in it.
func toJudge(t *testing.T) runs.DatasetRef {
	t.Helper()
	dir := t.TempDir()
	const side = 32
	d := runs.DatasetRef{Name: "balls", Digest: "y"}
	for i := range judgedVolumes {
		id := fmt.Sprintf("v%d", i)
		ref := runs.VolumeRef{
			ID: id, Split: "test", Shape: [3]int{side, side, side}, Spacing: [3]float64{1, 1, 1}, Unit: "um",
			Image: filepath.Join(dir, id+".nii"), Label: filepath.Join(dir, id+"_seg.nii"),
		}
		v := volume.Volume{Shape: ref.Shape, Spacing: ref.Spacing, Unit: ref.Unit, Data: make([]float32, side*side*side)}
		l := volume.Labels{Shape: ref.Shape, Spacing: ref.Spacing, Unit: ref.Unit, Data: make([]uint8, side*side*side)}
		for at := range v.Data {
			x, y, z := at%side-side/2, at/side%side-side/2, at/side/side-side/2
			if x*x+y*y+z*z < (6+i)*(6+i) {
				l.Data[at], v.Data[at] = 1, 10
			}
			v.Data[at] += float32(at * (7 + i) % 5)
		}
		if err := volume.Write(t.Context(), ref.Image, &v, volume.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := volume.WriteLabels(t.Context(), ref.Label, &l, volume.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		d.Volumes = append(d.Volumes, ref)
	}
	return d
}

// newEvaluation makes a workspace with an evaluation of a trained run.
func newEvaluation(t *testing.T, trained string, d runs.DatasetRef) string {
	t.Helper()
	ws, err := workspace.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(experiment())
	if err != nil {
		t.Fatal(err)
	}
	dir, err := runs.Create(ws, runs.Spec{
		Kind: runs.KindEvaluate, Model: config.Default().Model.Name, Dataset: d, Experiment: b,
		Evaluate: &runs.EvaluateSpec{
			Run: filepath.Base(trained), Checkpoint: filepath.Join(trained, runs.CheckpointsDir, "last.safetensors"), Split: "test", Tolerance: 2, Metrics: []string{"dice", "hd95"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// untilJudged waits for so many volumes to have been judged.
func untilJudged(t *testing.T, dir string, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	n := 0
	for r, err := range journal.Tail(ctx, filepath.Join(dir, runs.EventsFile), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind == runs.EventFailed {
			t.Fatalf("the worker failed: %s", r.Data)
		}
		if r.Kind == runs.EventCase {
			if n++; n == want {
				return
			}
		}
	}
	t.Fatalf("%d volumes were judged, waited for %d", n, want)
}

// scores are what a run's journal says of each volume, in its order, and of
// their means.
func scores(t *testing.T, dir string) (cases []runs.Case, means map[string]runs.Number) {
	t.Helper()
	for _, r := range records(t, dir) {
		switch r.Kind {
		case runs.EventCase:
			var c runs.Case
			if err := r.Decode(&c); err != nil {
				t.Fatal(err)
			}
			cases = append(cases, c)
		case runs.EventFinished:
			var f runs.Finished
			if err := r.Decode(&f); err != nil {
				t.Fatal(err)
			}
			means = f.Summary
		}
	}
	return cases, means
}

// predictions are the digests of the predicted volumes in a run's folder.
func predictions(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, runs.ArtifactsDir, "predictions", "*"))
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for _, f := range files {
		sum, _, err := runs.Digest(f)
		if err != nil {
			t.Fatal(err)
		}
		sums[filepath.Base(f)] = sum
	}
	return sums
}

// An evaluation whose worker is killed without warning, again after it was
// resumed, and once with half a prediction left behind, judges each volume
// once and comes to what one that was left alone comes to.
func TestKilledEvaluationJudgesEachVolumeOnce(t *testing.T) {
	t.Parallel()
	e := experiment()
	e.Train.Epochs = 1
	trained := newRun(t, e, data(t))
	if code, output := runWorker(t, "--run", trained); code != 0 {
		t.Fatalf("training: exit code %d: %s", code, output)
	}
	volumes := toJudge(t)
	whole, killed := newEvaluation(t, trained, volumes), newEvaluation(t, trained, volumes)
	if code, output := runWorker(t, "--run", whole); code != 0 {
		t.Fatalf("exit code %d: %s", code, output)
	}
	for _, judged := range []int{1, 3} {
		kill := start(t, killed)
		untilJudged(t, killed, judged)
		if code := kill(syscall.SIGKILL); code != -1 {
			t.Fatalf("the worker ended by itself with %d before it could be killed", code)
		}
	}
	before, _ := scores(t, killed)
	half := filepath.Join(killed, runs.ArtifactsDir, "predictions", fmt.Sprintf("v%d.nii.gz", len(before)))
	if err := os.WriteFile(half, []byte("half"), 0o600); err != nil { // as a kill may leave it on another file system
		t.Fatal(err)
	}
	if code, output := runWorker(t, "--run", killed); code != 0 {
		t.Fatalf("resumed: exit code %d: %s", code, output)
	}
	want, wantMeans := scores(t, whole)
	got, means := scores(t, killed)
	if diff := cmp.Diff(want, got); diff != "" || len(got) != judgedVolumes {
		t.Errorf("%d volumes judged (-left alone +killed):\n%s", len(got), diff)
	}
	if !slices.EqualFunc(before, got[:len(before)], func(a, b runs.Case) bool { return cmp.Equal(a, b) }) {
		t.Errorf("what was judged before the kill did not stay")
	}
	if diff := cmp.Diff(wantMeans, means); diff != "" || means == nil {
		t.Errorf("means: %s", diff)
	}
	if diff := cmp.Diff(predictions(t, whole), predictions(t, killed)); diff != "" {
		t.Errorf("predictions: %s", diff)
	}
}
