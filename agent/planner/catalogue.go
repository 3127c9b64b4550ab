package planner

import (
	"encoding/json"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"
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
	unbuilt     bool // planned, but said not to be available
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
	info, ok := c.tools[tool]
	return ok && !info.unbuilt
}

// knows tells whether the tool was offered, or is one that this version does not
// have.
func (c *catalogue) knows(tool string) bool {
	_, ok := c.tools[tool]
	return ok
}

// plus adds the tools that this version does not have, where none of that name
// was offered.
func (c *catalogue) plus(unbuilt []tools.Descriptor) *catalogue {
	for _, d := range unbuilt {
		if _, offered := c.tools[d.Name]; offered {
			continue
		}
		c.add(d.Name, d.Summary, d.Input)
		info := c.tools[d.Name]
		info.unbuilt = true
		c.tools[d.Name] = info
	}
	return c
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

// paramsOf reads the properties of a schema.
func paramsOf(s *jsonschema.Schema) map[string]param {
	out := make(map[string]param, len(s.Properties))
	for name, p := range s.Properties {
		kind := p.Type
		for _, t := range p.Types {
			if kind == "" && t != "null" {
				kind = t
			}
		}
		out[name] = param{Type: schemaType(kind), Enum: p.Enum, Default: p.Default}
	}
	return out
}

// decodeParams reads the properties of a schema in any form that JSON takes.
func decodeParams(schema any) (params map[string]param, required []string) {
	var parsed struct {
		Properties map[string]param `json:"properties"`
		Required   []string         `json:"required"`
	}
	raw, err := json.Marshal(schema)
	if err != nil || json.Unmarshal(raw, &parsed) != nil {
		return nil, nil
	}
	return parsed.Properties, parsed.Required
}

func (c *catalogue) add(name, description string, schema any) {
	info := toolInfo{name: name, description: description}
	if s, ok := schema.(*jsonschema.Schema); ok && s != nil {
		info.params, info.required = paramsOf(s), s.Required
	} else {
		info.params, info.required = decodeParams(schema)
	}
	for p := range info.params {
		info.names = append(info.names, p)
	}
	slices.Sort(info.names)
	c.order = append(c.order, name)
	c.tools[name] = info
}
