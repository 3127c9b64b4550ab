package mcp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/minivess/minivess/tools"
)

// maxExamples is how many examples a description quotes: enough to show the
// form, few enough for a model's context.
const maxExamples = 2

// describe is a tool as clients see it.
func describe(d tools.Descriptor) *sdk.Tool {
	return &sdk.Tool{
		Name:         d.Name,
		Title:        d.Summary,
		Description:  description(d),
		InputSchema:  written(d.Input),
		OutputSchema: written(withWrittenNumbers(d.Output)),
		Annotations:  annotations(d),
	}
}

// written is a schema as JSON, so that it is not written anew for every list.
func written(s *jsonschema.Schema) any {
	raw, err := json.Marshal(s)
	if err != nil {
		return s
	}
	return json.RawMessage(raw)
}

func description(d tools.Descriptor) string {
	var b strings.Builder
	b.WriteString(d.Description)
	switch d.Effect {
	case tools.Read:
	case tools.Write:
		b.WriteString("\n\nAdds something to the workspace: the person at this client is asked first.")
	case tools.Launch:
		b.WriteString("\n\nStarts costly work: the person at this client is asked first.")
	case tools.Destroy:
		b.WriteString("\n\nEnds or removes something, which cannot be undone: the person at this client is asked each time.")
	}
	for i, e := range d.Examples[:min(len(d.Examples), maxExamples)] {
		if i == 0 {
			b.WriteString("\n\nExamples:")
		}
		fmt.Fprintf(&b, "\n- %s: %s", e.Say, e.Args)
	}
	return b.String()
}

// annotations are hints that clients decide by, so they are never kinder than
// the effect: only reading is called idempotent, since whether anything else is
// depends on its arguments ("latest" is another run each time).
func annotations(d tools.Descriptor) *sdk.ToolAnnotations {
	destructive, open := d.Effect == tools.Destroy, d.Family == tools.RemoteFamily
	return &sdk.ToolAnnotations{
		Title:           d.Summary,
		ReadOnlyHint:    d.Effect == tools.Read,
		DestructiveHint: &destructive,
		IdempotentHint:  d.Effect == tools.Read && !open,
		OpenWorldHint:   &open,
	}
}

// withWrittenNumbers allows a string wherever an output has a number: JSON
// knows neither NaN nor infinity, which metrics can be, and minivess writes
// them as "NaN", "Inf" and "-Inf". Clients check results against the schema.
func withWrittenNumbers(s *jsonschema.Schema) *jsonschema.Schema {
	if s == nil {
		return nil
	}
	s = s.CloneSchemas()
	for _, sub := range everySchema(s) {
		switch {
		case sub.Type == "number":
			sub.Type, sub.Types = "", []string{"number", "string"}
		case slices.Contains(sub.Types, "number") && !slices.Contains(sub.Types, "string"):
			sub.Types = append(slices.Clone(sub.Types), "string")
		}
	}
	return s
}

// everySchema lists a schema and those in it that derived schemas can have.
func everySchema(s *jsonschema.Schema) []*jsonschema.Schema {
	if s == nil {
		return nil
	}
	all := []*jsonschema.Schema{s}
	for _, p := range s.Properties {
		all = append(all, everySchema(p)...)
	}
	for _, d := range s.Defs {
		all = append(all, everySchema(d)...)
	}
	all = append(all, everySchema(s.Items)...)
	return append(all, everySchema(s.AdditionalProperties)...)
}
