package offer_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/llmtest"
	"github.com/minivess/minivess/agent/llm/offer"
	"github.com/minivess/minivess/tools"
)

// budget is what a deployment has unless it says otherwise.
const budget = 2500

// catalogue is every tool as it is registered, recorded by the tools' own
// tests.
func catalogue(t *testing.T) ([]tools.Descriptor, []llms.Tool) {
	t.Helper()
	files, err := filepath.Glob("../../../tools/testdata/catalogue/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("the catalogue has %d tools, %v", len(files), err)
	}
	var all []tools.Descriptor
	var offered []llms.Tool
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var d tools.Descriptor
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
		var schema map[string]any
		in, err := json.Marshal(d.Input)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(in, &schema); err != nil {
			t.Fatal(err)
		}
		properties, ok := schema["properties"].(map[string]any)
		if !ok {
			properties = map[string]any{}
		}
		properties["_needs"] = map[string]any{
			"type": "array", "items": map[string]any{"type": "string"},
			"description": "ids of earlier steps to wait for; only where no argument refers to them",
		}
		schema["properties"] = properties
		offered = append(offered, llms.Tool{Type: "function", Function: &llms.FunctionDefinition{
			Name: d.Name, Description: d.Summary + "\n" + d.Description, Parameters: schema,
		}})
	}
	return all, offered
}

func human(text string) llms.MessageContent { return llms.TextParts(llms.ChatMessageTypeHuman, text) }

func namesOf(ts []llms.Tool) []string {
	var out []string
	for _, t := range ts {
		out = append(out, t.Function.Name)
	}
	return out
}

// TestWhatIsSaidFindsItsFamily reads every example of the catalogue's Markdown
// with that example taken out of the index, and wants its own tool on offer.
func TestWhatIsSaidFindsItsFamily(t *testing.T) {
	t.Parallel()
	all, offered := catalogue(t)
	found, asked, sent := 0, 0, 0
	var missed []string
	for i, d := range all {
		for _, e := range d.Examples {
			others := slices.Clone(all)
			others[i].Examples = slices.DeleteFunc(slices.Clone(d.Examples), func(x tools.Example) bool { return x.Say == e.Say })
			s := offer.New(others).Select([]llms.MessageContent{human(e.Say)}, offered, budget)
			asked++
			sent += llm.ToolTokens(s.Tools...)
			if slices.Contains(namesOf(s.Tools), d.Name) {
				found++
			} else {
				missed = append(missed, d.Name+": "+e.Say)
			}
		}
	}
	before := llm.ToolTokens(offered...)
	t.Logf("%d of %d found; %d tokens before, %d on average after", found, asked, before, sent/asked)
	if float64(found) < 0.9*float64(asked) {
		t.Errorf("only %d of %d found their tool:\n%s", found, asked, strings.Join(missed, "\n"))
	}
	if sent/asked > before/2 {
		t.Errorf("a turn costs %d tokens of tools on average, of %d", sent/asked, before)
	}
}

func TestEverythingThatFitsIsSent(t *testing.T) {
	t.Parallel()
	all, offered := catalogue(t)
	for _, b := range []int{-1, 1 << 20} {
		s := offer.New(all).Select([]llms.MessageContent{human("hello")}, offered, b)
		if diff := cmp.Diff(namesOf(offered), namesOf(s.Tools)); diff != "" || len(s.Left) > 0 {
			t.Errorf("budget %d: %s left %v", b, diff, s.Left)
		}
	}
}

func TestTheFamilyInUseStays(t *testing.T) {
	t.Parallel()
	all, offered := catalogue(t)
	messages := []llms.MessageContent{
		human("export the best run to onnx"),
		{Role: llms.ChatMessageTypeAI, Parts: []llms.ContentPart{llms.ToolCall{ID: "1", FunctionCall: &llms.FunctionCall{Name: "model_export", Arguments: "{}"}}}},
		{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{llms.ToolCallResponse{ToolCallID: "1", Name: "model_export", Content: "{}"}}},
		human("and the other one too"),
	}
	s := offer.New(all).Select(messages, offered, budget)
	if !slices.Contains(namesOf(s.Tools), "model_export") {
		t.Errorf("sent %v", namesOf(s.Tools))
	}
}

// TestWhoIsAtWorkKeepsTheTools: what was asked for with tools_more is still
// there when its result is in, however little the words point to it.
func TestWhoIsAtWorkKeepsTheTools(t *testing.T) {
	t.Parallel()
	all, offered := catalogue(t)
	for _, d := range all {
		messages := []llms.MessageContent{
			human("hello"),
			{Role: llms.ChatMessageTypeAI, Parts: []llms.ContentPart{llms.ToolCall{ID: "1", FunctionCall: &llms.FunctionCall{Name: d.Name, Arguments: "{}"}}}},
			{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{llms.ToolCallResponse{ToolCallID: "1", Name: d.Name, Content: "{}"}}},
		}
		if s := offer.New(all).Select(messages, offered, 100); !slices.Contains(namesOf(s.Tools), d.Name) {
			t.Errorf("%s: sent %v", d.Name, namesOf(s.Tools))
		}
	}
}

// TestAskingForMore has a model that wants the family that it was not sent,
// then one that is not there, and then does not stop.
func TestAskingForMore(t *testing.T) {
	t.Parallel()
	all, offered := catalogue(t)
	s := offer.New(all)
	messages := []llms.MessageContent{human("is the dataset toy valid? import it again if not")}
	first := s.Select(messages, offered, 1200)
	if len(first.Left) == 0 || !slices.Contains(namesOf(first.Tools), offer.More) {
		t.Fatalf("nothing was left out: %v", first.Families)
	}
	family := first.Left[len(first.Left)-1]
	var seen [][]string
	script := func(answers ...string) llms.Model {
		seen = nil
		return recorder{&seen, answers}
	}
	for name, c := range map[string]struct {
		answers []string
		rounds  int
	}{
		"one family":  {[]string{`{"family":"` + family + `"}`, ""}, 2},
		"no such one": {[]string{`{"family":"kitchen"}`, ""}, 2},
		"without end": {[]string{`{"family":"` + family + `"}`, `{}`, "", ""}, 3},
	} {
		resp, err := s.Wrap(script(c.answers...), 1200).GenerateContent(t.Context(), messages, llms.WithTools(offered))
		if err != nil || resp.Choices[0].Content != "done" || len(seen) != c.rounds {
			t.Errorf("%s: %+v %v after %d rounds", name, resp, err, len(seen))
		}
		last := seen[len(seen)-1]
		for _, d := range all {
			if d.Family == family && !slices.Contains(last, d.Name) {
				t.Errorf("%s: %s is still missing", name, d.Name)
			}
		}
	}
}

// recorder asks for more as its answers say, then is done.
type recorder struct {
	seen    *[][]string
	answers []string
}

func (r recorder) Call(context.Context, string, ...llms.CallOption) (string, error) { return "", nil }

func (r recorder) GenerateContent(_ context.Context, _ []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	var opts llms.CallOptions
	for _, o := range options {
		o(&opts)
	}
	*r.seen = append(*r.seen, namesOf(opts.Tools))
	if args := r.answers[len(*r.seen)-1]; args != "" && slices.Contains(namesOf(opts.Tools), offer.More) {
		return llmtest.Reply{Calls: []llmtest.Call{{Tool: offer.More, Args: args}}}.Response()
	}
	return llmtest.Reply{Text: "done"}.Response()
}
