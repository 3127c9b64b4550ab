package train

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/safetensors"
	"github.com/minivess/minivess/engine/runs"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// beginning makes a run folder for a training that begins with a file.
func beginning(t *testing.T, e config.Experiment, volumes []runs.VolumeRef, path string) string {
	t.Helper()
	dir := folder(t, e, volumes)
	spec, err := runs.ReadSpec(dir)
	if err != nil {
		t.Fatal(err)
	}
	sum, size, err := runs.Digest(path)
	if err != nil {
		t.Fatal(err)
	}
	spec.Init = &runs.FileRef{From: path, Path: path, SHA256: sum, Bytes: size}
	return folderOf(t, spec)
}

// slim is tiny with a network of few weights, which are saved in no time.
func slim() config.Experiment {
	e := tiny()
	e.Model.Extra = map[string]any{"blocks_down": []any{1.0, 1.0}, "blocks_up": []any{1.0}}
	return e
}

// idle is an experiment of one step that changes next to nothing.
func idle() config.Experiment {
	e := slim()
	e.Train.MaxSteps, e.Train.LearningRate, e.Train.WeightDecay, e.Init.Strict = 1, 1e-30, 0, true
	return e
}

// A training begins with the weights of another's checkpoint, best or last, and
// says what it took.
func TestBeginWithARun(t *testing.T) {
	volumes := balls(t)
	source := folder(t, slim(), volumes)
	if _, err := run(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{roleBest, roleLast} {
		file := filepath.Join(source, runs.CheckpointsDir, role+".safetensors")
		e := idle()
		e.Seed++
		dir := beginning(t, e, volumes, file)
		n, err := run(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		w := of[runs.Weights](t, n, runs.EventWeights)
		if len(w) != 1 || w[0].Summary != "matched 25 of 25" || w[0].File != file || len(w[0].SHA256) != 64 {
			t.Fatalf("%s: %+v", role, w)
		}
		want, _, err := safetensors.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		got := last(t, dir)
		for x := range want.All() {
			if !strings.HasPrefix(x.Name, optimiserPrefix) && !near(t, x, got, 1e-20) {
				t.Errorf("%s: %s is not the file's", role, x.Name)
			}
		}
		again, err := run(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if w := of[runs.Weights](t, again, runs.EventWeights); len(w) != 0 {
			t.Error("a resumed run took the weights that it had begun with")
		}
	}
}

// near tells whether a state has a tensor with such values.
func near(t *testing.T, x nn.Tensor, s *nn.State, tolerance float32) bool {
	t.Helper()
	y, _ := s.Get(x.Name)
	a, errA := x.Float32()
	b, errB := y.Float32()
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	for i := range a {
		if d := a[i] - b[i]; d > tolerance || d < -tolerance {
			return false
		}
	}
	return true
}

// MONAI's weights in a file of torch.save begin a training of the same network.
func TestBeginWithPyTorch(t *testing.T) {
	file, err := filepath.Abs(filepath.Join("testdata", "segresnet.pt")) // by scripts/peers/begin_fixture.py
	if err != nil {
		t.Fatal(err)
	}
	e := idle()
	dir := beginning(t, e, balls(t), file)
	n, err := run(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	w := of[runs.Weights](t, n, runs.EventWeights)
	if len(w) != 1 || w[0].Matched != w[0].Tensors || w[0].Matched == 0 {
		t.Fatalf("%+v", w)
	}
	m, err := models.New("segresnet", e.Model.Options())
	if err != nil {
		t.Fatal(err)
	}
	want, err := nntest.Weights(m.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	got := last(t, dir)
	for x := range want.All() {
		if !near(t, x, got, 1e-3) { // half precision
			t.Errorf("%s is not the formula's", x.Name)
		}
	}
}

// Weights for other classes begin a fine-tuning when the last layer is left out.
func TestBeginWithOtherClasses(t *testing.T) {
	volumes := balls(t)
	file := filepath.Join(folder(t, slim(), volumes), "weights.safetensors")
	e := idle()
	net, err := newNetwork(e, gotch.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close() //nolint:errcheck // the test ends
	state, err := net.State()
	if err != nil {
		t.Fatal(err)
	}
	if err := safetensors.Write(file, state, nil); err != nil {
		t.Fatal(err)
	}
	e.Model.OutChannels = 3
	f := failure(t, beginning(t, e, volumes, file))
	if f.Code != CodeCheckpoint || !contains(f.Error, `"conv_final.2.conv.bias" wants F32 3, found F32 2`) || !contains(f.Hint, "init.ignore") {
		t.Errorf("%+v", f)
	}
	e.Init.Ignore = []string{"conv_final.2.*"}
	n, err := run(t.Context(), beginning(t, e, volumes, file))
	if err != nil {
		t.Fatal(err)
	}
	if w := of[runs.Weights](t, n, runs.EventWeights); w[0].Summary != "matched 23 of 25, 2 ignored" {
		t.Errorf("%+v", w)
	}
	e.Init.Ignore, e.Init.Strict = nil, false
	if n, err = run(t.Context(), beginning(t, e, volumes, file)); err != nil {
		t.Fatal(err)
	}
	if w := of[runs.Weights](t, n, runs.EventWeights); w[0].Summary != "matched 23 of 25, 2 of another shape" {
		t.Errorf("%+v", w)
	}
	e.Init.Ignore = []string{"conv_fnal.*"}
	if f := failure(t, beginning(t, e, volumes, file)); !contains(f.Error, `init.ignore "conv_fnal.*" matches none of the network's 25 tensors`) {
		t.Errorf("%+v", f)
	}
}

// What cannot be begun with is refused, saying why.
func TestBadBeginnings(t *testing.T) {
	volumes := balls(t)
	dir := t.TempDir()
	net, err := newNetwork(idle(), gotch.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close() //nolint:errcheck // the test ends
	state, err := net.State()
	if err != nil {
		t.Fatal(err)
	}
	sick, text := filepath.Join(dir, "sick.safetensors"), filepath.Join(dir, "text.pt")
	var s nn.State
	for x := range state.All() {
		if x.Name == "conv_final.2.conv.bias" {
			x.Data = []byte{0, 0, 0xc0, 0x7f, 0, 0, 0, 0} // NaN, 0
		}
		if err := s.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	if err := safetensors.Write(sick, &s, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(text, []byte("no weights at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{sick: "NaN", text: "text.pt"} {
		if f := failure(t, beginning(t, idle(), volumes, file)); f.Code != CodeCheckpoint || !contains(f.Error, want) {
			t.Errorf("%s: %+v", file, f)
		}
	}
	changed := beginning(t, idle(), volumes, sick)
	if err := os.WriteFile(sick, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if f := failure(t, changed); f.Code != CodeBadInput || !contains(f.Error, "has changed since the launch") {
		t.Errorf("%+v", f)
	}
	if err := os.Remove(sick); err != nil {
		t.Fatal(err)
	}
	if f := failure(t, changed); f.Code != CodeBadInput || !contains(f.Hint, "put the file back") {
		t.Errorf("%+v", f)
	}
}

// Frozen parameters stay what they were, have no moments and no gradients, and
// stay frozen when the run is resumed; a group's rate is its own.
func TestFreezeAndGroups(t *testing.T) {
	volumes := balls(t)
	e := slim()
	e.Train.Freeze = []string{"convInit*", "down_layers.*"}
	e.Train.Groups = []config.Group{{Pattern: "up_*", LearningRateScale: 1e-30}}
	e.Train.WeightDecay = 0
	dir := folder(t, e, volumes)
	n, err := stopAt(t, dir, 2)
	if err == nil {
		t.Fatal("it was not stopped")
	}
	note := of[runs.Network](t, n, runs.EventNetwork)
	if len(note) != 1 || note[0].Parameters != 24698 || note[0].Trained != 3650 || note[0].Frozen != 14 || note[0].Summary != "3650 of 24698 parameters trained" {
		t.Errorf("%+v", note)
	}
	if _, err := run(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	net, err := newNetwork(e, gotch.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close() //nolint:errcheck // the test ends
	initial, err := net.State()
	if err != nil {
		t.Fatal(err)
	}
	state := last(t, dir)
	for x := range initial.All() {
		frozen := strings.HasPrefix(x.Name, "convInit") || strings.HasPrefix(x.Name, "down_layers")
		slow := strings.HasPrefix(x.Name, "up_")
		y, _ := state.Get(x.Name)
		if same := slices.Equal(x.Data, y.Data); same != frozen && !slow {
			t.Errorf("%s: unchanged is %v", x.Name, same)
		}
		if slow && !near(t, x, state, 1e-20) {
			t.Errorf("%s has changed", x.Name)
		}
		if _, ok := state.Get("optimizer.exp_avg." + x.Name); ok == frozen {
			t.Errorf("%s: has a moment: %v", x.Name, ok)
		}
	}
	whole := folder(t, e, volumes)
	if _, err := run(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	sameState(t, whole, dir)
	e.Train.Freeze = []string{"convInt*"}
	if f := failure(t, folder(t, e, volumes)); f.Code != CodeBadSpec || !contains(f.Error, `train.freeze "convInt*" matches no parameter; did you mean convInit.*`) {
		t.Errorf("%+v", f)
	}
}

// A backward pass makes gradients of what is trained, and of nothing else.
func TestFrozenParametersHaveNoGradients(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	e := slim()
	e.Train.Freeze = []string{"convInit*", "down_layers.*"}
	net, err := newNetwork(e, gotch.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close() //nolint:errcheck // the test ends
	if _, err := net.choose(e.Train); err != nil {
		t.Fatal(err)
	}
	image, onehot := madeUp(e)
	if _, err := net.gradients(t.Context(), newLoss(e.Train, 2, gotch.CPU), image, onehot); err != nil {
		t.Fatal(err)
	}
	for _, p := range net.Parameters() {
		var a arena
		g := a.do(func(out *handle) { lib.AtgGrad(out, raw(p.Tensor)) })
		if a.err != nil {
			t.Fatal(a.err)
		}
		frozen := strings.HasPrefix(p.Name, "convInit") || strings.HasPrefix(p.Name, "down_layers")
		if lib.AtDefined(g) == frozen {
			t.Errorf("%s: has a gradient: %v", p.Name, !frozen)
		}
		a.free()
	}
}

// Frozen parameters with recomputed segments give the same losses.
func TestFreezeWithCheckpointing(t *testing.T) {
	volumes := balls(t)
	e := slim()
	e.Train.Freeze = []string{"convInit*", "down_layers.*"}
	plain, err := run(t.Context(), folder(t, e, volumes))
	if err != nil {
		t.Fatal(err)
	}
	e.Train.GradientCheckpointing = true
	n, err := run(t.Context(), folder(t, e, volumes))
	if err != nil {
		t.Fatal(err)
	}
	for step, want := range losses(t, plain) {
		if got := losses(t, n)[step]; !(got > want-1e-4 && got < want+1e-4) {
			t.Errorf("step %d: %v, without %v", step, got, want)
		}
	}
}

// Stochastic gradient descent learns, and is resumed to the bit.
func TestSGD(t *testing.T) {
	volumes := balls(t)
	e := slim()
	e.Train.Optimizer, e.Train.LearningRate, e.Train.Momentum, e.Train.WeightDecay, e.Train.Epochs = "sgd", 1e-2, 0.9, 3e-5, 4
	whole := folder(t, e, volumes)
	n, err := run(t.Context(), whole)
	if err != nil {
		t.Fatal(err)
	}
	if l := losses(t, n); !(l[16] < l[1]) {
		t.Errorf("losses %v", l)
	}
	stopped := folder(t, e, volumes)
	if _, err := stopAt(t, stopped, 5); err == nil {
		t.Fatal("it was not stopped")
	}
	if _, err := run(t.Context(), stopped); err != nil {
		t.Fatal(err)
	}
	sameState(t, whole, stopped)
}
