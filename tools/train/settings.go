package train

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/tools"
)

// argumentSource is what job.json gives as the source of a setting that came
// from a tool argument.
const argumentSource = "argument"

// settings are the arguments of train_launch by the experiment's dotted keys.
func (in LaunchIn) settings() map[string]any {
	s := map[string]any{"dataset": in.Dataset, "model.name": in.Model}
	set(s, "train.epochs", in.Epochs)
	set(s, "train.max_steps", in.MaxSteps)
	set(s, "train.learning_rate", in.LearningRate)
	set(s, "train.batch_size", in.BatchSize)
	set(s, "train.gradient_checkpointing", in.GradientCheckpointing)
	set(s, "train.patience", in.Patience)
	set(s, "seed", in.Seed)
	set(s, "fold", in.Fold)
	if p := in.PatchSize; p != nil {
		s["train.patch_size"] = []any{p[0], p[1], p[2]}
	}
	for key, text := range map[string]string{
		"train.loss": in.Loss, "train.optimizer": in.Optimizer, "train.precision": in.Precision, "name": in.Name, "init.from": in.InitFrom,
	} {
		if text != "" {
			s[key] = text
		}
	}
	if len(in.Freeze) > 0 {
		patterns := make([]any, len(in.Freeze))
		for i, p := range in.Freeze {
			patterns[i] = p
		}
		s["train.freeze"] = patterns
	}
	if len(in.Tags) > 0 {
		s["tags"] = tagsOf(in.Tags)
	}
	return s
}

func set[T any](s map[string]any, key string, v *T) {
	if v != nil {
		s[key] = *v
	}
}

// tagsOf reads tags as people write them: "baseline" or "site=lyon".
func tagsOf(list []string) map[string]any {
	tags := map[string]any{}
	for _, t := range list {
		key, value, ok := strings.Cut(t, "=")
		if !ok {
			value = "true"
		}
		tags[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return tags
}

// resolved puts the experiment together: defaults, then the file, then the
// arguments, then the overrides. With max_steps and no epochs said, there are
// as many epochs as the steps need; volumes is the number of training volumes.
func (in LaunchIn) resolved(volumes int) (config.Resolved, error) {
	var layers []config.Layer
	if in.Config != "" {
		layers = append(layers, config.FileLayer(in.Config))
	}
	layers = append(layers, config.MapLayer(argumentSource, in.settings()), config.OverridesLayer(lengthen(in.Model, in.Overrides)))
	r, err := config.Resolve(layers...)
	if err != nil {
		return r, configError(err)
	}
	t := r.Experiment.Train
	if r.Sources["train.epochs"] == config.DefaultSource && t.MaxSteps > 0 && volumes > 0 {
		perEpoch := t.StepsPerEpoch(volumes)
		r.Experiment.Train.Epochs = max(1, (t.MaxSteps+perEpoch-1)/perEpoch)
		r.Sources["train.epochs"] = "as many as max_steps needs"
	}
	return r, nil
}

// configError gives a wrong setting its code, and its hint a place of its own.
func configError(err error) error {
	if !errors.Is(err, config.ErrInvalid) {
		return tools.Errorf(tools.CodeFailed, "%w", err)
	}
	var bad *config.Error
	joined, many := err.(interface{ Unwrap() []error })
	if errors.As(err, &bad) && (!many || len(joined.Unwrap()) == 1) {
		e := tools.Errorf(tools.CodeBadArguments, "%s: %s", bad.Where, bad.Message)
		if bad.Hint != "" {
			e = e.WithHint("%s", bad.Hint)
		}
		return e
	}
	return tools.Errorf(tools.CodeBadArguments, "%w", err)
}

// filled is the form of the arguments that a preview shows: everything that
// has an argument of its own with the value it is going to have. What was
// planned is written out, so that what is approved is what runs.
func (in LaunchIn) filled(p plan) (json.RawMessage, error) {
	e := p.resolved.Experiment
	t := e.Train
	in.Epochs, in.LearningRate, in.BatchSize = &t.Epochs, &t.LearningRate, &t.BatchSize
	in.PatchSize, in.Patience, in.Seed, in.Fold = &t.PatchSize, &t.Patience, &e.Seed, &e.Fold
	in.Loss, in.Optimizer, in.Precision, in.Name = t.Loss, t.Optimizer, t.Precision, e.Name
	if t.MaxSteps > 0 {
		in.MaxSteps = &t.MaxSteps
	}
	if p.planned {
		in.Plan = false
		more, err := p.written()
		if err != nil {
			return nil, err
		}
		in.Overrides = append(slices.Clone(in.Overrides), more...)
	}
	return json.Marshal(in)
}

// written are the settings that the plan chose beside patch and batch, and the
// network's options that would be a small network's without it.
func (p plan) written() ([]string, error) {
	var out []string
	if p.resolved.Sources["normalise"] == planned {
		out = append(out, "normalise="+p.resolved.Experiment.Normalise)
	}
	name := p.resolved.Experiment.Model.Name
	d, err := models.Describe(name)
	if err != nil {
		return nil, err
	}
	all := p.network.adapter.Config().Options
	for _, option := range slices.Sorted(maps.Keys(all)) {
		source := p.resolved.Sources[keyOf(p.resolved, option)]
		_, small := d.Small[option]
		if unset := source == "" || source == config.DefaultSource; source != planned && (!small || !unset) {
			continue
		}
		b, err := json.Marshal(all[option])
		if err != nil {
			return nil, err
		}
		out = append(out, "model.options."+option+"="+string(b))
	}
	return out, nil
}

// refineSettings shows in the schema what the experiment's schema says: the
// documentation and the default of each setting, and the models that there are.
func refineSettings(input *jsonschema.Schema) {
	for _, name := range modelNames() {
		input.Properties["model"].Enum = append(input.Properties["model"].Enum, name)
	}
	keys := map[string]config.Key{}
	for _, k := range config.Keys() {
		keys[k.Name] = k
	}
	defaults := defaultSettings()
	for argument, key := range map[string]string{
		"epochs": "train.epochs", "max_steps": "train.max_steps", "learning_rate": "train.learning_rate",
		"batch_size": "train.batch_size", "patch_size": "train.patch_size", "loss": "train.loss",
		"optimizer": "train.optimizer", "precision": "train.precision", "patience": "train.patience",
		"gradient_checkpointing": "train.gradient_checkpointing", "seed": "seed", "fold": "fold", "init_from": "init.from", "freeze": "train.freeze",
	} {
		p := input.Properties[argument]
		p.Description = keys[key].Doc
		p.Default = defaults[key]
	}
}

// defaultSettings are the defaults of the settings that have an argument.
func defaultSettings() map[string]json.RawMessage {
	e := config.Default()
	t := e.Train
	raw := map[string]json.RawMessage{}
	for key, v := range map[string]any{
		"train.epochs": t.Epochs, "train.max_steps": t.MaxSteps, "train.learning_rate": t.LearningRate,
		"train.batch_size": t.BatchSize, "train.patch_size": t.PatchSize, "train.loss": t.Loss,
		"train.optimizer": t.Optimizer, "train.precision": t.Precision, "train.patience": t.Patience,
		"train.gradient_checkpointing": t.GradientCheckpointing, "seed": e.Seed, "fold": e.Fold,
	} {
		if b, err := json.Marshal(v); err == nil { // numbers, words and a list of numbers: never fails
			raw[key] = b
		}
	}
	return raw
}
