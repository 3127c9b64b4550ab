package wire

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/tmc/langchaingo/llms"
	"pgregory.net/rapid"
)

func TestEvents(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stream string
		want   []Event
	}{
		"data":               {"data: a\n\n", []Event{{"", "a"}}},
		"no space":           {"data:a\n\n", []Event{{"", "a"}}},
		"name":               {"event: x\ndata: a\n\n", []Event{{"x", "a"}}},
		"several lines":      {"data: a\ndata: b\n\n", []Event{{"", "a\nb"}}},
		"CRLF":               {"data: a\r\n\r\ndata: b\r\n\r\n", []Event{{"", "a"}, {"", "b"}}},
		"CR":                 {"data: a\r\rdata: b\r\r", []Event{{"", "a"}, {"", "b"}}},
		"comment":            {": ping\n\ndata: a\n\n", []Event{{"", "a"}}},
		"unknown field":      {"id: 7\nretry: 3\ndata: a\n\n", []Event{{"", "a"}}},
		"a name is not kept": {"event: x\n\ndata: a\n\n", []Event{{"", "a"}}},
		"cut off":            {"data: a\n\ndata: {\"b", []Event{{"", "a"}, {"", "{\"b"}}},
		"empty":              {"", nil},
	} {
		var got []Event
		for e, err := range Events(iotest.OneByteReader(strings.NewReader(c.stream))) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got = append(got, e)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, endless := range []string{strings.Repeat("x", maxEvent+10), strings.Repeat("data: x\n", maxEvent/6)} {
		var last error
		for _, err := range Events(strings.NewReader(endless)) {
			last = err
		}
		if !errors.Is(last, ErrTooLong) {
			t.Errorf("an event without end: %v", last)
		}
	}
}

func run(f Format, events ...string) (Answer, string, error) {
	d := f.Stream()
	var text strings.Builder
	for _, e := range events {
		delta, done, err := d.Event(Event{Data: e})
		if err != nil {
			return Answer{}, text.String(), err
		}
		text.WriteString(delta.Text)
		if done {
			break
		}
	}
	a, err := d.Answer()
	return a, text.String(), err
}

func made(a Answer) []string {
	var out []string
	for _, c := range a.Calls {
		out = append(out, c.ID+" "+c.FunctionCall.Name+" "+c.FunctionCall.Arguments)
	}
	return out
}

// TestStreamsOfManyServers are pieces of calls as servers that call themselves
// compatible send them.
func TestStreamsOfManyServers(t *testing.T) {
	t.Parallel()
	chunk := func(delta, finish string) string {
		return `{"choices":[{"delta":` + delta + `,"finish_reason":` + finish + `}]}`
	}
	end := chunk(`{}`, `"tool_calls"`)
	for name, c := range map[string]struct {
		events []string
		want   []string
	}{
		"interleaved": {[]string{
			chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}},{"index":1,"id":"b","function":{"name":"g","arguments":""}}]}`, "null"),
			chunk(`{"tool_calls":[{"index":1,"function":{"arguments":"{\"y\":"}},{"index":0,"function":{"arguments":"{\"x\":1"}}]}`, "null"),
			chunk(`{"tool_calls":[{"index":0,"function":{"arguments":"}"}},{"index":1,"function":{"arguments":"2}"}}]}`, "null"), end,
		}, []string{`a f {"x":1}`, `b g {"y":2}`}},
		"id repeated in every piece": {[]string{
			chunk(`{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\""}}]}`, "null"),
			chunk(`{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":":1}"}}]}`, "null"), end,
		}, []string{`a f {"x":1}`}},
		"no index": {[]string{
			chunk(`{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\":"}}]}`, "null"),
			chunk(`{"tool_calls":[{"function":{"arguments":"1}"}}]}`, "null"),
			chunk(`{"tool_calls":[{"id":"b","function":{"name":"g","arguments":"{}"}}]}`, "null"), end,
		}, []string{`a f {"x":1}`, `b g {}`}},
		"every call is number 0": {[]string{
			chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}`, "null"),
			chunk(`{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}]}`, "null"), end,
		}, []string{`a f {}`, `b g {}`}},
		"arguments as an object, stop for a reason": {[]string{
			chunk(`{"tool_calls":[{"index":0,"id":"","function":{"name":"f","arguments":{"x":1}}}]}`, "null"), chunk(`{}`, `"stop"`),
		}, []string{`call_1 f {"x":1}`}},
		"no arguments": {[]string{
			chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":null}}]}`, "null"), end,
		}, []string{`a f {}`}},
		"negative and huge indices": {[]string{
			chunk(`{"tool_calls":[{"index":-1,"id":"a","function":{"name":"f","arguments":"{}"}},{"index":999999999,"id":"b","function":{"name":"g","arguments":"{}"}}]}`, "null"), end,
		}, []string{`a f {}`, `b g {}`}},
	} {
		a, text, err := run(OpenAI{}, c.events...)
		if diff := cmp.Diff(c.want, made(a)); diff != "" || err != nil || text != "" || a.Stop != StopCalls {
			t.Errorf("%s: %v %q %q %s", name, err, text, a.Stop, diff)
		}
	}
}

