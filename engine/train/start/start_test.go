package start_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/safetensors"
	"github.com/minivess/minivess/engine/nn/weights"
	"github.com/minivess/minivess/engine/train/start"
)

// small is a network and its weights by formula.
func small(t *testing.T, options map[string]any) (models.Adapter, *nn.State) {
	t.Helper()
	m, err := models.New("segresnet", options)
	if err != nil {
		t.Fatal(err)
	}
	s, err := nntest.Weights(m.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	return m, s
}

// A checkpoint of ours says what it is; a foreign one is recognised by its
// tensors, an optimiser's state or not.
func TestLook(t *testing.T) {
	t.Parallel()
	m, s := small(t, map[string]any{"init_filters": 16})
	dir := t.TempDir()
	own, foreign, odd := filepath.Join(dir, "own.safetensors"), filepath.Join(dir, "foreign.safetensors"), filepath.Join(dir, "odd.safetensors")
	if err := m.SaveCheckpoint(own, s, nil); err != nil {
		t.Fatal(err)
	}
	more := &nn.State{}
	for x := range s.All() {
		moment := x
		moment.Name = "optimizer.exp_avg." + x.Name
		if err := errors.Join(more.Add(x), more.Add(moment)); err != nil {
			t.Fatal(err)
		}
	}
	if err := safetensors.Write(foreign, more, nil); err != nil {
		t.Fatal(err)
	}
	x, err := nn.FloatTensor("x", nn.Shape{1}, []float32{1})
	if err != nil {
		t.Fatal(err)
	}
	var strange nn.State
	if err := errors.Join(strange.Add(x), safetensors.Write(odd, &strange, nil)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]struct {
		own   bool
		model string
	}{own: {true, "segresnet"}, foreign: {false, "segresnet"}, odd: {false, ""}} {
		got, err := start.Look(path, "segresnet")
		if err != nil || got.Own != want.own || got.Model != want.model {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
		if want.model == "" {
			continue
		}
		again, err := models.New(got.Model, got.Options)
		if err != nil || nn.CountElements(again.TrainableParameters()) != 4_700_914 {
			t.Errorf("%s: options %v, %v", path, got.Options, err)
		}
	}
}

// What is taken, and what is said about it.
func TestTake(t *testing.T) {
	t.Parallel()
	m, s := small(t, nil)
	file := filepath.Join(t.TempDir(), "c.safetensors")
	if err := m.SaveCheckpoint(file, s, nil); err != nil {
		t.Fatal(err)
	}
	three, _ := small(t, map[string]any{"out_channels": 3})
	for _, c := range []struct {
		name    string
		network models.Adapter
		init    config.Init
		summary string
		err     error
		tensors int
	}{
		{"all", m, config.Init{Strict: true}, "matched 83 of 83", nil, 83},
		{"other classes", three, config.Init{Strict: true}, "matched 81 of 83, 2 of another shape", adapter.ErrCheckpoint, 0},
		{"other classes, in part", three, config.Init{}, "matched 81 of 83, 2 of another shape", nil, 81},
		{"other classes, ignored", three, config.Init{Strict: true, Ignore: []string{"conv_final.2.*"}}, "matched 81 of 83, 2 ignored", nil, 81},
		{"ignored twice", three, config.Init{Strict: true, Ignore: []string{"conv_final.2.*", "conv_final.*"}}, "matched 79 of 83, 4 ignored", nil, 79},
		{"nothing ignored", m, config.Init{Strict: true, Ignore: []string{"x*"}}, "", adapter.ErrOption, 0},
	} {
		got, report, err := start.Of(c.network).Take(file, c.init)
		if !errors.Is(err, c.err) || report.Summary != c.summary || (got != nil && got.Len() != c.tensors) || (got == nil) != (c.tensors == 0) {
			t.Errorf("%s: %+v, %v", c.name, report, err)
		}
	}
	if _, _, err := start.Of(m).Take(file+".gone", config.Init{}); err == nil {
		t.Error("a file that is not there was taken")
	}
}

// The parameters of a TorchScript file are read without libtorch.
func TestScript(t *testing.T) {
	t.Parallel()
	params, err := start.Script(filepath.Join("..", "..", "nn", "torch", "testdata", "script", "good.ts"))
	if err != nil {
		t.Fatal(err)
	}
	buffers := 0
	for _, p := range params {
		if p.Buffer {
			buffers++
		}
	}
	if len(params) != 18 || buffers != 3 || nn.CountElements(params) != 692 {
		t.Errorf("%d tensors, %d buffers, %d parameters", len(params), buffers, nn.CountElements(params))
	}
	m, s := small(t, nil)
	file := filepath.Join(t.TempDir(), "c.safetensors")
	if err := m.SaveCheckpoint(file, s, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := start.Script(file); !errors.Is(err, weights.ErrUnknown) || !strings.Contains(err.Error(), "torch.jit.script") {
		t.Errorf("a checkpoint: %v", err)
	}
}
