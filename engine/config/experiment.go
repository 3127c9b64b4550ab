// Package config holds the one schema of an experiment: the same struct is
// what YAML files, tool arguments and key=value overrides are read into, and
// what goes, resolved, into a run's job.json. It reads and checks values and
// knows where each came from. What the values do belongs to the packages that
// train, infer and augment.
package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Experiment says everything about how a model is trained, apart from where
// the data lie. Keys are dotted ("train.learning_rate"). The jsonschema tag of
// a field is its documentation, in help texts and in tool schemas alike.
type Experiment struct {
	Name      string            `json:"name" yaml:"name" jsonschema:"a name for people; runs have their own ids"`
	Dataset   string            `json:"dataset" yaml:"dataset" jsonschema:"name of a catalogued dataset"`
	Fold      int               `json:"fold" yaml:"fold" jsonschema:"which fold of the split is held out for validation, from 0"`
	Seed      int64             `json:"seed" yaml:"seed" jsonschema:"seed of the initial weights and of every random choice"`
	Tags      map[string]string `json:"tags,omitempty" yaml:"tags,omitempty" jsonschema:"labels put on the run"`
	Device    string            `json:"device" yaml:"device" jsonschema:"auto, cpu or cuda"`
	Threads   int               `json:"threads" yaml:"threads" jsonschema:"threads for computing; 0 means one for each core"`
	Model     Model             `json:"model" yaml:"model"`
	Init      Init              `json:"init" yaml:"init"`
	Train     Train             `json:"train" yaml:"train"`
	Augment   Augment           `json:"augment" yaml:"augment"`
	Normalise string            `json:"normalise" yaml:"normalise" jsonschema:"intensities of a volume: zscore (mean 0, deviation 1), percentile (0.5th to 99.5th percentile onto 0 to 1) or none"`
	Infer     Infer             `json:"infer" yaml:"infer"`
}

// Model says which network is trained. What is left out is the model's own
// affair: Extra holds settings that only some models have.
type Model struct {
	Name        string         `json:"name" yaml:"name" jsonschema:"name of the network, for example segresnet"`
	InitFilters int            `json:"init_filters" yaml:"init_filters" jsonschema:"channels of the first convolution, which deeper levels multiply; 0 means the model's small or own default"`
	InChannels  int            `json:"in_channels" yaml:"in_channels" jsonschema:"channels of the image"`
	OutChannels int            `json:"out_channels" yaml:"out_channels" jsonschema:"classes, background included"`
	Dropout     float64        `json:"dropout" yaml:"dropout" jsonschema:"probability that a channel is dropped while training; 0 means none"`
	Extra       map[string]any `json:"options,omitempty" yaml:"options,omitempty" jsonschema:"the model's own settings by their names, for example model.options.feature_size=24"`
}

// TorchScript is the name of the model that is no description but a TorchScript
// file, run as it is: model.options.path says which.
const TorchScript = "torchscript"

// ScriptPath is the file of a TorchScript model. The error says what such a
// model cannot be told.
func (m Model) ScriptPath() (string, error) {
	path, ok := m.Extra["path"].(string)
	switch {
	case !ok || path == "":
		return "", fmt.Errorf("model %s needs its file: model.options.path=FILE", TorchScript)
	case m.InitFilters > 0 || m.Dropout > 0:
		return "", fmt.Errorf("model %s is run as it is: init_filters and dropout cannot be set", TorchScript)
	}
	for name := range m.Extra {
		if name != "path" {
			return "", fmt.Errorf("model %s has no option %q (it has path)", TorchScript, name)
		}
	}
	return path, nil
}

// Options gives what was set, by the names that engine/models uses.
func (m Model) Options() map[string]any {
	options := maps.Clone(m.Extra)
	if options == nil {
		options = map[string]any{}
	}
	for name, n := range map[string]int{"init_filters": m.InitFilters, "in_channels": m.InChannels, "out_channels": m.OutChannels} {
		if n > 0 {
			options[name] = n
		}
	}
	if m.Dropout > 0 {
		options["dropout"] = m.Dropout
	}
	return options
}

// Set gives one option a value, as a file or the command line would; nil takes
// it away.
func (m *Model) Set(name string, value any) error {
	e := Experiment{Model: *m}
	sc := newSchema()
	key := "model.options." + name
	l, label, ok := sc.exact(key)
	if !ok {
		return &Error{Where: key, Message: "an option needs a name"}
	}
	s := setting{leaf: l, label: label, key: key, value: value, where: key}
	if !l.isOptions() {
		s.value = number(fmt.Sprint(value))
	}
	if err := s.assign(reflect.ValueOf(&e).Elem().FieldByIndex(l.index)); err != nil {
		return err
	}
	*m = e.Model
	return nil
}

