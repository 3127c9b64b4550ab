package cli

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/models/bundle"
	"github.com/minivess/minivess/engine/models/inspect"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/tools"
)

// inspectOptions are the flags of `minivess model inspect`.
type inspectOptions struct {
	inspect.Options
	all bool
}

func newModel(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:   "model",
		Short: "Look into files of weights",
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(newInspect(env))
	return c
}

func newInspect(env *environment) *cobra.Command {
	o := inspectOptions{}
	c := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Say what is in a checkpoint: tensors, types, and which network it fits",
		Long: "inspect looks into a file of weights without loading it and without executing anything in it:\n" +
			"safetensors, .npz, PyTorch's .pt and .pth (zip or legacy). It says how the weights are wrapped,\n" +
			"and which network with which options has exactly these tensors. FILE may be the folder of a\n" +
			"MONAI bundle, which says itself what its network is.",
		Example: "  minivess model inspect best.safetensors\n  minivess model inspect model_swinvit.pt --all\n  minivess model inspect model.pt --values --digests --json",
		Args:    takes(1, 1),
		RunE:    func(_ *cobra.Command, args []string) error { return env.inspect(args[0], o) },
	}
	f := c.Flags()
	f.BoolVar(&o.Digests, "digests", false, "compute SHA-256 of the file and of every tensor")
	f.BoolVar(&o.Values, "values", false, "read the values: look for NaN, infinities and tensors of zeros")
	f.StringVar(&o.Branch, "branch", "", "which set of weights, when the file has several")
	f.BoolVar(&o.all, "all", false, "list every tensor")
	return c
}

func (env *environment) inspect(path string, o inspectOptions) error {
	file := env.path(path)
	var described *bundle.Bundle
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		b, err := bundle.Read(file)
		if err != nil {
			return err
		}
		described, file = &b, b.WeightsPath
	}
	report, err := inspect.File(file, recognise, o.Options)
	if err != nil {
		return err
	}
	if env.JSON {
		return env.printJSON(struct {
			inspect.Report
			Bundle *bundle.Bundle `json:"bundle,omitempty"`
		}{report, described})
	}
	if described != nil {
		env.printBundle(*described)
	}
	return env.printReport(report, o.all)
}

// printBundle says what a bundle says of itself.
func (env *environment) printBundle(b bundle.Bundle) {
	out := env.Streams.Out
	_, _ = fmt.Fprintf(out, "MONAI bundle %s %s · %s\n", tools.Plain(b.Name), tools.Plain(b.Version), tools.Plain(b.Description))
	_, _ = fmt.Fprintf(out, "  network %s, here %s %s\n", tools.Plain(b.Target), b.Model, tools.Plain(settings(b.Options)))
	_, _ = fmt.Fprintf(out, "  %s in, %s out", tools.Count(b.ImageChannels, "channel"), tools.Count(b.Classes, "channel"))
	if len(b.ClassNames) > 0 {
		_, _ = fmt.Fprintf(out, " (%s)", tools.Plain(strings.Join(b.ClassNames, ", ")))
	}
	if len(b.Spacing) > 0 {
		_, _ = fmt.Fprintf(out, ", images resampled to %v", b.Spacing)
	}
	if len(b.PatchSize) > 0 {
		_, _ = fmt.Fprintf(out, ", patches of %s", b.PatchSize)
	}
	_, _ = fmt.Fprintln(out)
	for _, note := range b.Notes {
		_, _ = fmt.Fprintf(out, "  %s\n", tools.Plain(note))
	}
}

// recognise asks the zoo.
func recognise(shapes map[string]nn.Shape) []inspect.Guess {
	var out []inspect.Guess
	for _, g := range models.Recognise(shapes) {
		out = append(out, inspect.Guess(g))
	}
	return out
}

// tensorsShown is how many tensors are listed unless all are asked for.
const tensorsShown = 12

func (env *environment) printReport(r inspect.Report, all bool) error {
	out := env.Streams.Out
	_, _ = fmt.Fprintf(out, "%s · %s · %s\n", printable(r.Path), r.Format, tools.Bytes(r.FileBytes))
	var types []string
	for _, d := range slices.Sorted(maps.Keys(r.Types)) {
		types = append(types, fmt.Sprintf("%d %s", r.Types[d], d))
	}
	_, _ = fmt.Fprintf(out, "  %s (%s), %s parameters\n", tools.Count(len(r.Tensors), "tensor"), strings.Join(types, ", "), millions(r.Parameters))
	for _, line := range fitting(r.Guesses) {
		_, _ = fmt.Fprintf(out, "  %s\n", printable(line))
	}
	for _, note := range r.Notes {
		_, _ = fmt.Fprintf(out, "  %s\n", printable(note))
	}
	if r.SHA256 != "" {
		_, _ = fmt.Fprintf(out, "  sha256 %s\n", r.SHA256)
	}
	for _, key := range slices.Sorted(maps.Keys(r.Metadata)) {
		_, _ = fmt.Fprintf(out, "  %s: %s\n", tools.Plain(key), tools.Plain(r.Metadata[key]))
	}
	if err := env.printTensors(r.Tensors, all); err != nil {
		return err
	}
	for _, w := range r.Warnings {
		_, _ = fmt.Fprintf(env.Streams.Err, "warning: %s\n", printable(w))
	}
	return nil
}

// fitting says which networks have exactly these tensors.
func fitting(guesses []inspect.Guess) []string {
	if len(guesses) == 0 {
		return []string{"no network of minivess models has exactly these tensors"}
	}
	var lines []string
	for _, g := range guesses {
		lines = append(lines, fmt.Sprintf("fits %s %s", g.Model, settings(g.Options)))
	}
	return lines
}

// settings writes options the way they are typed.
func settings(options map[string]any) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(options)) {
		out = append(out, name+"="+compact(options[name]))
	}
	return strings.Join(out, " ")
}

func (env *environment) printTensors(tensors []inspect.Tensor, all bool) error {
	w := tabwriter.NewWriter(env.Streams.Out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\ntensor\tshape\ttype\tsize\t")
	for i, t := range tensors {
		if i == tensorsShown && !all && len(tensors) > tensorsShown+1 {
			_, _ = fmt.Fprintf(w, "… and %d more (--all lists them)\t\t\t\t\n", len(tensors)-i)
			break
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", tools.Plain(t.Name), t.Shape, t.DType, tools.Bytes(t.Bytes), t.SHA256)
	}
	return w.Flush()
}
