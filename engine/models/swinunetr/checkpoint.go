package swinunetr

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/weights"
)

// ErrPatchMerging means that a file does not say how its network merged patches,
// or says something else than this network's options. Such weights would load
// without a word and compute something else.
var ErrPatchMerging = errors.New("patch_merging must be what the weights were trained with")

// LoadCheckpoint reads weights that fit this network exactly. Of files that
// minivess did not save, the option patch_merging must say how they were trained;
// the error wraps ErrPatchMerging and tells the choices.
func (m *Model) LoadCheckpoint(path string) (*nn.State, error) {
	s, _, err := m.Load(path, adapter.LoadOptions{Strict: true})
	return s, err
}

// Load reads weights as adapter.Load does, after CheckOrigin. When not strict it
// also takes those of self-supervised training, whose names differ; see Rename.
func (m *Model) Load(path string, o adapter.LoadOptions) (*nn.State, nn.KeyReport, error) {
	if err := m.checkFile(path); err != nil {
		return nil, nn.KeyReport{}, err
	}
	if first := o.Rename; !o.Strict {
		o.Rename = func(name string) string {
			if first != nil {
				name = first(name)
			}
			return m.Rename(name)
		}
	}
	s, report, err := adapter.Load(path, m.Config(), m.TrainableParameters(), o)
	if err != nil {
		return nil, report, err
	}
	if err := m.checkIndices(s); err != nil {
		return nil, report, fmt.Errorf("checkpoint %q: %w: %w", path, adapter.ErrCheckpoint, err)
	}
	return s, report, nil
}

// SaveCheckpoint writes weights, atomically, with the way of merging among the
// options.
func (m *Model) SaveCheckpoint(path string, s *nn.State, meta map[string]string) error {
	settled, err := m.settled()
	if err != nil {
		return err
	}
	return settled.Base.SaveCheckpoint(path, s, meta)
}

// checkFile is CheckOrigin for what a file says about itself.
func (m *Model) checkFile(path string) (err error) {
	f, err := weights.Open(path, weights.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := m.CheckOrigin(f.Metadata()); err != nil {
		return fmt.Errorf("checkpoint %q: %w: %w", path, adapter.ErrCheckpoint, err)
	}
	return nil
}

// CheckOrigin decides, by a file's metadata, whether its weights may be loaded at
// all. A checkpoint of minivess says how its network merged patches, which must
// be how this one does. Of any other file a person must have said it, by the
// option patch_merging. Errors wrap ErrPatchMerging.
func (m *Model) CheckOrigin(metadata map[string]string) error {
	switch saved := savedMerging(metadata); {
	case saved == "" && m.options.PatchMerging == "":
		return fmt.Errorf("%w: minivess did not save this file, and weights trained with one way of merging patches load into another "+
			"and compute something else. Give patch_merging: %s if MONAI up to 1.4 trained them with downsample \"merging\", its default "+
			"(as the published Swin UNETR and SwinViT weights were); %s if MONAI 1.5 or later did; %s if it was \"mergingv2\" of any version",
			ErrPatchMerging, Legacy, Fixed, V2)
	case saved != "" && saved != m.options.merging():
		return fmt.Errorf("%w: these were saved with %q, this network merges by %q; give patch_merging: %s",
			ErrPatchMerging, saved, m.options.merging(), saved)
	}
	return nil
}

// savedMerging returns the patch_merging of the network that minivess saved, or
// "" when the metadata are not of minivess. SaveCheckpoint writes the model's
// name and all its options. What a training needs to go on has the experiment
// instead, with the options that somebody set.
func savedMerging(metadata map[string]string) string {
	var all struct {
		PatchMerging *string `json:"patch_merging"`
	}
	if metadata["model"] == Name && json.Unmarshal([]byte(metadata["options"]), &all) == nil && all.PatchMerging != nil {
		return Options{PatchMerging: *all.PatchMerging}.merging()
	}
	var training struct {
		Experiment struct {
			Model struct {
				Name    string `json:"name"`
				Options struct {
					PatchMerging string `json:"patch_merging"`
				} `json:"options"`
			} `json:"model"`
		} `json:"experiment"`
	}
	m := &training.Experiment.Model
	if metadata["model"] == "" && json.Unmarshal([]byte(metadata["minivess"]), &training) == nil && m.Name == Name {
		return Options{PatchMerging: m.Options.PatchMerging}.merging()
	}
	return ""
}

// checkIndices compares index buffers with those of windows of 7×7×7 tokens: the
// network computes with these, whatever a file holds.
func (m *Model) checkIndices(s *nn.State) error {
	for _, p := range m.TrainableParameters() {
		t, ok := s.Get(p.Name)
		if !ok || !strings.HasSuffix(p.Name, indexName) {
			continue
		}
		for i, want := range p.Init.Ints {
			if got := int64(binary.LittleEndian.Uint64(t.Data[8*i:])); got != want {
				return fmt.Errorf("%q has %d at place %d, where windows of %d×%d×%d tokens have %d",
					p.Name, got, i, side, side, side, want)
			}
		}
	}
	return nil
}
