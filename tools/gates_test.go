package tools_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/minivess/minivess/tools"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

// memory keeps what a ledger keeps on disk, and can be made to fail.
type memory struct {
	mu      sync.Mutex
	used    map[string]string
	calls   map[string]tools.Completed
	entries []tools.AuditEntry
	kinds   []string
	fail    map[string]error
}

func newMemory() *memory {
	return &memory{used: map[string]string{}, calls: map[string]tools.Completed{}, fail: map[string]error{}}
}

func (m *memory) Use(_ context.Context, key, call string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was, spent := m.used[key]
	m.used[key] = call
	return !spent || (was == call && call != ""), m.fail["use"]
}

func (m *memory) Completed(_ context.Context, id string) (tools.Completed, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.calls[id]
	return c, ok, m.fail["completed"]
}

func (m *memory) Complete(_ context.Context, c tools.Completed) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[c.ID] = c
	return m.fail["complete"]
}

func (m *memory) Record(_ context.Context, kind string, e tools.AuditEntry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fail[kind]; err != nil {
		return err
	}
	m.kinds = append(m.kinds, kind)
	m.entries = append(m.entries, e)
	return nil
}

const hall = `{"room":"hall"}`

func approve(fingerprint string) tools.Approval {
	return tools.Approval{Fingerprint: fingerprint, By: "ada", At: noon.Add(-time.Minute), ExpiresAt: noon.Add(time.Minute)}
}

func TestApprovalGate(t *testing.T) {
	t.Parallel()
	good := approve(tools.Fingerprint("paint", json.RawMessage(hall)))
	with := func(change func(*tools.Approval)) *tools.Approval { a := good; change(&a); return &a }
	for _, c := range []struct {
		name     string
		effect   tools.Effect
		approval *tools.Approval
		want     string // part of the error; empty means that it runs
	}{
		{"reading needs none", tools.Read, nil, ""},
		{"writing needs one", tools.Write, nil, "add something"},
		{"launching needs one", tools.Launch, nil, "start costly work"},
		{"destroying needs one", tools.Destroy, nil, "end or remove"},
		{"it fits", tools.Destroy, &good, ""},
		{"other arguments", tools.Write, with(func(a *tools.Approval) { a.Fingerprint = tools.Fingerprint("paint", nil) }), "other arguments"},
		{"other tool", tools.Write, with(func(a *tools.Approval) { a.Fingerprint = tools.Fingerprint("burn", json.RawMessage(hall)) }), "other arguments"},
		{"no name", tools.Write, with(func(a *tools.Approval) { a.By = "" }), "who gave it"},
		{"expired", tools.Write, with(func(a *tools.Approval) { a.ExpiresAt = noon }), "expired"},
		{"never expires", tools.Write, with(func(a *tools.Approval) { a.ExpiresAt = time.Time{} }), "expired"},
		{"from the future", tools.Write, with(func(a *tools.Approval) { a.At = noon.Add(time.Second) }), "future"},
		{"blanket for write", tools.Write, with(func(a *tools.Approval) { a.Blanket = true }), ""},
		{"blanket for launch", tools.Launch, with(func(a *tools.Approval) { a.Blanket = true }), ""},
		{"blanket for destroy", tools.Destroy, with(func(a *tools.Approval) { a.Blanket = true }), "general yes does not cover"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := &paint{effect: c.effect}
			r := newPaint(t, p, tools.ApprovalGate(newMemory(), clock))
			ctx := t.Context()
			if c.approval != nil {
				ctx = tools.WithApproval(ctx, *c.approval)
			}
			_, err := r.Invoke(ctx, tools.Call{Tool: "paint", Args: json.RawMessage(hall)}, nil)
			if c.want == "" {
				if err != nil || p.did != 1 {
					t.Errorf("did %d, %v", p.did, err)
				}
				return
			}
			if e := tools.AsError(err); e == nil || e.Code != tools.CodeNeedsApproval || !strings.Contains(e.Message, c.want) || p.did != 0 {
				t.Errorf("did %d, %v", p.did, err)
			}
			if tools.ExitCode(err) != tools.ExitNeedsApproval {
				t.Errorf("exit code %d", tools.ExitCode(err))
			}
		})
	}
}

