package tools

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

//go:embed unbuilt/*.md
var unbuiltFiles embed.FS

// The headings of an unbuilt tool's Markdown beside those of every tool's.
const (
	catalogueHeading = "## Catalogue"
	argumentsHeading = "## Arguments"
)

// Unbuilt describes the tools of the catalogue that this version does not
// have, by name. Their names, effects, arguments and examples stand in Markdown
// files, so that whoever plans can understand a request for one, plan it, and
// say clearly that it is not available in this version. A tool that is
// registered under one of these names is available, whatever stands here.
func Unbuilt() ([]Descriptor, error) { return unbuiltIn(unbuiltFiles) }

// isUnbuilt tells whether the catalogue has a tool that this version does not.
func isUnbuilt(name string) bool {
	_, err := fs.Stat(unbuiltFiles, "unbuilt/"+name+".md")
	return err == nil
}

// unbuiltIn reads every Markdown file of the folder unbuilt.
func unbuiltIn(files fs.FS) ([]Descriptor, error) {
	names, err := fs.Glob(files, "unbuilt/*.md")
	if err != nil {
		return nil, fmt.Errorf("listing tools that are not built: %w", err)
	}
	out := make([]Descriptor, 0, len(names))
	for _, name := range names {
		doc, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		d, err := parseUnbuilt(strings.TrimSuffix(path.Base(name), ".md"), string(doc))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		out = append(out, d)
	}
	return out, nil
}

// parseUnbuilt reads the description of one tool: its prompt, with a list of
// what the catalogue says of it and a list of its arguments.
func parseUnbuilt(name, doc string) (Descriptor, error) {
	doc = strings.ReplaceAll(doc, "\r\n", "\n")
	head, rest, _ := strings.Cut(doc, catalogueHeading)
	facts, examples, _ := strings.Cut(rest, examplesHeading)
	facts, arguments, _ := strings.Cut(facts, argumentsHeading)
	p, err := parsePrompt(head + examplesHeading + examples)
	if err != nil {
		return Descriptor{}, err
	}
	d := Descriptor{
		Name: name, Summary: p.summary, Description: p.description, Examples: p.examples,
		Input: &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{}},
	}
	for item := range listItems(facts) {
		key, value, _ := strings.Cut(item, ": ")
		switch key {
		case "family":
			d.Family = value
		case "effect":
			d.Effect = Effect(value)
		default:
			return Descriptor{}, fmt.Errorf("the catalogue says nothing called %q", key)
		}
	}
	if !slices.Contains([]Effect{Read, Write, Launch, Destroy}, d.Effect) || d.Family == "" {
		return Descriptor{}, fmt.Errorf("it needs a family and an effect, and has family %q and effect %q", d.Family, d.Effect)
	}
	for item := range listItems(arguments) {
		if err := addArgument(d.Input, item); err != nil {
			return Descriptor{}, err
		}
	}
	return d, checkExamples(d)
}

// listItems yields the items of a Markdown list.
func listItems(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			if item, ok := strings.CutPrefix(strings.TrimSpace(line), "- "); ok && !yield(item) {
				return
			}
		}
	}
}

// addArgument reads "NAME (TYPE, required): what it is", where TYPE is text,
// integer, number, list, object, or the choices separated by "|".
func addArgument(input *jsonschema.Schema, item string) error {
	head, about, ok := strings.Cut(item, "): ")
	name, kind, typed := strings.Cut(head, " (")
	if !ok || !typed {
		return fmt.Errorf("the argument %q is not written as NAME (TYPE): what it is", item)
	}
	kind, required := strings.CutSuffix(kind, ", required")
	s := &jsonschema.Schema{Description: about}
	switch kind {
	case "text":
		s.Type = "string"
	case "list":
		s.Type, s.Items = "array", &jsonschema.Schema{Type: "string"}
	case "integer", "number", "object":
		s.Type = kind
	default:
		s.Type = "string"
		for choice := range strings.SplitSeq(kind, " | ") {
			s.Enum = append(s.Enum, choice)
		}
		if len(s.Enum) < 2 {
			return fmt.Errorf("the argument %s has the unknown type %q", name, kind)
		}
	}
	input.Properties[name] = s
	input.PropertyOrder = append(input.PropertyOrder, name)
	if required {
		input.Required = append(input.Required, name)
	}
	return nil
}

// checkExamples holds the arguments of the examples against the schema.
func checkExamples(d Descriptor) error {
	schema, err := d.Input.Resolve(nil)
	if err != nil {
		return fmt.Errorf("the arguments: %w", err)
	}
	if len(d.Examples) == 0 {
		return fmt.Errorf("there are no examples")
	}
	for _, e := range d.Examples {
		var args map[string]any
		if err := json.Unmarshal(e.Args, &args); err != nil {
			return fmt.Errorf("example %q: %w", e.Say, err)
		}
		for name := range args {
			if d.Input.Properties[name] == nil {
				return fmt.Errorf("example %q: there is no argument %q", e.Say, name)
			}
		}
		if err := schema.Validate(args); err != nil {
			return fmt.Errorf("example %q: %w", e.Say, err)
		}
	}
	return nil
}
