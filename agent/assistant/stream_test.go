package assistant_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/llmtest"
	"github.com/minivess/minivess/agent/llm/router"
)

// spoken is one streamed answer of a server.
type spoken struct {
	pieces []string
	tool   string // called after the words, if set
	breaks bool   // the connection ends after the words
	hangs  bool   // nothing more comes after the words
}

// speaker is a server that says the next piece when the last one was seen.
type speaker struct {
	server *llmtest.Server
	said   []spoken
	seen   chan struct{}
	left   chan struct{} // closed when a client has gone from an answer that hangs
}

func newSpeaker(t *testing.T, said ...spoken) *speaker {
	t.Helper()
	s := &speaker{said: said, seen: make(chan struct{}, 100), left: make(chan struct{})}
	s.server = llmtest.Serve(t, func(w http.ResponseWriter, r *http.Request, body string) {
		if !strings.Contains(body, `"stream":true`) || len(s.said) == 0 {
			http.Error(w, "not in the script", http.StatusTeapot)
			return
		}
		next := s.said[0]
		s.said = s.said[1:]
		s.speak(w, r, next)
	})
	return s
}

func (s *speaker) speak(w http.ResponseWriter, r *http.Request, said spoken) {
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(delta map[string]any, end any) {
		raw, err := json.Marshal(map[string]any{"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": end}}})
		if err != nil {
			panic(err)
		}
		_, _ = fmt.Fprintf(w, "data: %s\n\n", raw)
		_ = http.NewResponseController(w).Flush()
	}
	for _, p := range said.pieces {
		send(map[string]any{"content": p}, nil)
		if !strings.HasPrefix(p, "<think>") && strings.Trim(p, "\x1b[3") != "" {
			select {
			case <-s.seen:
			case <-r.Context().Done():
			}
		}
	}
	switch {
	case said.breaks:
		panic(http.ErrAbortHandler)
	case said.hangs:
		<-r.Context().Done()
		close(s.left)
		return
	case said.tool != "":
		send(map[string]any{"tool_calls": []any{map[string]any{
			"index": 0, "id": "c1", "type": "function", "function": map[string]any{"name": said.tool, "arguments": `{"query":"q"}`},
		}}}, nil)
		send(map[string]any{}, "tool_calls")
	default:
		send(map[string]any{}, "stop")
	}
	_, _ = fmt.Fprint(w, "data: [DONE]\n\n")
}