func TestAnApprovalIsUsedOnce(t *testing.T) {
	t.Parallel()
	p := &paint{effect: tools.Write}
	r := newPaint(t, p, tools.ApprovalGate(newMemory(), clock))
	ctx := tools.WithApproval(t.Context(), approve(tools.Fingerprint("paint", json.RawMessage(hall))))
	call := tools.Call{Tool: "paint", Args: json.RawMessage(hall)}
	if _, err := r.Invoke(ctx, call, nil); err != nil {
		t.Fatal(err)
	}
	_, err := r.Invoke(ctx, call, nil)
	if e := tools.AsError(err); e == nil || e.Code != tools.CodeNeedsApproval || !strings.Contains(e.Message, "used before") || p.did != 1 {
		t.Errorf("did %d, %v", p.did, err)
	}
	other := tools.Call{ID: "t/1/1", Tool: "paint", Args: json.RawMessage(hall)}
	if _, err := r.Invoke(ctx, other, nil); err == nil {
		t.Error("a spent approval covered a call with another id")
	}
}

func TestAnInterruptedCallKeepsItsApproval(t *testing.T) {
	t.Parallel()
	p := &paint{effect: tools.Write, fail: errors.New("killed")}
	r := newPaint(t, p, tools.ApprovalGate(newMemory(), clock))
	ctx := tools.WithApproval(t.Context(), approve(tools.Fingerprint("paint", json.RawMessage(hall))))
	call := tools.Call{ID: "t/1/1", Tool: "paint", Args: json.RawMessage(hall)}
	if _, err := r.Invoke(ctx, call, nil); err == nil {
		t.Fatal("the first try should have failed")
	}
	p.fail = nil
	if _, err := r.Invoke(ctx, call, nil); err != nil || p.did != 1 {
		t.Errorf("did %d, %v", p.did, err)
	}
}

func TestGatesFailClosed(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is full")
	failing := func(what string) *memory { m := newMemory(); m.fail[what] = broken; return m }
	id := func() string { return "id" }
	for _, c := range []struct {
		name string
		gate tools.Gate
		did  int
		code tools.Code
	}{
		{"approvals cannot be recorded", tools.ApprovalGate(failing("use"), clock), 0, tools.CodeRefused},
		{"no record of approvals", tools.ApprovalGate(nil, clock), 0, tools.CodeRefused},
		{"no clock", tools.ApprovalGate(newMemory(), nil), 0, tools.CodeRefused},
		{"audit cannot be written", tools.AuditGate(failing(tools.AuditCalled), id, clock), 0, tools.CodeRefused},
		{"audit cannot be finished", tools.AuditGate(failing(tools.AuditEnded), id, clock), 1, tools.CodeFailed},
		{"no audit", tools.AuditGate(nil, id, clock), 0, tools.CodeRefused},
		{"calls cannot be read", tools.OnceGate(failing("completed"), clock), 0, tools.CodeRefused},
		{"calls cannot be recorded", tools.OnceGate(failing("complete"), clock), 1, tools.CodeFailed},
		{"no record of calls", tools.OnceGate(nil, clock), 0, tools.CodeRefused},
		{"no tracer", tools.TraceGate(tools.TraceOptions{}), 0, tools.CodeRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := &paint{effect: tools.Launch}
			r := newPaint(t, p, c.gate)
			ctx := tools.WithApproval(t.Context(), approve(tools.Fingerprint("paint", json.RawMessage(hall))))
			_, err := r.Invoke(ctx, tools.Call{ID: "t/1/1", Tool: "paint", Args: json.RawMessage(hall)}, nil)
			if e := tools.AsError(err); e == nil || e.Code != c.code || p.did != c.did {
				t.Errorf("did %d, %v", p.did, err)
			}
		})
	}
}

