package router_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tmc/langchaingo/llms"
	"go.uber.org/goleak"

	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/llmtest"
	"github.com/minivess/minivess/agent/llm/router"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakes are models by name; each follows a script and remembers when it was
// asked.
type fakes struct {
	mu     sync.Mutex
	began  time.Time
	script map[string][]llmtest.Reply
	asked  []string // "name at 1.5s"
	stream map[string][]string
}

func (f *fakes) connect(c llm.Config) (llms.Model, error) { return fake{f, c.Model}, nil }

type fake struct {
	all  *fakes
	name string
}

func (m fake) Call(context.Context, string, ...llms.CallOption) (string, error) { return "", nil }

func (m fake) GenerateContent(ctx context.Context, _ []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	m.all.mu.Lock()
	defer m.all.mu.Unlock()
	m.all.asked = append(m.all.asked, fmt.Sprintf("%s at %s", m.name, time.Since(m.all.began)))
	var opts llms.CallOptions
	for _, o := range options {
		o(&opts)
	}
	if opts.StreamingFunc != nil {
		for _, chunk := range m.all.stream[m.name] {
			if err := opts.StreamingFunc(ctx, []byte(chunk)); err != nil {
				return nil, err
			}
		}
	}
	replies := m.all.script[m.name]
	if len(replies) == 0 {
		return llmtest.Reply{Text: m.name, Info: map[string]any{"PromptTokens": 100, "CompletionTokens": 10}}.Response()
	}
	if len(replies) > 1 {
		m.all.script[m.name] = replies[1:]
	}
	return replies[0].Response()
}

func fails(kind llm.Kind, after time.Duration) llmtest.Reply {
	e := llm.NewError(kind, "", "%s failed", kind)
	e.RetryAfter = after
	return llmtest.Reply{Err: e}
}

// open makes a router of a configuration, with a planner that says "plan".
func open(t *testing.T, config string, f *fakes) *router.Router {
	t.Helper()
	c, err := router.Parse("models.yaml", []byte(config))
	if err != nil {
		t.Fatal(err)
	}
	f.began = time.Now()
	dir := t.TempDir()
	r, err := router.New(router.Options{
		Config: c, Connect: f.connect, LastResort: llmtest.Func(func([]llms.MessageContent) llmtest.Reply { return llmtest.Reply{Text: "plan"} }),
		LastResortName: "planner (offline)", Spending: filepath.Join(dir, "spending"), CacheDir: filepath.Join(dir, "answers"),
		Getenv: func(string) string { return "" }, Jitter: func() float64 { return 0.5 },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var hello = []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, "hello")} //nolint:gochecknoglobals // what every test says

func notices(resp *llms.ContentResponse) string {
	list, _ := resp.Choices[0].GenerationInfo[llm.InfoNotices].([]string)
	return strings.Join(list, "; ")
}

const two = `groups:
  main:
    models:
      - {model: a, base_url: "http://a/v1"}
      - {model: b, base_url: "http://b/v1"}
    fallback: [spare]
  spare:
    models: [{model: c, base_url: "http://c/v1"}]
use: main
`

const one = `groups: {main: {models: [{model: a, base_url: "http://a/v1"}]}}
`

func TestWhoIsAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config string
		script map[string][]llmtest.Reply
		asked  []string
		says   string
		notice string
	}{
		"the first": {two, nil, []string{"a at 0s"}, "a", ""},
		"another of the group": {
			two,
			map[string][]llmtest.Reply{"a": {fails(llm.KindOverloaded, 0)}},
			[]string{"a at 0s", "b at 0s"},
			"b", "",
		},
		"the same after a while": {
			one,
			map[string][]llmtest.Reply{"a": {fails(llm.KindServer, 0), {Text: "better"}}},
			[]string{"a at 0s", "a at 500ms"},
			"better", "",
		},
		"as long as the server asks": {
			one,
			map[string][]llmtest.Reply{"a": {fails(llm.KindRateLimited, 7*time.Second), {Text: "better"}}},
			[]string{"a at 0s", "a at 7s"},
			"better", "",
		},
		"not longer than there is patience": {
			one,
			map[string][]llmtest.Reply{"a": {fails(llm.KindRateLimited, time.Hour)}},
			[]string{"a at 0s"},
			"plan", "The built-in planner answered, not main: rate_limited failed",
		},
		"the group to fall back on": {
			two,
			map[string][]llmtest.Reply{"a": {fails(llm.KindServer, 0)}, "b": {fails(llm.KindServer, 0)}},
			[]string{"a at 0s", "b at 0s", "a at 500ms", "c at 500ms"},
			"c", "C (openai) answered, not main: server failed",
		},
		"a wrong key is not tried again": {
			one,
			map[string][]llmtest.Reply{"a": {fails(llm.KindUnauthorized, 0)}},
			[]string{"a at 0s"},
			"plan", "The built-in planner answered, not main: unauthorized failed",
		},
		"what one refuses another may take": {
			two,
			map[string][]llmtest.Reply{"a": {fails(llm.KindContext, 0)}},
			[]string{"a at 0s", "b at 0s"},
			"b", "",
		},
		"an answer without end is not asked for again": {
			two,
			map[string][]llmtest.Reply{"a": {fails(llm.KindTooLarge, 0)}},
			[]string{"a at 0s", "c at 0s"},
			"c", "C (openai) answered, not main: too_large failed",
		},
		"the planner at last": {
			two,
			map[string][]llmtest.Reply{"a": {fails(llm.KindUnreachable, 0)}, "b": {fails(llm.KindUnauthorized, 0)}, "c": {fails(llm.KindQuota, 0)}},
			[]string{"a at 0s", "b at 0s", "a at 500ms", "c at 500ms"},
			"plan",
			"The built-in planner answered, not main or spare: unreachable failed; quota failed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &fakes{script: c.script}
				resp, err := open(t, c.config, f).GenerateContent(t.Context(), hello)
				if err != nil || resp.Choices[0].Content != c.says || notices(resp) != c.notice {
					t.Errorf("%v: %+v\n%s", err, resp, notices(resp))
				}
				if diff := cmp.Diff(c.asked, f.asked); diff != "" {
					t.Error(diff)
				}
				if group := resp.Choices[0].GenerationInfo[router.InfoGroup]; (group == router.Planner) != (c.says == "plan") {
					t.Errorf("labelled %v", group)
				}
			})
		})
	}
}

