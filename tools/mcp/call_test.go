package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/minivess/minivess/tools"
)

func TestReadingAnswersUnasked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, protocol := range protocols {
		s := f.connect(t, protocol, nil)
		res := call(t, s, "look", map[string]any{"colour": "blue"})
		if got := textOf(t, res); got != "painted it blue" || res.IsError {
			t.Errorf("got %q", got)
		}
		want := map[string]any{"summary": "painted it blue", "colour": "blue"}
		if diff := cmp.Diff(any(want), res.StructuredContent); diff != "" {
			t.Error(diff)
		}
		again, ok := res.Content[1].(*sdk.TextContent)
		if !ok || !json.Valid([]byte(again.Text)) {
			t.Errorf("the value is not repeated as text: %v", res.Content[1])
		}
	}
	if n := len(f.trail(t)); n != 0 {
		t.Errorf("reading left %d entries in the audit trail", n)
	}
}

// TestEveryReadingToolKeepsItsSchema calls what can be called without a run and
// holds the answers against the listed schemas, as clients do.
func TestEveryReadingToolKeepsItsSchema(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.connect(t, protocols[1], nil)
	all := listed(t, s)
	for name, args := range map[string]map[string]any{
		"dataset_list": nil, "job_list": nil, "runs_list": {"limit": 3}, "model_list": nil,
		"runs_sql": {"query": "select 1 as one, 'nan'::double as none"},
	} {
		res := call(t, s, name, args)
		if res.IsError {
			t.Errorf("%s: %s", name, textOf(t, res))
			continue
		}
		if err := resolved(t, name, all[name].OutputSchema).Validate(res.StructuredContent); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFailuresSayWhatToDo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.connect(t, protocols[1], nil)
	for _, tc := range []struct {
		tool string
		args any
		code tools.Code
		says string
	}{
		{"look", map[string]any{"coats": 12}, tools.CodeBadArguments, "at most 9"},
		{"look", map[string]any{"color": "red"}, tools.CodeBadArguments, "did you mean colour"},
		{"look", json.RawMessage(`[1]`), tools.CodeBadArguments, "JSON object"},
		{"run_show", map[string]any{"run": "nobody"}, tools.CodeNotFound, "nobody"},
		{"paint", map[string]any{"coats": "many"}, tools.CodeBadArguments, "whole number"},
		{"look", map[string]any{"colour": strings.Repeat("x", 1<<20)}, tools.CodeBadArguments, "bytes of arguments"},
	} {
		res := call(t, s, tc.tool, tc.args)
		e := errorOf(t, res)
		if e.Code != tc.code || !strings.Contains(e.Message+e.Hint, tc.says) {
			t.Errorf("%s: got %s: %s / %s", tc.tool, e.Code, e.Message, e.Hint)
		}
		if !strings.HasPrefix(textOf(t, res), string(tc.code)+": ") || !strings.Contains(textOf(t, res), e.Hint) {
			t.Errorf("%s: the text lacks the code or the hint: %s", tc.tool, textOf(t, res))
		}
	}
	if _, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: "paintt"}); err == nil {
		t.Error("a tool that is not there was called")
	}
}

func TestControlCharactersDie(t *testing.T) {
	t.Parallel()
	res := call(t, newFixture(t).connect(t, protocols[1], nil), "loud", nil)
	if got := textOf(t, res); got != "ab\ncd" {
		t.Errorf("got %q", got)
	}
	if diff := cmp.Diff(any(map[string]any{"summary": "ab\ncd", "colour": "xy"}), res.StructuredContent); diff != "" {
		t.Error(diff)
	}
}

func TestLongValuesAreNotRepeated(t *testing.T) {
	t.Parallel()
	res := call(t, newFixture(t).connect(t, protocols[1], nil), "long", nil)
	if text, ok := res.Content[1].(*sdk.TextContent); !ok || len(text.Text) > 200 {
		t.Errorf("the text has %d bytes", len(text.Text))
	}
}

// TestProgressRises calls a tool of two phases, each of which counts from
// nothing.
func TestProgressRises(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, protocol := range protocols {
		var mu sync.Mutex
		var got []sdk.ProgressNotificationParams
		arrived := make(chan struct{}, 16)
		s := f.connect(t, protocol, &sdk.ClientOptions{ProgressNotificationHandler: func(_ context.Context, r *sdk.ProgressNotificationClientRequest) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, *r.Params)
			arrived <- struct{}{}
		}})
		res, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: "look", Meta: sdk.Meta{"progressToken": "p1"}})
		if err != nil || res.IsError {
			t.Fatal(err, res)
		}
		for range 8 {
			<-arrived
		}
		mu.Lock()
		for i, p := range got {
			total := 4.0
			if i >= 4 {
				total = 8
			}
			if p.Progress != float64(i+1) || p.Total != total || p.ProgressToken != "p1" {
				t.Errorf("report %d: %v of %v for %v", i, p.Progress, p.Total, p.ProgressToken)
			}
		}
		if got[0].Message != "sand coat" || got[7].Message != "paint coat, about 1 s left" {
			t.Errorf("messages %q, %q", got[0].Message, got[7].Message)
		}
		mu.Unlock()
	}
}

func TestCancellationEndsTheTool(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, protocol := range protocols {
		s := f.connect(t, protocol, nil)
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() {
			_, err := s.CallTool(ctx, &sdk.CallToolParams{Name: "wait"})
			failed <- err
		}()
		<-f.began
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("the call: %v", err)
		}
		if err := <-f.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the tool: %v", err)
		}
		if res := call(t, s, "look", nil); res.IsError {
			t.Errorf("the session is of no use any more: %s", textOf(t, res))
		}
	}
}

// TestTheServersEndEndsEverything ends a server while a tool runs and a person
// is being asked.
func TestTheServersEndEndsEverything(t *testing.T) {
	t.Parallel()
	for _, protocol := range protocols {
		f := newFixture(t)
		asked, answer := make(chan struct{}), make(chan struct{})
		s := f.connect(t, protocol, &sdk.ClientOptions{ElicitationHandler: func(context.Context, *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			close(asked)
			<-answer
			return &sdk.ElicitResult{Action: "accept"}, nil
		}})
		var calls sync.WaitGroup
		for _, tool := range []string{"wait", "paint"} {
			calls.Go(func() { _, _ = s.CallTool(t.Context(), &sdk.CallToolParams{Name: tool}) })
		}
		<-f.began
		<-asked
		f.end()
		if err := <-f.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the tool: %v", err)
		}
		close(answer)
		calls.Wait()
		if n := f.painted.Load(); n != 0 {
			t.Errorf("painted %d times after the end", n)
		}
	}
}

func TestTwoSessionsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var all sync.WaitGroup
	for i := range 2 {
		s := f.connect(t, protocols[i], &sdk.ClientOptions{ElicitationHandler: accept})
		for range 8 {
			all.Go(func() {
				if res := call(t, s, "paint", nil); res.IsError {
					t.Error(textOf(t, res))
				}
				if res := call(t, s, "look", nil); res.IsError {
					t.Error(textOf(t, res))
				}
			})
		}
	}
	all.Wait()
	if n := f.painted.Load(); n != 32 {
		t.Errorf("painted %d times", n)
	}
}

func accept(context.Context, *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
	return &sdk.ElicitResult{Action: "accept"}, nil
}
