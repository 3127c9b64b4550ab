package runs_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/runs"
)

func TestPredictSpec(t *testing.T) {
	t.Parallel()
	good := func() runs.PredictSpec {
		return runs.PredictSpec{
			Run: "brisk-otter-7f3a", Checkpoint: "/w/best.safetensors",
			Inputs: []runs.PredictInput{{ID: "a", Image: "/d/a.nii.gz", Output: "/o/a.nii.gz", Probabilities: "/o/p.nii.gz"}, {ID: "b", Image: "/d/b.nii", Output: "/o/b.nii"}},
		}
	}
	if err := good().Validate(); err != nil {
		t.Error(err)
	}
	for _, file := range []string{"/m/net.onnx", "/m/NET.ONNX", "/m/net.ts", "/m/net.pt"} {
		p := good()
		p.Run, p.Checkpoint, p.Model = "", "", file
		if err := p.Validate(); err != nil || !runs.IsModelFile(file) {
			t.Errorf("%s: %v", file, err)
		}
	}
	for says, change := range map[string]func(*runs.PredictSpec){
		"either a checkpoint or a model file":      func(p *runs.PredictSpec) { p.Model = "/m/net.onnx" },
		"needs either a checkpoint":                func(p *runs.PredictSpec) { p.Checkpoint = "" },
		`the predicting run's id "../x"`:           func(p *runs.PredictSpec) { p.Run = "../x" },
		`model file "/m/net.h5"`:                   func(p *runs.PredictSpec) { p.Run, p.Checkpoint, p.Model = "", "", "/m/net.h5" },
		"has no images":                            func(p *runs.PredictSpec) { p.Inputs = nil },
		"must be absolute paths":                   func(p *runs.PredictSpec) { p.Inputs[0].Output = "a.nii.gz" },
		"would be overwritten by its own labels":   func(p *runs.PredictSpec) { p.Inputs[1].Output = p.Inputs[1].Image },
		`would both be written to "/o/a.nii.gz"`:   func(p *runs.PredictSpec) { p.Inputs[1].Output = p.Inputs[0].Output },
		`would both be written to "/o/b.nii"`:      func(p *runs.PredictSpec) { p.Inputs[0].Probabilities = p.Inputs[1].Output },
		`image "d/b.nii" and output "/o/b.nii" mu`: func(p *runs.PredictSpec) { p.Inputs[1].Image = "d/b.nii" },
	} {
		p := good()
		change(&p)
		if err := p.Validate(); !errors.Is(err, runs.ErrBadSpec) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v; want it to say %q", err, says)
		}
		spec := runs.Spec{Schema: runs.SpecSchema, RunID: "calm-heron-01bc", Kind: runs.KindPredict, Predict: &p}
		if err := spec.Validate(); !errors.Is(err, runs.ErrBadSpec) {
			t.Errorf("in a specification: %v", err)
		}
	}
	if err := (runs.Spec{Schema: runs.SpecSchema, RunID: "calm-heron-01bc", Kind: runs.KindPredict}).Validate(); !errors.Is(err, runs.ErrBadSpec) {
		t.Errorf("without its part: %v", err)
	}
	if runs.IsModelFile("best:dice") || runs.IsModelFile("latest") || runs.IsModelFile("net.onnx.data") {
		t.Error("a selector counts as a model file")
	}
}