// TestThinkingAloud takes what open models think out of what they say, however
// the pieces fall.
func TestThinkingAloud(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"<think>hm, <b></think>\n\nHello.": {"Hello.", "hm, <b>"},
		"\n<think></think>Hello.":          {"Hello.", ""},
		"<think>hm":                        {"", "hm"},
		"Hello <think>there</think>.":      {"Hello <think>there</think>.", ""},
		"<thin ice":                        {"<thin ice", ""},
		"<th":                              {"<th", ""},
		"<think>a</thi</think> b </think>": {"b </think>", "a</thi"},
		" Hello":                           {" Hello", ""},
	} {
		for size := 1; size <= len(text); size++ {
			var th thinking
			var got Delta
			for at := 0; at < len(text); at += size {
				end := min(at+size, len(text))
				got = got.and(th.part(text[at:end], end == len(text)))
			}
			if got.Text != want[0] || got.Reasoning != want[1] {
				t.Errorf("%q in pieces of %d: said %q, thought %q", text, size, got.Text, got.Reasoning)
			}
		}
	}
	a, err := OpenAI{}.Decode([]byte(`{"choices":[{"message":{"content":"<think>hm</think>\n\nHello."},"finish_reason":"stop"}]}`))
	if err != nil || a.Text != "Hello." || a.Reasoning != "hm" {
		t.Errorf("%+v %v", a, err)
	}
	a, said, err := run(OpenAI{}, `{"choices":[{"delta":{"content":"<thi"}}]}`, `{"choices":[{"delta":{"content":"nk>hm</think>Hel"}}]}`, `{"choices":[{"delta":{"content":"lo<"},"finish_reason":"stop"}]}`)
	if err != nil || a.Text != "Hello<" || said != a.Text || a.Reasoning != "hm" {
		t.Errorf("%+v %q %v", a, said, err)
	}
}

func TestAnthropicIsNotOnlyText(t *testing.T) {
	t.Parallel()
	a, err := Anthropic{}.Decode([]byte(`{"type":"message","id":"m","model":"c","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"redacted_thinking","data":"x"},
		{"type":"text","text":"Both."},{"type":"tool_use","id":"a","name":"f","input":{"x":1}},{"type":"tool_use","id":"b","name":"g","input":{}}],
		"stop_reason":"tool_use","usage":{"input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":3,"output_tokens":4}}`))
	if diff := cmp.Diff([]string{`a f {"x":1}`, `b g {}`}, made(a)); diff != "" || err != nil || a.Text != "Both." || a.Reasoning != "hm" {
		t.Errorf("%+v %v %s", a, err, diff)
	}
	if want := (Usage{Known: true, Input: 18, Output: 4, CacheRead: 5, CacheWritten: 3}); a.Usage != want {
		t.Errorf("usage %+v, want %+v", a.Usage, want)
	}
}

