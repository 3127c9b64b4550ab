package train_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/safetensors"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/toolstest"
	"github.com/minivess/minivess/tools/train"
)

// weightsOf writes a checkpoint of a network, by minivess or by a stranger.
func weightsOf(t *testing.T, model string, options map[string]any, own bool) string {
	t.Helper()
	m, err := models.New(model, options)
	if err != nil {
		t.Fatal(err)
	}
	s, err := nntest.Weights(m.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "weights.safetensors")
	if own {
		err = m.SaveCheckpoint(path, s, nil)
	} else {
		err = safetensors.Write(path, s, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func arguments(t *testing.T, args map[string]any) string {
	t.Helper()
	b, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What nobody chose of a network comes from its small configuration; what
// somebody did stays, and rules out what does not go with it.
func TestSmallDefaults(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	for _, c := range []struct {
		name, overrides string
		filters         int
		extra           map[string]any
		sources         map[string]string
	}{
		{
			"all", ``, 8,
			map[string]any{"strides": []any{1.0, 2.0, 2.0, 2.0}},
			map[string]string{"model.init_filters": "small default of dynunet", "model.options.strides": "small default of dynunet"},
		},
		{
			"width", `"init_filters=4"`, 4,
			map[string]any{"strides": []any{1.0, 2.0, 2.0, 2.0}},
			map[string]string{"model.init_filters": "override"},
		},
		{
			"levels", `"strides=[1,2,2]","deep_supervision=true"`, 8,
			map[string]any{"strides": []any{1.0, 2.0, 2.0}, "deep_supervision": true},
			map[string]string{"model.options.strides": "override", "model.options.deep_supervision": "override"},
		},
		{
			"kernels", `"model.options.kernel_size=[3,3,3]"`, 8,
			map[string]any{"kernel_size": []any{3.0, 3.0, 3.0}},
			map[string]string{"model.options.strides": ""},
		},
	} {
		out, _ := toolstest.Call[train.LaunchOut](t, b.Registry, "train_launch", `{"dataset":"toy","model":"dynunet","overrides":[`+c.overrides+`]}`)
		spec, e := b.spec(t, out.Run)
		if e.Model.InitFilters != c.filters {
			t.Errorf("%s: %d filters", c.name, e.Model.InitFilters)
		}
		if diff := cmp.Diff(c.extra, e.Model.Extra); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
		for key, want := range c.sources {
			if spec.Sources[key] != want {
				t.Errorf("%s: source of %s is %q, want %q", c.name, key, spec.Sources[key], want)
			}
		}
		toolstest.Ended(t.Context(), t, b.launcher, out.Run)
	}
	p := toolstest.Preview(t, b.Registry, "train_launch", `{"dataset":"toy","model":"dynunet"}`)
	if !strings.Contains(strings.Join(p.Notes, "\n"), "small default of dynunet: init_filters 8, strides [1 2 2 2]") {
		t.Errorf("notes %q", p.Notes)
	}
}

// A patch that nobody chose is made to fit, and said to be.
func TestPatchIsMadeToFit(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	for levels, want := range map[string]string{
		"[1,2,2,2,2]": "48×48×48", "[1,2,2,2,2,2]": "64×64×32", "[1,2,2,2,2,2,2]": "64×64×64", "[1,[1,2,3],[2,2,3]]": "48×48×45",
	} {
		p := toolstest.Preview(t, b.Registry, "train_launch", `{"dataset":"toy","model":"dynunet","overrides":["init_filters=4","strides=`+levels+`"]}`)
		if !strings.HasSuffix(p.Summary, " steps of 2×"+want) {
			t.Errorf("%s: %q, want patches of %s", levels, p.Summary, want)
		}
	}
	e := toolstest.Objection(t, b.Registry, "train_launch", `{"dataset":"toy","model":"dynunet","patch_size":[48,48,48],"overrides":["strides=[1,2,2,2,2,2]"]}`)
	if e.Code != tools.CodeBadArguments || e.Message != "dynunet cannot take patches of 48×48×48 (train.patch_size): each side must be a multiple of 32×32×32" || e.Hint != "[64,64,32] would fit" {
		t.Errorf("%q, %q", e.Message, e.Hint)
	}
	e = toolstest.Objection(t, b.Registry, "train_launch", `{"dataset":"toy","model":"segresnet","overrides":["infer.window=48x48x12"]}`)
	if !strings.Contains(e.Message, "48×48×12 (infer.window)") || e.Hint != "[48,48,8] would fit" && e.Hint != "[48,48,16] would fit" {
		t.Errorf("%q, %q", e.Message, e.Hint)
	}
}

// A training begins with a file's weights; the network's options that nobody
// chose are the file's.
func TestInitFrom(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	for _, own := range []bool{true, false} {
		path := weightsOf(t, "segresnet", map[string]any{"init_filters": 16, "blocks_down": []int{1, 1, 1}, "blocks_up": []int{1, 1}}, own)
		args := map[string]any{"dataset": "toy", "model": "segresnet", "init_from": path, "freeze": []string{"convInit.*"}}
		p := toolstest.Preview(t, b.Registry, "train_launch", arguments(t, args))
		notes := strings.Join(p.Notes, "\n")
		if !strings.HasPrefix(p.Summary, "train segresnet-16 (") || !strings.Contains(notes, "begins with "+path+": matched ") || !strings.Contains(notes, "parameters trained") {
			t.Errorf("%q\n%s", p.Summary, notes)
		}
		out, _ := toolstest.Call[train.LaunchOut](t, b.Registry, "train_launch", string(p.Args))
		spec, e := b.spec(t, out.Run)
		if spec.Init == nil || spec.Init.Path != path || len(spec.Init.SHA256) != 64 || spec.Init.Bytes == 0 || e.Init.From != path || !e.Init.Strict {
			t.Errorf("%+v, %+v", spec.Init, e.Init)
		}
		if e.Model.InitFilters != 16 || e.Model.Extra["blocks_down"] == nil || e.Train.Freeze[0] != "convInit.*" {
			t.Errorf("%+v", e.Model)
		}
		if s := spec.Sources["model.init_filters"]; !strings.Contains(s, "weights.safetensors") {
			t.Errorf("filters from %q", s)
		}
		toolstest.Ended(t.Context(), t, b.launcher, out.Run)
	}
}

// Weights that do not fit are refused before a worker starts, with what would.
func TestInitFromRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	three := weightsOf(t, "segresnet", map[string]any{"out_channels": 3}, true)
	other := weightsOf(t, "basicunet", map[string]any{"init_filters": 8}, false)
	text := filepath.Join(t.TempDir(), "text.pt")
	if err := os.WriteFile(text, []byte("no weights"), 0o600); err != nil {
		t.Fatal(err)
	}
	sick := filepath.Join(t.TempDir(), "sick.safetensors")
	var s nn.State
	m, err := models.New("segresnet", nil)
	if err != nil {
		t.Fatal(err)
	}
	good, err := nntest.Weights(m.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	for x := range good.All() {
		if x.Name == "convInit.conv.weight" {
			copy(x.Data, []byte{0, 0, 0xc0, 0x7f})
		}
		if err := s.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	if err := safetensors.Write(sick, &s, nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name          string
		args          map[string]any
		code          tools.Code
		message, hint string
	}{
		{"other classes", map[string]any{"init_from": three}, tools.CodeBadArguments, `"conv_final.2.conv.bias" wants F32 2, found F32 3`, "init.ignore"},
		{"another network", map[string]any{"init_from": other}, tools.CodeBadArguments, "missing", "the file's tensors are those of basicunet"},
		{"no weights", map[string]any{"init_from": text}, tools.CodeBadArguments, "text.pt", ""},
		{"NaN", map[string]any{"init_from": sick}, tools.CodeBadArguments, "NaN", "earlier checkpoint"},
		{"no file", map[string]any{"init_from": "none/net.pt"}, tools.CodeNotFound, "there is no file of weights", "name a run"},
		{"no run", map[string]any{"init_from": "mild-stoat"}, tools.CodeNotFound, "mild-stoat", ""},
		{"a folder", map[string]any{"init_from": t.TempDir()}, tools.CodeBadArguments, "bundle", "MONAI bundle"},
		{"nothing ignored", map[string]any{"init_from": three, "overrides": []string{"init.ignore=conv_fnal.*"}}, tools.CodeBadArguments, `init.ignore "conv_fnal.*" matches none`, ""},
		{"freeze a slip", map[string]any{"freeze": []string{"convInt*"}}, tools.CodeBadArguments, "did you mean convInit.*", ""},
		{"freeze all", map[string]any{"freeze": []string{"*"}}, tools.CodeBadArguments, "leaves none", ""},
		{"a slip in an option", map[string]any{"overrides": []string{"model.options.blocks_dwn=[1,1]"}}, tools.CodeBadArguments, "override: ", ""},
		{"a wrong option", map[string]any{"overrides": []string{"upsample_mode=nearest"}}, tools.CodeBadArguments, "override: ", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.args["dataset"], c.args["model"] = "toy", "segresnet"
			args := arguments(t, c.args)
			e := toolstest.Refusal(t, b.Registry, "train_launch", args)
			if e.Code != c.code || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("got %s: %q, %q", e.Code, e.Message, e.Hint)
			}
			if p := toolstest.Objection(t, b.Registry, "train_launch", args); p.Message != e.Message {
				t.Errorf("the preview says %q", p.Message)
			}
		})
	}
	out, _ := toolstest.Call[train.LaunchOut](t, b.Registry, "train_launch",
		arguments(t, map[string]any{"dataset": "toy", "model": "segresnet", "init_from": three, "overrides": []string{"init.ignore=conv_final.2.*"}}))
	toolstest.Ended(t.Context(), t, b.launcher, out.Run)
}

// The experiments that come with the program are ones that can be launched.
func TestShippedExperiments(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	files, err := filepath.Glob(filepath.Join("..", "..", "configs", "experiment", "*.yaml"))
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		r, err := config.Resolve(config.FileLayer(file))
		if err != nil {
			t.Fatal(err)
		}
		p := toolstest.Preview(t, b.Registry, "train_launch", arguments(t, map[string]any{"dataset": "toy", "model": r.Experiment.Model.Name, "config": file}))
		if !strings.HasPrefix(p.Summary, "train "+r.Experiment.Model.Name) {
			t.Errorf("%s: %q", file, p.Summary)
		}
	}
}

// A network that is too large for this machine is launched only with a warning.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	p := toolstest.Preview(t, b.Registry, "train_launch", `{"dataset":"toy","model":"segresnet","patch_size":[512,512,512],"batch_size":64,"overrides":["init_filters=64"]}`)
	if !strings.Contains(strings.Join(p.Notes, "\n"), "GB are free; this would fit: patch_size=") {
		t.Errorf("notes %q", p.Notes)
	}
}

// An option of a model that is wrong in a file is told with its place there.
func TestOptionsAreToldWithTheirPlace(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	path := filepath.Join(t.TempDir(), "net.yaml")
	if err := os.WriteFile(path, []byte("model:\n  name: dynunet\n  options:\n    strides: [1, 2]\n    deep_supr_nm: 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := toolstest.Objection(t, b.Registry, "train_launch", arguments(t, map[string]any{"dataset": "toy", "model": "dynunet", "config": path}))
	if !strings.HasPrefix(e.Message, path+":5:19: ") || !strings.Contains(e.Message, "did you mean deep_supr_num?") {
		t.Errorf("%q", e.Message)
	}
}

// A TorchScript file is looked into before it is launched.
func TestTorchScript(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	path := filepath.Join("..", "..", "engine", "nn", "torch", "testdata", "script", "good.ts")
	whole, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	args := map[string]any{"dataset": "toy", "model": "torchscript", "max_steps": 3, "overrides": []string{"model.options.path=" + path}}
	p := toolstest.Preview(t, b.Registry, "train_launch", arguments(t, args))
	if p.Summary != "train good.ts (692 parameters) on toy, fold 0: 3 steps of 2×48×48×48" || !strings.Contains(strings.Join(p.Notes, " "), "not known before it runs") {
		t.Errorf("%q, %q", p.Summary, p.Notes)
	}
	out, _ := toolstest.Call[train.LaunchOut](t, b.Registry, "train_launch", arguments(t, args))
	spec, e := b.spec(t, out.Run)
	if spec.Network == nil || spec.Network.Path != whole || len(spec.Network.SHA256) != 64 || e.Model.Extra["path"] != whole || out.Parameters != 692 {
		t.Errorf("%+v, %+v, %+v", spec.Network, e.Model, out)
	}
	toolstest.Ended(t.Context(), t, b.launcher, out.Run)
	for _, c := range []struct {
		overrides []string
		more      string
		message   string
	}{
		{nil, "", "needs its file"},
		{[]string{"model.options.path=none.ts"}, "", "none.ts"},
		{[]string{"model.options.path=begin_test.go"}, "", "begin_test.go"},
		{[]string{"model.options.path=" + path, "init_filters=8"}, "", "cannot be set"},
		{[]string{"model.options.path=" + path, "freeze=x*"}, "", "matches no parameter"},
		{[]string{"model.options.path=" + path}, whole, "begins with the weights in its file"},
	} {
		args := map[string]any{"dataset": "toy", "model": "torchscript", "overrides": c.overrides}
		if c.more != "" {
			args["init_from"] = c.more
		}
		if e := toolstest.Objection(t, b.Registry, "train_launch", arguments(t, args)); !strings.Contains(e.Message, c.message) {
			t.Errorf("%v: %q, want %q", c.overrides, e.Message, c.message)
		}
	}
}
