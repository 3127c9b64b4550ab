// Package offer decides which tools a language model is told of. A catalogue
// costs thousands of tokens a call, most of them for tools that have nothing
// to do with what was said; so a model gets the families that the words point
// to, described briefly, and one more tool by which it asks for another
// family. What a tool does, and whether a call is right, is others' business.
package offer

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/tools"
)

// More is the name of the tool by which a model asks for other tools. It is
// answered here; whoever asked the model never sees a call of it.
const More = "tools_more"

// maxRounds is how often a model may ask for more within one answer; after
// that it is sent everything.
const maxRounds = 3

// Selector knows the catalogue.
type Selector struct {
	order  []string            // families, in the catalogue's order
	family map[string]string   // of a tool
	names  map[string][]string // tools of a family
	index  index
}

// New reads a catalogue: families, names, summaries, descriptions and the
// examples of what people say.
func New(catalogue []tools.Descriptor) *Selector {
	s := &Selector{family: map[string]string{}, names: map[string][]string{}}
	bags := map[string]map[string]int{}
	for _, d := range catalogue {
		if _, ok := s.names[d.Family]; !ok {
			s.order = append(s.order, d.Family)
			bags[d.Family] = map[string]int{}
		}
		s.family[d.Name] = d.Family
		s.names[d.Family] = append(s.names[d.Family], d.Name)
		texts := []string{d.Summary, d.Description}
		for _, e := range d.Examples {
			texts = append(texts, e.Say)
		}
		for _, w := range words(strings.Join(texts, " ")) {
			bags[d.Family][w]++
		}
		for _, w := range words(d.Name + " " + d.Summary) {
			bags[d.Family][w] += nameWeight
		}
	}
	s.index = newIndex(bags)
	return s
}

// nameWeight is how often a word counts that stands in a tool's name or
// summary.
const nameWeight = 8

// Selection is what a model is told of, and what not.
type Selection struct {
	Tools    []llms.Tool
	Families []string // sent
	Left     []string // families that the model may ask for
}

// Select chooses among the tools on offer those worth about a budget of
// tokens. A negative budget, and a catalogue that fits, send everything.
// Opened are families that the model asked for.
func (s *Selector) Select(messages []llms.MessageContent, offered []llms.Tool, budget int, opened ...string) Selection {
	brief := make([]llms.Tool, 0, len(offered))
	cost := map[string]int{}
	for _, t := range offered {
		if t.Function == nil {
			continue
		}
		t = shorten(t)
		brief = append(brief, t)
		cost[s.family[t.Function.Name]] += llm.ToolTokens(t)
	}
	total := 0
	for _, c := range cost {
		total += c
	}
	if budget < 0 || total <= budget {
		return Selection{Tools: brief, Families: s.present(cost)}
	}
	chosen := map[string]bool{"": true} // tools of no family are always sent
	left := budget - cost[""]
	for _, f := range append(s.atWork(messages), opened...) {
		if !chosen[f] {
			chosen[f], left = true, left-cost[f]
		}
	}
	ranked, scores := s.ranked(messages, cost)
	for i, f := range ranked {
		room := left
		if scores[f] >= closeSecond*scores[ranked[0]] {
			room += budget / 2 // what was meant is worth more than the budget
		}
		if !chosen[f] && (i == 0 || cost[f] <= room) {
			chosen[f], left = true, left-cost[f]
		}
	}
	var out Selection
	for _, t := range brief {
		if chosen[s.family[t.Function.Name]] {
			out.Tools = append(out.Tools, t)
		}
	}
	for _, f := range s.present(cost) {
		if chosen[f] {
			out.Families = append(out.Families, f)
		} else {
			out.Left = append(out.Left, f)
		}
	}
	if len(out.Left) > 0 {
		out.Tools = append(out.Tools, s.more(out.Left))
	}
	return out
}

// atWork are the families whose tools were called since the user last spoke:
// who is in the middle of something keeps the tools for it.
func (s *Selector) atWork(messages []llms.MessageContent) []string {
	var out []string
	for _, m := range slices.Backward(messages) {
		if m.Role == llms.ChatMessageTypeHuman {
			break
		}
		for _, p := range m.Parts {
			if c, ok := p.(llms.ToolCall); ok && c.FunctionCall != nil && s.family[c.FunctionCall.Name] != "" {
				out = append(out, s.family[c.FunctionCall.Name])
			}
		}
	}
	return out
}

// present lists the families on offer in the catalogue's order.
func (s *Selector) present(cost map[string]int) []string {
	var out []string
	for _, f := range s.order {
		if cost[f] > 0 {
			out = append(out, f)
		}
	}
	return out
}

// ranked lists the families that the conversation points to, best first: by
// the words last said, and those whose tools were used in the turn at hand or
// the one before. If it points to none, all are as good.
func (s *Selector) ranked(messages []llms.MessageContent, cost map[string]int) ([]string, map[string]float64) {
	said, used := recent(messages)
	scores := s.index.score(words(said))
	for _, tool := range used {
		if f, ok := s.family[tool]; ok {
			scores[f] += usedScore
		}
	}
	out := s.present(cost)
	out = slices.DeleteFunc(out, func(f string) bool { return len(scores) > 0 && scores[f] == 0 })
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(scores[b], scores[a]) })
	return out, scores
}

