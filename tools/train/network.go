package train

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/train/selection"
	"github.com/minivess/minivess/engine/train/start"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/resolve"
)

// modelNames are the values of train_launch's argument model.
func modelNames() []string { return append(models.Names(), config.TorchScript) }

// network is what is going to be trained.
type network struct {
	adapter models.Adapter // nil for a TorchScript file
	params  []nn.Param
	divisor [3]int
	init    *runs.FileRef
	file    *runs.FileRef // the TorchScript file
	notes   []string
}

// label names the network by its model and, where it has one number for that,
// its width: "segresnet-8".
func (n network) label(m config.Model) string {
	if n.adapter == nil {
		path, _ := m.Extra["path"].(string)
		return tools.Plain(filepath.Base(path))
	}
	options := n.adapter.Config().Options
	for _, width := range []string{"init_filters", "feature_size"} {
		if v, ok := options[width].(float64); ok && v > 0 {
			return fmt.Sprintf("%s-%g", m.Name, v)
		}
	}
	return m.Name
}

// settle completes the model's options, makes the network, and checks what is
// said about its parameters and its first weights.
func (t launch) settle(ctx context.Context, r *config.Resolved, small bool) (network, error) {
	if r.Experiment.Model.Name == config.TorchScript {
		return t.scripted(r)
	}
	var b beginning
	from := r.Experiment.Init.From
	planned, ahead := resolve.RunInPlan(ctx, from)
	if ahead {
		b.notes = append(b.notes, fmt.Sprintf("begins with the weights of step %s, which are checked once that run has ended", planned.Step))
	} else if from != "" {
		var err error
		if b, err = found(t.Workspace, from, r.Experiment.Model.Name); err != nil {
			return network{}, err
		}
	}
	m, err := complete(r, &b, small)
	if err != nil {
		return network{}, err
	}
	n := network{adapter: m, params: m.TrainableParameters(), divisor: m.Config().Divisor, notes: b.notes}
	if err := n.selected(r.Experiment.Train); err != nil || from == "" || ahead {
		return n, err
	}
	note, err := b.take(m, r.Experiment.Init)
	n.notes, n.init = append(n.notes, note), &b.file
	return n, err
}

// selected checks the patterns of parameters, and notes how much is trained.
func (n *network) selected(t config.Train) error {
	s, err := selection.Make(n.params, t)
	if err != nil {
		return tools.Errorf(tools.CodeBadArguments, "%w", err)
	}
	if len(s.Frozen) > 0 {
		n.notes = append(n.notes, s.String())
	}
	return nil
}

// scripted opens the header of a TorchScript file.
func (t launch) scripted(r *config.Resolved) (network, error) {
	m := &r.Experiment.Model
	path, err := m.ScriptPath()
	if err != nil {
		return network{}, tools.Errorf(tools.CodeBadArguments, "%w", err).WithHint("for example overrides [\"model.options.path=net.ts\"]")
	}
	ref := runs.FileRef{From: path}
	if ref.Path, err = filepath.Abs(path); err != nil {
		return network{}, asError(err)
	}
	params, err := start.Script(ref.Path)
	if err != nil {
		return network{}, asWeightsError(err)
	}
	if ref.SHA256, ref.Bytes, err = runs.Digest(ref.Path); err != nil {
		return network{}, asError(err)
	}
	m.Extra = maps.Clone(m.Extra)
	m.Extra["path"] = ref.Path
	n := network{params: params, divisor: [3]int{1, 1, 1}, file: &ref}
	n.notes = append(n.notes, "what a TorchScript network takes of time and memory is not known before it runs, nor which patches it takes")
	if err := n.selected(r.Experiment.Train); err != nil || r.Experiment.Init.From == "" {
		return n, err
	}
	return n, tools.Errorf(tools.CodeBadArguments, "a TorchScript network begins with the weights in its file: init.from cannot be given too").
		WithHint("leave init_from out, or name the network itself as model")
}

