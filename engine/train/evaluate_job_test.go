package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/volume"
)

// testSplit makes all volumes test volumes.
func testSplit(volumes []runs.VolumeRef) []runs.VolumeRef {
	all := slices.Clone(volumes)
	for i := range all {
		all[i].Split = "test"
	}
	return all
}

// judging is an evaluation in a run folder of a workspace, so that it can be
// resumed and reported.
func judging(t *testing.T, checkpoint string, volumes []runs.VolumeRef, names ...string) runs.Spec {
	t.Helper()
	return runs.Spec{
		Kind: runs.KindEvaluate, Model: "segresnet", Dataset: runs.DatasetRef{Name: "balls", Volumes: volumes},
		Evaluate: &runs.EvaluateSpec{Run: "calm-heron-0001", Checkpoint: checkpoint, Split: "test", Tolerance: 2, Metrics: names},
	}
}

func workFolder(t *testing.T, spec runs.Spec) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "runs", "keen-kite-0002")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	spec.Schema, spec.RunID = runs.SpecSchema, filepath.Base(dir)
	b, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, runs.SpecFile), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// attempt does the job in dir with a journal on disk, and gives what this
// attempt wrote. Each sees every record.
func attempt(ctx context.Context, t *testing.T, dir string, memory int64, each func(kind string, data any)) (*notes, error) {
	t.Helper()
	w, err := journal.OpenWriter(t.Context(), filepath.Join(dir, runs.EventsFile), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := &notes{each: each}
	d := deps(n)
	d.Journal, d.Memory = both{w, n}, memory
	err = Run(ctx, dir, d)
	if cerr := w.Close(); cerr != nil {
		t.Fatal(cerr)
	}
	return n, err
}

// judgedVolumes are those that the records are about, in their order.
func judgedVolumes(t *testing.T, n *notes) []string {
	t.Helper()
	var ids []string
	for _, c := range of[runs.Case](t, n, runs.EventCase) {
		ids = append(ids, c.Volume)
	}
	return ids
}

// Every metric that can be chosen is measured, its mean is the mean of the
// volumes, and what is written down does not depend on the memory at hand.
func TestEvaluateByEveryMetric(t *testing.T) {
	volumes := testSplit(balls(t))
	spec := judging(t, trainedOn(t, slim(), balls(t)), volumes, append(metrics.Families(), "probability", "uncertainty", "hd90")...)
	var before []runs.Case
	for _, memory := range []int64{1, 1 << 30} {
		n, err := attempt(t.Context(), t, workFolder(t, spec), memory, nil)
		if err != nil {
			t.Fatal(err)
		}
		cases := of[runs.Case](t, n, runs.EventCase)
		if got := judgedVolumes(t, n); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
			t.Fatalf("judged %v", got)
		}
		if diff := cmp.Diff(before, cases); before != nil && diff != "" {
			t.Errorf("with more memory: %s", diff)
		}
		before = cases
		want := append(metrics.Choice(), "hd90")
		slices.Sort(want)
		f := of[runs.Finished](t, n, runs.EventFinished)[0]
		for _, c := range cases {
			names := slices.Collect(maps.Keys(c.Values))
			for name := range c.Excluded {
				names = append(names, name)
			}
			slices.Sort(names)
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("%s: %s", c.Volume, diff)
			}
		}
		for name, m := range meansOf(cases).values {
			if f.Summary["test/"+name] != m {
				t.Errorf("the mean %s is %v, not %v", name, f.Summary["test/"+name], m)
			}
		}
		if f.Summary["test/volumes"] != 4 || f.Reason != "all 4 volumes judged" {
			t.Errorf("%+v", f)
		}
	}
}