func TestCooldown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{script: map[string][]llmtest.Reply{"a": {fails(llm.KindServer, 0), fails(llm.KindServer, 0), {Text: "back"}}}}
		r := open(t, two, f)
		ask := func() string {
			resp, err := r.GenerateContent(t.Context(), hello)
			if err != nil {
				t.Fatal(err)
			}
			return resp.Choices[0].Content
		}
		ask() // a fails, b answers
		time.Sleep(time.Second)
		ask() // a fails again: it rests for its cooldown
		time.Sleep(29 * time.Second)
		ask() // still resting
		time.Sleep(2 * time.Second)
		if got := ask(); got != "back" {
			t.Errorf("after its rest, %q answered", got)
		}
		want := []string{"a at 0s", "b at 0s", "a at 1s", "b at 1s", "b at 30s", "a at 32s"}
		if diff := cmp.Diff(want, f.asked); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRateLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		r := open(t, `groups:
  main:
    patience: 90s
    models:
      - {model: a, base_url: "http://a/v1", rpm: 2}
      - {model: b, base_url: "http://b/v1", tpm: 40}
`, f)
		long := []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, strings.Repeat("word", 20))} // 24 tokens
		for range 5 {
			if _, err := r.GenerateContent(t.Context(), long); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		want := []string{"a at 0s", "a at 1s", "b at 2s", "a at 1m0s", "a at 1m1s"}
		if diff := cmp.Diff(want, f.asked); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWaitingEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{script: map[string][]llmtest.Reply{"a": {fails(llm.KindRateLimited, 10*time.Second)}}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := open(t, one, f).GenerateContent(ctx, hello); !errors.Is(err, context.DeadlineExceeded) || time.Since(f.began) != time.Second {
			t.Errorf("%v after %s", err, time.Since(f.began))
		}
	})
}

// TestWhatWasShown: no other model goes on where one broke off, unless what
// was shown can be taken back.
func TestWhatWasShown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, canRestart := range []bool{false, true} {
			f := &fakes{script: map[string][]llmtest.Reply{"a": {fails(llm.KindProtocol, 0)}}, stream: map[string][]string{"a": {"Once ", "upon"}, "b": {"b"}}}
			r := open(t, two, f)
			var shown []string
			ctx := t.Context()
			if canRestart {
				ctx = llm.WithRestart(ctx, func(string) { shown = append(shown, "<taken back>") })
			}
			resp, err := r.GenerateContent(ctx, hello, llms.WithStreamingFunc(func(_ context.Context, chunk []byte) error {
				shown = append(shown, string(chunk))
				return nil
			}))
			if canRestart {
				if diff := cmp.Diff([]string{"Once ", "upon", "<taken back>", "b"}, shown); diff != "" || err != nil || resp.Choices[0].Content != "b" {
					t.Errorf("%v %s", err, diff)
				}
				continue
			}
			var e *llm.Error
			if !errors.As(err, &e) || e.Kind != llm.KindInterrupted || len(f.asked) != 1 {
				t.Errorf("%v after %v", err, f.asked)
			}
		}
	})
}

