package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/minivess/minivess/tools"
)

// listTools prints the catalogue.
func (env *environment) listTools(all []tools.Descriptor) error {
	if env.JSON {
		return env.printJSON(all)
	}
	w := tabwriter.NewWriter(env.Streams.Out, 0, 4, 2, ' ', 0)
	family := ""
	for _, d := range all {
		if d.Family != family {
			family = d.Family
			_, _ = fmt.Fprintf(w, "%s\n", family)
		}
		_, _ = fmt.Fprintf(w, "  %s\t%s\t%s\n", d.Name, d.Effect, d.Summary)
	}
	return w.Flush()
}

// describeTool says what a tool does and takes.
func (env *environment) describeTool(r *tools.Registry, name string) error {
	d, ok := r.Lookup(name)
	if !ok {
		var names []string
		for _, t := range r.List() {
			names = append(names, t.Name)
		}
		return tools.Errorf(tools.CodeUnknownTool, "there is no tool %q", name).WithHint("%s", tools.DidYouMean(name, names, "tools"))
	}
	if env.JSON {
		return env.printJSON(d)
	}
	w := env.Streams.Out
	_, _ = fmt.Fprintf(w, "%s · %s · %s\n\n", d.Name, d.Family, d.Effect)
	for line := range strings.SplitSeq(d.Description, "\n") {
		_, _ = fmt.Fprintln(w, fill("", strings.Fields(line), 0))
	}
	_, _ = fmt.Fprintln(w, "\nARGUMENTS")
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, key := range slices.Sorted(maps.Keys(d.Input.Properties)) {
		needed := ""
		if slices.Contains(d.Input.Required, key) {
			needed = "needed"
		}
		p := d.Input.Properties[key]
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", key, typeName(p), needed, p.Description)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the arguments: %w", err)
	}
	if len(d.Examples) > 0 {
		_, _ = fmt.Fprintln(w, "\nEXAMPLES")
	}
	for _, e := range d.Examples {
		_, _ = fmt.Fprintf(w, "  %s\n    %s\n", e.Say, e.Args)
	}
	return nil
}

// typeName says what a value has to be.
func typeName(s *jsonschema.Schema) string {
	switch {
	case len(s.Enum) > 0:
		names := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			names[i] = fmt.Sprint(v)
		}
		return strings.Join(names, "|")
	case s.Items != nil:
		return "list of " + typeName(s.Items)
	case s.Type != "":
		return s.Type
	default:
		return strings.Join(slices.DeleteFunc(slices.Clone(s.Types), func(t string) bool { return t == "null" }), "|")
	}
}
