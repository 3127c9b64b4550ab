package router_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tmc/langchaingo/llms"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/llmtest"
	"github.com/minivess/minivess/agent/llm/router"
)

// TestTheKeyIsNowhere lets three providers answer, fail and be recorded, each
// repeating the key in its words, and looks for the key in everything that
// comes out: files, spans, logs, errors and what is printed.
func TestTheKeyIsNowhere(t *testing.T) {
	t.Parallel()
	const key = "zz-key-0123456789abcdef" // of no pattern that anything knows
	dialects := llmtest.Dialects()
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		d := dialects[strings.Split(r.URL.Path, "/")[1]]
		if !strings.Contains(r.Header.Get(d.KeyHeader), key) {
			http.Error(w, "no key", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(string(body), "fail") {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, d.Failure(http.StatusBadRequest, "invalid_request_error", "bad key "+key))
			return
		}
		fmt.Fprint(w, d.Whole(llmtest.Said{Text: "your key is *" + strings.Repeat("x", 3), Stop: "stop", Input: 10, Output: 2}))
	}))
	defer server.Close()
	for provider := range dialects {
		root := t.TempDir()
		config := fmt.Sprintf("groups: {main: {patience: 0s, models: [{provider: %s, model: m, base_url: %q, key_env: THE_KEY}]}}\ncache: {ttl: 1h}\n", provider, server.URL+"/"+provider)
		write(t, filepath.Join(root, "models.yaml"), config, 0o600)
		env := map[string]string{"THE_KEY": key, router.EnvRecord: filepath.Join(root, "tape.jsonl")}
		getenv := func(k string) string { return env[k] }
		recorder := tracetest.NewSpanRecorder()
		var out strings.Builder
		ask := func() {
			found, err := router.Find(root, getenv)
			if err != nil {
				t.Fatal(err)
			}
			r, err := found.Open(router.Setup{
				Root: root, Getenv: getenv, LastResort: llmtest.Func(func([]llms.MessageContent) llmtest.Reply { return llmtest.Reply{Text: "plan"} }), LastResortName: "planner",
				Trace:  llm.TraceOptions{Tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test"), Content: true},
				Logger: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})),
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, say := range []string{"hello", "fail", "hello again"} {
				resp, err := r.GenerateContent(context.WithoutCancel(t.Context()), []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, say)})
				if err != nil {
					t.Fatalf("%s: %v", provider, err)
				}
				fmt.Fprintf(&out, "%+v %#v %s\n", *resp.Choices[0], *resp.Choices[0], notices(resp))
				if by := resp.Choices[0].GenerationInfo[llm.InfoProvider]; by != provider && say != "fail" {
					t.Errorf("%s: %v answered %q: %s", provider, by, say, notices(resp))
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "%v", found)
		}
		ask()
		env[router.EnvReplay], env[router.EnvRecord] = env[router.EnvRecord], ""
		if err := os.RemoveAll(filepath.Join(root, "cache")); err != nil {
			t.Fatal(err)
		}
		before := requests
		ask() // from the tape: no server is needed
		if requests != before {
			t.Errorf("%s: a replay reached the network", provider)
		}
		for _, span := range recorder.Ended() {
			fmt.Fprintf(&out, "%s %v %v %v\n", span.Name(), span.Attributes(), span.Events(), span.Status())
		}
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			fmt.Fprintf(&out, "%s\n%s\n", path, raw)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if all := out.String(); strings.Contains(all, key) {
			at := strings.Index(all, key)
			t.Errorf("%s: the key is in …%s…", provider, all[max(0, at-200):at+len(key)])
		}
		if !strings.Contains(out.String(), "spending") || !strings.Contains(out.String(), "tape.jsonl") || !strings.Contains(out.String(), "gen_ai") {
			t.Error("the test does not look where it should")
		}
	}
}
