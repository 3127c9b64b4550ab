package assistant

import (
	"context"
	_ "embed" // for the prompt
	"encoding/json"
	"fmt"
	"maps"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/tools"
)

//go:embed prompt.md
var systemPrompt string

// maxValue is how many bytes of one tool's output the model is shown.
const maxValue = 48 << 10

// instructions is the system prompt with what the workspace adds.
func (a *Assistant) instructions(ctx context.Context) string {
	if a.options.Context == nil {
		return systemPrompt
	}
	return systemPrompt + "\nThe workspace\n" + a.options.Context(ctx)
}

// offer describes the tools to the model. Every schema gets the argument by
// which steps wait for each other.
func offer(descriptors []tools.Descriptor) ([]llms.Tool, error) {
	offered := make([]llms.Tool, len(descriptors))
	for i, d := range descriptors {
		schema := map[string]any{"type": "object"}
		if d.Input != nil {
			raw, err := json.Marshal(d.Input)
			if err != nil {
				return nil, fmt.Errorf("describe tool %s: %w", d.Name, err)
			}
			if err := json.Unmarshal(raw, &schema); err != nil {
				return nil, fmt.Errorf("describe tool %s: %w", d.Name, err)
			}
		}
		properties := map[string]any{}
		if p, ok := schema["properties"].(map[string]any); ok {
			properties = maps.Clone(p)
		}
		properties[needsKey] = map[string]any{
			"type": "array", "items": map[string]any{"type": "string"},
			"description": "ids of earlier steps to wait for; only where no argument refers to them",
		}
		schema["properties"] = properties
		offered[i] = llms.Tool{Type: "function", Function: &llms.FunctionDefinition{
			Name: d.Name, Description: d.Summary + "\n" + d.Description, Parameters: schema,
		}}
	}
	return offered, nil
}

// conversation puts the thread's messages into the model's form. Each tool
// result is a message of its own, because some servers take no more than one.
func (a *Assistant) conversation(ctx context.Context, messages []Message) []llms.MessageContent {
	out := []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeSystem, a.instructions(ctx))}
	var calls []Call
	for i := range messages {
		switch m := &messages[i]; m.Role {
		case RoleUser, RoleNote:
			out = append(out, llms.TextParts(llms.ChatMessageTypeHuman, m.Text))
		case RoleAssistant:
			if m.Answer != nil && i > 0 && messages[i-1].draft() {
				out = out[:len(out)-1]
			}
			calls = m.Calls
			out = append(out, spoken(m))
		case RolePlan:
			out = append(out, reported(m.Plan, calls)...)
			calls = nil
		}
	}
	return out
}

func spoken(m *Message) llms.MessageContent {
	msg := llms.MessageContent{Role: llms.ChatMessageTypeAI}
	if m.Text != "" || len(m.Calls) == 0 {
		msg.Parts = append(msg.Parts, llms.TextPart(m.Text))
	}
	for _, c := range m.Calls {
		msg.Parts = append(msg.Parts, llms.ToolCall{
			ID: c.ID, Type: "function", FunctionCall: &llms.FunctionCall{Name: c.Tool, Arguments: c.Args},
		})
	}
	return msg
}

// reported is what the model hears of a plan: one message a call.
func reported(p *Plan, calls []Call) []llms.MessageContent {
	var out []llms.MessageContent
	for i, c := range calls {
		if i >= len(p.Steps) {
			break
		}
		out = append(out, llms.MessageContent{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{
			llms.ToolCallResponse{ToolCallID: c.ID, Name: c.Tool, Content: p.Steps[i].report()},
		}})
	}
	return out
}

// report is the JSON that a model sees of a step: the fields of tools.Result,
// the step's state, and the error if there is one.
type report struct {
	Tool       string          `json:"tool"`
	State      StepState       `json:"state"`
	Summary    string          `json:"summary,omitempty"`
	Run        string          `json:"run,omitempty"`
	Query      string          `json:"query,omitempty"`
	Value      json.RawMessage `json:"value,omitempty"`
	Truncated  bool            `json:"truncated,omitempty"`
	Code       string          `json:"code,omitempty"`
	Message    string          `json:"message,omitempty"`
	Hint       string          `json:"hint,omitempty"`
	Candidates []string        `json:"candidates,omitempty"`
}

func (s *Step) report() string {
	r := report{Tool: s.Tool, State: s.State, Run: s.Run}
	if s.Result != nil {
		r.Summary, r.Query, r.Value = s.Result.Summary, s.Result.Query, s.Result.Value
		if s.Result.Run != "" {
			r.Run = s.Result.Run
		}
	}
	if s.Outcome != nil && s.Outcome.Summary != "" {
		r.Summary = s.Outcome.Summary
	}
	if len(r.Value) > maxValue {
		r.Value, r.Truncated = nil, true
	}
	switch {
	case s.Error != nil:
		r.Code, r.Message, r.Hint, r.Candidates = s.Error.Code, s.Error.Message, s.Error.Hint, s.Error.Candidates
	case s.State == StepPlanned:
		r.Code, r.Message = CodeBadPlan, "not run, because another call of the same plan was invalid"
	}
	if s.Error != nil && s.State == StepPlanned {
		r.State = StepFailed
	}
	raw, err := encode(r)
	if err != nil { // a tool's output that is not JSON
		r.Value = nil
		raw, _ = encode(r)
	}
	return string(raw)
}
