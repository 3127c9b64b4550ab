package collect_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/report"
	"github.com/minivess/minivess/engine/report/collect"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/runs/runstest"
	"github.com/minivess/minivess/engine/volume"
	"github.com/minivess/minivess/engine/workspace"
)

var (
	began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	shape = [3]int{8, 6, 4}
)

// bench is a workspace with a trained run and four volumes on disk.
type bench struct {
	ws      *workspace.Workspace
	volumes []runs.VolumeRef
	trained string // folder
}

func newBench(t *testing.T) bench {
	t.Helper()
	ws, err := workspace.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := bench{ws: ws}
	dir := t.TempDir()
	for i := range 4 {
		id := fmt.Sprintf("mv%02d", i+1)
		ref := runs.VolumeRef{
			ID: id, Image: filepath.Join(dir, id+".nii.gz"), Label: filepath.Join(dir, id+"_seg.nii.gz"),
			Shape: shape, Spacing: [3]float64{0.5, 0.5, 2}, Unit: "um", Split: "test",
		}
		v := &volume.Volume{Shape: shape, Spacing: ref.Spacing, Unit: "um", Data: make([]float32, 8*6*4)}
		for j := range v.Data {
			v.Data[j] = float32(j % 17)
		}
		if err := volume.Write(t.Context(), ref.Image, v, volume.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		labels(t, ref.Label, func(j int) uint8 { return uint8(j % 3) })
		ref.ImageSHA256, ref.LabelSHA256 = digest(t, ref.Image), digest(t, ref.Label)
		b.volumes = append(b.volumes, ref)
	}
	b.trained = runstest.Create(t, b.ws, runs.Spec{RunID: "brisk-otter-7f3a", Name: "first", Kind: runs.KindTrain, Model: "segresnet", Created: began},
		runs.EventStarted, runs.Started{},
		runs.EventCheckpoint, runs.Checkpoint{Path: "checkpoints/best.safetensors", Role: "best", Step: 40, Epoch: 2, SHA256: "abc"},
		runs.EventFinished, runs.Finished{Step: 60, Epoch: 3})
	return b
}

func labels(t *testing.T, file string, at func(int) uint8) {
	t.Helper()
	l := &volume.Labels{Shape: shape, Spacing: [3]float64{0.5, 0.5, 2}, Unit: "um", Data: make([]uint8, 8*6*4)}
	for j := range l.Data {
		l.Data[j] = at(j)
	}
	if err := volume.WriteLabels(t.Context(), file, l, volume.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func digest(t *testing.T, file string) string {
	t.Helper()
	sum, _, err := runs.Digest(file)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// judging is the specification of an evaluation of the trained run.
func (b bench) judging(id string) runs.Spec {
	return runs.Spec{
		RunID: id, Kind: runs.KindEvaluate, Model: "segresnet", Created: began.Add(time.Hour),
		Dataset: runs.DatasetRef{Name: "toy", Digest: "sha256:99", Volumes: b.volumes},
		Evaluate: &runs.EvaluateSpec{
			Run: "brisk-otter-7f3a", Checkpoint: filepath.Join(b.trained, "checkpoints", "best.safetensors"), Split: "test",
			Metrics: []string{"dice", "hd95", "nsd"}, Tolerance: 2,
		},
	}
}

// judged are the records of one volume, and the prediction on disk.
func (b bench) judged(t *testing.T, run, volume string, dice float64) []any {
	t.Helper()
	name := path.Join(runs.ArtifactsDir, "predictions", volume+".nii.gz")
	file := filepath.Join(b.ws.Run(run), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	labels(t, file, func(j int) uint8 { return uint8(j % 2) })
	return []any{
		runs.EventArtifact,
		runs.Artifact{Path: name, Role: "prediction", SHA256: digest(t, file)},
		runs.EventCase,
		runs.Case{
			Volume: volume, Split: "test", Definition: "minivess", Unit: "um", Tolerance: 2,
			Values: map[string]runs.Number{"dice": runs.Number(dice), "hd95": 3}, ByPolicy: map[string]string{"hd95": "both masks are empty"},
			Labels: []runs.CaseLabel{
				{Label: 1, Values: map[string]runs.Number{"dice": runs.Number(dice + 0.1)}},
				{Label: 2, Values: map[string]runs.Number{"dice": runs.Number(dice - 0.1)}},
			},
		},
	}
}

func (b bench) load(t *testing.T, id string) runs.Run {
	t.Helper()
	r, err := runs.Load(b.ws, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// judge makes an evaluation of volumes with these scores, the last of them
// failed.
func (b bench) judge(t *testing.T, id string, spec runs.Spec) runs.Run {
	t.Helper()
	dir := runstest.Create(t, b.ws, spec, runs.EventStarted, runs.Started{Step: 40})
	for i, dice := range []float64{0.9, 0.5, 0.7} {
		runstest.Append(t, dir, b.judged(t, id, b.volumes[i].ID, dice)...)
	}
	runstest.Append(t, dir, runs.EventCase, runs.Case{
		Volume: "mv04", Split: "test", Excluded: map[string]string{"dice": "not judged"}, Failure: &runs.CaseFailure{Code: "bad_input", Error: "the image is gone"},
	})
	return b.load(t, id)
}

func TestEvaluation(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	job := b.judge(t, "judge", b.judging("judge"))
	var progress []string
	e, err := collect.Evaluation(t.Context(), b.ws, job, collect.Options{Pictures: 2, Progress: func(done, total int) {
		progress = append(progress, fmt.Sprint(done, "/", total))
	}})
	if err != nil {
		t.Fatal(err)
	}
	pictured := map[string]report.Counts{}
	for i, c := range e.Cases {
		if c.Pictures != nil {
			pictured[c.Volume] = c.Pictures.Counts
			if !strings.Contains(strings.Join(c.Pictures.Notes, "\n"), "pictured is label 2, the worst of 2") {
				t.Errorf("%s: notes %q", c.Volume, c.Pictures.Notes)
			}
			e.Cases[i].Pictures = nil
		}
	}
	missed := report.Counts{Missed: 64} // a third of 192 voxels has label 2, which is never predicted
	if d := cmp.Diff(map[string]report.Counts{"mv02": missed, "mv03": missed}, pictured); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"1/2", "2/2"}, progress); d != "" {
		t.Error(d)
	}
	score := func(dice float64) report.Case {
		return report.Case{
			Shape: shape, Spacing: [3]float64{0.5, 0.5, 2},
			Scores: report.Scores{Values: map[string]float64{"dice": dice, "hd95": 3}, ByPolicy: map[string]string{"hd95": "both masks are empty"}},
			Labels: []report.LabelScores{
				{Label: 1, Scores: report.Scores{Values: map[string]float64{"dice": dice + 0.1}}},
				{Label: 2, Scores: report.Scores{Values: map[string]float64{"dice": dice - 0.1}}},
			},
		}
	}
	want := report.Evaluation{
		Run: "brisk-otter-7f3a", Name: "first", Job: "judge", Model: "segresnet", Dataset: "toy", DatasetDigest: "sha256:99", Split: "test",
		Checkpoint: "checkpoints/best.safetensors", CheckpointDigest: "abc", Step: 40, Epoch: 2, Made: job.Seen,
		Scoring: report.Scoring{Definition: "minivess", Empty: "penalise", Unit: "um", Tolerance: 2},
		Metrics: []string{"dice", "hd95"}, Cases: []report.Case{score(0.9), score(0.5), score(0.7), {
			Shape: shape, Spacing: [3]float64{0.5, 0.5, 2}, Failure: "the image is gone",
			Scores: report.Scores{Values: map[string]float64{}, Excluded: map[string]string{"dice": "not judged"}},
		}},
	}
	for i := range want.Cases {
		want.Cases[i].Volume = b.volumes[i].ID
	}
	if d := cmp.Diff(want, e); d != "" {
		t.Error(d)
	}
}

// TestTheLastRecordOfAVolumeCounts is a resumed evaluation.
func TestTheLastRecordOfAVolumeCounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.judge(t, "judge", b.judging("judge"))
	runstest.Append(t, b.ws.Run("judge"), b.judged(t, "judge", "mv04", 0.25)...)
	e, err := collect.Evaluation(t.Context(), b.ws, b.load(t, "judge"), collect.Options{Pictures: 1})
	if err != nil {
		t.Fatal(err)
	}
	if c := e.Cases[3]; len(e.Cases) != 4 || c.Values["dice"] != 0.25 || c.Failure != "" || c.Pictures == nil {
		t.Errorf("%d cases, the last %+v", len(e.Cases), c)
	}
}

func TestWhatIsMissingIsNoted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(bench, *runs.Spec) error
		note   string
	}{
		"an image that is gone": {func(b bench, _ *runs.Spec) error { return os.Remove(b.volumes[1].Image) }, "There are no pictures of mv02: "},
		"a label of another volume": {func(b bench, _ *runs.Spec) error {
			return errors.Join(os.Remove(b.volumes[1].Label), os.Link(b.volumes[1].Image, b.volumes[1].Label))
		}, "the file has changed since it was judged"},
		"a prediction that is gone": {func(b bench, _ *runs.Spec) error {
			return os.Remove(filepath.Join(b.ws.Run("judge"), runs.ArtifactsDir, "predictions", "mv02.nii.gz"))
		}, "There are no pictures of mv02: "},
		"a volume that nobody knows": {func(b bench, s *runs.Spec) error {
			s.Dataset.Volumes = append(b.volumes[:1:1], b.volumes[2:]...)
			return nil
		}, `the evaluation's specification has no volume "mv02"`},
		"a trained run that is gone": {func(b bench, _ *runs.Spec) error { return os.RemoveAll(b.trained) }, "The run that was judged cannot be read any more"},
		"volumes without scores": {func(_ bench, s *runs.Spec) error {
			more := s.Dataset.Volumes[0]
			more.ID = "mv99"
			s.Dataset.Volumes = append(s.Dataset.Volumes[:4:4], more)
			return nil
		}, "The evaluation is not complete: 1 of the split's 5 volumes have no scores yet."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			job := b.judge(t, "judge", b.judging("judge"))
			if err := c.change(b, &job.Spec); err != nil {
				t.Fatal(err)
			}
			e, err := collect.Evaluation(t.Context(), b.ws, job, collect.Options{Pictures: 1})
			if err != nil || len(e.Cases) != 4 {
				t.Fatalf("%d cases, %v", len(e.Cases), err)
			}
			if !strings.Contains(strings.Join(e.Notes, "\n"), c.note) {
				t.Errorf("notes %q", e.Notes)
			}
		})
	}
}

// TestCheckpointOfAnotherStepIsNotClaimed is a training that went on after the
// evaluation, over the same file.
func TestCheckpointOfAnotherStepIsNotClaimed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	job := b.judge(t, "judge", b.judging("judge"))
	runstest.Append(t, b.trained, runs.EventCheckpoint, runs.Checkpoint{Path: "checkpoints/best.safetensors", Role: "best", Step: 50, Epoch: 3, SHA256: "def"})
	e, err := collect.Evaluation(t.Context(), b.ws, job, collect.Options{})
	if err != nil || e.CheckpointDigest != "" || e.Checkpoint != "best.safetensors" || e.Step != 40 {
		t.Errorf("%q %q at step %d, %v", e.Checkpoint, e.CheckpointDigest, e.Step, err)
	}
}

