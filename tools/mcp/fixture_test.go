package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/data"
	"github.com/minivess/minivess/tools/evaluate"
	"github.com/minivess/minivess/tools/mcp"
	"github.com/minivess/minivess/tools/query"
	"github.com/minivess/minivess/tools/serve"
	"github.com/minivess/minivess/tools/toolstest"
	"github.com/minivess/minivess/tools/train"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// protocols are the two forms of the protocol: questions that the server sends
// itself, and questions that travel in answers.
var protocols = []string{"2025-11-25", "2026-07-28"} //nolint:gochecknoglobals // a constant in all but name

// fixture is a server over a workspace of its own, with every tool of this
// version and a few that are easy to watch.
type fixture struct {
	server    *mcp.Server
	workspace *workspace.Workspace
	registry  *tools.Registry
	clock     *clock
	painted   *atomic.Int64
	ended     chan error // why the waiting tool ended
	began     chan struct{}
	end       context.CancelFunc // of the server
}

// clock is a clock that tests move.
type clock struct{ at atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) forward(d time.Duration) { c.at.Add(int64(d)) }

type wall struct {
	Colour string `json:"colour" jsonschema:"the colour" default:"red"`
	Coats  int    `json:"coats" jsonschema:"number of coats" default:"2" minimum:"1" maximum:"9"`
}

type painted struct {
	tools.Line
	Colour string `json:"colour"`
}

// fence asks before anybody looks behind it.
type fence struct{}

func (fence) Rule(_ context.Context, _ tools.Descriptor, c tools.Call, _ func() (tools.Preview, error)) tools.Ruling {
	if c.Tool == "look" && strings.Contains(string(c.Args), "behind") {
		return tools.Ruling{Verdict: tools.Ask, By: "the fence", Reason: "it lies behind", Person: true}
	}
	return tools.Ruling{}
}

// toy is a tool made of functions.
type toy struct {
	name    string
	effect  tools.Effect
	preview func(wall) tools.Preview
	run     func(context.Context, wall, func(tools.Progress)) (painted, error)
}

func (t toy) Spec() tools.Spec {
	return tools.Spec{Name: t.name, Family: "house", Effect: t.effect, Doc: "Do something with a wall\n\nFor tests."}
}

func (t toy) Preview(_ context.Context, in wall) (tools.Preview, error) {
	if t.preview != nil {
		return t.preview(in), nil
	}
	return tools.Preview{Summary: fmt.Sprintf("%s it %s", t.name, in.Colour), Writes: []string{"/wall"}, Cost: tools.Cost{Seconds: 90, DiskBytes: 5e6, Basis: "a guess"}}, nil
}

func (t toy) Run(ctx context.Context, in wall, emit func(tools.Progress)) (painted, error) {
	return t.run(ctx, in, emit)
}

