package bundle_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/models/basicunet"
	"github.com/minivess/minivess/engine/models/bundle"
	"github.com/minivess/minivess/engine/models/dynunet"
	"github.com/minivess/minivess/engine/models/segresnet"
	"github.com/minivess/minivess/engine/models/segresnetds"
	"github.com/minivess/minivess/engine/models/swinunetr"
	"github.com/minivess/minivess/engine/models/unet"
	"github.com/minivess/minivess/engine/nn"
)

// The bundle that MONAI itself made (scripts/peers/weights_fixture.py) is read,
// and its weights fit the network that was understood.
func TestBundleOfMONAI(t *testing.T) {
	t.Parallel()
	b, err := bundle.Read("testdata/tiny")
	if err != nil {
		t.Fatal(err)
	}
	want := bundle.Bundle{
		Name: "Tiny vessels", Version: "0.1.0", Description: "A network too small for anything",
		Model: "segresnet", Target: "SegResNet", WeightsPath: filepath.Join("testdata", "tiny", "models", "model.pt"),
		Options: map[string]any{
			"in_channels": 2.0, "out_channels": 3.0, "init_filters": 8.0, "blocks_down": []any{1.0, 1.0}, "blocks_up": []any{1.0},
			"dropout": 0.2, "act": "relu", "norm": []any{"GROUP", map[string]any{"num_groups": 4.0}}, "upsample_mode": "deconv",
		},
		ImageChannels: 2, Classes: 3, ChannelNames: []string{"first", "second"}, ClassNames: []string{"background", "artery", "vein"},
		Spacing: []float64{0.5, 0.5, 1}, PatchSize: nn.Shape{32, 32, 16},
		Notes: []string{"out_channels is Python code in the configuration; metadata.json says 3"},
	}
	if d := cmp.Diff(want, b); d != "" {
		t.Error(d)
	}
	m, err := segresnet.New(b.Options)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.LoadCheckpoint(b.WeightsPath)
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.Compare(m.TrainableParameters(), s).Err(); err != nil {
		t.Error(err)
	}
}

// write makes a bundle's folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// of makes a bundle with that network definition.
func of(t *testing.T, network string) string {
	t.Helper()
	return write(t, map[string]string{
		"configs/metadata.json": `{"monai_version": "1.3.0"}`, "configs/train.json": `{"network_def": ` + network + `}`, "models/model.pt": "",
	})
}

// Every class that is known becomes a model, with arguments as bundles of the
// Model Zoo write them, and the model's own package takes the options.
func TestNetworks(t *testing.T) {
	t.Parallel()
	made := func(options map[string]any, construct func(map[string]any) error) func() error {
		return func() error { return construct(options) }
	}
	for network, want := range map[string]struct {
		model, options string
	}{
		`{"_target_": "SegResNet", "init_filters": 16, "in_channels": 4, "out_channels": 3, "norm_name": "group", "dropout_prob": null}`: {
			"segresnet", `{"in_channels":4,"init_filters":16,"norm":"group","out_channels":3}`,
		},
		`{"_target_": "monai.networks.nets.SegResNetDS", "spatial_dims": 3, "resolution": [1, 1, 5], "dsdepth": 2, "act": ["relu", {"inplace": true}]}`: {
			"segresnetds", `{"act":"relu","dsdepth":2,"resolution":[1,1,5]}`,
		},
		`{"_target_": "SwinUNETR", "img_size": [96, 96, 96], "in_channels": 1, "out_channels": 14, "feature_size": 48, "use_checkpoint": true}`: {
			"swinunetr", `{"feature_size":48,"in_channels":1,"out_channels":14,"patch_merging":"legacy"}`,
		},
		`{"_target_": "SwinUNETR", "img_size": 96, "in_channels": 1, "out_channels": 2, "downsample": "mergingv2", "use_v2": true}`: {
			"swinunetr", `{"in_channels":1,"out_channels":2,"patch_merging":"v2","use_v2":true}`,
		},
		`{"_target_": "DynUNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 2, "kernel_size": [3, 3, [3, 3, 1]], "strides": [1, 2, [2, 2, 1]],
		  "upsample_kernel_size": [2, [2, 2, 1]], "norm_name": "instance", "deep_supervision": false, "res_block": true, "filters": null}`: {
			"dynunet", `{"deep_supervision":false,"in_channels":1,"kernel_size":[3,3,[3,3,1]],"norm_name":"instance","out_channels":2,` +
				`"res_block":true,"strides":[1,2,[2,2,1]],"upsample_kernel_size":[2,[2,2,1]]}`,
		},
		`{"_target_": "UNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [16, 32, 64], "strides": [2, 2], "norm": "batch",
		  "kernel_size": [3, 3, 3], "adn_ordering": "nda"}`: {
			"unet", `{"channels":[16,32,64],"in_channels":1,"norm":"batch","num_res_units":0,"out_channels":2,"strides":[2,2]}`,
		},
		`{"_target_": "BasicUNet", "features": [8, 8, 16, 32, 64, 8], "dropout": 0.1}`: {"basicunet", `{"dropout":0.1,"init_filters":8}`},
	} {
		b, err := bundle.Read(of(t, network))
		if err != nil {
			t.Errorf("%s: %v", network, err)
			continue
		}
		options, err := json.Marshal(b.Options)
		if err != nil || b.Model != want.model || string(options) != want.options {
			t.Errorf("%s\nis %s %s: %v", network, b.Model, options, err)
		}
		take := map[string]func() error{
			"segresnet":   made(b.Options, func(o map[string]any) error { _, err := segresnet.New(o); return err }),
			"segresnetds": made(b.Options, func(o map[string]any) error { _, err := segresnetds.New(o); return err }),
			"swinunetr":   made(b.Options, func(o map[string]any) error { _, err := swinunetr.New(o); return err }),
			"dynunet":     made(b.Options, func(o map[string]any) error { _, err := dynunet.New(o); return err }),
			"unet":        made(b.Options, func(o map[string]any) error { _, err := unet.New(o); return err }),
			"basicunet":   made(b.Options, func(o map[string]any) error { _, err := basicunet.New(o); return err }),
		}[b.Model]
		if err := take(); err != nil {
			t.Errorf("%s: %v", network, err)
		}
	}
}

