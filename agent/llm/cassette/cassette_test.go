package cassette_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/minivess/minivess/agent/llm/cassette"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "my-own-secret-key"

// server answers with how often it was asked, in JSON, in a stream or in an
// error, and says things that must not be kept.
func server(t *testing.T) *httptest.Server {
	t.Helper()
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		w.Header().Set("Openai-Organization", "org-abcdefgh12345678")
		w.Header().Set("Set-Cookie", "session=hunter2hunter2")
		switch r.URL.Path {
		case "/v1/stream":
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "data: {\"n\":%d,\"b\":\"<&>\",\"a\":1}\n\n: comment\n\ndata: half {\"x\n\n", n)
		case "/v1/error":
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprintf(w, `{"error":{"message":"Incorrect API key: %s, sk-proj-abcdef123456, Bearer abcdefghijkl","organization":"org-abcdefgh12345678"}}`, secret)
		default:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"n": %d, "big": 12345678901234567890, "f": 1.10}`, n)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func send(t *testing.T, c *cassette.Cassette, url, body string) (string, *http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	req.Header.Set("X-Api-Key", secret)
	resp, err := (&http.Client{Transport: c}).Do(req)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(said), resp, nil
}

// tape records three requests and returns the file with what was heard.
func tape(t *testing.T, options ...cassette.Option) (path string, said []string) {
	t.Helper()
	s := server(t)
	path = filepath.Join(t.TempDir(), "tape.jsonl")
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := cassette.Open(path, cassette.Record, append(options, cassette.WithTransport(transport), cassette.WithSecrets(secret, "short"))...)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range [][2]string{
		{"/v1/chat", `{"model":"m","messages":[{"role":"user","content":"hello, key ` + secret + `"}],"api_key":"abc"}`},
		{"/v1/stream?key=" + secret, `{"model":"m","messages":[{"role":"user","content":"bye"}]}`},
		{"/v1/error", `not JSON`},
	} {
		text, _, err := send(t, c, s.URL+r[0], r[1])
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, text)
	}
	if err := c.Close(); err != nil || c.Calls() != 3 {
		t.Fatal(err)
	}
	return path, said
}

func TestWhatIsRecordedIsReplayed(t *testing.T) {
	t.Parallel()
	path, said := tape(t)
	for _, mode := range []cassette.Mode{cassette.Replay, cassette.Strict} {
		c, err := cassette.Open(path, mode, cassette.WithSecrets(secret))
		if err != nil {
			t.Fatal(err)
		}
		text, resp, err := send(t, c, "http://elsewhere.invalid/v1/chat", `{"messages":[{"content":"hello, key `+secret+`","role":"user"}],"api_key":"xyz","model":"m"}`)
		if err != nil || text != `{"big":12345678901234567890,"f":1.10,"n":1}` || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %q %v", mode, text, err)
		}
		text, resp, err = send(t, c, "http://elsewhere.invalid/v1/stream?key=other", `{"model":"m","messages":[{"role":"user","content":"bye"}]}`)
		if want := strings.Replace(said[1], `{"n":2,"b":"<&>","a":1}`, `{"a":1,"b":"<&>","n":2}`, 1); err != nil || text != want || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("%s: %q, want %q, %v", mode, text, want, err)
		}
		text, resp, err = send(t, c, "http://elsewhere.invalid/v1/error", `not JSON`)
		if err != nil || resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "3" || !strings.Contains(text, "***") {
			t.Errorf("%s: %q %v", mode, text, err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

func TestNoSecretReachesTheFile(t *testing.T) {
	t.Parallel()
	path, _ := tape(t)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{secret, "sk-proj", "abcdefghijkl", "org-abc", "hunter2", "Authorization", `"abc"`, "127.0.0.1"} {
		if bytes.Contains(raw, []byte(s)) {
			t.Errorf("%q is on the tape:\n%s", s, raw)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestTheFileIsTheSameTwice(t *testing.T) {
	t.Parallel()
	first, _ := tape(t)
	second, _ := tape(t)
	a, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(second)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(a), string(b)); diff != "" {
		t.Error(diff)
	}
	if lines := strings.Count(string(a), "\n"); lines != 4 || !strings.HasPrefix(string(a), "{\"cassette\":1,\"match\":\"body\"}\n") {
		t.Errorf("%d lines:\n%s", lines, a)
	}
}

func TestAMiss(t *testing.T) {
	t.Parallel()
	path, _ := tape(t)
	c, err := cassette.Open(path, cassette.Replay)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = send(t, c, "http://x.invalid/v1/stream", `{"model":"m2","messages":[{"role":"user","content":"bye"},{"role":"user","content":"again"}]}`)
	if !errors.Is(err, cassette.ErrMiss) {
		t.Fatal(err)
	}
	for _, want := range []string{
		"the nearest recording is number 2 of 3", `body.model: recorded "m", sent "m2"`, `body.messages.1.content: recorded nothing, sent "again"`, "record it again",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	// Each recording answers once.
	for range 2 {
		_, _, err = send(t, c, "http://x.invalid/v1/stream", `{"model":"m","messages":[{"role":"user","content":"bye"}]}`)
	}
	if !errors.Is(err, cassette.ErrMiss) {
		t.Errorf("asked twice: %v", err)
	}
}

func TestStrictWantsTheOrderAndAll(t *testing.T) {
	t.Parallel()
	path, _ := tape(t)
	c, err := cassette.Open(path, cassette.Strict)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := send(t, c, "http://x.invalid/v1/error", `not JSON`); !errors.Is(err, cassette.ErrMiss) || !strings.Contains(err.Error(), "the next recording is number 1 of 3") {
		t.Errorf("out of order: %v", err)
	}
	if err := c.Close(); !errors.Is(err, cassette.ErrUnused) || !strings.Contains(err.Error(), "recording 1 of 3") {
		t.Errorf("left over: %v", err)
	}
}

// TestTurns replays a conversation whose ids and times differ from those on
// the tape, in each wire format.
func TestTurns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][2]string{
		"openai": {
			`{"model":"m","messages":[{"role":"system","content":"now %s"},{"role":"user","content":"train it"},{"role":"assistant","content":null,"tool_calls":[]},{"role":"tool","content":"%s"}]}`,
			`{"model":"m","messages":[{"role":"system","content":"now %s"},{"role":"user","content":"train it"}]}`,
		},
		"anthropic": {
			`{"model":"m","system":"%s","messages":[{"role":"user","content":[{"type":"text","text":"train it"}]},{"role":"assistant","content":[]},{"role":"user","content":[{"type":"tool_result","content":"%s"}]}]}`,
			`{"model":"m","system":"%s","messages":[{"role":"user","content":[{"type":"text","text":"train it"}]}]}`,
		},
		"google": {
			`{"contents":[{"role":"user","parts":[{"text":"train it"}]},{"role":"model","parts":[]},{"role":"user","parts":[{"functionResponse":{"name":"%s"}}]}],"x":"%s"}`,
			`{"contents":[{"role":"user","parts":[{"text":"train it"}]}],"x":"%s"}`,
		},
	} {
		s := server(t)
		path := filepath.Join(t.TempDir(), "tape.jsonl")
		transport := &http.Transport{}
		rec, err := cassette.Open(path, cassette.Record, cassette.WithMatch(cassette.MatchTurn), cassette.WithTransport(transport))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := send(t, rec, s.URL+"/v1/chat", fmt.Sprintf(c[0], "monday", "brisk-otter")); err != nil {
			t.Fatal(err)
		}
		if err := rec.Close(); err != nil {
			t.Fatal(err)
		}
		transport.CloseIdleConnections()
		again, err := cassette.Open(path, cassette.Replay)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := send(t, again, "http://x.invalid/v1/chat", fmt.Sprintf(c[1], "friday")); !errors.Is(err, cassette.ErrMiss) || !strings.Contains(err.Error(), "messages after the words") {
			t.Errorf("%s: before the tool ran: %v", name, err)
		}
		if _, _, err := send(t, again, "http://x.invalid/v1/chat", fmt.Sprintf(c[0], "friday", "calm-heron")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := `{"request":{"method":"POST","path":"/x"},"response":{"status":200}}`
	for name, c := range map[string][2]string{
		"empty":           {"", "line 1"},
		"another version": {`{"cassette":2,"match":"body"}`, "version 2"},
		"another match":   {`{"cassette":1,"match":"luck"}`, `no match "luck"`},
		"unknown field":   {"{\"cassette\":1,\"match\":\"body\"}\n" + strings.Replace(good, "method", "methid", 1), "line 2"},
		"cut off":         {"{\"cassette\":1,\"match\":\"body\"}\n" + good + "\n" + good[:40], "line 3"},
		"no status":       {"{\"cassette\":1,\"match\":\"body\"}\n" + strings.Replace(good, "200", "2", 1), "not an HTTP status"},
		"no path":         {"{\"cassette\":1,\"match\":\"body\"}\n" + strings.Replace(good, "/x", "", 1), "a method and a path"},
		"two values":      {"{\"cassette\":1,\"match\":\"body\"}\n" + good + good, "more than one value"},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if err := os.WriteFile(path, []byte(c[0]), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := cassette.Open(path, cassette.Replay); !errors.Is(err, cassette.ErrFormat) || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := cassette.Open(filepath.Join(dir, "nowhere"), cassette.Replay); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := cassette.Open(filepath.Join(dir, "x"), "rewind"); err == nil {
		t.Error("a mode that there is not")
	}
}
