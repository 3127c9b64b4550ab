package train

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/runs"
)

// scripted is an experiment with one of the TorchScript files.
func scripted(name string) config.Experiment {
	e := tiny()
	e.Model = config.Model{Name: config.TorchScript, InChannels: 1, OutChannels: 2, Extra: map[string]any{"path": script(name)}}
	e.Train.LearningRate, e.Train.Schedule = 1e-2, "constant"
	return e
}

// A TorchScript file is trained, judged and resumed like any network: dropout,
// running statistics and deep supervision included.
func TestTrainScript(t *testing.T) {
	volumes := balls(t)
	e := scripted("dropout")
	e.Train.Epochs = 6
	whole := folder(t, e, volumes)
	n, err := run(t.Context(), whole)
	if err != nil {
		t.Fatal(err)
	}
	want := losses(t, n)
	if len(want) != 24 || !(want[24] < want[1]) {
		t.Errorf("losses %v", want)
	}
	stopped := folder(t, e, volumes)
	first, err := stopAt(t, stopped, 7)
	if err == nil {
		t.Fatal("it was not stopped")
	}
	second, err := run(t.Context(), stopped)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, losses(t, first, second)); diff != "" {
		t.Error(diff)
	}
	sameState(t, whole, stopped)
	judged := folderOf(t, runs.Spec{
		Kind: runs.KindEvaluate, Model: config.TorchScript, Dataset: runs.DatasetRef{Name: "balls", Volumes: volumes},
		Evaluate: &runs.EvaluateSpec{Run: "calm-heron-0001", Checkpoint: filepath.Join(whole, runs.CheckpointsDir, "best.safetensors"), Split: "val"},
	})
	j, err := run(t.Context(), judged)
	if err != nil {
		t.Fatal(err)
	}
	f := of[runs.Finished](t, n, runs.EventFinished)
	if c := of[runs.Case](t, j, runs.EventCase); len(c) != 1 || c[0].Values["dice"] != f[0].Summary["val/dice"] {
		t.Errorf("%+v, while training %v", c, f[0].Summary)
	}
}

// A TorchScript file that cannot be trained is refused, saying why.
func TestBadScripts(t *testing.T) {
	volumes := balls(t)
	three := scripted("good")
	three.Model.OutChannels = 3
	named := scripted("good")
	named.Model.InitFilters = 8
	extra := scripted("good")
	extra.Model.Extra["pth"] = "x"
	none := scripted("good")
	none.Model.Extra = nil
	gone := scripted("good")
	gone.Model.Extra["path"] = filepath.Join(t.TempDir(), "gone.ts")
	for what, c := range map[string]struct {
		e    config.Experiment
		want string
	}{
		"classes":     {three, "gives 2 classes, model.out_channels is 3: set it to 2"},
		"filters":     {named, "init_filters and dropout cannot be set"},
		"option":      {extra, `has no option "pth"`},
		"no path":     {none, "model.options.path=FILE"},
		"no file":     {gone, "no such file"},
		"channels":    {scripted("channels"), "to have 2 channels, but got 1 channels"},
		"size":        {scripted("halving"), "want (N, classes, X, Y, Z)"},
		"dictionary":  {scripted("naming"), "it must return a tensor"},
		"not trained": {scripted("frozen"), "has no parameters to train"},
	} {
		if f := failure(t, folder(t, c.e, volumes)); f.Code != CodeBadSpec || !contains(f.Error, c.want) || f.Hint == "" {
			t.Errorf("%s: %+v\nwant %s", what, f, c.want)
		}
	}
	changed := folder(t, scripted("good"), volumes)
	spec, err := runs.ReadSpec(changed)
	if err != nil {
		t.Fatal(err)
	}
	spec.Network = &runs.FileRef{Path: script("good"), SHA256: "0"}
	if f := failure(t, folderOf(t, spec)); f.Code != CodeBadInput || !contains(f.Error, "has changed since the launch") {
		t.Errorf("%+v", f)
	}
}
