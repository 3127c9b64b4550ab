package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	netcost "github.com/minivess/minivess/engine/nn/cost"
	"github.com/minivess/minivess/tools"
)

// modelsOptions are the flags of `minivess models`.
type modelsOptions struct {
	patch     string
	batch     int
	precision string
	full      bool
	set       []string
}

func newModels(env *environment) *cobra.Command {
	o := modelsOptions{}
	c := &cobra.Command{
		Use:   "models [NAME] [option=value …]",
		Short: "List the networks that can be trained: options and what they cost",
		Long: "models lists the networks with what a training step of a patch takes, worked out without\n" +
			"running anything. With a name it shows that network's options; option=value changes one.\n" +
			"What is shown is the small configuration that a computer without an accelerator trains;\n" +
			"--full shows upstream's defaults.",
		Example: "  minivess models\n  minivess models swinunetr\n  minivess models swinunetr feature_size=48 --patch 96x96x96 --precision bfloat16\n  minivess models --full --json",
		Args:    takes(0, -1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return env.models(o)
			}
			o.set = args[1:]
			return env.model(args[0], o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.patch, "patch", "64x64x32", "voxels of a patch along x, y and z")
	f.IntVar(&o.batch, "batch", 1, "patches in a step")
	f.StringVar(&o.precision, "precision", netcost.Float32, "float32 or bfloat16")
	f.BoolVar(&o.full, "full", false, "upstream's defaults in place of the small configuration")
	return c
}

// modelCost is a network as `minivess models --json` prints it.
type modelCost struct {
	models.Description
	Resolved map[string]any `json:"resolved"`
	Patch    [3]int         `json:"patch"`
	Batch    int            `json:"batch"`
	Training *netcost.Cost  `json:"training,omitempty"`
	Forward  *netcost.Cost  `json:"forward,omitempty"`
	// Misfit says why a patch of that size cannot be computed.
	Misfit string `json:"misfit,omitempty"`
	// parameters is known also when the patch does not fit.
	parameters int64
}

// models lists all networks.
func (env *environment) models(o modelsOptions) error {
	var all []modelCost
	for _, name := range models.Names() {
		c, err := o.describe(name)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	if env.JSON {
		return env.printJSON(all)
	}
	w := tabwriter.NewWriter(env.Streams.Out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "model\tparameters\tstep GFLOP\ttraining memory\tpredicting\twhat it is")
	for _, c := range all {
		flops, training, forward := "–", "–", "–"
		if c.Training != nil {
			flops, training, forward = gigaflops(c.Training.FLOPs), tools.Bytes(c.Training.PeakBytes), tools.Bytes(c.Forward.PeakBytes)
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Name, millions(c.parameters), flops, training, forward, c.Summary)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	which := "small configurations; --full shows upstream's"
	if o.full {
		which = "upstream's configurations"
	}
	_, _ = fmt.Fprintf(env.Streams.Err, "%s · batch %d of %s in %s · minivess models NAME lists its options\n", which, o.batch, tools.Extent(all[0].Patch), o.precision)
	for _, c := range all {
		if c.Misfit != "" {
			_, _ = fmt.Fprintf(env.Streams.Err, "%s: %s\n", c.Name, c.Misfit)
		}
	}
	return nil
}

// model shows one network with its options.
func (env *environment) model(name string, o modelsOptions) error {
	c, err := o.describe(name)
	if err != nil {
		return err
	}
	if env.JSON {
		return env.printJSON(c)
	}
	out := env.Streams.Out
	_, _ = fmt.Fprintf(out, "%s · %s\n", c.Name, c.Summary)
	_, _ = fmt.Fprintf(out, "  %s parameters", millions(c.parameters))
	switch {
	case c.Misfit != "":
		_, _ = fmt.Fprintf(out, "; %s\n", c.Misfit)
	default:
		_, _ = fmt.Fprintf(out, "; a training step of %d×%s in %s: %s GFLOP, %s of memory; predicting it: %s\n",
			c.Batch, tools.Extent(c.Patch), o.precision, gigaflops(c.Training.FLOPs), tools.Bytes(c.Training.PeakBytes), tools.Bytes(c.Forward.PeakBytes))
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\noption\tvalue\tupstream's\tmeaning")
	for _, option := range c.Options {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", option.Name, compact(c.Resolved[option.Name]), compact(option.Default), option.Doc)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	_, _ = fmt.Fprintf(env.Streams.Err, "minivess train model.name=%s model.options.OPTION=VALUE … trains it\n", c.Name)
	return nil
}

// describe makes the network that the flags and options ask for and works out
// what it costs.
func (o modelsOptions) describe(name string) (modelCost, error) {
	d, err := models.Describe(name)
	if err != nil {
		return modelCost{}, usagef("%w", err)
	}
	patch, err := extent(o.patch)
	if err != nil {
		return modelCost{}, err
	}
	options, err := o.options(d)
	if err != nil {
		return modelCost{}, err
	}
	m, err := models.New(name, options)
	if err != nil {
		return modelCost{}, usagef("%w", err)
	}
	c := modelCost{Description: d, Resolved: m.Config().Options, Patch: patch, Batch: o.batch, parameters: nn.CountElements(m.TrainableParameters())}
	training, err := netcost.Estimate(m, o.batch, patch, o.precision, true)
	if errors.Is(err, adapter.ErrSize) {
		// A patch of the wrong size is no reason to keep quiet about the rest.
		c.Misfit = err.Error()
		return c, nil
	}
	if err != nil {
		return modelCost{}, usagef("%w", err)
	}
	forward, err := netcost.Estimate(m, o.batch, patch, o.precision, false)
	if err != nil {
		return modelCost{}, usagef("%w", err)
	}
	c.Training, c.Forward = &training, &forward
	return c, nil
}

// options are the small configuration's, or none, with what was typed.
func (o modelsOptions) options(d models.Description) (map[string]any, error) {
	out := map[string]any{}
	if !o.full {
		maps.Copy(out, d.Small)
	}
	for _, pair := range o.set {
		key, text, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, usagef("%q is not of the form option=value", pair)
		}
		var value any
		if json.Unmarshal([]byte(text), &value) != nil {
			value = text
		}
		out[key] = value
	}
	return out, nil
}

// extent reads 64x64x32.
func extent(text string) (out [3]int, err error) {
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == 'x' || r == '×' || r == ',' })
	if len(parts) != len(out) {
		return out, usagef("a size of %q is not of the form 64x64x32", text)
	}
	for i, p := range parts {
		if out[i], err = strconv.Atoi(p); err != nil || out[i] < 1 {
			return out, usagef("a size of %q is not of the form 64x64x32", text)
		}
	}
	return out, nil
}

func millions(n int64) string { return fmt.Sprintf("%.2f M", float64(n)/1e6) }

func gigaflops(n int64) string { return fmt.Sprintf("%.3g", float64(n)/1e9) }

// compact writes an option's value on one line.
func compact(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}