// model is the server's model, behind the client that the product uses.
func (s *speaker) model(t *testing.T) llms.Model {
	t.Helper()
	m, err := llm.New(llm.Config{Provider: llm.OpenAI, BaseURL: s.server.URL + "/v1", Model: "m", APIKey: llmtest.Key, Client: s.server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// watch follows a turn; tokens that come one after another are joined.
func (r *rig) watch(ctx context.Context, t *testing.T, s *speaker, text string, see func(assistant.Event)) (assistant.Outcome, []string) {
	t.Helper()
	var story []string
	joined := false
	out, err := assistant.Wait(r.Turn(ctx, r.thread, text), func(e assistant.Event) {
		if see != nil {
			see(e)
		}
		if e.Kind == assistant.EventToken {
			if e.Thread != r.thread || e.Turn == 0 || e.Time.IsZero() {
				t.Errorf("a token without its place: %+v", e)
			}
			if joined {
				story[len(story)-1] += e.Text
			} else {
				story = append(story, "token:"+e.Text)
			}
			joined = true
			s.seen <- struct{}{}
			return
		}
		joined = false
		switch e.Kind {
		case assistant.EventReply, assistant.EventWithdrawn:
			story = append(story, string(e.Kind)+":"+e.Text)
		case assistant.EventAnswer:
			story = append(story, "answer:"+e.Answer.Text)
		case assistant.EventStep, assistant.EventProgress:
		default:
			story = append(story, string(e.Kind))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, story
}

func TestWordsComeWhileTheyAreWritten(t *testing.T) {
	t.Parallel()
	s := newSpeaker(t,
		spoken{pieces: []string{"Let me ", "look."}, tool: "look"},
		spoken{pieces: []string{"<think>it may be 0.99</think>", "It", " is \x1b[3", "1m0.861.\u202e"}})
	r := newRig(t, assistant.Options{Model: s.model(t), Tokens: 8})
	_, story := r.watch(t.Context(), t, s, "how good is it?", nil)
	want := []string{
		"turn", "thinking", "token:Let me look.", "reply:Let me look.", "plan", "decision",
		"thinking", "token:It is 0.861.", "answer:It is \x1b[31m0.861.\u202e", "done",
	}
	story = slices.DeleteFunc(story, func(s string) bool { return s == "decision" })
	want = slices.DeleteFunc(want, func(s string) bool { return s == "decision" })
	if diff := cmp.Diff(want, story); diff != "" {
		t.Error(diff)
	}
}

// An invented number is seen while it is written and at no time after that.
func TestAnInventedNumberIsWithdrawn(t *testing.T) {
	t.Parallel()
	s := newSpeaker(t, spoken{pieces: []string{"It reaches ", "0.93."}}, spoken{pieces: []string{"I am sure: ", "0.93."}})
	r := newRig(t, assistant.Options{Model: s.model(t), Tokens: 8})
	out, story := r.watch(t.Context(), t, s, "how good is it?", nil)
	if out.Status != assistant.StatusFailed || out.Problem.Code != assistant.CodeUnverified {
		t.Errorf("%+v", out)
	}
	want := []string{
		"turn", "thinking", "token:It reaches 0.93.", "problem", "thinking", "token:I am sure: 0.93.", "answer:" + out.Problem.String(), "done",
	}
	if diff := cmp.Diff(want, story); diff != "" {
		t.Error(diff)
	}
}

const twoGroups = `
use: first
groups:
  first: {models: [{provider: openai, model: a, base_url: "http://models.test/v1"}], attempts: 1, fallback: [second]}
  second: {models: [{provider: openai, model: b, base_url: "http://models.test/v1"}]}
`

// An answer that breaks off is taken back before another model's begins.
func TestAnAnswerThatBreaksOffIsTakenBack(t *testing.T) {
	t.Parallel()
	s := newSpeaker(t, spoken{pieces: []string{"Once ", "upon "}, breaks: true}, spoken{pieces: []string{"Hello ", "there."}})
	config, err := router.Parse("models.yaml", []byte(twoGroups))
	if err != nil {
		t.Fatal(err)
	}
	m, err := router.New(router.Options{
		Config: config, Getenv: func(string) string { return "" }, Client: s.server.Client(),
		LastResort: llmtest.New(), LastResortName: "planner (offline)",
	})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, assistant.Options{Model: m, Tokens: 8})
	out, story := r.watch(t.Context(), t, s, "hello", nil)
	if out.Status != assistant.StatusAnswered || len(story) != 8 {
		t.Fatalf("%+v %q", out, story)
	}
	if !strings.Contains(story[3], "the stream ended in the middle") || !strings.Contains(story[5], "answered, not first") {
		t.Errorf("why: %q, %q", story[3], story[5])
	}
	story[3], story[5] = "withdrawn", "reply"
	if diff := cmp.Diff([]string{"turn", "thinking", "token:Once upon ", "withdrawn", "token:Hello there.", "reply", "answer:Hello there.", "done"}, story); diff != "" {
		t.Error(diff)
	}
}

// Whoever leaves in the middle of an answer ends the provider's work, too, and
// the turn can be gone on with.
func TestLeavingEndsTheAnswer(t *testing.T) {
	t.Parallel()
	s := newSpeaker(t, spoken{pieces: []string{"It "}, hangs: true}, spoken{pieces: []string{"Hello."}})
	r := newRig(t, assistant.Options{Model: s.model(t), Tokens: 8})
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	out, story := r.watch(ctx, t, s, "hello", func(e assistant.Event) {
		if e.Kind == assistant.EventToken {
			leave()
		}
	})
	<-s.left
	if diff := cmp.Diff([]string{"turn", "thinking", "token:It ", "done"}, story); diff != "" || out.Status != assistant.StatusDetached {
		t.Errorf("%s %s", out.Status, diff)
	}
	if out, story = r.watch(t.Context(), t, s, "go on", nil); out.Answer == nil || out.Answer.Text != "Hello." {
		t.Errorf("%+v %q", out, story)
	}
}

// A front end that simply stops reading ends it all the same.
func TestNotReadingOnEndsTheAnswer(t *testing.T) {
	t.Parallel()
	s := newSpeaker(t, spoken{pieces: []string{"It "}, hangs: true})
	r := newRig(t, assistant.Options{Model: s.model(t), Tokens: 8})
	for e, err := range r.Turn(t.Context(), r.thread, "hello") {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == assistant.EventToken {
			s.seen <- struct{}{}
			break
		}
	}
	<-s.left
	if p, err := r.Pending(t.Context(), r.thread); err != nil || !p.Unfinished {
		t.Errorf("%+v, %v", p, err)
	}
}

// talker says many words at once.
type talker struct {
	words int
	done  chan struct{}
}

func (m talker) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, m, prompt, options...)
}

func (m talker) GenerateContent(ctx context.Context, _ []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	var o llms.CallOptions
	for _, option := range options {
		option(&o)
	}
	for range m.words {
		if err := o.StreamingFunc(ctx, []byte("word ")); err != nil {
			return nil, err
		}
	}
	close(m.done)
	return llmtest.Reply{Text: strings.Repeat("word ", m.words)}.Response()
}

// A reader that is slow holds up no model: what it misses is counted, and the
// answer is whole.
func TestASlowReaderMissesTokens(t *testing.T) {
	t.Parallel()
	m := talker{200, make(chan struct{})}
	r := newRig(t, assistant.Options{Model: m, Tokens: 4})
	seen, lost := 0, 0
	out, err := assistant.Wait(r.Turn(t.Context(), r.thread, "talk"), func(e assistant.Event) {
		switch e.Kind {
		case assistant.EventThinking:
			return
		case assistant.EventToken:
			seen, lost = seen+1, lost+e.Lost
			<-m.done
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSpace(strings.Repeat("word ", m.words)); out.Answer == nil || out.Answer.Text != want {
		t.Errorf("the answer is %+v", out.Answer)
	}
	if out.Dropped < 190 || seen+int(out.Dropped) > m.words || lost > int(out.Dropped) {
		t.Errorf("%d seen with %d lost in between, %d dropped of %d", seen, lost, out.Dropped, m.words)
	}
}

// Nobody watches: the model is asked for its answer in one piece.
func TestWithoutTokensNothingIsStreamed(t *testing.T) {
	t.Parallel()
	server := llmtest.Serve(t, func(w http.ResponseWriter, _ *http.Request, body string) {
		if strings.Contains(body, `"stream"`) {
			t.Errorf("asked for a stream: %s", body)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, llmtest.Dialects()["openai"].Whole(llmtest.Said{Text: "Hello.", Stop: "stop"}))
	})
	r := newRig(t, assistant.Options{Model: (&speaker{server: server}).model(t)})
	if out := r.turn(t, "hello"); out.Answer.Text != "Hello." || r.story() != "turn thinking answer done" {
		t.Errorf("%+v %s", out, r.story())
	}
}