// TestGoogleGetsItsMarksBack sends a call of Google's with the mark that it
// bore, and one of another model's with the one that stands for it.
func TestGoogleGetsItsMarksBack(t *testing.T) {
	t.Parallel()
	a, err := Google{}.Decode([]byte(`{"responseId":"resp.1","candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"functionCall":{"name":"f","args":{"x":1}},"thoughtSignature":"bWFyaw=="},{"functionCall":{"name":"g"}}]},"finishReason":"STOP"}]}`))
	if err != nil || len(a.Calls) != 2 || a.Reasoning != "hm" || a.Text != "" || a.Stop != StopCalls || len(a.Signatures) != 1 {
		t.Fatalf("%+v %v", a, err)
	}
	history := []llms.MessageContent{
		llms.TextParts(llms.ChatMessageTypeHuman, "go"),
		{Role: llms.ChatMessageTypeAI, Parts: []llms.ContentPart{a.Calls[0], a.Calls[1]}},
		llms.TextParts(llms.ChatMessageTypeHuman, "again"),
		{Role: llms.ChatMessageTypeAI, Parts: []llms.ContentPart{call("foreign", "f", "{}")}},
	}
	signature := func(id string) string { return a.Signatures[id] }
	raw, err := Google{Signature: signature}.Encode(Request{Messages: Normalise(history)})
	if err != nil {
		t.Fatal(err)
	}
	if s := string(raw); strings.Count(s, `"thoughtSignature"`) != 2 || !strings.Contains(s, `"thoughtSignature":"bWFyaw=="`) || !strings.Contains(s, foreignSignature) {
		t.Errorf("sent %s", s)
	}
}

func TestBlockedByGoogle(t *testing.T) {
	t.Parallel()
	a, err := Google{}.Decode([]byte(`{"promptFeedback":{"blockReason":"SAFETY"}}`))
	if err != nil || a.Stop != StopFiltered {
		t.Errorf("%+v %v", a, err)
	}
	_, err = Google{}.Decode([]byte(`{"candidates":[{"content":{},"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"f(x"}]}`))
	var said *ServerError
	if !errors.As(err, &said) || !strings.Contains(said.Message, "f(x") {
		t.Errorf("%v", err)
	}
}

func TestComplaints(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]ServerError{
		`{"error":{"message":"m","type":"t","code":"c"}}`:                    {Type: "c", Message: "m"},
		`{"error":{"message":"m","type":"t","code":null}}`:                   {Type: "t", Message: "m"},
		`{"type":"error","error":{"type":"overloaded_error","message":"m"}}`: {Type: "overloaded_error", Message: "m"},
		`{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}`: {Type: "RESOURCE_EXHAUSTED", Status: 429, Message: "m"},
		`[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]`: {Type: "INVALID_ARGUMENT", Status: 400, Message: "m"},
		`{"error":"m"}`:   {Message: "m"},
		`{"message":"m"}`: {Message: "m"},
		`{"detail":"m"}`:  {Message: "m"},
		`oops`:            {Message: "oops"},
		``:                {},
	} {
		if diff := cmp.Diff(want, *Complaint([]byte(body))); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
	if d := RetryDelay([]byte(`{"error":{"details":[{"@type":"x"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}`)); d != "34.5s" {
		t.Errorf("retry delay %q", d)
	}
}

