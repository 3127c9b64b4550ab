package mcp_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"github.com/minivess/minivess/tools/mcp"
)

const hello = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"sh","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
`

// message is an answer as it stands on a line.
type message struct {
	ID     any             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// say pipes text into a server and gives its answers by id, when the server is
// done with them.
func say(t *testing.T, f *fixture, text string) (answers map[string]message, unread []message) {
	t.Helper()
	var out bytes.Buffer
	if err := f.server.ServeStream(t.Context(), io.NopCloser(strings.NewReader(text)), &out); err != nil {
		t.Fatal(err)
	}
	answers = map[string]message{}
	lines := bufio.NewScanner(&out)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatalf("stdout holds what is no message: %q", lines.Text())
		}
		if m.ID == nil {
			unread = append(unread, m)
			continue
		}
		answers[fmt.Sprint(m.ID)] = m
	}
	return answers, unread
}

// TestPipedCallsAreAnswered ends the input right behind the calls.
func TestPipedCallsAreAnswered(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString(hello)
	for i := range 20 {
		fmt.Fprintf(&text, `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"look"}}`+"\n", i+2)
	}
	answers, _ := say(t, newFixture(t), strings.TrimSuffix(text.String(), "\n"))
	if len(answers) != 21 {
		t.Errorf("%d calls were answered of 21", len(answers))
	}
}

func TestWhatCannotBeReadIsAnsweredAndPassed(t *testing.T) {
	t.Parallel()
	long := `{"jsonrpc":"2.0","id":7,"method":"` + strings.Repeat("x", 9<<20) + `"}`
	answers, unread := say(t, newFixture(t), hello+strings.Join([]string{
		`not json`, `{"jsonrpc":"2.0","id":`, `[{"jsonrpc":"2.0","id":5,"method":"ping"}]`, `{"jsonrpc":"1.0","id":6,"method":"ping"}`,
		`"ping"`, `{"id":{}}`, long, ``, "\r", `{"jsonrpc":"2.0","id":8,"method":"no/such"}`, `{"jsonrpc":"2.0","id":9,"method":"ping"}`,
	}, "\n")+"\n")
	want := []int{-32700, -32700, -32600, -32600, -32600, -32600, -32600}
	if len(unread) != len(want) {
		t.Fatalf("%d complaints for %d lines: %+v", len(unread), len(want), unread)
	}
	for i, m := range unread {
		if m.Error == nil || m.Error.Code != want[i] || m.Error.Message == "" {
			t.Errorf("line %d: %+v", i, m.Error)
		}
	}
	if e := answers["8"].Error; e == nil || e.Code != -32601 {
		t.Errorf("an unknown method: %+v", e)
	}
	if answers["9"].Error != nil || answers["9"].Result == nil {
		t.Errorf("what followed was not answered: %+v", answers["9"])
	}
}

// TestTheEndOfTheInputEndsAQuestion ends the input while a person is asked:
// nobody will ever answer.
func TestTheEndOfTheInputEndsAQuestion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in, client := io.Pipe()
	fromServer, out := io.Pipe()
	served := make(chan error, 1)
	go func() { served <- f.server.ServeStream(t.Context(), in, out) }()
	lines := bufio.NewScanner(fromServer)
	write := func(s string) {
		if _, err := io.WriteString(client, s); err != nil {
			t.Error(err)
		}
	}
	go write(strings.Replace(hello, `"capabilities":{}`, `"capabilities":{"elicitation":{}}`, 1) +
		`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"paint"}}` + "\n")
	for lines.Scan() {
		if strings.Contains(lines.Text(), "elicitation/create") {
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, fromServer) }()
	_ = client.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
	_ = out.Close()
	if f.painted.Load() != 0 {
		t.Error("it was done")
	}
}

// TestAnInterruptEndsAStream ends the server while a tool waits for ever.
func TestAnInterruptEndsAStream(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in, client := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- f.server.ServeStream(ctx, in, io.Discard) }()
	if _, err := io.WriteString(client, hello+`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"wait"}}`+"\n"); err != nil {
		t.Fatal(err)
	}
	<-f.began
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err := <-f.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the tool: %v", err)
	}
}

// FuzzLines feeds the transport anything: every line is a message or is
// complained about, and the end comes.
func FuzzLines(f *testing.F) {
	f.Add([]byte(hello))
	f.Add([]byte(`{"jsonrpc":"2.0","id":"a","result":{}}`))
	f.Add([]byte("\x00\n[]\n{}\n\"\n{\"id\":1}\n\r\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var complaints bytes.Buffer
		c, err := mcp.Lines(io.NopCloser(bytes.NewReader(raw)), &complaints).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		messages := 0
		for {
			m, err := c.Read(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || m == nil {
				t.Fatalf("%v %v", m, err)
			}
			messages++
			if call, ok := m.(*jsonrpc.Request); ok && call.IsCall() {
				if err := c.Write(t.Context(), &jsonrpc.Response{ID: call.ID, Result: json.RawMessage(`{}`)}); err != nil {
					t.Fatal(err)
				}
				messages--
			}
		}
		lines := 0
		for line := range bytes.SplitSeq(raw, []byte("\n")) {
			if len(bytes.TrimSpace(line)) > 0 {
				lines++
			}
		}
		if got := messages + bytes.Count(complaints.Bytes(), []byte("\n")); got != lines {
			t.Errorf("%d lines led to %d messages, answers and complaints", lines, got)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}