// An evaluation that is told to stop goes on after the volumes that are judged,
// as long as their predictions are what was written, and ends as one that was
// never stopped.
func TestEvaluateResumes(t *testing.T) {
	volumes := testSplit(balls(t))
	spec := judging(t, trainedOn(t, slim(), balls(t)), volumes, "dice", "nsd", "brier")
	whole, err := attempt(t.Context(), t, workFolder(t, spec), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := workFolder(t, spec)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first, err := attempt(ctx, t, dir, 1, func(_ string, data any) {
		if c, ok := data.(runs.Case); ok && c.Volume == "b" {
			cancel()
		}
	})
	if !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	if last := first.all[len(first.all)-1]; last.Kind != runs.EventCheckpointed {
		t.Errorf("the last record is %s", last.Kind)
	}
	if got := judgedVolumes(t, first); !slices.Equal(got, []string{"a", "b"}) {
		t.Fatalf("judged %v before the stop", got)
	}
	// Somebody writes over one of the two predictions.
	if err := os.WriteFile(filepath.Join(dir, "artifacts", "predictions", "a.nii.gz"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	second, err := attempt(t.Context(), t, dir, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := judgedVolumes(t, second); !slices.Equal(got, []string{"a", "c", "d"}) {
		t.Errorf("the second attempt judged %v", got)
	}
	want, got := of[runs.Finished](t, whole, runs.EventFinished)[0], of[runs.Finished](t, second, runs.EventFinished)[0]
	want.Seconds = got.Seconds
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	progress := of[runs.Progress](t, second, runs.EventProgress)
	if p := progress[0]; p.Phase != "evaluate" || p.Done != 1 || p.Total != 4 {
		t.Errorf("the second attempt begins at %+v", p)
	}
}

// A volume that cannot be judged is written down with the reason, the others
// are judged all the same, no mean passes over it, and when it is mended it alone
// is judged.
func TestABadVolumeIsNotPassedOver(t *testing.T) {
	volumes := testSplit(balls(t))
	spec := judging(t, trainedOn(t, slim(), balls(t)), volumes, "dice", "ece")
	good, err := os.ReadFile(volumes[1].Image)
	if err != nil {
		t.Fatal(err)
	}
	v, err := volume.Read(t.Context(), volumes[1].Image, volume.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	v.Data[7] = float32(math.NaN())
	if err := volume.Write(t.Context(), volumes[1].Image, v, volume.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	label := volumes[3].Label
	if err := os.Rename(label, label+".gone"); err != nil {
		t.Fatal(err)
	}
	dir := workFolder(t, spec)
	n, err := attempt(t.Context(), t, dir, 0, nil)
	if err == nil {
		t.Fatal("the job succeeded")
	}
	cases := of[runs.Case](t, n, runs.EventCase)
	if got := judgedVolumes(t, n); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Fatalf("judged %v", got)
	}
	for i, c := range cases {
		bad := i == 1 || i == 3
		if bad != (c.Failure != nil) || bad && (c.Failure.Code != CodeBadInput || len(c.Values) > 0 || !strings.HasPrefix(c.Excluded["dice"], "not judged: ") || c.Excluded["ece"] == "" || c.Labels[0].Excluded["dice"] == "") {
			t.Errorf("%+v", c)
		}
	}
	f := of[runs.Failed](t, n, runs.EventFailed)[0]
	if f.Code != CodeVolumes || !strings.HasPrefix(f.Error, `2 of 4 volumes could not be judged: "b": `) || !strings.Contains(f.Error, `"d": `) || !strings.Contains(f.Hint, "resume") {
		t.Errorf("%+v", f)
	}
	if m := of[runs.Metric](t, n, runs.EventMetric); len(m) != 0 {
		t.Errorf("a mean over the others: %+v", m)
	}
	if err := errors.Join(os.Rename(label+".gone", label), os.WriteFile(volumes[1].Image, good, 0o600)); err != nil {
		t.Fatal(err)
	}
	if n, err = attempt(t.Context(), t, dir, 0, nil); err != nil {
		t.Fatal(err)
	}
	if got := judgedVolumes(t, n); !slices.Equal(got, []string{"b", "d"}) {
		t.Errorf("the second attempt judged %v", got)
	}
	if f := of[runs.Finished](t, n, runs.EventFinished)[0]; f.Summary["test/volumes"] != 4 {
		t.Errorf("%+v", f)
	}
}

// A folder that cannot be written to is the fault of each volume; a disk that is
// full ends the job, since no other volume would fare better.
func TestWhatCannotBeSaved(t *testing.T) {
	volumes := testSplit(balls(t))
	dir := workFolder(t, judging(t, trainedOn(t, slim(), balls(t)), volumes, "dice"))
	if err := os.MkdirAll(filepath.Join(dir, "artifacts"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "artifacts", "predictions"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := attempt(t.Context(), t, dir, 0, nil)
	if err == nil {
		t.Fatal("the job succeeded")
	}
	if f := of[runs.Failed](t, n, runs.EventFailed)[0]; f.Code != CodeVolumes || !strings.Contains(f.Error, "4 of 4 volumes") || !strings.Contains(f.Error, "save the prediction") {
		t.Errorf("%+v", f)
	}
	v := &evaluation{job: &job{report: newReporter(n)}}
	for err, want := range map[error]bool{syscall.ENOSPC: true, syscall.EDQUOT: true, syscall.EFBIG: true, syscall.EROFS: true, syscall.ENOTDIR: false, errTorch: false} {
		if v.lasting(t.Context(), fmt.Errorf("save: %w", err)) != want {
			t.Errorf("%v ends the job: %v", err, !want)
		}
	}
}

// What is asked for is checked before a volume is read.
func TestBadEvaluations(t *testing.T) {
	volumes := testSplit(balls(t))
	checkpoint := trainedOn(t, slim(), balls(t))
	for name, c := range map[string]struct {
		metric string
		ignore uint8
		want   string
	}{
		"an unknown metric":     {"dise", 255, "did you mean dice?"},
		"ignored background":    {"dice", 0, "evaluate.ignore is 0"},
		"the only label":        {"dice", 1, "nothing is left to judge"},
		"a percentile too high": {"hd100", 255, "unknown metric"},
	} {
		spec := judging(t, checkpoint, volumes, c.metric)
		spec.Evaluate.Ignore = &c.ignore
		if f := failure(t, folderOf(t, spec)); f.Code != CodeBadSpec || !strings.Contains(f.Error, c.want) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// The voxels of a label that is not judged count for nothing, whatever the
// network says of them.
func TestEvaluateIgnoresALabel(t *testing.T) {
	dir := t.TempDir()
	shape := [3]int{16, 12, 10}
	inner := ball(shape)
	half := func(x, y, z int) uint8 {
		if x < 8 {
			return 255
		}
		return inner(x, y, z)
	}
	volumes := []runs.VolumeRef{save(t, dir, "half", "test", shape, inner)}
	volumes[0].Label = save(t, t.TempDir(), "half", "test", shape, half).Label
	ignore := uint8(255)
	spec := judging(t, trainedOn(t, slim(), balls(t)), volumes, "dice", "recall", "brier")
	value := map[bool]runs.Case{}
	for _, on := range []bool{true, false} {
		if spec.Evaluate.Ignore = nil; on {
			spec.Evaluate.Ignore = &ignore
		}
		n, err := run(t.Context(), workFolder(t, spec))
		if err != nil {
			t.Fatal(err)
		}
		value[on] = of[runs.Case](t, n, runs.EventCase)[0]
	}
	if n := value[true].IgnoredVoxels; n != 8*12*10 || value[false].IgnoredVoxels != 0 {
		t.Errorf("%d voxels are left out, %d without the label", n, value[false].IgnoredVoxels)
	}
	if cmp.Equal(value[true].Values, value[false].Values) {
		t.Errorf("the label changes nothing: %v", value[true].Values)
	}
}

// Of several labels each has scores of its own beside their mean, in the journal
// and in the summary, and probabilities of all classes are judged.
func TestEvaluateSeveralLabels(t *testing.T) {
	shape := [3]int{16, 12, 10}
	inner := ball(shape)
	two := func(x, y, z int) uint8 {
		if inner(x, y, z) != 0 && x < shape[0]/2 {
			return 2
		}
		return inner(x, y, z)
	}
	dir := t.TempDir()
	volumes := []runs.VolumeRef{save(t, dir, "a", "train", shape, two), save(t, dir, "b", "train", shape, two), save(t, dir, "c", "val", shape, two)}
	e := slim()
	e.Model.OutChannels = 3
	checkpoint := trainedOn(t, e, volumes)
	n, err := attempt(t.Context(), t, workFolder(t, judging(t, checkpoint, testSplit(volumes[2:]), "dice", "hd95", "brier")), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, f := of[runs.Case](t, n, runs.EventCase)[0], of[runs.Finished](t, n, runs.EventFinished)[0]
	if len(c.Labels) != 2 || c.Labels[0].Label != 1 || c.Labels[1].Label != 2 || len(c.Labels[1].Values) != 2 {
		t.Fatalf("%+v", c)
	}
	if mean := (c.Labels[0].Values["dice"] + c.Labels[1].Values["dice"]) / 2; math.Abs(float64(mean-c.Values["dice"])) > 1e-12 {
		t.Errorf("the mean of %v and %v is %v", c.Labels[0].Values["dice"], c.Labels[1].Values["dice"], c.Values["dice"])
	}
	for _, name := range []string{"test/dice", "test/dice_1", "test/dice_2", "test/hd95_2", "test/brier"} {
		if _, ok := f.Summary[name]; !ok {
			t.Errorf("the summary lacks %s: %v", name, f.Summary)
		}
	}
	if _, ok := f.Summary["test/brier_1"]; ok {
		t.Errorf("%v", f.Summary)
	}
}