func TestOnceGate(t *testing.T) {
	t.Parallel()
	p := &paint{effect: tools.Launch}
	m := newMemory()
	r := newPaint(t, p, tools.OnceGate(m, clock))
	call := tools.Call{ID: "t/1/1", Tool: "paint", Args: json.RawMessage(hall)}
	first, err := r.Invoke(t.Context(), call, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			again, err := r.Invoke(t.Context(), call, nil)
			if err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(first, again); diff != "" {
				t.Error(diff)
			}
		})
	}
	wg.Wait()
	if p.did != 1 {
		t.Errorf("acted %d times", p.did)
	}
	// A new process: the registry is new, the memory is not.
	r = newPaint(t, p, tools.OnceGate(m, clock))
	if again, err := r.Invoke(t.Context(), call, nil); err != nil || again.Summary != first.Summary || p.did != 1 {
		t.Errorf("acted %d times, %v", p.did, err)
	}
	call.Args = json.RawMessage(`{"room":"attic"}`)
	if _, err := r.Invoke(t.Context(), call, nil); tools.AsError(err) == nil || tools.AsError(err).Code != tools.CodeConflict {
		t.Errorf("other arguments under the same id: %v", err)
	}
	for range 2 {
		if _, err := r.Invoke(t.Context(), tools.Call{Tool: "paint", Args: json.RawMessage(hall)}, nil); err != nil {
			t.Error(err)
		}
	}
	if p.did != 3 {
		t.Errorf("calls without an id acted %d times in all, want 3", p.did)
	}
}

func TestConcurrentCallsWithOneIDActOnce(t *testing.T) {
	t.Parallel()
	p := &paint{effect: tools.Launch}
	r := newPaint(t, p, tools.OnceGate(newMemory(), clock))
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := r.Invoke(t.Context(), tools.Call{ID: "x", Tool: "paint", Args: json.RawMessage(hall)}, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if p.did != 1 {
		t.Errorf("acted %d times", p.did)
	}
}

func TestAFailedCallIsNotRemembered(t *testing.T) {
	t.Parallel()
	p := &paint{effect: tools.Launch, fail: errors.New("no paint left")}
	r := newPaint(t, p, tools.OnceGate(newMemory(), clock))
	call := tools.Call{ID: "x", Tool: "paint", Args: json.RawMessage(hall)}
	if _, err := r.Invoke(t.Context(), call, nil); err == nil {
		t.Fatal("no error")
	}
	p.fail = nil
	if _, err := r.Invoke(t.Context(), call, nil); err != nil || p.did != 1 {
		t.Errorf("did %d, %v", p.did, err)
	}
}

func TestAuditGate(t *testing.T) {
	t.Parallel()
	m := newMemory()
	id := func() string { return "made-up" }
	p := &paint{effect: tools.Write}
	r := newPaint(t, p, tools.AuditGate(m, id, clock), tools.ApprovalGate(m, clock))
	args := json.RawMessage(`{"room":"hall","words":["api_key=sk-abcdefghijklmnop"]}`)
	if _, err := r.Invoke(t.Context(), tools.Call{Tool: "paint", Args: args}, nil); err == nil {
		t.Fatal("ran without approval")
	}
	ctx := tools.WithApproval(t.Context(), approve(tools.Fingerprint("paint", args)))
	if _, err := r.Invoke(ctx, tools.Call{ID: "t/1/2", Tool: "paint", Args: args}, nil); err != nil {
		t.Fatal(err)
	}
	wantKinds := []string{tools.AuditCalled, tools.AuditEnded, tools.AuditCalled, tools.AuditEnded}
	if diff := cmp.Diff(wantKinds, m.kinds); diff != "" {
		t.Error(diff)
	}
	if e := m.entries[1]; e.Outcome != "needs_approval" || e.Call != "made-up" {
		t.Errorf("the refusal was recorded as %+v", e)
	}
	if e := m.entries[3]; e.Outcome != "done" || e.ApprovedBy != "ada" || e.Run != "brisk-otter-7f3a" || e.Call != "t/1/2" {
		t.Errorf("the success was recorded as %+v", e)
	}
	all, err := json.Marshal(m.entries)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(all), "abcdefghijklmnop") {
		t.Errorf("a secret is in the trail: %s", all)
	}
	reads := newPaint(t, &paint{effect: tools.Read}, tools.AuditGate(m, id, clock))
	if _, err := reads.Invoke(t.Context(), tools.Call{Tool: "paint", Args: json.RawMessage(hall)}, nil); err != nil || len(m.entries) != 4 {
		t.Errorf("reading: %d entries, %v", len(m.entries), err)
	}
}