// TestNormaliseIsStable: a conversation in form stays as it is.
func TestNormaliseIsStable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.SampledFrom([]string{"", "a", "b", "1", "a strange.id", strings.Repeat("long", 20)})
		var messages []llms.MessageContent
		for range rapid.IntRange(0, 8).Draw(t, "messages") {
			switch rapid.IntRange(0, 2).Draw(t, "role") {
			case 0:
				messages = append(messages, llms.TextParts(llms.ChatMessageTypeHuman, "hi"))
			case 1:
				m := llms.MessageContent{Role: llms.ChatMessageTypeAI}
				for range rapid.IntRange(0, 3).Draw(t, "calls") {
					m.Parts = append(m.Parts, call(id.Draw(t, "call"), "f", rapid.SampledFrom([]string{"{}", "", `{"x":`}).Draw(t, "args")))
				}
				messages = append(messages, m)
			default:
				m := llms.MessageContent{Role: llms.ChatMessageTypeTool}
				for range rapid.IntRange(0, 3).Draw(t, "results") {
					m.Parts = append(m.Parts, llms.ToolCallResponse{ToolCallID: id.Draw(t, "result"), Name: "f", Content: "r"})
				}
				messages = append(messages, m)
			}
		}
		once := Normalise(messages)
		twice := Normalise(once)
		for _, f := range []Format{OpenAI{}, Anthropic{}, Google{}} {
			x, err := f.Encode(Request{Messages: once})
			if err != nil {
				t.Fatal(err)
			}
			y, err := f.Encode(Request{Messages: twice})
			if err != nil || string(x) != string(y) {
				t.Fatalf("%T: %v\n%s\n%s", f, err, x, y)
			}
		}
		open, used := []string{}, map[string]bool{}
		for _, m := range once {
			for _, p := range m.Parts {
				switch p := p.(type) {
				case llms.ToolCall:
					if used[p.ID] || p.ID == "" || len(p.ID) > maxID || !json.Valid([]byte(p.FunctionCall.Arguments)) {
						t.Fatalf("call %+v", p)
					}
					used[p.ID] = true
					open = append(open, p.ID)
				case llms.ToolCallResponse:
					if !slices.Contains(open, p.ToolCallID) {
						t.Fatalf("result %+v without a call", p)
					}
					open = slices.DeleteFunc(open, func(id string) bool { return id == p.ToolCallID })
				}
			}
			if m.Role == llms.ChatMessageTypeHuman && len(open) > 0 {
				t.Fatalf("calls %v without results", open)
			}
		}
	})
}

func FuzzStream(f *testing.F) {
	f.Add("data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	f.Add("data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\r\n\r\n")
	f.Add("event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n")
	f.Add("data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\"}}]},\"finishReason\":\"STOP\"}]}\r\r")
	f.Add("data: {\"error\":{\"message\":\"x\"}}\n\n")
	f.Fuzz(func(t *testing.T, stream string) {
		for _, format := range []Format{OpenAI{}, Anthropic{}, Google{}} {
			d := format.Stream()
			var text strings.Builder
			failed := false
			for e, err := range Events(strings.NewReader(stream)) {
				if err != nil {
					failed = true
					break
				}
				delta, done, err := d.Event(e)
				if err != nil {
					failed = true
					break
				}
				text.WriteString(delta.Text)
				if done {
					break
				}
			}
			a, err := d.Answer()
			if failed || err != nil {
				continue
			}
			check(t, a)
			if a.Text != text.String() {
				t.Errorf("%T: streamed %q, answered %q", format, text.String(), a.Text)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"id":"x","choices":[{"message":{"content":[{"text":"a"}],"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]}}]}`))
	f.Add([]byte(`{"choices":[{"message":{"content":null,"tool_calls":null}}]}`))
	f.Add([]byte(`{"choices":[null],"error":{"message":1}}`))
	f.Add([]byte(`{"type":"message","content":[{"type":"tool_use","id":"a","name":"f","input":[1]}]}`))
	f.Add([]byte(`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":null}}]},"finishReason":"STOP"}]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, format := range []Format{OpenAI{}, Anthropic{}, Google{}} {
			if a, err := format.Decode(body); err == nil {
				check(t, a)
			}
		}
		if Complaint(body) == nil {
			t.Error("no complaint")
		}
	})
}

// check holds an answer to what its type promises.
func check(t *testing.T, a Answer) {
	t.Helper()
	seen := map[string]bool{}
	for _, c := range a.Calls {
		if c.ID == "" || seen[c.ID] || c.Type != "function" || c.FunctionCall == nil || c.FunctionCall.Arguments == "" {
			t.Errorf("call %+v", c)
		}
		seen[c.ID] = true
	}
	if a.Text == "" && len(a.Calls) == 0 && a.Stop != StopLength && a.Stop != StopFiltered {
		t.Error("an empty answer")
	}
}

func FuzzMendArguments(f *testing.F) {
	for _, s := range []string{``, `null`, `{}`, `{"x":1}{}`, "```json\n{}\n```", `"{\"x\":1}"`, `{"x":`, `{}{}{}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := mendArguments(s)
		var object map[string]any
		if json.Unmarshal([]byte(s), &object) == nil && object != nil && !json.Valid([]byte(got)) {
			t.Errorf("%q was an object and became %q", s, got)
		}
	})
}
