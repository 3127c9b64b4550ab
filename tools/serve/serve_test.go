package serve_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/engine/jobs"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/onnx"
	"github.com/minivess/minivess/engine/nn/ort/orttest"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/serve"
	"github.com/minivess/minivess/tools/toolstest"
)

func TestMain(m *testing.M) { os.Exit(toolstest.Main(context.Background(), m)) }

type bench struct {
	*tools.Registry
	ws       *workspace.Workspace
	launcher *jobs.Launcher
}

func newBench(t *testing.T) bench {
	t.Helper()
	ws, err := workspace.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := bench{tools.NewRegistry(), ws, toolstest.Launcher(t, ws, toolstest.Finish)}
	deps := serve.Deps{Workspace: ws, Launcher: b.launcher, Runtime: orttest.Library(t), Version: "test"}
	if err := serve.Register(b.Registry, deps); err != nil {
		t.Fatal(err)
	}
	return b
}

// trained launches a training run and gives it weights that fit its network,
// which the worker of these tests does not make.
func (b bench) trained(t *testing.T, d dataset.Dataset) runs.Run {
	t.Helper()
	refs, err := d.Refs(0)
	if err != nil {
		t.Fatal(err)
	}
	e := config.Default()
	e.Dataset, e.Model.InitFilters, e.Train.PatchSize = d.Name, 8, [3]int{16, 16, 8}
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	id, err := b.launcher.Launch(t.Context(), runs.Spec{
		Kind: runs.KindTrain, Name: "first", Model: "segresnet", Experiment: raw,
		Dataset: runs.DatasetRef{Name: d.Name, Digest: d.Digest, Volumes: refs},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := toolstest.Ended(t.Context(), t, b.launcher, id)
	m, err := models.New("segresnet", e.Model.Options())
	if err != nil {
		t.Fatal(err)
	}
	weights, err := nntest.Weights(m.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SaveCheckpoint(filepath.Join(r.Dir, "checkpoints", "best.safetensors"), weights, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

var cube = [3]int{16, 16, 16}

func args(t *testing.T, v map[string]any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestModelList(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if p := toolstest.Preview(t, b.Registry, "model_list", `{}`); p.Summary == "" || len(p.Writes) > 0 {
		t.Errorf("%+v", p)
	}
	out, _ := toolstest.Call[serve.ListOut](t, b.Registry, "model_list", `{}`)
	var names []string
	for _, m := range out.Models {
		names = append(names, m.Model)
		if m.About == "" || m.Parameters < 1000 || len(m.Options) < 3 || m.Divisor[0] < 1 {
			t.Errorf("%+v", m)
		}
		for _, o := range m.Options {
			if o.Doc == "" {
				t.Errorf("%s: option %s is not documented", m.Model, o.Name)
			}
		}
	}
	if d := cmp.Diff(models.Names(), names); d != "" {
		t.Error(d)
	}
	if !strings.Contains(out.Summary, "segresnet (1.18 M parameters)") {
		t.Error(out.Summary)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.trained(t, toolstest.Dataset(t, b.ws, "toy", 10, cube))
	path := filepath.Join(t.TempDir(), "out.onnx")
	call := args(t, map[string]any{"run": "latest", "path": path})
	p := toolstest.Preview(t, b.Registry, "model_export", call)
	if want := "export " + r.ID() + " (first) (best checkpoint, step 40) as onnx to " + path + ", about 4.7 MB"; p.Summary != want {
		t.Errorf("summary %q, want %q", p.Summary, want)
	}
	if !slices.Equal(p.Writes, []string{path}) || p.Cost.DiskBytes < 4_700_000 {
		t.Errorf("%+v", p)
	}
	if _, err := os.Stat(path); err == nil {
		t.Fatal("the preview wrote the file")
	}
	out, res := toolstest.Call[serve.ExportOut](t, b.Registry, "model_export", call)
	if out.Path != path || res.Run != r.ID() || out.Bytes < 4_700_000 || len(out.SHA256) != 64 || out.Opset != onnx.Opset || out.Checkpoint != "best" || out.Parameters != 1_176_186 {
		t.Errorf("%+v", out)
	}
	ports := []serve.Port{{Name: "image", Type: "float32", Shape: "batch×1×x×y×z"}, {Name: "logits", Type: "float32", Shape: "batch×2×x×y×z"}}
	if d := cmp.Diff(ports, append(out.Inputs, out.Outputs...)); d != "" {
		t.Error(d)
	}
	if len(out.Checks) != 3 || out.Dice == nil || !strings.Contains(out.Summary, "; segments: Dice 0.") || !strings.Contains(out.Checks[1].Found, "ONNX Runtime 1.27.0") {
		t.Errorf("%+v\n%s", out.Checks, out.Summary)
	}
	if info, err := onnx.ReadInfo(path); err != nil || info.Metadata["run"] != r.ID() || info.Metadata["minivess"] != "test" {
		t.Errorf("%v: %v", info.Metadata, err)
	}
	if e := toolstest.Refusal(t, b.Registry, "model_export", call); e.Code != tools.CodeConflict || !strings.Contains(e.Hint, "say overwrite") {
		t.Errorf("a second time: %+v", e)
	}
	again, _ := toolstest.Call[serve.ExportOut](t, b.Registry, "model_export", args(t, map[string]any{"run": "latest", "path": path, "overwrite": true}))
	if again.SHA256 != out.SHA256 {
		t.Error("the same export gives other bytes")
	}
	weights, _ := toolstest.Call[serve.ExportOut](t, b.Registry, "model_export", args(t, map[string]any{"run": r.ID(), "format": "safetensors"}))
	if want := filepath.Join(r.Dir, "artifacts", "model.safetensors"); weights.Path != want || weights.Opset != 0 || weights.Dice != nil {
		t.Errorf("%+v, want it in %s", weights, want)
	}
	small, _ := toolstest.Call[serve.ExportOut](t, b.Registry, "model_export", args(t, map[string]any{"run": r.ID(), "format": "onnx-int8"}))
	if small.SizeRatio > 0.35 || small.Dice == nil || small.Dice.Loss == nil || !strings.Contains(small.Summary, "; mean Dice: 0.") {
		t.Errorf("%+v", small)
	}
}

func TestExportAhead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := toolstest.Preview(t, b.Registry, "model_export", `{"run":"@2.run"}`)
	if p.Summary != "export the run of step 2 as onnx" {
		t.Errorf("%+v", p)
	}
	p = toolstest.Preview(t, b.Registry, "predict_volume", `{"run":"@2.run","input":"mv03"}`)
	if p.Summary != "predict mv03 with the run of step 2" {
		t.Errorf("%+v", p)
	}
}

func TestExportRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := toolstest.Dataset(t, b.ws, "toy", 5, cube)
	r := b.trained(t, d)
	hollow := b.trained(t, d)
	if err := os.Remove(filepath.Join(hollow.Dir, "checkpoints", "best.safetensors")); err != nil {
		t.Fatal(err)
	}
	broken := b.trained(t, d)
	if err := os.Truncate(filepath.Join(broken.Dir, "checkpoints", "best.safetensors"), 1000); err != nil {
		t.Fatal(err)
	}
	waiting, err := (&jobs.Launcher{Workspace: b.ws, WorkerPath: b.launcher.WorkerPath, MaxConcurrent: 4, Env: toolstest.Launcher(t, b.ws, toolstest.Wait).Env}).
		Launch(t.Context(), runs.Spec{Kind: runs.KindTrain, Model: "segresnet", Experiment: r.Spec.Experiment, Dataset: r.Spec.Dataset})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name          string
		args          map[string]any
		code          tools.Code
		message, hint string
	}{
		{"an unknown run", map[string]any{"run": "nobody"}, tools.CodeNotFound, "nobody", "runs_list"},
		{"a run at work", map[string]any{"run": waiting}, tools.CodeConflict, "is still", "job_cancel"},
		{"an unknown format", map[string]any{"run": r.ID(), "format": "onx"}, tools.CodeBadArguments, "did you mean onnx?", ""},
		{"no folder", map[string]any{"run": r.ID(), "path": filepath.Join(t.TempDir(), "none", "m.onnx")}, tools.CodeNotFound, "make the folder first", ""},
		{"a folder", map[string]any{"run": r.ID(), "path": t.TempDir()}, tools.CodeConflict, "is a folder", ""},
		{"another ending", map[string]any{"run": r.ID(), "path": "w.safetensors"}, tools.CodeBadArguments, "its name says otherwise", "say format safetensors"},
		{"a checkpoint that is gone", map[string]any{"run": hollow.ID()}, tools.CodeConflict, "is gone", ""},
		{"a checkpoint that is cut off", map[string]any{"run": broken.ID()}, tools.CodeFailed, "best.safetensors", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, e := range []*tools.Error{toolstest.Refusal(t, b.Registry, "model_export", args(t, c.args)), toolstest.Objection(t, b.Registry, "model_export", args(t, c.args))} {
				if e.Code != c.code || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Hint, c.hint) {
					t.Errorf("got %s: %q, %q", e.Code, e.Message, e.Hint)
				}
			}
		})
	}
}

func TestPredictWithARun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := toolstest.Dataset(t, b.ws, "toy", 5, cube)
	r := b.trained(t, d)
	dir := t.TempDir()
	target := filepath.Join(dir, "seg.nii.gz")
	image := r.Spec.Dataset.Volumes[0].Image
	call := args(t, map[string]any{"run": "latest", "input": image, "output": target, "probabilities": true})
	p := toolstest.Preview(t, b.Registry, "predict_volume", call)
	if want := "predict " + filepath.Base(image) + " with " + r.ID() + " (first) in windows of 16×16×8"; p.Summary != want {
		t.Errorf("summary %q, want %q", p.Summary, want)
	}
	if p.Cost.Seconds <= 0 || len(p.Writes) != 3 {
		t.Errorf("%+v", p)
	}
	out, res := toolstest.Call[serve.PredictOut](t, b.Registry, "predict_volume", call)
	if res.Run != out.Run || out.Volumes != 1 || !slices.Equal(out.Outputs, []string{target, filepath.Join(dir, "seg-probability.nii.gz")}) {
		t.Errorf("%+v", out)
	}
	spec, err := runs.ReadSpec(b.ws.Run(out.Run))
	if err != nil {
		t.Fatal(err)
	}
	id := strings.TrimSuffix(filepath.Base(image), ".nii.gz")
	want := &runs.PredictSpec{
		Run: r.ID(), Checkpoint: filepath.Join(r.Dir, "checkpoints", "best.safetensors"),
		Inputs: []runs.PredictInput{{ID: id, Image: image, Output: target, Probabilities: filepath.Join(dir, "seg-probability.nii.gz")}},
	}
	if d := cmp.Diff(want, spec.Predict); d != "" || spec.Kind != runs.KindPredict || spec.Model != "segresnet" {
		t.Errorf("%s %s", spec.Kind, d)
	}
	if ended := toolstest.Ended(t.Context(), t, b.launcher, out.Run); ended.State != runs.StateFinished {
		t.Errorf("the prediction is %s", ended.State)
	}
	if e := toolstest.Refusal(t, b.Registry, "predict_volume", call); e.Code != tools.CodeConflict || !strings.Contains(e.Hint, "overwrite") {
		t.Errorf("a second time: %+v", e)
	}

	// A volume of the dataset by its name, and a whole folder.
	byName, _ := toolstest.Call[serve.PredictOut](t, b.Registry, "predict_volume", args(t, map[string]any{"run": r.ID(), "input": id, "output": dir}))
	if !slices.Equal(byName.Outputs, []string{filepath.Join(dir, id+"-labels.nii.gz")}) {
		t.Errorf("%+v", byName)
	}
	all, _ := toolstest.Call[serve.PredictOut](t, b.Registry, "predict_volume", args(t, map[string]any{"run": r.ID(), "input": filepath.Dir(image), "output": filepath.Join(dir, "new")}))
	if all.Volumes != 5 || filepath.Dir(all.Outputs[4]) != filepath.Join(dir, "new") {
		t.Errorf("%+v", all)
	}
	for _, id := range []string{byName.Run, all.Run} {
		toolstest.Ended(t.Context(), t, b.launcher, id)
	}
	if e := toolstest.Refusal(t, b.Registry, "model_export", args(t, map[string]any{"run": all.Run})); e.Code != tools.CodeBadArguments ||
		!strings.Contains(e.Message, "is a prediction") || !strings.Contains(e.Hint, r.ID()) {
		t.Errorf("a prediction was to be exported: %+v", e)
	}
}

// model writes an ONNX model of a segresnet.
func model(t *testing.T, options map[string]any, metadata map[string]string) string {
	t.Helper()
	m, err := models.New("segresnet", options)
	if err != nil {
		t.Fatal(err)
	}
	weights, err := nntest.Weights(m.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "net.onnx")
	if _, err := onnx.ExportFile(path, m, weights, onnx.Spec{Patch: [3]int{16, 16, 16}, Metadata: metadata}, onnx.FileOptions{}); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPredictWithAFile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := toolstest.Dataset(t, b.ws, "toy", 1, cube)
	refs, err := d.Refs(0)
	if err != nil {
		t.Fatal(err)
	}
	said := model(t, map[string]any{"out_channels": 3}, map[string]string{
		"normalise": "percentile", "window": "16,32,8", "overlap": "0.5", "window_weights": "constant",
	})
	silent := model(t, nil, nil)
	script := filepath.Join(t.TempDir(), "net.ts")
	if err := os.WriteFile(script, []byte("for the worker to read"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file  string
		more  map[string]any
		notes int
		want  config.Experiment
	}{
		{said, nil, 0, experiment([3]int{16, 32, 8}, "percentile", 0.5, "constant", 3)},
		{said, map[string]any{"window": []int{8, 8, 8}, "normalise": "none"}, 0, experiment([3]int{8, 8, 8}, "none", 0.5, "constant", 3)},
		{silent, nil, 2, experiment([3]int{}, "zscore", 0.25, "gaussian", 2)},
		{script, map[string]any{"window": []int{8, 8, 8}}, 1, experiment([3]int{8, 8, 8}, "zscore", 0.25, "gaussian", 2)},
	} {
		call := map[string]any{"run": c.file, "input": refs[0].Image, "output": filepath.Join(t.TempDir(), "l.nii.gz")}
		maps.Copy(call, c.more)
		if p := toolstest.Preview(t, b.Registry, "predict_volume", args(t, call)); len(p.Notes) != c.notes {
			t.Errorf("%v: notes %q", call, p.Notes)
		}
		out, _ := toolstest.Call[serve.PredictOut](t, b.Registry, "predict_volume", args(t, call))
		spec, err := runs.ReadSpec(b.ws.Run(out.Run))
		if err != nil {
			t.Fatal(err)
		}
		var got config.Experiment
		if err := json.Unmarshal(spec.Experiment, &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, got); d != "" || spec.Predict.Model != c.file || spec.Predict.Run != "" || spec.Model != filepath.Base(c.file) {
			t.Errorf("%v: %+v\n%s", call, spec.Predict, d)
		}
		toolstest.Ended(t.Context(), t, b.launcher, out.Run)
	}
}

func experiment(window [3]int, normalise string, overlap float64, mode string, classes int) config.Experiment {
	e := config.Default()
	e.Infer.Window, e.Normalise, e.Infer.Overlap, e.Infer.Mode, e.Model.OutChannels = window, normalise, overlap, mode, classes
	return e
}

func TestPredictRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := toolstest.Dataset(t, b.ws, "toy", 5, cube)
	r := b.trained(t, d)
	image := r.Spec.Dataset.Volumes[0].Image
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text, bad, cut := write("a.txt", "x"), write("bad.nii.gz", "x"), write("cut.onnx", "\x08\x08\x3a\x7f")
	hollow := b.trained(t, d)
	if err := errors.Join(os.RemoveAll(filepath.Join(hollow.Dir, "checkpoints"))); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name          string
		args          map[string]any
		code          tools.Code
		message, hint string
	}{
		{"an unknown run", map[string]any{"run": "nobody", "input": image}, tools.CodeNotFound, "nobody", "runs_list"},
		{"no checkpoint", map[string]any{"run": hollow.ID(), "input": image}, tools.CodeConflict, "no checkpoint", "job_status"},
		{"an unknown volume", map[string]any{"run": r.ID(), "input": "mv99"}, tools.CodeNotFound, "there is no image", "known volumes: mv01"},
		{"a text file", map[string]any{"run": r.ID(), "input": text}, tools.CodeBadArguments, "no NIfTI image by its name", ""},
		{"a broken image", map[string]any{"run": r.ID(), "input": bad}, tools.CodeFailed, "bad.nii.gz", "must be a NIfTI image"},
		{"an empty folder", map[string]any{"run": r.ID(), "input": t.TempDir()}, tools.CodeNotFound, "no NIfTI image in", ""},
		{"its own image", map[string]any{"run": r.ID(), "input": image, "output": image, "overwrite": true}, tools.CodeBadArguments, "overwritten by its own labels", ""},
		{"a file for several", map[string]any{"run": r.ID(), "input": filepath.Dir(image), "output": text}, tools.CodeBadArguments, "several images need a folder", ""},
		{"no folder", map[string]any{"run": r.ID(), "input": image, "output": filepath.Join(dir, "no", "x.nii.gz")}, tools.CodeNotFound, "there is no folder", "make it first"},
		{"no NIfTI", map[string]any{"run": r.ID(), "input": image, "output": filepath.Join(dir, "x.png")}, tools.CodeBadArguments, "no NIfTI file by its name", ".nii.gz"},
		{"a settled normalisation", map[string]any{"run": r.ID(), "input": image, "normalise": "none"}, tools.CodeBadArguments, "is settled by run", "leave normalise out"},
		{"no model file", map[string]any{"run": "none.onnx", "input": image}, tools.CodeNotFound, "no model file", "name a run"},
		{"a model that is cut off", map[string]any{"run": cut, "input": image}, tools.CodeBadArguments, "was cut off", ""},
		{"a model of two channels", map[string]any{"run": model(t, map[string]any{"in_channels": 2}, nil), "input": image}, tools.CodeBadArguments, "takes images of 2 channels", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, e := range []*tools.Error{toolstest.Refusal(t, b.Registry, "predict_volume", args(t, c.args)), toolstest.Objection(t, b.Registry, "predict_volume", args(t, c.args))} {
				if e.Code != c.code || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Hint, c.hint) {
					t.Errorf("got %s: %q, %q", e.Code, e.Message, e.Hint)
				}
			}
		})
	}
}

func TestDepsAreNeeded(t *testing.T) {
	t.Parallel()
	if err := serve.Register(tools.NewRegistry(), serve.Deps{}); err == nil {
		t.Error("registered without a workspace")
	}
}