// complete gives the options that nobody chose the values that go with the
// weights to begin with, or else, if wanted, the model's small ones, and makes
// the network.
// An option that another one rules out is left alone.
func complete(r *config.Resolved, b *beginning, small bool) (models.Adapter, error) {
	name := r.Experiment.Model.Name
	d, err := models.Describe(name)
	if err != nil {
		return nil, tools.Errorf(tools.CodeNotFound, "%w", err)
	}
	if _, err := models.New(name, r.Experiment.Model.Options()); err != nil {
		return nil, located(*r, d, err)
	}
	values, source := d.Small, "small default of "+name
	if b.model == name {
		values, source = differing(b.options, d), b.said
	} else if b.file.Path != "" || !small {
		values = nil
	}
	taken, err := fill(r, values, source)
	if err != nil {
		return nil, asError(err)
	}
	if len(taken) > 0 {
		b.notes = append(b.notes, source+": "+strings.Join(taken, ", "))
	}
	m, err := models.New(name, r.Experiment.Model.Options())
	if err != nil {
		return nil, asError(err)
	}
	return m, nil
}

// fill gives the options that nobody chose those values: all of them, or, where
// the ones chosen rule that out, each that goes with those before it. It returns
// what it took.
func fill(r *config.Resolved, values map[string]any, source string) (taken []string, err error) {
	var open []string
	for _, option := range slices.Sorted(maps.Keys(values)) {
		if s := r.Sources[keyOf(*r, option)]; s == "" || s == config.DefaultSource {
			open = append(open, option)
		}
	}
	attempts := [][]string{open}
	for _, option := range open {
		attempts = append(attempts, []string{option})
	}
	for i, options := range attempts {
		m := r.Experiment.Model
		for _, option := range options {
			if err := m.Set(option, values[option]); err != nil {
				return nil, err
			}
		}
		if _, err := models.New(m.Name, m.Options()); err != nil {
			continue
		}
		r.Experiment.Model = m
		for _, option := range options {
			r.Sources[keyOf(*r, option)] = source
			taken = append(taken, fmt.Sprintf("%s %v", option, values[option]))
		}
		if i == 0 {
			break
		}
	}
	return taken, nil
}

// keyOf is the experiment's key of a model's option.
func keyOf(r config.Resolved, option string) string {
	if key := "model." + option; r.Sources[key] != "" {
		return key
	}
	return "model.options." + option
}

// differing are the options that are not the model's defaults anyway. Channels
// and classes are the experiment's business.
func differing(options map[string]any, d models.Description) map[string]any {
	out := maps.Clone(options)
	delete(out, "in_channels")
	delete(out, "out_channels")
	for _, o := range d.Options {
		if v, ok := out[o.Name]; ok && reflect.DeepEqual(v, o.Default) {
			delete(out, o.Name)
		}
	}
	return out
}

// located says where the option came from that a model refuses.
func located(r config.Resolved, d models.Description, err error) error {
	e := tools.Errorf(tools.CodeBadArguments, "%w", err)
	if !errors.Is(err, adapter.ErrOption) {
		return e
	}
	for _, option := range slices.Sorted(maps.Keys(r.Experiment.Model.Options())) {
		alone := map[string]any{option: r.Experiment.Model.Options()[option]}
		_, wrong := models.New(d.Name, alone)
		if wrong == nil {
			continue
		}
		return tools.Errorf(tools.CodeBadArguments, "%s: %w", r.Sources[keyOf(r, option)], wrong)
	}
	return e
}

// lengthen writes overrides of a model's own options out, so that
// feature_size=24 means model.options.feature_size=24. Keys of the experiment
// come first.
func lengthen(model string, overrides []string) []string {
	d, err := models.Describe(model)
	if err != nil {
		return overrides
	}
	keys := map[string]bool{}
	for _, k := range config.Keys() {
		keys[k.Name[strings.LastIndexByte(k.Name, '.')+1:]] = true
	}
	out := slices.Clone(overrides)
	for i, o := range out {
		key, value, ok := strings.Cut(o, "=")
		key = strings.TrimSpace(key)
		if ok && !keys[key] && slices.ContainsFunc(d.Options, func(o models.Option) bool { return o.Name == key }) {
			out[i] = "model.options." + key + "=" + value
		}
	}
	return out
}