// Equal reports whether both make the same network.
func (m Model) Equal(o Model) bool {
	a, errA := json.Marshal(m)
	b, errB := json.Marshal(o)
	return errA == nil && errB == nil && string(a) == string(b)
}

// Init says where the first weights come from, when they are not random.
type Init struct {
	From   string   `json:"from" yaml:"from" jsonschema:"weights to begin with: a run, a checkpoint (safetensors, .npz, .pt, .pth) or a MONAI bundle's folder; empty means random ones"`
	Strict bool     `json:"strict" yaml:"strict" jsonschema:"whether those weights must be exactly the network's; otherwise what fits is taken"`
	Ignore []string `json:"ignore,omitempty" yaml:"ignore,omitempty" jsonschema:"patterns of tensor names that are left out of the comparison and stay random, for example conv_final.2.*"`
}

// Train says how the network is trained. A step is one batch of patches. An
// epoch draws patches_per_volume patches for each training volume. Cadences
// are counted in steps; 0 means once an epoch.
type Train struct {
	Epochs                int      `json:"epochs" yaml:"epochs" jsonschema:"passes over the training volumes"`
	MaxSteps              int      `json:"max_steps" yaml:"max_steps" jsonschema:"stop after this many steps even if epochs are left; 0 means no such limit"`
	PatchesPerVolume      int      `json:"patches_per_volume" yaml:"patches_per_volume" jsonschema:"patches drawn for each training volume in one epoch"`
	BatchSize             int      `json:"batch_size" yaml:"batch_size" jsonschema:"patches in one step"`
	PatchSize             [3]int   `json:"patch_size" yaml:"patch_size,flow" jsonschema:"voxels of a patch along x, y and z; each a multiple of what the network halves it by"`
	ForegroundFraction    float64  `json:"foreground_fraction" yaml:"foreground_fraction" jsonschema:"share of the patches that are centred near a foreground voxel"`
	Loss                  string   `json:"loss" yaml:"loss" jsonschema:"dice_ce (Dice plus cross-entropy), dice, ce, cldice (half Dice, half soft clDice), dice_ce_cldice, cbdice_cldice (dice_ce plus half centreline boundary Dice and half clDice) or dice_ce_boundary (dice_ce plus 0.01 of the boundary loss)"`
	IncludeBackground     bool     `json:"include_background" yaml:"include_background" jsonschema:"whether the background counts as a class in the Dice loss"`
	OutputWeights         string   `json:"output_weights" yaml:"output_weights" jsonschema:"how much each output of a network with deep supervision counts in the loss: nnunet (1, 1/2, 1/4 and so on, 0 for the coarsest of three or more), exp (the same, none 0), same (all alike) or none; they add up to 1"`
	Optimizer             string   `json:"optimizer" yaml:"optimizer" jsonschema:"adamw, or sgd with Nesterov momentum as nnU-Net uses it"`
	LearningRate          float64  `json:"learning_rate" yaml:"learning_rate" jsonschema:"highest learning rate; 0.01 is the default with sgd"`
	Momentum              float64  `json:"momentum" yaml:"momentum" jsonschema:"momentum of sgd"`
	WeightDecay           float64  `json:"weight_decay" yaml:"weight_decay" jsonschema:"decoupled weight decay of adamw, or the L2 penalty of sgd, where 3e-5 is the default"`
	GradientClip          float64  `json:"gradient_clip" yaml:"gradient_clip" jsonschema:"largest norm of the gradient; 0 means unlimited"`
	Schedule              string   `json:"schedule" yaml:"schedule" jsonschema:"cosine, poly (power 0.9) or constant"`
	WarmupSteps           int      `json:"warmup_steps" yaml:"warmup_steps" jsonschema:"steps over which the learning rate rises from 0"`
	Precision             string   `json:"precision" yaml:"precision" jsonschema:"arithmetic of the convolutions: float32 or bfloat16; weights are float32 either way"`
	GradientCheckpointing bool     `json:"gradient_checkpointing" yaml:"gradient_checkpointing" jsonschema:"recompute activations in the backward pass to save memory"`
	Patience              int      `json:"patience" yaml:"patience" jsonschema:"stop after this many validations without a better Dice; 0 means never"`
	ValidateEvery         int      `json:"validate_every" yaml:"validate_every" jsonschema:"steps between validations; 0 means once an epoch"`
	CheckpointEvery       int      `json:"checkpoint_every" yaml:"checkpoint_every" jsonschema:"steps between checkpoints; 0 means once an epoch"`
	CacheMegabytes        int      `json:"cache_megabytes" yaml:"cache_megabytes" jsonschema:"memory for volumes kept between steps; more are read again when needed"`
	Freeze                []string `json:"freeze,omitempty" yaml:"freeze,omitempty" jsonschema:"patterns of parameter names that are not trained, for example swinViT.*"`
	Groups                []Group  `json:"groups,omitempty" yaml:"groups,omitempty" jsonschema:"parameters with another learning rate or weight decay, as pattern:scale or pattern:scale:decay, for example encoder*:0.1"`
}