// closeSecond is the share of the best score from which on a family may well
// be what was meant.
const closeSecond = 0.5

// usedScore is what having been used weighs against words.
const usedScore = 1.5

// recentTurns is how many messages of a person count.
const recentTurns = 3

// recent is what a person said last, and the tools called since two turns.
func recent(messages []llms.MessageContent) (said string, used []string) {
	turns := 0
	var texts []string
	for _, m := range slices.Backward(messages) {
		switch m.Role {
		case llms.ChatMessageTypeHuman, llms.ChatMessageTypeGeneric:
			turns++
			for _, p := range m.Parts {
				if t, ok := p.(llms.TextContent); ok {
					texts = append(texts, t.Text)
				}
			}
		case llms.ChatMessageTypeAI:
			for _, p := range m.Parts {
				if c, ok := p.(llms.ToolCall); ok && c.FunctionCall != nil && turns < 2 {
					used = append(used, c.FunctionCall.Name)
				}
			}
		default:
		}
		if turns == recentTurns {
			break
		}
	}
	return strings.Join(texts, " "), used
}

// more describes the tool that opens other families.
func (s *Selector) more(left []string) llms.Tool {
	var b strings.Builder
	b.WriteString("Show the tools of another family, if none of those listed does what is wanted.")
	for _, f := range left {
		fmt.Fprintf(&b, "\n%s: %s", f, strings.Join(s.names[f], ", "))
	}
	return llms.Tool{Type: "function", Function: &llms.FunctionDefinition{
		Name: More, Description: b.String(), Parameters: map[string]any{
			"type": "object", "required": []string{"family"},
			"properties": map[string]any{"family": map[string]any{"type": "string", "enum": left}},
		},
	}}
}

// shorten describes a tool in fewer tokens: what a schema says by default, and
// what the system prompt explains once for all, goes.
func shorten(t llms.Tool) llms.Tool {
	f := *t.Function
	schema, ok := f.Parameters.(map[string]any)
	if ok {
		schema = maps.Clone(schema)
		delete(schema, "additionalProperties")
		delete(schema, "$schema")
		if properties, ok := schema["properties"].(map[string]any); ok {
			properties = maps.Clone(properties)
			for name, p := range properties {
				if inner, ok := p.(map[string]any); ok && strings.HasPrefix(name, "_") {
					inner = maps.Clone(inner)
					delete(inner, "description")
					properties[name] = inner
				}
			}
			schema["properties"] = properties
		}
		f.Parameters = schema
	}
	f.Description = once(f.Description)
	t.Function = &f
	return t
}

// once drops a first line that the second paragraph repeats.
func once(description string) string {
	first, rest, ok := strings.Cut(description, "\n")
	if rest = strings.TrimSpace(rest); ok && strings.HasPrefix(rest, strings.TrimRight(first, ".")) {
		return rest
	}
	return description
}

// Wrap lets a model see only what is selected, and answers its calls for
// more. Budget is in tokens.
func (s *Selector) Wrap(m llms.Model, budget int) llms.Model {
	return llm.Func((&selective{inner: m, selector: s, budget: budget}).ask)
}

type selective struct {
	inner    llms.Model
	selector *Selector
	budget   int
}

// ask asks with the tools selected, and again with more as long as
// the model wants more. What it said beside such a wish is not an answer.
func (m *selective) ask(ctx context.Context, messages []llms.MessageContent, opts llms.CallOptions) (*llms.ContentResponse, error) {
	offered := opts.Tools
	var opened []string
	for round := 0; ; round++ {
		budget := m.budget
		if round == maxRounds {
			budget = -1
		}
		selection := m.selector.Select(messages, offered, budget, opened...)
		opts.Tools = selection.Tools
		resp, err := m.inner.GenerateContent(ctx, messages, llms.WithOptions(opts))
		if err != nil {
			return nil, err
		}
		wanted := wishes(resp, selection.Left)
		if len(wanted) == 0 {
			return resp, nil
		}
		if opts.StreamingFunc != nil && len(resp.Choices) > 0 && resp.Choices[0].Content != "" {
			llm.Restart(ctx, "the model looks at more tools")
		}
		opened = append(opened, wanted...)
	}
}

// wishes are the families that a response asks for: those named, or all if it
// names none that there is.
func wishes(resp *llms.ContentResponse, left []string) []string {
	var out []string
	for _, c := range resp.Choices {
		for _, call := range c.ToolCalls {
			if call.FunctionCall == nil || call.FunctionCall.Name != More {
				continue
			}
			var args struct{ Family string }
			if json.Unmarshal([]byte(call.FunctionCall.Arguments), &args) == nil && slices.Contains(left, args.Family) {
				out = append(out, args.Family)
				continue
			}
			return left
		}
	}
	return out
}
