package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/plainjson"
	"github.com/minivess/minivess/tools"
)

// trainOptions are the flags of `minivess train`.
type trainOptions struct {
	config     string
	helpConfig bool
	show       bool
	detach     bool
	yes        bool
}

func newTrain(env *environment) *cobra.Command {
	var o trainOptions
	c := &cobra.Command{
		Use:   "train [key=value …]",
		Short: "Train from an experiment file and key=value overrides",
		Long: "train resolves defaults, then --config, then the overrides, shows what will run and what\n" +
			"it costs, and launches it. Every key can be overridden; a leaf name that is not ambiguous\n" +
			"is enough (learning_rate=1e-3). The run's id goes to stdout; --json prints the result.",
		Example: "  minivess train dataset=demo model.name=segresnet epochs=20 --yes\n" +
			"  minivess train --config configs/experiment/baseline.yaml dataset=minivess seed=1\n" +
			"  minivess train --help-config",
		Args: takes(0, -1),
		RunE: func(cmd *cobra.Command, args []string) error { return env.train(cmd.Context(), args, o) },
	}
	c.Flags().StringVar(&o.config, "config", "", "experiment file (YAML)")
	c.Flags().BoolVar(&o.helpConfig, "help-config", false, "list every key with its type, default and meaning")
	c.Flags().BoolVar(&o.show, "show", false, "print the resolved experiment with where each value came from")
	c.Flags().BoolVar(&o.detach, "detach", false, "return as soon as the job is launched")
	c.Flags().BoolVarP(&o.yes, "yes", "y", false, "launch without asking")
	return c
}

func (env *environment) train(ctx context.Context, overrides []string, o trainOptions) error {
	if o.helpConfig {
		return env.helpConfig()
	}
	var layers []config.Layer
	if o.config != "" {
		layers = append(layers, config.FileLayer(env.path(o.config)))
	}
	resolved, err := config.Resolve(append(layers, config.OverridesLayer(overrides))...)
	if err != nil {
		return err
	}
	if o.show {
		return env.showExperiment(resolved)
	}
	if resolved.Experiment.Dataset == "" {
		return usagef("no dataset is named\n  minivess train dataset=NAME …; minivess tool dataset_list lists what there is")
	}
	s, err := env.open(ctx, makeOne, assistant.AskBeforeChange)
	if err != nil {
		return err
	}
	defer s.close()
	args, err := trainArguments(resolved)
	if err != nil {
		return err
	}
	result, err := env.invoke(ctx, s, tools.Call{Tool: "train_launch", Args: args}, o.yes)
	if err != nil {
		return err
	}
	if !env.JSON {
		_, _ = fmt.Fprintln(env.Streams.Err, printable(result.Summary))
	}
	if !o.detach {
		if result.Summary, err = env.await(ctx, s, result.Run); err != nil {
			return err
		}
		if !env.JSON {
			_, _ = fmt.Fprintln(env.Streams.Err, printable(result.Summary))
		}
	}
	if env.JSON {
		return env.printJSON(result)
	}
	_, err = fmt.Fprintln(env.Streams.Out, result.Run)
	return err
}

// trainArguments hands every value that somebody set to the tool, as
// overrides, so that defaults and checks stay with one resolver.
func trainArguments(r config.Resolved) (json.RawMessage, error) {
	b, err := json.Marshal(r.Experiment)
	if err != nil {
		return nil, fmt.Errorf("encoding the experiment: %w", err)
	}
	var tree map[string]any
	if err := plainjson.Unmarshal(b, &tree); err != nil {
		return nil, fmt.Errorf("encoding the experiment: %w", err)
	}
	args := map[string]any{"dataset": r.Experiment.Dataset, "model": r.Experiment.Model.Name}
	var overrides []string
	for _, key := range slices.Sorted(maps.Keys(r.Sources)) {
		if r.Sources[key] == config.DefaultSource || key == "dataset" || key == "model.name" {
			continue
		}
		if value, ok := leaf(tree, strings.Split(key, ".")); ok {
			overrides = append(overrides, key+"="+value)
		}
	}
	if len(overrides) > 0 {
		args["overrides"] = overrides
	}
	return json.Marshal(args)
}

// leaf writes the value at a dotted key the way an override would.
func leaf(tree any, path []string) (string, bool) {
	for _, name := range path {
		branch, ok := tree.(map[string]any)
		if !ok {
			return "", false
		}
		if tree, ok = branch[name]; !ok {
			return "", false
		}
	}
	if text, ok := tree.(string); ok {
		return text, true
	}
	b, err := json.Marshal(tree)
	return string(b), err == nil
}

// helpConfig lists the schema.
func (env *environment) helpConfig() error {
	if env.JSON {
		return env.printJSON(keysJSON())
	}
	w := tabwriter.NewWriter(env.Streams.Out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "key\ttype\tdefault\tmeaning")
	for _, k := range config.Keys() {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.Name, k.Type, k.Default, k.Doc)
	}
	return w.Flush()
}

// keyOutput is one key of what `minivess train --help-config --json` prints.
type keyOutput struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Default string `json:"default"`
	Doc     string `json:"doc"`
}

func keysJSON() []keyOutput {
	var all []keyOutput
	for _, k := range config.Keys() {
		all = append(all, keyOutput(k))
	}
	return all
}

// showExperiment prints the resolved form.
func (env *environment) showExperiment(r config.Resolved) error {
	if env.JSON {
		return env.printJSON(map[string]any{"experiment": r.Experiment, "sources": r.Sources})
	}
	if _, err := env.Streams.Out.Write(r.Experiment.YAML()); err != nil {
		return fmt.Errorf("writing the experiment: %w", err)
	}
	for _, key := range slices.Sorted(maps.Keys(r.Sources)) {
		if r.Sources[key] != config.DefaultSource {
			_, _ = fmt.Fprintf(env.Streams.Err, "%s from %s\n", key, printable(r.Sources[key]))
		}
	}
	return nil
}
