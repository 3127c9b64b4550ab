package planner

import (
	"encoding/json"
	"slices"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/tools"
)

// catalogue is what the planner knows of the tools it was given.
type catalogue struct {
	order []string
	tools map[string]toolInfo
}

// toolInfo is one tool as its schema shows it.
type toolInfo struct {
	name        string
	description string
	params      map[string]param
	names       []string // parameter names, sorted
	required    []string
}

// param is the part of a JSON Schema property that the planner reads.
type param struct {
	Type    schemaType      `json:"type"`
	Enum    []any           `json:"enum"`
	Default json.RawMessage `json:"default"`
}

// schemaType reads "type": "integer" and "type": ["null","integer"] alike.
type schemaType string

// UnmarshalJSON keeps the first type that is not null.
func (t *schemaType) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = schemaType(one)
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return err
	}
	for _, s := range many {
		if s != "null" {
			*t = schemaType(s)
			break
		}
	}
	return nil
}

// choices returns the schema's enumeration as strings.
func (p param) choices() []string {
	var out []string
	for _, e := range p.Enum {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// has tells whether the tool was offered.
func (c *catalogue) has(tool string) bool {
	_, ok := c.tools[tool]
	return ok
}

// catalogueOf reads the tools of a model call.
func catalogueOf(offered []llms.Tool) *catalogue {
	c := &catalogue{tools: make(map[string]toolInfo, len(offered))}
	for _, t := range offered {
		if t.Function != nil {
			c.add(t.Function.Name, t.Function.Description, t.Function.Parameters)
		}
	}
	return c
}

// catalogueFrom reads descriptors.
func catalogueFrom(descriptors []tools.Descriptor) *catalogue {
	c := &catalogue{tools: make(map[string]toolInfo, len(descriptors))}
	for _, d := range descriptors {
		c.add(d.Name, d.Summary, d.Input)
	}
	return c
}

func (c *catalogue) add(name, description string, schema any) {
	info := toolInfo{name: name, description: description, params: map[string]param{}}
	var parsed struct {
		Properties map[string]param `json:"properties"`
		Required   []string         `json:"required"`
	}
	if raw, err := json.Marshal(schema); err == nil && json.Unmarshal(raw, &parsed) == nil {
		info.params, info.required = parsed.Properties, parsed.Required
	}
	for p := range info.params {
		info.names = append(info.names, p)
	}
	slices.Sort(info.names)
	c.order = append(c.order, name)
	c.tools[name] = info
}