func TestIgnoredLabelIsNotPictured(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	job := b.judge(t, "judge", b.judging("judge"))
	two := uint8(2)
	job.Spec.Evaluate.Ignore = &two
	e, err := collect.Evaluation(t.Context(), b.ws, job, collect.Options{Pictures: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := e.Cases[1].Pictures
	if p == nil || p.Counts != (report.Counts{}) || !strings.Contains(strings.Join(p.Notes, "\n"), "not judged, drawn as background: 64") {
		t.Errorf("%+v", p)
	}
}

// TestJournalsWithoutLabels are those from before scores had labels: all
// metrics that occur are shown when what was asked for is not known any more.
func TestJournalsWithoutLabels(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	spec := b.judging("judge")
	spec.Evaluate.Metrics = []string{"surface_dice_2024"}
	runstest.Create(t, b.ws, spec, runs.EventStarted, runs.Started{},
		runs.EventCase, runs.Case{Volume: "mv01", Split: "test", Values: map[string]runs.Number{"dice": 0.5, "hd95": 4}})
	e, err := collect.Evaluation(t.Context(), b.ws, b.load(t, "judge"), collect.Options{Pictures: 3})
	if err != nil || len(e.Metrics) != 0 || e.Cases[0].Values["hd95"] != 4 || e.Scoring.Unit != "um" || e.Cases[0].Pictures != nil {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if _, err := collect.Evaluation(t.Context(), b.ws, b.load(t, "brisk-otter-7f3a"), collect.Options{}); !errors.Is(err, collect.ErrNotEvaluation) {
		t.Errorf("a training run: %v", err)
	}
	runstest.Create(t, b.ws, b.judging("empty"), runs.EventStarted, runs.Started{})
	if _, err := collect.Evaluation(t.Context(), b.ws, b.load(t, "empty"), collect.Options{}); !errors.Is(err, collect.ErrNoScores) {
		t.Errorf("no scores: %v", err)
	}
	if _, err := runs.Create(b.ws, b.judging("queued")); err != nil {
		t.Fatal(err)
	}
	if _, err := collect.Evaluation(t.Context(), b.ws, b.load(t, "queued"), collect.Options{}); !errors.Is(err, collect.ErrNoScores) {
		t.Errorf("no journal: %v", err)
	}
	runstest.Create(t, b.ws, b.judging("odd"), runs.EventCase, "a word")
	if _, err := collect.Evaluation(t.Context(), b.ws, b.load(t, "odd"), collect.Options{}); err == nil {
		t.Error("a journal that says something else")
	}
	job := b.judge(t, "judge", b.judging("judge"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := collect.Evaluation(ctx, b.ws, job, collect.Options{Pictures: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	// A path that leads out of the run folder is not followed.
	runstest.Create(t, b.ws, b.judging("sly"), runs.EventArtifact, runs.Artifact{Path: "../../../etc/passwd", Role: "prediction"},
		runs.EventCase, runs.Case{Volume: "mv01", Split: "test", Values: map[string]runs.Number{"dice": 0.5}})
	e, err := collect.Evaluation(t.Context(), b.ws, b.load(t, "sly"), collect.Options{Pictures: 1})
	if err != nil || len(e.Notes) == 0 || !strings.Contains(strings.Join(e.Notes, "\n"), "is no file of the run") {
		t.Errorf("notes %q, %v", e.Notes, err)
	}
}
