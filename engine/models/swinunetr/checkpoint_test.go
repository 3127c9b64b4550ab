package swinunetr_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/swinunetr"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/safetensors"
)

// narrow makes a small network.
func narrow(t *testing.T, merging string) *swinunetr.Model {
	t.Helper()
	options := map[string]any{"feature_size": 12, "depths": []int{1, 1, 1, 1}}
	if merging != "" {
		options["patch_merging"] = merging
	}
	m, err := swinunetr.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func weightsOf(t *testing.T, m *swinunetr.Model) *nn.State {
	t.Helper()
	s, err := nntest.Weights(m.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// foreign writes the weights as another program would.
func foreign(t *testing.T, s *nn.State) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "foreign.safetensors")
	if err := safetensors.Write(path, s, map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	return path
}

// The same weights load into networks that merge patches differently. So of
// foreign ones a person must say how they were trained, and ours say it.
func TestPatchMergingMustBeKnown(t *testing.T) {
	t.Parallel()
	s := weightsOf(t, narrow(t, ""))
	theirs := foreign(t, s)
	ours := map[string]string{}
	for _, merging := range []string{"", swinunetr.Legacy, swinunetr.Fixed, swinunetr.V2} {
		ours[merging] = filepath.Join(t.TempDir(), "ours.safetensors")
		if err := narrow(t, merging).SaveCheckpoint(ours[merging], s, map[string]string{"run": "r"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		what, path, merging, says string
	}{
		{"foreign, nobody said", theirs, "", "Give patch_merging: legacy if MONAI up to 1.4 trained them"},
		{"foreign, legacy", theirs, swinunetr.Legacy, ""},
		{"foreign, fixed", theirs, swinunetr.Fixed, ""},
		{"foreign, v2", theirs, swinunetr.V2, ""},
		{"a new network's", ours[""], "", ""},
		{"a new network's into fixed", ours[""], swinunetr.Fixed, ""},
		{"a new network's into legacy", ours[""], swinunetr.Legacy, `saved with "fixed", this network merges by "legacy"; give patch_merging: fixed`},
		{"legacy, nobody said", ours[swinunetr.Legacy], "", `saved with "legacy", this network merges by "fixed"; give patch_merging: legacy`},
		{"legacy into legacy", ours[swinunetr.Legacy], swinunetr.Legacy, ""},
		{"v2 into fixed", ours[swinunetr.V2], swinunetr.Fixed, `saved with "v2"`},
	} {
		m := narrow(t, c.merging)
		// Options travel: a network made of the resolved ones decides alike.
		again, err := swinunetr.New(m.Config().Options)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []*swinunetr.Model{m, again} {
			got, err := m.LoadCheckpoint(c.path)
			if c.says == "" {
				if err != nil || got.Len() != s.Len() {
					t.Errorf("%s: %v", c.what, err)
				}
				continue
			}
			if !errors.Is(err, swinunetr.ErrPatchMerging) || !errors.Is(err, adapter.ErrCheckpoint) ||
				!strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), filepath.Base(c.path)) {
				t.Errorf("%s: got %v, want it to say %q", c.what, err, c.says)
			}
		}
	}
}

// Metadata that do not say how patches were merged are as good as none.
func TestCheckOrigin(t *testing.T) {
	t.Parallel()
	m := narrow(t, "")
	for _, metadata := range []map[string]string{
		nil,
		{"model": "swinunetr"},
		{"model": "swinunetr", "options": "{"},
		{"model": "swinunetr", "options": `{"patch_merging":7}`},
		{"model": "swinunetr", "options": `{"feature_size":48}`},
		{"model": "another", "options": `{"patch_merging":"fixed"}`},
		{"minivess": `{"experiment":{"model":{"name":"segresnet"}}}`},
		{"minivess": `{"experiment":{"model":{"name":"swinunetr","options":{"patch_merging":"v2"}}}}`},
		{"minivess": "{"},
	} {
		if err := m.CheckOrigin(metadata); !errors.Is(err, swinunetr.ErrPatchMerging) {
			t.Errorf("%v: %v", metadata, err)
		}
	}
	for _, metadata := range []map[string]string{
		{"model": "swinunetr", "options": `{"patch_merging":"fixed"}`},
		{"model": "swinunetr", "options": `{"feature_size":24,"patch_merging":""}`},
		{"minivess": `{"run":"r","experiment":{"model":{"name":"swinunetr","out_channels":2}}}`},
		{"minivess": `{"experiment":{"model":{"name":"swinunetr","options":{"patch_merging":"fixed","feature_size":12}}}}`},
	} {
		if err := m.CheckOrigin(metadata); err != nil {
			t.Errorf("%v: %v", metadata, err)
		}
	}
}

// The index buffers of a file must be those that the network computes with.
func TestForeignIndices(t *testing.T) {
	t.Parallel()
	m := narrow(t, swinunetr.Legacy)
	s := &nn.State{}
	for x := range weightsOf(t, m).All() {
		if x.Name == "swinViT.layers2.0.blocks.0.attn.relative_position_index" {
			x.Data = bytes.Clone(x.Data)
			x.Data[8*343]++
		}
		if err := s.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	_, err := m.LoadCheckpoint(foreign(t, s))
	if !errors.Is(err, adapter.ErrCheckpoint) ||
		!strings.Contains(err.Error(), `layers2.0.blocks.0.attn.relative_position_index" has 1100 at place 343`) {
		t.Errorf("other indices: %v", err)
	}
}

func TestNoFile(t *testing.T) {
	t.Parallel()
	if _, err := narrow(t, "").LoadCheckpoint(filepath.Join(t.TempDir(), "gone.pt")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestRenameSelfSupervised(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"module.patch_embed.proj.weight":                            "swinViT.patch_embed.proj.weight",
		"module.layers1.0.blocks.0.mlp.fc1.weight":                  "swinViT.layers1.0.blocks.0.mlp.linear1.weight",
		"layers4.0.blocks.1.mlp.fc2.bias":                           "swinViT.layers4.0.blocks.1.mlp.linear2.bias",
		"layers2.0.downsample.reduction.weight":                     "swinViT.layers2.0.downsample.reduction.weight",
		"module.swin_vit.layers3.0.blocks.0.attn.qkv.weight":        "swinViT.layers3.0.blocks.0.attn.qkv.weight",
		"swinViT.layers1.0.blocks.0.mlp.linear1.bias":               "swinViT.layers1.0.blocks.0.mlp.linear1.bias",
		"swinViT.layers1c.0.layer.conv1.conv.weight":                "swinViT.layers1c.0.layer.conv1.conv.weight",
		"encoder.patch_embed.proj.bias":                             "swinViT.patch_embed.proj.bias",
		"encoder.layers1.0.0.blocks.0.norm1.weight":                 "swinViT.layers1.0.blocks.0.norm1.weight",
		"encoder.layers4.0.0.blocks.1.attn.relative_position_index": "swinViT.layers4.0.blocks.1.attn.relative_position_index",
		// What is not the transformer's.
		"module.norm.weight": "", "encoder.mask_token": "", "encoder.norm.bias": "", "rotation_head.weight": "",
		"contrastive_head.bias": "", "conv.0.weight": "", "out.conv.conv.weight": "", "encoder1.layer.conv1.conv.weight": "",
		"layers5.0.blocks.0.norm1.weight": "", "layers0.0.blocks.0.norm1.weight": "", "layersx.0.blocks.0.norm1.weight": "",
		"encoder.layers1.0.blocks.0.norm1.weight": "", "layers1.0.0.blocks.0.norm1.weight": "", "layers1.0": "", "": "",
		"patch_embed.proj.scale": "", "blocks.0.norm1.weight": "",
	} {
		got, ok := swinunetr.RenameSelfSupervised(name)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v, want %q", name, got, ok, want)
		}
	}
}

// spelled writes the transformer's weights as model_swinvit.pt has them, with
// what is too much there.
func spelled(t *testing.T, s *nn.State) string {
	t.Helper()
	old := strings.NewReplacer("swinViT.", "module.", "mlp.linear1.", "mlp.fc1.", "mlp.linear2.", "mlp.fc2.")
	out := &nn.State{}
	for x := range s.All() {
		if strings.HasPrefix(x.Name, "swinViT.") {
			x.Name = old.Replace(x.Name)
			if err := out.Add(x); err != nil {
				t.Fatal(err)
			}
		}
	}
	norm, err := nn.FloatTensor("module.norm.weight", nn.Shape{2}, []float32{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Add(norm); err != nil {
		t.Fatal(err)
	}
	return foreign(t, out)
}

// Weights of self-supervised training load in part, under the names of then, and
// no more silently than others.
func TestLoadSelfSupervised(t *testing.T) {
	t.Parallel()
	m := narrow(t, swinunetr.Legacy)
	s := weightsOf(t, m)
	path := spelled(t, s)
	got, report, err := m.Load(path, adapter.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.TrainableParameters() {
		x, ok := got.Get(p.Name)
		if ok != strings.HasPrefix(p.Name, "swinViT.") {
			t.Errorf("%s loaded: %v", p.Name, ok)
		}
		if y, _ := s.Get(p.Name); ok && !bytes.Equal(x.Data, y.Data) {
			t.Errorf("%s changed", p.Name)
		}
	}
	if len(report.Unexpected) != 1 || len(report.Mismatched) != 0 || len(report.Missing)+len(report.Matched) != s.Len() {
		t.Errorf("%d matched, %d missing, %v unexpected, %v mismatched",
			len(report.Matched), len(report.Missing), report.Unexpected, report.Mismatched)
	}
	if _, err := m.LoadCheckpoint(path); !errors.Is(err, adapter.ErrCheckpoint) {
		t.Errorf("an encoder was taken for a whole network: %v", err)
	}
	if _, _, err := narrow(t, "").Load(path, adapter.LoadOptions{}); !errors.Is(err, swinunetr.ErrPatchMerging) {
		t.Errorf("loaded without a way of merging: %v", err)
	}
}
