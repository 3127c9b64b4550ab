package assistant

import (
	"cmp"
	"context"
	_ "embed" // for the prompt
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/tools"
)

//go:embed prompt.md
var systemPrompt string

// maxValue is how many bytes of one tool's output the model is shown.
const maxValue = 48 << 10

// instructions is the system prompt with what the workspace adds.
func (a *Assistant) instructions(ctx context.Context) string {
	text := systemPrompt + a.told(ctx)
	if a.options.Context == nil {
		return text
	}
	return text + "\nThe workspace\n" + a.options.Context(ctx)
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
			calls = nil
			out = append(out, llms.TextParts(llms.ChatMessageTypeHuman, cmp.Or(m.Hears, m.Text)))
		case RoleAssistant:
			if m.Answer != nil && i > 0 && messages[i-1].draft() {
				out = out[:len(out)-1]
			}
			said := *m
			if i+1 < len(messages) && messages[i+1].Role == RolePlan {
				said.Calls = a.asPlanned(m.Calls, messages[i+1].Plan)
			}
			calls = said.Calls
			out = append(out, spoken(&said))
		case RolePlan:
			out = append(out, a.reported(m.Plan, calls)...)
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

// asPlanned are a model's calls as they stand in the plan that became of them:
// with the arguments that the user gave them, and, where nothing was done yet,
// without the steps that the user dropped. So a model that is asked to change
// the plan begins with the plan that the user looks at.
func (a *Assistant) asPlanned(calls []Call, p *Plan) []Call {
	if p == nil || len(calls) != len(p.Steps) {
		return calls
	}
	ids, read := p.kept(), a.readings.of(p)
	out := make([]Call, 0, len(calls))
	for i, c := range calls {
		s := &p.Steps[i]
		if ids[s.ID] == "" {
			continue
		}
		c.step = i + 1
		if !p.invalid() {
			c.Args = read.renumbered(p, i, ids)
		}
		out = append(out, c)
	}
	return out
}

// kept are the ids that the steps of a plan have for a model: the same, unless
// steps were dropped before anything was done.
func (p *Plan) kept() map[string]string {
	ids := make(map[string]string, len(p.Steps))
	begun := slices.ContainsFunc(p.Steps, func(s Step) bool { return s.State != StepRejected })
	for i := range p.Steps {
		s := &p.Steps[i]
		if begun {
			ids[s.ID] = s.ID
		} else if s.Error == nil || s.Error.Code != CodeDropped {
			ids[s.ID] = strconv.Itoa(len(ids) + 1)
		}
	}
	return ids
}

// invalid says whether the plan never came to review: its calls are shown to
// the model as it wrote them.
func (p *Plan) invalid() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.State == StepPlanned })
}

// renumbered are the arguments of a step as a model writes them, with the steps
// that it waits for.
func renumbered(s *Step, ids map[string]string) string {
	args, err := mapStrings(s.Args, func(text string) (any, error) {
		if id, field, ok := tools.ParseRef(text); ok && ids[id] != "" {
			return "@" + ids[id] + "." + field, nil
		}
		return text, nil
	})
	if err != nil {
		return string(s.Args)
	}
	var silent []string
	for _, id := range s.silentNeeds() {
		if ids[id] != "" {
			silent = append(silent, ids[id])
		}
	}
	if len(silent) == 0 {
		return string(args)
	}
	waits, err := encode(silent)
	if err == nil {
		args, err = withArgument(args, needsKey, waits)
	}
	if err != nil {
		return string(s.Args)
	}
	return string(args)
}

// reported is what the model hears of a plan: one message a call.
func (a *Assistant) reported(p *Plan, calls []Call) []llms.MessageContent {
	var out []llms.MessageContent
	for i, c := range calls {
		if c.step > 0 {
			i = c.step - 1
		}
		if i >= len(p.Steps) {
			break
		}
		out = append(out, llms.MessageContent{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{
			llms.ToolCallResponse{ToolCallID: c.ID, Name: c.Tool, Content: a.readings.of(p).report(p, i)},
		}})
	}
	return out
}

// report is the JSON that a model sees of a step: the fields of tools.Result,
// the step's state, and the error if there is one.
type report struct {
	Notice     string          `json:"notice"`
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
	// Before lists the goes at this step that failed.
	Before []string `json:"before,omitempty"`
}

func (s *Step) report() string {
	r := report{Notice: tools.DataNotice, Tool: s.Tool, State: s.State, Run: s.Run}
	if s.Result != nil {
		r.Summary, r.Query, r.Value = s.Result.Summary, s.Result.Query, s.Result.Value
		if s.Result.Run != "" {
			r.Run = s.Result.Run
		}
	}
	if s.Outcome != nil && s.Outcome.Summary != "" {
		r.Summary = s.Outcome.Summary
	}
	for _, a := range s.Attempts {
		if a.Error != nil {
			r.Before = append(r.Before, fmt.Sprintf("%s failed: %s; then tried with %s", a.Args, a.Error.Message, a.Remedy))
		}
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
	return tools.AsData(string(raw))
}