func TestAListenerThatFailsEndsIt(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	f := &fakes{stream: map[string][]string{"a": {"x"}}}
	_, err := open(t, two, f).GenerateContent(t.Context(), hello, llms.WithStreamingFunc(func(context.Context, []byte) error { return gone }))
	if !errors.Is(err, gone) || len(f.asked) != 1 {
		t.Errorf("%v after %v", err, f.asked)
	}
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	config := `groups:
  main:
    models:
      - {model: dear, base_url: "http://a/v1", price: {input: 1000, output: 10000}, max_tokens: 10}
    fallback: [own]
  own:
    models: [{model: own, base_url: "http://b/v1", price: {input: 0, output: 0}}]
use: main
budget: {thread_usd: 0.5, day_usd: 0.9}
`
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		r := open(t, config, f)
		var got []string
		for _, thread := range []string{"t1", "t1", "t1", "t2", "t3", "t4", "t5"} {
			resp, err := r.GenerateContent(llm.WithThread(t.Context(), thread), hello)
			if err != nil {
				t.Fatal(err)
			}
			cost, known := resp.Choices[0].GenerationInfo[llm.InfoCost].(float64)
			if !known || (cost == 0) != (resp.Choices[0].Content == "own") {
				t.Errorf("%s cost %v", resp.Choices[0].Content, cost)
			}
			got = append(got, resp.Choices[0].Content)
		}
		// Each answer costs 100 × 0.001 + 10 × 0.01 = $0.20.
		want := []string{"dear", "dear", "own", "dear", "dear", "own", "own"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		today, thread, err := r.Spent("t1")
		if err != nil || today.USD < 0.799 || today.USD > 0.801 || thread.USD < 0.399 || thread.USD > 0.401 {
			t.Errorf("spent %+v %+v %v", today, thread, err)
		}
		time.Sleep(24 * time.Hour)
		if resp, err := r.GenerateContent(llm.WithThread(t.Context(), "t9"), hello); err != nil || resp.Choices[0].Content != "dear" {
			t.Errorf("the next day: %+v %v", resp, err)
		}
	})
}

func TestAnUnknownPriceIsHeldBack(t *testing.T) {
	t.Parallel()
	f := &fakes{}
	resp, err := open(t, one+"budget: {day_usd: 5}\n", f).GenerateContent(t.Context(), hello)
	if err != nil || resp.Choices[0].Content != "plan" || len(f.asked) != 0 || !strings.Contains(notices(resp), "price is not known") {
		t.Errorf("%+v %v after %v: %s", resp, err, f.asked, notices(resp))
	}
	resp, err = open(t, one, f).GenerateContent(t.Context(), hello)
	if _, known := resp.Choices[0].GenerationInfo[llm.InfoCost]; err != nil || known {
		t.Errorf("an answer whose price nobody knows has a cost: %+v %v", resp, err)
	}
}

func TestTheCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{script: map[string][]llmtest.Reply{"a": {{Text: "1", Calls: []llmtest.Call{{ID: "x", Tool: "f", Args: "{}"}}}, {Text: "2"}, {Text: "3"}}}}
		r := open(t, one+"cache: {ttl: 1h}\n", f)
		ask := func(text string, options ...llms.CallOption) string {
			resp, err := r.GenerateContent(t.Context(), []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, text)}, options...)
			if err != nil {
				t.Fatal(err)
			}
			cached, _ := resp.Choices[0].GenerationInfo[router.InfoCached].(bool)
			return fmt.Sprintf("%s %d %t", resp.Choices[0].Content, len(resp.Choices[0].ToolCalls), cached)
		}
		var streamed string
		listen := llms.WithStreamingFunc(func(_ context.Context, chunk []byte) error {
			streamed += string(chunk)
			return nil
		})
		got := []string{ask("x"), ask("x", listen), ask("y"), ask("x", llms.WithTemperature(1))}
		time.Sleep(2 * time.Hour)
		got = append(got, ask("x"))
		if diff := cmp.Diff([]string{"1 1 false", "1 1 true", "2 0 false", "3 0 false", "3 0 false"}, got); diff != "" || streamed != "1" {
			t.Errorf("%s streamed %q", diff, streamed)
		}
	})
}

// TestEverybodyAtOnce is for the race detector.
func TestEverybodyAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{script: map[string][]llmtest.Reply{"a": {fails(llm.KindServer, 0), {Text: "a"}}}}
		r := open(t, two+"budget: {day_tokens: 1000000}\ncache: {ttl: 1h}\n", f)
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				if _, err := r.GenerateContent(llm.WithThread(t.Context(), fmt.Sprint(i%3)), []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, fmt.Sprint(i%5))}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}
