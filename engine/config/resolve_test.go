package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/configs"
	"github.com/minivess/minivess/engine/config"
)

func write(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "experiment.yaml")
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultIsValid(t *testing.T) {
	t.Parallel()
	r, err := config.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Default(), r.Experiment); diff != "" {
		t.Error(diff)
	}
	for key, source := range r.Sources {
		if source != config.DefaultSource {
			t.Errorf("%s comes from %q", key, source)
		}
	}
}

func TestShippedFilesResolve(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(configs.FS(), "experiment/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if _, err := config.Resolve(config.FSLayer(configs.FS(), file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	quick, err := config.Resolve(config.FSLayer(configs.FS(), "experiment/quick.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Default(), quick.Experiment); diff != "" {
		t.Errorf("quick.yaml says that it is the defaults written out, but:\n%s", diff)
	}
}

func TestLayersWinInOrderAndLeaveTheirTrace(t *testing.T) {
	t.Parallel()
	path := write(t, "model: segresnet\ntrain:\n  learning_rate: 1e-2\n  patch_size: [32, 32, 16]\n  epochs: 7\ntags: {site: north, year: \"2026\"}\n")
	r, err := config.Resolve(
		config.FileLayer(path),
		config.OverridesLayer([]string{"learning_rate=1e-3", "train.epochs=3", "window=32x32x16", "tags.run=a=b", "name = x y "}),
		config.MapLayer("argument", map[string]any{"epochs": 5.0, "train": map[string]any{"batch_size": float64(4)}, "flip": 0}),
	)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Name = " x y "
	want.Tags = map[string]string{"site": "north", "year": "2026", "run": "a=b"}
	want.Train.LearningRate, want.Train.PatchSize, want.Train.Epochs, want.Train.BatchSize = 1e-3, [3]int{32, 32, 16}, 5, 4
	want.Infer.Window, want.Augment.Flip = [3]int{32, 32, 16}, 0
	if diff := cmp.Diff(want, r.Experiment); diff != "" {
		t.Error(diff)
	}
	for key, source := range map[string]string{
		"model.name": path + ":1:8", "train.patch_size": path + ":4:15", "train.learning_rate": "override",
		"train.epochs": "argument", "train.batch_size": "argument", "seed": "default", "augment.flip": "argument",
	} {
		if r.Sources[key] != source {
			t.Errorf("source of %s is %q, want %q", key, r.Sources[key], source)
		}
	}
}

// Every spelling of a size means the same.
func TestSizes(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"[48,48,16]", "48x48x16", "48,48,16", " [ 48, 48 ,16 ]", "48X48x16", "48×48×16"} {
		r, err := config.Resolve(config.OverridesLayer([]string{"patch_size=" + s}))
		if err != nil || r.Experiment.Train.PatchSize != [3]int{48, 48, 16} {
			t.Errorf("%q gives %v, %v", s, r.Experiment.Train.PatchSize, err)
		}
	}
	r, err := config.Resolve(config.OverridesLayer([]string{"patch_size=32"}))
	if err != nil || r.Experiment.Train.PatchSize != [3]int{32, 32, 32} {
		t.Errorf("a single number gives %v, %v", r.Experiment.Train.PatchSize, err)
	}
}

func TestFileErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, want string }{
		{"typo", "train:\n  epochs: 3\n  lerning_rate: 1\n", "FILE:3:3: unknown key \"lerning_rate\"\n  did you mean learning_rate?"},
		{"typo in a group", "modle:\n  name: segresnet\n", "FILE:1:1: unknown key \"modle\"\n  did you mean model?"},
		{"wrong group", "epochs: 3\n", "FILE:1:1: unknown key \"epochs\"\n  did you mean train.epochs?"},
		{"text for a number", "train:\n  epochs: many\n", "FILE:2:11: train.epochs: want an integer, got \"many\""},
		{"fraction for an integer", "train:\n  epochs: 2.5\n", "FILE:2:11: train.epochs: want an integer, got the number 2.5"},
		{"quoted number", "train:\n  learning_rate: \"0.1\"\n", "FILE:2:18: train.learning_rate: want a number, got the text \"0.1\""},
		{"number for text", "name: 17\n", "FILE:1:7: name: want text, got the number 17"},
		{"list of two", "train:\n  patch_size: [8, 8]\n", "FILE:2:15: train.patch_size: want 3 integers such as [48, 48, 32] or 48x48x32, got a list of 2"},
		{"no value", "seed:\n", "FILE:1:1: seed has no value\n  give it one or leave the line out"},
		{"out of range", "train:\n  learning_rate: -1\n", "FILE:2:18: train.learning_rate is -1: must be above 0 and at most 1000000"},
		{"unknown choice", "train:\n  schedule: cosin\n", "FILE:2:13: train.schedule is \"cosin\": must be cosine, poly or constant; did you mean cosine?"},
		{"infinite", "seed: .inf\n", "FILE:1:7: seed: want a finite number"},
		{"alias", "name: &a x\ndataset: *a\n", "FILE:1:7: name: anchors and aliases are not read; write the value out"},
		{"duplicate", "seed: 1\nseed: 2\n", "FILE:2:1: mapping key \"seed\" already defined at [1:1]"},
		{"list at the top", "- 1\n", "FILE:1:1: want keys with values, got a list of 1"},
		{"two documents", "seed: 1\n---\nseed: 2\n", "FILE:3:5: a second document; keep one in a file"},
		{"syntax", "train: {epochs: 3\n", "FILE:1:"},
		{"precision", "train:\n  precision: float16\n", "FILE:2:14: train.precision is \"float16\": must be float32 or bfloat16; did you mean bfloat16?"},
		{"patch", "train:\n  patch_size: 0x48x48\n", "FILE:2:15: train.patch_size is 0x48x48: each side must be from 1 to 1024"},
		{"pattern", "train:\n  freeze: [\"[a\"]\n", "FILE:2:11: train.freeze is \"[a\": must be a name in which * stands for any characters"},
		{"group", "train:\n  groups: [{patern: x}]\n", "FILE:2:11: train.groups: unknown key \"patern\" in a group; did you mean pattern?"},
		{"group's scale", "train:\n  groups: [{pattern: x, learning_rate_scale: 0}]\n", "FILE:2:11: train.groups is 0: the scale of \"x\" must be above 0"},
		{"options that are none", "model:\n  options: 3\n", "FILE:2:12: model.options: want settings such as {feature_size: 24}, got the number 3"},
		{"an option without a value", "model:\n  options:\n    feature_size:\n", "FILE:3:5: model.options.feature_size has no value"},
		{"an infinite option", "model:\n  options:\n    feature_size: [1, .inf]\n", "FILE:3:19: model.options.feature_size: want a finite number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, c.body)
			_, err := config.Resolve(config.FileLayer(path))
			if err == nil {
				t.Fatal("accepted")
			}
			if !errors.Is(err, config.ErrInvalid) {
				t.Errorf("%v does not wrap ErrInvalid", err)
			}
			if got := strings.ReplaceAll(err.Error(), path, "FILE"); !strings.HasPrefix(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestOverrideErrors(t *testing.T) {
	t.Parallel()
	for override, want := range map[string]string{
		"lerning_rate=1e-3":        "override: unknown key \"lerning_rate\"\n  did you mean train.learning_rate?",
		"train.lerning_rate=1e-3":  "override: unknown key \"train.lerning_rate\"\n  did you mean learning_rate?",
		"epochs":                   "override: \"epochs\" is not key=value\n  for example train.learning_rate=1e-3",
		"epochs=ten":               "override: epochs: want an integer, got \"ten\"",
		"epochs=":                  "override: epochs: want an integer, got \"\"",
		"learning_rate=NaN":        "override: learning_rate: want a number, got \"NaN\"",
		"train=3":                  "override: \"train\" is a group of keys, not a value",
		"include_background=yes":   "override: include_background: want true or false, got \"yes\"",
		"tags=3":                   "override: tags: want a label such as tags.site=north",
		"foreground_fraction=1.5":  "override: train.foreground_fraction is 1.5: must be from 0 to 1",
		"name=\x1b[31mred":         "override: name is \"\\x1b[31mred\": must be printable text",
		"device=gpu":               "override: device is \"gpu\": must be auto, cpu or cuda; did you mean cpu?",
		"groups=encoder*":          "override: groups: \"encoder*\" is not pattern:scale; for example encoder*:0.1",
		"groups=encoder*:x":        "override: groups: \"encoder*:x\": learning_rate_scale: want a number, got \"x\"",
		"momentum=1":               "override: train.momentum is 1: must be at least 0 and below 1",
		"optimizer=sdg":            "override: train.optimizer is \"sdg\": must be adamw or sgd; did you mean sgd?",
		"model.options=3":          "override: model.options: want settings such as {feature_size: 24}, got \"3\"",
		"model.options.depths=[1,": "override: model.options.depths: \"[1,\" is not readable as a list or a map",
		"model.options.x=1e999":    "override: model.options.x: want a finite number, got \"1e999\" (+Inf)",
		"model.options.x=":         "override: model.options.x: want a value, got nothing",
		"seed=9223372036854775808": "override: seed: want an integer, got \"9223372036854775808\"",
	} {
		_, err := config.Resolve(config.OverridesLayer([]string{override}))
		if err == nil || err.Error() != want {
			t.Errorf("%s\n got %v\nwant %s", override, err, want)
		}
	}
}

// All mistakes are told at once.
func TestEveryMistakeIsTold(t *testing.T) {
	t.Parallel()
	_, err := config.Resolve(config.FileLayer(write(t, "sed: 1\ntrain: {epochs: x, lr: 1}\n")), config.OverridesLayer([]string{"nope=1"}))
	if got := strings.Count(fmt.Sprint(err), "unknown key"); got != 3 {
		t.Errorf("%d unknown keys told, want 3: %v", got, err)
	}
	if !strings.Contains(fmt.Sprint(err), "train.epochs: want an integer") {
		t.Errorf("the type error is missing: %v", err)
	}
}

func TestMissingAndHugeFiles(t *testing.T) {
	t.Parallel()
	if _, err := config.Resolve(config.FileLayer(filepath.Join(t.TempDir(), "none.yaml"))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := config.Resolve(config.FileLayer(write(t, strings.Repeat("#\n", 1<<20)))); !errors.Is(err, config.ErrInvalid) {
		t.Errorf("huge file: %v", err)
	}
	if r, err := config.Resolve(config.FileLayer(write(t, "# nothing\n"))); err != nil || r.Experiment.Name != "" {
		t.Errorf("empty file: %v", err)
	}
}

func TestKeysAreDocumented(t *testing.T) {
	t.Parallel()
	leaves := map[string]bool{}
	for _, k := range config.Keys() {
		if k.Doc == "" || k.Type == "" {
			t.Errorf("%s: doc %q, type %q", k.Name, k.Doc, k.Type)
		}
		last := k.Name[strings.LastIndexByte(k.Name, '.')+1:]
		if leaves[last] && last != "name" {
			t.Errorf("two keys end in %s: people could not shorten them", last)
		}
		leaves[last] = true
	}
	if !leaves["learning_rate"] {
		t.Error("learning_rate is missing")
	}
}

// experiments draws valid experiments.
func experiments(t *rapid.T) config.Experiment {
	e := config.Default()
	e.Name = rapid.StringOf(rapid.RuneFrom(nil, unicode.Letter, unicode.Digit, unicode.Punct, unicode.Symbol)).Draw(t, "name")
	e.Dataset = rapid.StringMatching(`[a-z0-9 .:#-]{0,12}`).Draw(t, "dataset")
	e.Seed = rapid.Int64().Draw(t, "seed")
	e.Device = rapid.SampledFrom([]string{"auto", "cpu", "cuda"}).Draw(t, "device")
	e.Train.LearningRate = rapid.Float64Range(1e-12, 1000).Draw(t, "lr")
	e.Train.Epochs = rapid.IntRange(1, 1_000_000).Draw(t, "epochs")
	side := rapid.IntRange(1, 128)
	e.Train.PatchSize = [3]int{8 * side.Draw(t, "x"), 8 * side.Draw(t, "y"), 8 * side.Draw(t, "z")}
	e.Init.From = rapid.StringMatching(`[a-z0-9 ./:#-]{0,12}`).Draw(t, "from")
	patterns := rapid.SliceOfN(rapid.StringMatching(`[a-z*?.:#'"0-9]{1,8}`), 0, 3)
	for _, list := range []*[]string{&e.Init.Ignore, &e.Train.Freeze} {
		if p := patterns.Draw(t, "patterns"); len(p) > 0 {
			*list = p
		}
	}
	for _, p := range patterns.Draw(t, "groups") {
		g := config.Group{Pattern: p, LearningRateScale: rapid.Float64Range(1e-6, 100).Draw(t, "scale")}
		if rapid.Bool().Draw(t, "decays") {
			decay := rapid.Float64Range(0, 1).Draw(t, "decay")
			g.WeightDecay = &decay
		}
		e.Train.Groups = append(e.Train.Groups, g)
	}
	if rapid.Bool().Draw(t, "options") {
		value := rapid.SampledFrom([]any{24.0, 0.1, true, "fixed", "null", "24", "[1", "~", "a: b", []any{2.0, 2.0}, map[string]any{"name": "group", "n": 8.0}, []any{"x", []any{1.0}}})
		e.Model.Extra = rapid.MapOfN(rapid.StringMatching(`[a-z_]{2,8}[0-9]`), value, 1, 4).Draw(t, "extra")
	}
	e.Train.IncludeBackground = rapid.Bool().Draw(t, "background")
	if rapid.Bool().Draw(t, "tagged") {
		e.Tags = rapid.MapOfN(rapid.StringMatching(`[a-z]{1,8}`), rapid.StringMatching(`[ -~]{0,12}`), 1, 4).Draw(t, "tags")
	}
	return e
}

// What is written is read back to the same bits.
func TestYAMLRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		e := experiments(rt)
		b := e.YAML()
		r, err := config.Resolve(config.FileLayer(write(t, string(b))))
		if err != nil {
			rt.Fatalf("%v\n%s", err, b)
		}
		if diff := cmp.Diff(e, r.Experiment); diff != "" {
			rt.Fatalf("%s\n%s", diff, b)
		}
	})
}

// A layer made of a whole experiment gives just that experiment.
func TestExperimentLayerRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		e := experiments(rt)
		r, err := config.Resolve(config.OverridesLayer([]string{"epochs=3"}), config.ExperimentLayer("run x", e))
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(e, r.Experiment); diff != "" || r.Sources["train.epochs"] != "run x" {
			rt.Fatal(diff, r.Sources["train.epochs"])
		}
	})
}