func TestAuditRecordsTheEndOfACancelledCall(t *testing.T) {
	t.Parallel()
	m := newMemory()
	ctx, cancel := context.WithCancel(t.Context())
	p := &paint{effect: tools.Write, hook: func(context.Context) { cancel() }, fail: context.Canceled}
	r := newPaint(t, p, tools.AuditGate(m, func() string { return "a" }, clock))
	if _, err := r.Invoke(ctx, tools.Call{Tool: "paint", Args: json.RawMessage(hall)}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(m.entries) != 2 || m.entries[1].Outcome != "failed" {
		t.Errorf("got %+v", m.entries)
	}
}

func TestTraceGate(t *testing.T) {
	t.Parallel()
	for _, content := range []bool{false, true} {
		spans := tracetest.NewInMemoryExporter()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
		p := &paint{effect: tools.Write}
		r := newPaint(t, p, tools.TraceGate(tools.TraceOptions{Tracer: provider.Tracer("tools"), Content: content}))
		if _, err := r.Invoke(t.Context(), tools.Call{ID: "t/1/1", Tool: "paint", Args: json.RawMessage(hall)}, nil); err != nil {
			t.Fatal(err)
		}
		p.fail = tools.Errorf(tools.CodeConflict, "the wall is wet")
		if _, err := r.Invoke(t.Context(), tools.Call{Tool: "paint", Args: json.RawMessage(hall)}, nil); err == nil {
			t.Fatal("no error")
		}
		got := spans.GetSpans()
		if len(got) != 2 || got[0].Name != "execute_tool paint" {
			t.Fatalf("got %v", got)
		}
		attrs := map[string]string{}
		for _, a := range got[0].Attributes {
			attrs[string(a.Key)] = a.Value.AsString()
		}
		for key, want := range map[string]string{
			"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "paint", "gen_ai.tool.type": "function",
			"gen_ai.tool.call.id": "t/1/1", "langfuse.observation.type": "tool", "minivess.tool.effect": "write",
			"minivess.run.id": "brisk-otter-7f3a",
		} {
			if attrs[key] != want {
				t.Errorf("%s = %q, want %q", key, attrs[key], want)
			}
		}
		if _, ok := attrs["gen_ai.tool.call.arguments"]; ok != content {
			t.Errorf("content %t, arguments on the span %t", content, ok)
		}
		if _, ok := attrs["gen_ai.tool.call.result"]; ok != content {
			t.Errorf("content %t, result on the span %t", content, ok)
		}
		if got[1].Status.Code != codes.Error || (!content && strings.Contains(got[1].Status.Description, "wet")) {
			t.Errorf("status %+v", got[1].Status)
		}
		if err := provider.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"api_key":"x","name":"toy"}`:                  `{"api_key":"[redacted]","name":"toy"}`,
		`{"nested":[{"Password":1}]}`:                   `{"nested":[{"Password":"[redacted]"}]}`,
		`{"overrides":["hf_token=abc","epochs=3"]}`:     `{"overrides":["hf_token=[redacted]","epochs=3"]}`,
		`{"say":"use sk-abcdefghijklmnop please"}`:      `{"say":"use [redacted] please"}`,
		`{"say":"Authorization: Bearer abc.def"}`:       `{"say":"Authorization: Bearer [redacted]"}`,
		`{"path":"https://ada:pw@example.org/a?b=c"}`:   `{"path":"https://[redacted]@example.org/a?b=c"}`,
		`{"path":"/data/mv07.nii.gz","max_tokens":100}`: `{"max_tokens":100,"path":"/data/mv07.nii.gz"}`,
		``:  `{}`,
		`{`: `"[not JSON]"`,
	} {
		if got := string(tools.Redact(json.RawMessage(in))); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add([]byte(`{"password":"hunter2hunter2"}`))
	f.Add([]byte(`{"a":"https://u:p@h"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if out := tools.Redact(raw); !json.Valid(out) {
			t.Fatalf("%q became %q", raw, out)
		}
	})
}
