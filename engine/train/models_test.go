package train

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/safetensors"
	"github.com/minivess/minivess/engine/runs"
)

// flat is a dataset of volumes with five slices, as MiniVess begins with.
func flat(t *testing.T) []runs.VolumeRef {
	t.Helper()
	dir, shape := t.TempDir(), [3]int{20, 14, 5}
	return []runs.VolumeRef{
		save(t, dir, "a", "train", shape, ball(shape)), save(t, dir, "b", "train", shape, ball(shape)), save(t, dir, "c", "val", shape, ball(shape)),
	}
}

// smallest is an experiment of a few steps with the small form of a model.
func smallest(t *testing.T, model string, options map[string]any) config.Experiment {
	t.Helper()
	d, err := models.Describe(model)
	if err != nil {
		t.Fatal(err)
	}
	e := tiny()
	e.Model.Name = model
	for _, set := range []map[string]any{d.Small, options} {
		for name, value := range set {
			if err := e.Model.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	m, err := models.New(model, e.Model.Options())
	if err != nil {
		t.Fatal(err)
	}
	e.Train.PatchSize = m.Config().Divisor
	for i, n := range e.Train.PatchSize {
		e.Train.PatchSize[i] = max(n, 8)
	}
	e.Train.Epochs, e.Train.PatchesPerVolume, e.Train.LearningRate, e.Train.Schedule, e.Train.ForegroundFraction = 2, 1, 3e-3, "constant", 1
	e.Infer.Overlap = 0
	return e
}

// Every model learns on volumes that are much smaller than its patch, and a
// training that was stopped in the middle ends with the same losses and the
// same weights, buffers and moments, to the last bit.
func TestEveryModelTrainsAndResumes(t *testing.T) {
	volumes := flat(t)
	options := map[string]map[string]any{
		"dynunet": {"deep_supervision": true, "deep_supr_num": 2}, "plainunet": {"deep_supervision": true}, "swinunetr": {"depths": []int{1, 1, 1, 1}},
		"segresnet": {"blocks_down": []int{1, 1}, "blocks_up": []int{1}},
	}
	for _, name := range models.Names() {
		t.Run(name, func(t *testing.T) {
			e := smallest(t, name, options[name])
			e.Model.Dropout = 0.1
			whole := folder(t, e, volumes)
			n, err := run(t.Context(), whole)
			if err != nil {
				t.Fatal(err)
			}
			want := losses(t, n)
			if len(want) != 4 || !(want[4] < want[1]) {
				t.Errorf("losses %v", want)
			}
			if w := of[runs.Warning](t, n, runs.EventWarning); len(w) > 0 {
				t.Errorf("warnings %+v", w)
			}
			stopped := folder(t, e, volumes)
			first, err := stopAt(t, stopped, 3)
			if !errors.Is(err, ErrStopped) {
				t.Fatal(err)
			}
			second, err := run(t.Context(), stopped)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, losses(t, first, second)); diff != "" {
				t.Error(diff)
			}
			sameState(t, whole, stopped)
		})
	}
}

// sameState compares the last checkpoints of two runs, bit for bit.
func sameState(t *testing.T, a, b string) {
	t.Helper()
	want, got := last(t, a), last(t, b)
	if want.Len() != got.Len() || want.Len() == 0 {
		t.Errorf("%d tensors and %d", want.Len(), got.Len())
	}
	for x := range want.All() {
		if y, _ := got.Get(x.Name); !slices.Equal(x.Data, y.Data) {
			t.Errorf("%s differs", x.Name)
		}
	}
}

func last(t *testing.T, dir string) *nn.State {
	t.Helper()
	s, _, err := safetensors.Read(filepath.Join(dir, runs.CheckpointsDir, "last.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// An output that the loss does not count leaves its parameters alone, which is
// said only when nobody asked for it.
func TestUnusedParameters(t *testing.T) {
	volumes := flat(t)
	e := smallest(t, "dynunet", map[string]any{"deep_supervision": true, "deep_supr_num": 2})
	e.Train.MaxSteps, e.Train.OutputWeights = 1, "none"
	n, err := run(t.Context(), folder(t, e, volumes))
	if err != nil {
		t.Fatal(err)
	}
	if w := of[runs.Warning](t, n, runs.EventWarning); len(w) > 0 {
		t.Errorf("%+v", w)
	}
	tr := &trainer{job: &job{report: newReporter(n)}, optimise: &optimiser{idle: []string{"a", "b", "c", "d"}}, net: &network{}}
	tr.unused()
	tr.unused()
	if w := of[runs.Warning](t, n, runs.EventWarning); len(w) != 1 || !contains(w[0].Message, "4 parameters have no gradient, since the loss does not depend on them, and stay as they are: a, b, c and others") {
		t.Errorf("%+v", w)
	}
}

// A window that a network cannot take is refused with what would fit, and so is
// a patch.
func TestSizesThatDoNotFit(t *testing.T) {
	volumes := balls(t)
	e := tiny()
	e.Train.PatchSize = [3]int{8, 12, 8}
	f := failure(t, folder(t, e, volumes))
	want := "train.patch_size: image size does not suit the model: segresnet needs sizes that are multiples of 8; axis y has 12, 8 or 16 would fit"
	if f.Code != CodeBadSpec || !contains(f.Error, want) {
		t.Errorf("%+v", f)
	}
	e.Train.PatchSize, e.Infer.Window = [3]int{8, 8, 8}, [3]int{8, 8, 9}
	if f := failure(t, folder(t, e, volumes)); f.Code != CodeBadSpec || !contains(f.Error, "infer.window: ") {
		t.Errorf("%+v", f)
	}
}