// How Swin UNETR merges patches is only decided where the bundle's MONAI tells.
func TestMerging(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]any{"1.4.0": "legacy", "0.9.1": "legacy", "1.5.0": nil, "1.10": nil, "": nil, "unknown": nil} {
		b, err := bundle.Read(write(t, map[string]string{
			"configs/metadata.json": `{"monai_version": "` + version + `"}`, "models/model.pt": "",
			"configs/inference.json": `{"network_def": {"_target_": "SwinUNETR", "in_channels": 1, "out_channels": 2}}`,
		}))
		if err != nil || b.Options["patch_merging"] != want || len(b.Notes) != 1 {
			t.Errorf("MONAI %q: %v, %q: %v", version, b.Options, b.Notes, err)
		}
	}
}

// References are followed, in JSON and in YAML; Python is not.
func TestReferences(t *testing.T) {
	t.Parallel()
	const yaml = `---
# a bundle of the Model Zoo's kind
classes: 5
sizes: {first: 16, down: [1, 2]}
same: "@classes"
net_def:
  _target_: monai.networks.nets.SegResNet
  out_channels: "@same"
  init_filters: "@sizes#first"
  in_channels: "$@sizes::down::1"
  blocks_down: "@sizes::down"
  blocks_up: [1]
  dropout_prob: "$None"
  use_conv_final: $True
  num_groups: $4
network: $@net_def.to(@device)
`
	b, err := bundle.Read(write(t, map[string]string{
		"configs/metadata.json": "{}", "configs/inference.yaml": yaml, "models/model.ts": "", "models/other.pt": "",
	}))
	if err != nil {
		t.Fatal(err)
	}
	options, err := json.Marshal(b.Options)
	const want = `{"blocks_down":[1,2],"blocks_up":[1],"in_channels":2,"init_filters":16,"num_groups":4,"out_channels":5,"use_conv_final":true}`
	if err != nil || string(options) != want || b.ImageChannels != 2 || b.Classes != 5 {
		t.Errorf("%s: %v", options, err)
	}
	if filepath.Base(b.WeightsPath) != "model.ts" { // the bundle's own before a stranger
		t.Errorf("weights %q", b.WeightsPath)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	const meta, net = `{}`, `{"network_def": {"_target_": "SegResNet"}}`
	inference := func(config string) map[string]string {
		return map[string]string{"configs/metadata.json": meta, "configs/inference.json": config, "models/model.pt": ""}
	}
	definition := func(d string) map[string]string { return inference(`{"network_def": ` + d + `}`) }
	for name, c := range map[string]struct {
		files map[string]string
		err   error
		says  string
	}{
		"nothing":        {map[string]string{"x": ""}, bundle.ErrFormat, "configs/metadata.json"},
		"no config":      {map[string]string{"configs/metadata.json": meta}, bundle.ErrFormat, "no inference or train configuration"},
		"no weights":     {map[string]string{"configs/metadata.json": meta, "configs/train.json": net}, fs.ErrNotExist, "its weights are not there"},
		"not downloaded": {map[string]string{"configs/metadata.json": meta, "configs/train.json": net, "large_files.yml": "", "models/x": ""}, fs.ErrNotExist, "large_files.yml says where"},
		"bad JSON":       {inference("{"), bundle.ErrFormat, "inference.json"},
		"bad YAML":       {map[string]string{"configs/metadata.json": meta, "configs/inference.yml": "a: [", "models/model.pt": ""}, bundle.ErrFormat, "inference.yml"},
		"YAML aliases": {
			map[string]string{"configs/metadata.json": meta, "configs/inference.yml": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "models/model.pt": ""},
			bundle.ErrFormat, "aliases",
		},
		"huge":              {inference(`{"x": "` + strings.Repeat("x", 1<<20) + `"}`), bundle.ErrFormat, "larger than"},
		"bad metadata":      {map[string]string{"configs/metadata.json": "[]", "configs/train.json": net}, bundle.ErrFormat, "metadata.json"},
		"no network":        {inference(`{"x": 1}`), bundle.ErrFormat, "no network_def"},
		"no class":          {definition(`{"in_channels": 1}`), bundle.ErrFormat, "names no class"},
		"a Python network":  {definition(`"$monai.networks.nets.vista3d132(in_channels=1)"`), bundle.ErrUnsupported, "is Python code, which is never run"},
		"nothing referred":  {definition(`"@net"`), bundle.ErrFormat, "refers to nothing"},
		"another class":     {definition(`{"_target_": "DiNTS"}`), bundle.ErrUnsupported, `"DiNTS"; known are BasicUNet`},
		"a class of theirs": {definition(`{"_target_": "scripts.SegResNet"}`), bundle.ErrUnsupported, `"scripts.SegResNet"`},
		"two dimensions":    {definition(`{"_target_": "UNet", "spatial_dims": 2}`), bundle.ErrUnsupported, "it is 2, only 3"},
		"an argument":       {definition(`{"_target_": "SegResNet", "wings": 2}`), bundle.ErrUnsupported, `argument "wings" of SegResNet: bundle needs something that minivess does not have: it has no counterpart`},
		"an expression":     {definition(`{"_target_": "SegResNet", "init_filters": "$2 ** 4"}`), bundle.ErrUnsupported, `"$2 ** 4" is Python code`},
		"an import":         {definition(`{"_target_": "SegResNet", "init_filters": "$__import__('os').system('true')"}`), bundle.ErrUnsupported, "is Python code"},
		"channels unknown":  {definition(`{"_target_": "SegResNet", "in_channels": "$1 + 1"}`), bundle.ErrUnsupported, `argument "in_channels"`},
		"a macro":           {definition(`{"_target_": "SegResNet", "act": "%other.json::act"}`), bundle.ErrUnsupported, "takes text from another place"},
		"a circle":          {inference(`{"a": "@b", "b": "@a", "network_def": {"_target_": "SegResNet", "act": "@a"}}`), bundle.ErrFormat, "in circles"},
		"laughter":          {inference(laughter()), bundle.ErrFormat, "more than 10000 values"},
		"a dangling one":    {definition(`{"_target_": "SegResNet", "act": "@nowhere"}`), bundle.ErrFormat, "refers to nothing"},
		"odd features":      {definition(`{"_target_": "BasicUNet", "features": [32, 32, 64, 128, 256, 64]}`), bundle.ErrUnsupported, "features are"},
		"odd merging":       {definition(`{"_target_": "SwinUNETR", "downsample": "$Merging"}`), bundle.ErrUnsupported, "downsample"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, c.files)
			_, err := bundle.Read(dir)
			if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%v, want %v with %q", err, c.err, c.says)
			}
		})
	}
	file := filepath.Join(write(t, map[string]string{"bundle.zip": ""}), "bundle.zip")
	if _, err := bundle.Read(file); !errors.Is(err, bundle.ErrFormat) || !strings.Contains(err.Error(), "unpack") {
		t.Errorf("a file: %v", err)
	}
	if _, err := bundle.Read(filepath.Join(file, "none")); err == nil {
		t.Error("nothing was read")
	}
}

// laughter is short, and unfolds to 2^30 values.
func laughter() string {
	var b strings.Builder
	b.WriteString(`{"network_def": {"_target_": "SegResNet", "act": "@a0"}`)
	for i := range 30 {
		fmt.Fprintf(&b, `, "a%d": ["@a%d", "@a%d"]`, i, i+1, i+1)
	}
	return b.String() + `, "a30": 1}`
}

func FuzzConfig(f *testing.F) {
	text, err := os.ReadFile("testdata/tiny/configs/inference.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, false)
	f.Add([]byte("network_def:\n  _target_: UNet\n  channels: [8, 16]\n"), true)
	dir := f.TempDir()
	for _, name := range []string{"configs", "models"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			f.Fatal(err)
		}
	}
	for name, content := range map[string]string{"configs/metadata.json": "{}", "models/model.pt": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, yaml bool) {
		name, other := "configs/inference.json", "configs/inference.yaml"
		if yaml {
			name, other = other, name
		}
		if err := os.Remove(filepath.Join(dir, other)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := bundle.Read(dir); err == nil && b.Model == "" {
			t.Error("a network that is no model")
		}
	})
}
