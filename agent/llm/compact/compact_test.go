package compact_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tmc/langchaingo/llms"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/compact"
	"github.com/minivess/minivess/agent/llm/llmtest"
)

func human(text string) llms.MessageContent { return llms.TextParts(llms.ChatMessageTypeHuman, text) }

func called(id, tool, args string) llms.MessageContent {
	return llms.MessageContent{Role: llms.ChatMessageTypeAI, Parts: []llms.ContentPart{
		llms.ToolCall{ID: id, Type: "function", FunctionCall: &llms.FunctionCall{Name: tool, Arguments: args}},
	}}
}

func result(id, tool, content string) llms.MessageContent {
	return llms.MessageContent{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{llms.ToolCallResponse{ToolCallID: id, Name: tool, Content: content}}}
}

func said(text string) llms.MessageContent { return llms.TextParts(llms.ChatMessageTypeAI, text) }

// long is a thread with a preference, an approval refused and a run in its
// beginning, and then much talk.
func long(turns int) []llms.MessageContent {
	out := []llms.MessageContent{
		llms.TextParts(llms.ChatMessageTypeSystem, "You are minivess."),
		human("Hello there. Always use fold 0 as the test fold, and never delete a run. The weather is fine."),
		said("Understood."),
		human("train a segresnet on toy"),
		called("1", "train_launch", `{"dataset":"toy","model":"segresnet"}`),
		result("1", "train_launch", `{"tool":"train_launch","state":"done","summary":"launched brisk-otter-7f3a","run":"brisk-otter-7f3a","value":"`+strings.Repeat("x", 4000)+`"}`),
		said("The run brisk-otter-7f3a is on its way."),
		human("and now delete it"),
		called("2", "run_delete", `{"run":"brisk-otter-7f3a"}`),
		result("2", "run_delete", `{"tool":"run_delete","state":"rejected","message":"refused by the user"}`),
		said("Nothing was deleted."),
	}
	for i := range turns {
		id := fmt.Sprint(i + 3)
		out = append(out, human(fmt.Sprintf("what about volume %d, I was wondering whether it looks alright to you, considering everything?", i)),
			called(id, "dataset_show", fmt.Sprintf(`{"dataset":"toy","volume":%d}`, i)),
			result(id, "dataset_show", `{"tool":"dataset_show","state":"done","summary":"volume `+id+`","value":"`+strings.Repeat("y", 1500)+`"}`),
			said("It looks alright. There is nothing remarkable about it. One could go on about it for a while. Its mean is 0."+id+"."))
	}
	return append(out, human("so, which run was it?"))
}

func textOf(messages []llms.MessageContent) string {
	var b strings.Builder
	for _, m := range messages {
		for _, p := range m.Parts {
			if c, ok := p.(llms.ToolCall); ok {
				fmt.Fprintf(&b, "%s %s %+v\n", m.Role, c.ID, *c.FunctionCall)
				continue
			}
			fmt.Fprintf(&b, "%s %+v\n", m.Role, p)
		}
	}
	return b.String()
}

func TestWhatWasDecidedStays(t *testing.T) {
	t.Parallel()
	messages := long(60)
	before := llm.MessageTokens(messages...)
	for _, limit := range []int{16_000, 8_000, 4_000, 2_000} {
		out := compact.Messages(messages, limit)
		after, text := llm.MessageTokens(out...), textOf(out)
		t.Logf("limit %d: %d tokens → %d, %d messages → %d", limit, before, after, len(messages), len(out))
		if after > limit {
			t.Errorf("limit %d: %d tokens", limit, after)
		}
		wanted := []string{"You are minivess.", "Always use fold 0 as the test fold, and never delete a run.", "so, which run was it?"}
		if limit >= 4_000 {
			wanted = append(wanted, "brisk-otter-7f3a", `{"dataset":"toy","model":"segresnet"}`, "run_delete", "rejected")
		}
		for _, w := range wanted {
			if !strings.Contains(text, w) {
				t.Errorf("limit %d: %q is gone", limit, w)
			}
		}
		if strings.Contains(text, "The weather is fine") && limit <= 2_000 {
			t.Errorf("limit %d: the chatter stays", limit)
		}
		if diff := cmp.Diff(textOf(out), textOf(compact.Messages(messages, limit))); diff != "" {
			t.Errorf("limit %d: not deterministic:\n%s", limit, diff)
		}
	}
	if textOf(messages) != textOf(long(60)) {
		t.Error("the caller's messages were changed")
	}
}

func TestWhatFitsIsLeftAlone(t *testing.T) {
	t.Parallel()
	messages := long(2)
	if diff := cmp.Diff(textOf(messages), textOf(compact.Messages(messages, 1<<20))); diff != "" {
		t.Error(diff)
	}
}

func TestOneHugeResult(t *testing.T) {
	t.Parallel()
	messages := []llms.MessageContent{
		human("show me everything"), called("1", "runs_sql", "{}"), result("1", "runs_sql", `{"state":"done","value":"`+strings.Repeat("z", 200_000)+`"}`),
	}
	out := compact.Messages(messages, 3000)
	if n := llm.MessageTokens(out...); n > 3000 || len(out) != 3 || !strings.Contains(textOf(out), "shortened") {
		t.Errorf("%d tokens in %d messages", n, len(out))
	}
}

// TestCallsAndResultsStayTogether checks that whatever is cut, no result is
// left without its call: servers refuse such a history.
func TestCallsAndResultsStayTogether(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		messages := long(rapid.IntRange(0, 12).Draw(t, "turns"))
		out := compact.Messages(messages, rapid.IntRange(1, 9000).Draw(t, "limit"))
		open := map[string]bool{}
		for _, m := range out {
			for _, p := range m.Parts {
				switch p := p.(type) {
				case llms.ToolCall:
					open[p.ID] = true
				case llms.ToolCallResponse:
					if !open[p.ToolCallID] {
						t.Fatalf("result %s without its call", p.ToolCallID)
					}
				}
			}
		}
		if last := out[len(out)-1]; !strings.Contains(textOf([]llms.MessageContent{last}), "which run was it") {
			t.Fatal("the last words are gone")
		}
		if llm.MessageTokens(out...) > llm.MessageTokens(messages...)+200 {
			t.Fatal("longer than before")
		}
	})
}

func TestAModelSeesTheShortForm(t *testing.T) {
	t.Parallel()
	inner := llmtest.New(llmtest.Reply{Text: "ok"})
	if _, err := compact.Wrap(inner, 6000, 1000).GenerateContent(t.Context(), long(60)); err != nil {
		t.Fatal(err)
	}
	if n := llm.MessageTokens(inner.Requests()[0]...); n > 5000 {
		t.Errorf("%d tokens were sent", n)
	}
}