func newFixture(t *testing.T, change ...func(*mcp.Options)) *fixture {
	t.Helper()
	ws, err := workspace.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{workspace: ws, clock: &clock{}, painted: &atomic.Int64{}, ended: make(chan error, 8), began: make(chan struct{}, 8)}
	f.clock.at.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	f.registry = tools.NewRegistry(tools.StandardGates(tools.GateOptions{
		Audit: ws.Audit(), NewID: func() string { return "unnamed" }, Now: f.clock.Now,
		Trace: tools.TraceOptions{Tracer: noop.NewTracerProvider().Tracer("")}, Ruler: fence{},
	})...)
	f.registry.RuleBy(fence{})
	launcher := toolstest.Launcher(t, ws, toolstest.Finish)
	if err := errors.Join(
		data.Register(f.registry, data.Deps{Workspace: ws}),
		train.Register(f.registry, train.Deps{Workspace: ws, Launcher: launcher}),
		evaluate.Register(f.registry, evaluate.Deps{Workspace: ws, Launcher: launcher}),
		query.Register(f.registry, query.Deps{Workspace: ws, Now: f.clock.Now}),
		serve.Register(f.registry, serve.Deps{Workspace: ws, Launcher: launcher}),
		f.toys(),
	); err != nil {
		t.Fatal(err)
	}
	ids := atomic.Int64{}
	o := mcp.Options{
		Registry: f.registry, Workspace: ws, Audit: tools.NewAuditLog(ws.Audit(), f.clock.Now), User: "ada", Version: "v1.2.3",
		NewID: func() string { return strconv.FormatInt(ids.Add(1), 10) }, Now: f.clock.Now,
	}
	for _, c := range change {
		c(&o)
	}
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	f.end = end
	t.Cleanup(end)
	if f.server, err = mcp.New(ctx, o); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) toys() error {
	paint := func(_ context.Context, in wall, emit func(tools.Progress)) (painted, error) {
		f.painted.Add(1)
		for phase, name := range []string{"sand", "paint"} {
			for i := range int64(4) {
				f.clock.forward(time.Second)
				emit(tools.Progress{Phase: name, Done: i + 1, Total: 4, Message: "coat\x1b[31m", ETA: float64(phase)})
			}
		}
		return painted{tools.Line{Summary: "painted it " + in.Colour}, in.Colour}, nil
	}
	wait := func(ctx context.Context, _ wall, emit func(tools.Progress)) (painted, error) {
		emit(tools.Progress{Done: 1, Total: 2})
		f.began <- struct{}{}
		<-ctx.Done()
		f.ended <- ctx.Err()
		return painted{}, ctx.Err()
	}
	loud := func(context.Context, wall, func(tools.Progress)) (painted, error) {
		return painted{tools.Line{Summary: "a\x1b]0;title\x07b\nc\u202ed"}, "x\x00y"}, nil
	}
	long := func(context.Context, wall, func(tools.Progress)) (painted, error) {
		return painted{tools.Line{Summary: "long"}, strings.Repeat("x", 100_000)}, nil
	}
	return errors.Join(
		tools.Register(f.registry, toy{name: "paint", effect: tools.Write, run: paint}),
		tools.Register(f.registry, toy{name: "wreck", effect: tools.Destroy, run: paint}),
		tools.Register(f.registry, toy{name: "drift", effect: tools.Write, run: paint, preview: func(wall) tools.Preview {
			return tools.Preview{Summary: "paint the wall of " + f.clock.Now().Format(time.TimeOnly)}
		}}),
		tools.Register(f.registry, toy{name: "look", effect: tools.Read, run: paint}),
		tools.Register(f.registry, toy{name: "wait", effect: tools.Read, run: wait}),
		tools.Register(f.registry, toy{name: "loud", effect: tools.Read, run: loud}),
		tools.Register(f.registry, toy{name: "long", effect: tools.Read, run: long}),
	)
}

// connect is a client in the same process that speaks a form of the protocol.
func (f *fixture) connect(t *testing.T, protocol string, o *sdk.ClientOptions) *sdk.ClientSession {
	t.Helper()
	here, there := sdk.NewInMemoryTransports()
	served := make(chan error, 1)
	ctx := context.WithoutCancel(t.Context())
	go func() { served <- f.server.Serve(ctx, there) }()
	session, err := sdk.NewClient(&sdk.Implementation{Name: "Friend of\x1b[31m tests", Version: "1"}, o).
		Connect(t.Context(), here, &sdk.ClientSessionOptions{ProtocolVersion: protocol})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = session.Close() // some tests close it, or the server
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return session
}

func call(t *testing.T, s *sdk.ClientSession, tool string, args any) *sdk.CallToolResult {
	t.Helper()
	res, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	return res
}

func textOf(t *testing.T, res *sdk.CallToolResult) string {
	t.Helper()
	if len(res.Content) == 0 {
		t.Fatal("the result has no content")
	}
	c, ok := res.Content[0].(*sdk.TextContent)
	if !ok {
		t.Fatalf("the result begins with %T", res.Content[0])
	}
	return c.Text
}

// errorOf is the error that a failed result carries for programs.
func errorOf(t *testing.T, res *sdk.CallToolResult) tools.Error {
	t.Helper()
	if !res.IsError {
		t.Fatalf("it did not fail: %s", textOf(t, res))
	}
	raw, err := json.Marshal(res.Meta["minivess/error"])
	if err != nil {
		t.Fatal(err)
	}
	var e tools.Error
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// trail is the audit trail, which must be whole.
func (f *fixture) trail(t *testing.T) []tools.AuditEntry {
	t.Helper()
	if _, err := os.Stat(f.workspace.Audit()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := journal.VerifyChain(f.workspace.Audit()); err != nil {
		t.Fatal(err)
	}
	var out []tools.AuditEntry
	for rec, err := range journal.Read(f.workspace.Audit(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		var e tools.AuditEntry
		if err := rec.Decode(&e); err != nil {
			t.Fatal(err)
		}
		if rec.Kind == tools.AuditEnded {
			out = append(out, e)
		}
	}
	return out
}