// Group gives the parameters whose names match a pattern rules of their own.
// A parameter belongs to the first group that matches it.
type Group struct {
	// Pattern is matched as package path's Match does; a * also matches dots.
	Pattern string `json:"pattern"`
	// LearningRateScale multiplies the learning rate.
	LearningRateScale float64 `json:"learning_rate_scale"`
	// WeightDecay replaces train.weight_decay when it is given.
	WeightDecay *float64 `json:"weight_decay,omitempty"`
}

// Augment says how patches are varied.
type Augment struct {
	Flip float64 `json:"flip" yaml:"flip" jsonschema:"probability of a flip, for each axis on its own"`
}

// Infer says how whole volumes are predicted.
type Infer struct {
	Window      [3]int  `json:"window" yaml:"window,flow" jsonschema:"voxels of the sliding window along x, y and z; 0x0x0 means the patch size"`
	Overlap     float64 `json:"overlap" yaml:"overlap" jsonschema:"share of the window that neighbours have in common"`
	Mode        string  `json:"mode" yaml:"mode" jsonschema:"weights within the window: gaussian or constant"`
	WindowBatch int     `json:"window_batch" yaml:"window_batch" jsonschema:"windows computed at a time"`
}

// WindowSize is the window to use: Window, or the patch size if that is zero.
func (e Experiment) WindowSize() [3]int {
	if e.Infer.Window == [3]int{} {
		return e.Train.PatchSize
	}
	return e.Infer.Window
}

// StepsPerEpoch is the number of steps in one epoch over the given number of
// training volumes: each gives PatchesPerVolume patches, the last batch is
// filled up.
func (t Train) StepsPerEpoch(volumes int) int {
	return max(1, (volumes*t.PatchesPerVolume+t.BatchSize-1)/t.BatchSize)
}

// TotalSteps is the number of steps of a whole training over the given number
// of training volumes, unless it stops early.
func (t Train) TotalSteps(volumes int) int {
	steps := t.Epochs * t.StepsPerEpoch(volumes)
	if t.MaxSteps > 0 {
		steps = min(steps, t.MaxSteps)
	}
	return steps
}

// Default is what an experiment is when nobody says otherwise: sized for a
// laptop without an accelerator.
func Default() Experiment {
	return Experiment{
		Device: "auto",
		Model:  Model{Name: "segresnet", InChannels: 1, OutChannels: 2},
		Init:   Init{Strict: true},
		Train: Train{
			Epochs:             20,
			PatchesPerVolume:   8,
			BatchSize:          2,
			PatchSize:          [3]int{48, 48, 48},
			ForegroundFraction: 0.67,
			Loss:               "dice_ce",
			OutputWeights:      "nnunet",
			Optimizer:          "adamw",
			LearningRate:       1e-3,
			Momentum:           0.99,
			WeightDecay:        1e-5,
			GradientClip:       12,
			Schedule:           "cosine",
			WarmupSteps:        20,
			Precision:          "float32",
			Patience:           10,
			CacheMegabytes:     2048,
		},
		Augment:   Augment{Flip: 0.5},
		Normalise: "zscore",
		Infer:     Infer{Overlap: 0.25, Mode: "gaussian", WindowBatch: 4},
	}
}

// UnmarshalJSON reads an experiment as it was written into a job or a
// checkpoint. What an older program did not know of has its default.
func (e *Experiment) UnmarshalJSON(b []byte) error {
	type plain Experiment
	p := plain(Default())
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	*e = Experiment(p)
	return nil
}

// clone copies e so that changing one leaves the other alone.
func (e Experiment) clone() Experiment {
	e.Tags = maps.Clone(e.Tags)
	e.Model.Extra = maps.Clone(e.Model.Extra)
	e.Init.Ignore = slices.Clone(e.Init.Ignore)
	e.Train.Freeze = slices.Clone(e.Train.Freeze)
	e.Train.Groups = slices.Clone(e.Train.Groups)
	return e
}
