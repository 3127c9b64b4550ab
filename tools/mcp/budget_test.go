package mcp_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/mcp"
)

// thrifty gives a server tools of which each conversation may write twice.
func thrifty(t *testing.T) func(*mcp.Options) {
	t.Helper()
	return func(o *mcp.Options) {
		o.Registry = tools.NewRegistry(tools.StandardGates(tools.GateOptions{
			Audit: o.Workspace.Audit(), NewID: o.NewID, Now: o.Now,
			Trace: tools.TraceOptions{Tracer: noop.NewTracerProvider().Tracer("")},
			Limits: func() (tools.Limits, error) {
				return tools.Limits{Thread: tools.Limit{Bytes: new(int64(10e6))}, By: "policy"}, nil
			},
		})...)
		run := func(_ context.Context, in wall, _ func(tools.Progress)) (painted, error) {
			return painted{Colour: in.Colour}, nil
		}
		if err := tools.Register(o.Registry, toy{name: "paint", effect: tools.Write, run: run}); err != nil {
			t.Fatal(err)
		}
	}
}

// spendAll calls until the budget of the conversation is used up, which it
// lets happen after so many calls.
func spendAll(t *testing.T, who string, s *sdk.ClientSession, calls int) {
	t.Helper()
	for i := range calls + 1 {
		res, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: "paint"})
		if err != nil {
			t.Fatalf("%s: %v", who, err)
		}
		text := ""
		if len(res.Content) > 0 {
			if c, ok := res.Content[0].(*sdk.TextContent); ok {
				text = c.Text
			}
		}
		if over := strings.Contains(text, "budget of this conversation"); res.IsError != (i == calls) || over != res.IsError {
			t.Fatalf("%s: call %d of %d: %s", who, i+1, calls, text)
		}
	}
}

// A session over HTTP is a conversation, with a budget of its own.
func TestASessionHasABudget(t *testing.T) {
	t.Parallel()
	w := newWeb(t, thrifty(t))
	asks := &sdk.ClientOptions{ElicitationHandler: accept}
	first, second := w.dial(t, asks), w.dial(t, asks)
	spendAll(t, "the first session", first, 2)
	spendAll(t, "the second session", second, 2)
	spendAll(t, "the first session again", first, 0)
	for rec, err := range journal.Read(filepath.Join(w.workspace.Root(), tools.PurseName), 0) {
		if err != nil {
			t.Fatal(err)
		}
		var c tools.Charge
		if err := rec.Decode(&c); err != nil || !strings.HasPrefix(c.Thread, "mcp/") || strings.Contains(c.Thread, first.ID()) || strings.Contains(c.Thread, second.ID()) {
			t.Errorf("a charge on conversation %q, %v", c.Thread, err)
		}
	}
}

// On a stream there are no sessions: whatever clients call themselves, all that
// the server is asked is one conversation.
func TestAStreamHasABudget(t *testing.T) {
	t.Parallel()
	f := newFixture(t, thrifty(t))
	asks := &sdk.ClientOptions{ElicitationHandler: accept}
	spendAll(t, "the first client", f.connect(t, protocols[0], asks), 2)
	spendAll(t, "the second client", f.connect(t, protocols[1], asks), 0)
}
