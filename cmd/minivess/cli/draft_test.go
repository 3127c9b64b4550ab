package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/llmtest"
	"github.com/minivess/minivess/cmd/minivess/cli"
)

// terminal keeps what is written to it and says when something dim is.
type terminal struct {
	mu   sync.Mutex
	all  bytes.Buffer
	seen chan struct{}
}

func (o *terminal) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if bytes.Contains(p, []byte("\x1b[2m")) {
		o.seen <- struct{}{}
	}
	return o.all.Write(p)
}

// drawn is what a screen of any height shows after all that was written.
func drawn(written string) string {
	lines, row := []string{""}, 0
	escape := regexp.MustCompile(`^\x1b\[(\d*)([AJKm])`)
	for written != "" {
		if m := escape.FindStringSubmatch(written); m != nil {
			written = written[len(m[0]):]
			switch m[2] {
			case "A":
				n, err := strconv.Atoi(m[1])
				if err != nil || n > row {
					return "the cursor leaves the screen"
				}
				row -= n
			case "J":
				lines = append(lines[:row:row], "")
			}
			continue
		}
		switch c := written[0]; c {
		case '\n':
			if row++; row == len(lines) {
				lines = append(lines, "")
			} else {
				lines[row] = ""
			}
		case '\r':
			lines[row] = ""
		default:
			lines[row] += string(c)
		}
		written = written[1:]
	}
	return strings.Join(lines, "\n")
}

// sayings is a model that says the same each time, in pieces; with a screen it
// says the next piece when the last one was seen.
func sayings(t *testing.T, screen *terminal, pieces ...string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if !bytes.Contains(body, []byte(`"stream":true`)) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, llmtest.Dialects()["openai"].Whole(llmtest.Said{Text: strings.Join(pieces, ""), Stop: "stop"}))
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for _, p := range pieces {
			text, err := json.Marshal(p)
			if err != nil {
				return
			}
			_, _ = fmt.Fprintf(w, `data: {"choices":[{"index":0,"delta":{"content":%s}}]}`+"\n\n", text)
			_ = http.NewResponseController(w).Flush()
			if screen != nil {
				select {
				case <-screen.seen:
				case <-r.Context().Done():
				}
			}
		}
		_, _ = io.WriteString(w, `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
	}))
	t.Cleanup(server.Close)
	return server.URL + "/v1"
}

// An answer is seen while it is written, by people at a terminal only, and
// nothing of it stays that was not checked.
func TestAnAnswerIsSeenWhileItIsWritten(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a word and ", 60)
	for _, c := range []struct {
		name     string
		pieces   []string
		args     []string
		terminal bool
		seen     bool
		vars     map[string]string
		want     string
		code     int
	}{
		{name: "terminal", pieces: []string{"Hello ", "there."}, terminal: true, seen: true, want: "Hello there.", code: cli.ExitDone},
		{name: "a long answer", pieces: []string{long, long, "the end"}, terminal: true, seen: true, want: "the end", code: cli.ExitDone},
		{name: "escapes", pieces: []string{"Hi \x1b]x;own", "ed\x07you\x1b[", "J there"}, terminal: true, seen: true, want: "Hi you there", code: cli.ExitDone},
		{name: "an invented number", pieces: []string{"It reaches ", "0.93."}, terminal: true, seen: true, want: "withheld", code: cli.ExitFailed},
		{name: "no colour", pieces: []string{"Hello ", "there."}, terminal: true, vars: map[string]string{"NO_COLOR": "1"}, want: "Hello there.", code: cli.ExitDone},
		{name: "a dumb terminal", pieces: []string{"Hello ", "there."}, terminal: true, vars: map[string]string{"TERM": "dumb"}, want: "Hello there.", code: cli.ExitDone},
		{name: "json", pieces: []string{"Hello ", "there."}, args: []string{"--json"}, terminal: true, want: `"text": "Hello there."`, code: cli.ExitDone},
		{name: "pipe", pieces: []string{"Hello ", "there."}, want: "Hello there.", code: cli.ExitDone},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, told := &bytes.Buffer{}, &terminal{seen: make(chan struct{}, 100)}
			screen := told
			if !c.seen {
				screen = nil
			}
			vars := map[string]string{"USER": "tester", llm.EnvBaseURL: sayings(t, screen, c.pieces...), llm.EnvModel: "m"}
			maps.Copy(vars, c.vars)
			code := cli.Main(cli.Build{Version: "v1.2.3"}, append([]string{"ask", "how good is it?"}, c.args...), cli.Streams{
				In: strings.NewReader(""), Out: out, Err: told, Dir: t.TempDir(), Terminal: c.terminal, Width: 80,
				Getenv: func(name string) string { return vars[name] },
			})
			written := told.all.String()
			if seen := strings.Contains(written, "\x1b[2m"); code != c.code || seen != c.seen || !c.seen && strings.Contains(written, "\x1b") {
				t.Errorf("exit %d, want %d; seen while it was written: %t, want %t\n%q", code, c.code, seen, c.seen, written)
			}
			left := drawn(written)
			if strings.ContainsAny(left, "\x1b\x07") || strings.Contains(left, strings.TrimSpace(c.pieces[0])) || strings.Contains(out.String(), "\x1b") {
				t.Errorf("this stays on the screen:\n%q\n%q", left, out.String())
			}
			if !strings.Contains(out.String()+left, c.want) {
				t.Errorf("%q is not in %q or %q", c.want, out.String(), left)
			}
		})
	}
}

// However much is written, only its end is seen: what has scrolled away could
// not be erased.
func TestDraftStaysSmall(t *testing.T) {
	t.Parallel()
	told := &terminal{seen: make(chan struct{}, 100)}
	code := cli.Main(cli.Build{Version: "v1.2.3"}, []string{"ask", "hello"}, cli.Streams{
		In: strings.NewReader(""), Out: io.Discard, Err: told, Dir: t.TempDir(), Terminal: true, Width: 40,
		Getenv: func(name string) string {
			return map[string]string{"USER": "tester", llm.EnvBaseURL: sayings(t, told, strings.Repeat("line\n", 50)), llm.EnvModel: "m"}[name]
		},
	})
	written := told.all.String()
	if n := strings.Count(written, "\x1b[2m"); code != cli.ExitDone || n > 5 {
		t.Errorf("exit %d, %d lines of the draft on the screen at once:\n%q", code, n, written)
	}
}
