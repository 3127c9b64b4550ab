package planner

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tmc/langchaingo/llms"
)

// Outcome is what a turn came to: steps to run, or a reply, or a question.
type Outcome struct {
	Steps       []Step      `json:"plan"`
	Reply       string      `json:"reply"`
	Questions   []Question  `json:"questions,omitempty"`
	Assumptions []string    `json:"assumptions,omitempty"`
	Explanation Explanation `json:"explanation,omitzero"`
}

// Step is one tool call of a plan. Needs lists the ids of the steps that must
// be done first, whether an argument refers to them or not.
type Step struct {
	ID    string         `json:"id"`
	Tool  string         `json:"tool"`
	Args  map[string]any `json:"args"`
	Needs []string       `json:"needs,omitempty"`
	// Unavailable marks a step that was understood, but whose tool this version
	// does not have. It is part of the plan that is shown, and is never called.
	Unavailable bool `json:"unavailable,omitempty"`
}

// Question is what the planner must know before it can plan. Choices may be
// empty when it cannot tell what there is.
type Question struct {
	Text    string   `json:"text"`
	Choices []string `json:"choices,omitempty"`
}

// Explanation tells how a sentence was read.
type Explanation struct {
	Reasons []Reason `json:"reasons"`
}

// Reason links words of the sentence to a tool or to one of its arguments.
// Start and End are byte offsets into the text; both are 0 when the value is
// an assumption that no words stand for.
type Reason struct {
	Step     string `json:"step"`
	Tool     string `json:"tool"`
	Argument string `json:"argument,omitempty"`
	Value    string `json:"value,omitempty"`
	Words    string `json:"words"`
	Rule     string `json:"rule"`
	Start    int    `json:"start"`
	End      int    `json:"end"`
}

// String renders the explanation as a table, one line a reason.
func (e Explanation) String() string {
	var b strings.Builder
	if len(e.Reasons) > 0 {
		fmt.Fprintf(&b, "%-2s %-44s %-28s %s\n", "", "what", "from the words", "since they match")
	}
	for _, r := range e.Reasons {
		what := r.Tool
		if r.Argument != "" {
			what = r.Argument + " = " + r.Value
		}
		words := "(assumed)"
		if r.Words != "" {
			words = fmt.Sprintf("%q", r.Words)
		}
		fmt.Fprintf(&b, "%-2s %-44s %-28s %s\n", r.Step, what, words, r.Rule)
	}
	return b.String()
}

// exchange is the turn as a later turn sees it when nothing has been run.
func (o Outcome) exchange(text string) exchange {
	e := exchange{text: text, reply: o.Reply}
	if len(o.Steps) == 0 {
		return e
	}
	r := round{reply: o.Reply}
	for _, s := range o.Steps {
		args := maps.Clone(s.Args)
		if silent := s.silentNeeds(); len(silent) > 0 {
			list := make([]any, len(silent))
			for i, id := range silent {
				list[i] = id
			}
			args[NeedsKey] = list
		}
		r.calls = append(r.calls, call{id: s.ID, tool: s.Tool, args: args})
	}
	e.rounds = []round{r}
	return e
}

// Callable is the plan without the steps whose tools this version does not
// have, and without those that wait for such a step: what a response carries as
// tool calls. Call k has the id "k"; ids maps ids of the whole plan to those.
func (o Outcome) Callable() (steps []Step, ids map[string]string) {
	var out []Step
	ids = map[string]string{}
	for _, s := range o.Steps {
		waits := slices.ContainsFunc(s.Needs, func(id string) bool { return ids[id] == "" })
		if s.Unavailable || waits {
			continue
		}
		ids[s.ID] = itoa(len(out) + 1)
		c := Step{ID: ids[s.ID], Tool: s.Tool, Args: renumbered(s.Args, ids)}
		for _, id := range s.Needs {
			c.Needs = append(c.Needs, ids[id])
		}
		out = append(out, c)
	}
	return out, ids
}

// renumbered rewrites "@3.run" where step 3 is another one now.
func renumbered(args map[string]any, ids map[string]string) map[string]any {
	rewrite := func(v any) any {
		if s, ok := v.(string); ok && strings.HasPrefix(s, "@") {
			if id, field, found := strings.Cut(s[1:], "."); found && ids[id] != "" {
				return "@" + ids[id] + "." + field
			}
		}
		return v
	}
	out := make(map[string]any, len(args))
	for k, v := range args {
		if list, ok := v.([]any); ok {
			moved := make([]any, len(list))
			for i, e := range list {
				moved[i] = rewrite(e)
			}
			out[k] = moved
			continue
		}
		out[k] = rewrite(v)
	}
	return out
}

// response puts an outcome into the convention of tool calls.
func (o Outcome) response() (*llms.ContentResponse, error) {
	choice := &llms.ContentChoice{
		Content:    o.Reply,
		StopReason: "stop",
		GenerationInfo: map[string]any{
			InfoModel:       Name,
			InfoQuestions:   o.Questions,
			InfoAssumptions: o.Assumptions,
			InfoExplanation: o.Explanation,
		},
	}
	calls, _ := o.Callable()
	for _, s := range calls {
		args, err := s.arguments()
		if err != nil {
			return nil, err
		}
		choice.ToolCalls = append(choice.ToolCalls, llms.ToolCall{
			ID: s.ID, Type: "function",
			FunctionCall: &llms.FunctionCall{Name: s.Tool, Arguments: args},
		})
	}
	if len(choice.ToolCalls) > 0 {
		choice.StopReason = "tool_calls"
		choice.FuncCall = choice.ToolCalls[0].FunctionCall
	}
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{choice}}, nil
}

// arguments encodes the arguments, with "_needs" for those waits that no
// argument shows.
func (s Step) arguments() (string, error) {
	args := make(map[string]any, len(s.Args)+1)
	maps.Copy(args, s.Args)
	if silent := s.silentNeeds(); len(silent) > 0 {
		args[NeedsKey] = silent
	}
	b, err := json.Marshal(args)
	if err != nil {
		return "", fmt.Errorf("planner: encode the arguments of step %s: %w", s.ID, err)
	}
	return string(b), nil
}