func TestStepCounts(t *testing.T) {
	t.Parallel()
	tr := config.Default().Train
	tr.Epochs, tr.BatchSize, tr.PatchesPerVolume = 3, 4, 3
	if got := tr.StepsPerEpoch(3); got != 3 {
		t.Errorf("9 patches by 4 make %d steps, want 3", got)
	}
	if got := tr.TotalSteps(3); got != 9 {
		t.Errorf("total %d, want 9", got)
	}
	tr.MaxSteps = 5
	if got := tr.TotalSteps(3); got != 5 {
		t.Errorf("limited total %d, want 5", got)
	}
}

// An experiment's values, written as JSON into overrides, give it again: so one
// program hands them to another.
func TestOverridesOfEveryKey(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		e := experiments(rt)
		b, err := json.Marshal(e)
		if err != nil {
			rt.Fatal(err)
		}
		var tree map[string]any
		if err := json.Unmarshal(b, &tree); err != nil {
			rt.Fatal(err)
		}
		var overrides []string
		for _, k := range config.Keys() {
			var value any = tree
			for name := range strings.SplitSeq(k.Name, ".") {
				branch, ok := value.(map[string]any)
				if !ok {
					rt.Fatalf("%s lies below %v", k.Name, value)
				}
				value = branch[name]
			}
			if text, ok := value.(string); ok {
				overrides = append(overrides, k.Name+"="+text)
			} else if value != nil && k.Name != "seed" { // whose digits JSON's numbers do not hold
				b, err := json.Marshal(value)
				if err != nil {
					rt.Fatal(err)
				}
				overrides = append(overrides, k.Name+"="+string(b))
			}
		}
		r, err := config.Resolve(config.OverridesLayer(append(overrides, fmt.Sprint("seed=", e.Seed))))
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(e, r.Experiment); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// What is written into a job is read back the same.
func TestJSONRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		e := experiments(rt)
		b, err := json.Marshal(e)
		if err != nil {
			rt.Fatal(err)
		}
		var back config.Experiment
		if err := json.Unmarshal(b, &back); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(e, back); diff != "" || !e.Model.Equal(back.Model) {
			rt.Fatal(diff)
		}
	})
}
