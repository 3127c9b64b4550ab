package traces_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/minivess/minivess/traces"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("TRACES_TEST_WRITER"); dir != "" {
		if err := writeMany(context.Background(), dir, "child", 50); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func noon() time.Time { return time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) }

const day = "2026-03-04.jsonl"

// record starts a provider, lets work make spans, and returns what was written.
func record(t *testing.T, o traces.Options, work func(context.Context, trace.Tracer)) map[string]traces.Span {
	t.Helper()
	o.Dir, o.Now = t.TempDir(), noon
	if o.Service == "" {
		o.Service = "test"
	}
	p, err := traces.Setup(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	work(t.Context(), p.Tracer("test"))
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	out := map[string]traces.Span{}
	for s, err := range traces.Read(filepath.Join(o.Dir, day)) {
		if err != nil {
			t.Fatal(err)
		}
		out[s.Name] = s
	}
	return out
}

func TestSetupSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	for _, o := range []traces.Options{{}, {Dir: "x"}, {Service: "y"}} {
		if _, err := traces.Setup(t.Context(), o); !errors.Is(err, traces.ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestEverySpanInheritsTheTrace(t *testing.T) {
	t.Parallel()
	spans := record(t, traces.Options{User: "ada", Tags: []string{"smoke"}, Environment: "CI"}, func(ctx context.Context, tracer trace.Tracer) {
		ctx, turn := tracer.Start(ctx, "turn", trace.WithAttributes(traces.Agent("minivess", "thread-7")...))
		ctx, tool := tracer.Start(ctx, "tool", trace.WithAttributes(attribute.String(traces.KeyUser, "bob")))
		_, job := tracer.Start(ctx, "job")
		job.End()
		tool.End()
		turn.End()
		_, alone := tracer.Start(context.WithoutCancel(t.Context()), "alone")
		alone.End()
	})
	want := map[string][3]any{"turn": {"thread-7", "ada", "ci"}, "tool": {"thread-7", "bob", "ci"}, "job": {"thread-7", "bob", "ci"}, "alone": {nil, "ada", "ci"}}
	for name, w := range want {
		a := spans[name].Attributes
		if got := [3]any{a[traces.KeySession], a[traces.KeyUser], a[traces.KeyEnvironment]}; got != w {
			t.Errorf("%s has %v, want %v", name, got, w)
		}
		if d := cmp.Diff([]any{"smoke"}, a[traces.KeyTags]); d != "" {
			t.Errorf("%s: tags %s", name, d)
		}
	}
	if spans["job"].ParentID != spans["tool"].SpanID || spans["job"].TraceID != spans["turn"].TraceID {
		t.Error("spans are not nested")
	}
	if spans["job"].Service != "test" || spans["job"].Attributes[traces.KeyOperation] != nil {
		t.Errorf("the job has what belongs to the turn alone: %v", spans["job"])
	}
}

func TestContentIsOffUnlessAskedFor(t *testing.T) {
	t.Parallel()
	content := []string{
		traces.KeyInput, traces.KeyOutput, traces.KeyTraceInput, traces.KeyTraceOutput, traces.KeyStatusMessage, traces.KeyInputMessages,
		traces.KeyOutputMessages, traces.KeySystemInstruction, traces.KeyToolArguments, traces.KeyToolResult, traces.KeyToolDefinitions,
		"input.value", "output.value",
	}
	work := func(ctx context.Context, tracer trace.Tracer) {
		_, span := tracer.Start(ctx, "chat")
		for _, key := range append(slices.Clone(content), "input", "output", "model", "prompt") {
			span.SetAttributes(attribute.String(key, "patient 17"))
		}
		span.SetAttributes(attribute.String(traces.KeyToolName, "runs_sql"))
		span.End()
	}
	if got := record(t, traces.Options{}, work)["chat"].Attributes; len(got) != 1 {
		t.Errorf("got %v, want the tool's name only", got)
	}
	got := record(t, traces.Options{Content: true}, work)["chat"].Attributes
	if len(got) != len(content)+1 {
		t.Errorf("got %v, want all but the bare keys", got)
	}
}

func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		"plain":     "epoch 3 of 10: dice 0.81, the token count is 12, password policy, sk-8 filter",
		"bearer":    "Authorization: Bearer abcdefgh12345678",
		"openai":    "using sk-proj-abcdefghijklmnop",
		"github":    "ghp_abcdefghijklmnopqrstuvwx",
		"aws":       "AKIAABCDEFGHIJKLMNOP",
		"jwt":       "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.c2ln",
		"address":   "postgres://ada:hunter22@db/minivess",
		"setting":   `{"api_key": "abc123", "epochs": 3}`,
		"known":     "the word is swordfish, twice swordfish",
		"key":       "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
		"malformed": "a\xffb",
	}
	spans := record(t, traces.Options{Content: true, Secrets: []string{"swordfish", ""}}, func(ctx context.Context, tracer trace.Tracer) {
		_, span := tracer.Start(ctx, "chat")
		for key, text := range texts {
			span.SetAttributes(attribute.String("x."+key, text))
		}
		span.SetAttributes(
			attribute.StringSlice("x.list", []string{"fine", texts["openai"]}),
			attribute.String("llm.api_key", "anything"), attribute.String("http.Authorization", "x"), attribute.String("session_token", "x"),
			attribute.Int(traces.KeyInputTokens, 12),
		)
		span.AddEvent("exception", trace.WithAttributes(attribute.String("exception.message", texts["address"])))
		span.End()
		_, named := tracer.Start(ctx, "swordfish")
		named.End()
	})
	if _, ok := spans["[redacted]"]; !ok {
		t.Error("a span's name gives the secret away")
	}
	got := spans["chat"].Attributes
	for key, want := range map[string]any{
		"x.plain": texts["plain"], "x.bearer": "Authorization: [redacted]", "x.openai": "using [redacted]", "x.github": "[redacted]",
		"x.aws": "[redacted]", "x.jwt": "[redacted]", "x.address": "postgres[redacted]db/minivess",
		"x.setting": `{"[redacted]", "epochs": 3}`, "x.known": "the word is [redacted], twice [redacted]", "x.key": "[redacted]",
		"x.malformed": "a\uFFFDb", "x.list": []any{"fine", "using [redacted]"},
		"llm.api_key": "[redacted]", "http.Authorization": "[redacted]", "session_token": "[redacted]", traces.KeyInputTokens: int64(12),
	} {
		if d := cmp.Diff(want, got[key]); d != "" {
			t.Errorf("%s: %s", key, d)
		}
	}
}

func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "traces")
	if err := writeMany(t.Context(), dir, "one", 1); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, day): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

func TestNothingIsWrittenWithoutSpans(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "traces")
	if err := writeMany(t.Context(), dir, "none", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// writeMany writes n spans, each as a line of its own.
func writeMany(ctx context.Context, dir, name string, n int) error {
	p, err := traces.Setup(ctx, traces.Options{Dir: dir, Service: name, Now: noon})
	if err != nil {
		return err
	}
	for i := range n {
		_, span := p.Tracer("test").Start(ctx, fmt.Sprintf("%s %d", name, i), trace.WithAttributes(attribute.String("pad", strings.Repeat("x", 5000))))
		span.End()
		if err := p.Flush(ctx); err != nil {
			return err
		}
	}
	if n := p.Dropped(); n > 0 {
		return fmt.Errorf("%d spans dropped", n)
	}
	return p.Shutdown(ctx)
}

func TestProcessesShareAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			child := exec.CommandContext(t.Context(), exe)
			child.Env = append(os.Environ(), "TRACES_TEST_WRITER="+dir)
			if out, err := child.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
		group.Go(func() {
			if err := writeMany(t.Context(), dir, "parent", 50); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	counts := map[string]int{}
	for s, err := range traces.Read(filepath.Join(dir, day)) {
		if err != nil {
			t.Fatal(err)
		}
		counts[s.Service]++
	}
	if counts["child"] != 100 || counts["parent"] != 100 {
		t.Errorf("read %v, want 100 of each", counts)
	}
}

func TestATornLineSpoilsNoOther(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, day), []byte(`{"resourceSpans":[{"resou`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeMany(t.Context(), dir, "next", 2); err != nil {
		t.Fatal(err)
	}
	var names []string
	broken := 0
	for s, err := range traces.Read(filepath.Join(dir, day)) {
		if errors.Is(err, traces.ErrLine) {
			broken++
			continue
		}
		names = append(names, s.Name)
	}
	if d := cmp.Diff([]string{"next 0", "next 1"}, names); d != "" || broken != 1 {
		t.Errorf("%d broken lines, %s", broken, d)
	}
}

func TestReadingAMissingFileIsAnError(t *testing.T) {
	t.Parallel()
	for _, err := range traces.Read(filepath.Join(t.TempDir(), "none.jsonl")) {
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	}
}

func TestJobContinuesTheTrace(t *testing.T) {
	t.Parallel()
	var parent string
	var environ []string
	before := record(t, traces.Options{}, func(ctx context.Context, tracer trace.Tracer) {
		ctx, span := tracer.Start(ctx, "launch", trace.WithAttributes(
			attribute.String(traces.KeySession, "thread ä,7"), attribute.StringSlice(traces.KeyTags, []string{"a", "b,c"}), attribute.String("other", "x")))
		parent, environ = traces.TraceParent(ctx), traces.Environ(ctx)
		span.End()
	})["launch"]
	if want := fmt.Sprintf("00-%s-%s-01", before.TraceID, before.SpanID); parent != want {
		t.Errorf("traceparent %q, want %q", parent, want)
	}
	getenv := func(name string) string {
		for _, kv := range environ {
			if v, ok := strings.CutPrefix(kv, name+"="); ok {
				return v
			}
		}
		return ""
	}
	after := record(t, traces.Options{}, func(ctx context.Context, tracer trace.Tracer) {
		specified, err := traces.WithTraceParent(ctx, parent)
		if err != nil {
			t.Error(err)
		}
		_, span := tracer.Start(specified, "by specification")
		span.End()
		_, span = tracer.Start(traces.FromEnviron(ctx, getenv), "by environment")
		span.End()
	})
	for name, s := range after {
		if s.TraceID != before.TraceID || s.ParentID != before.SpanID {
			t.Errorf("%s does not continue the trace", name)
		}
	}
	got := after["by environment"].Attributes
	want := map[string]any{traces.KeySession: "thread ä,7", traces.KeyTags: []any{"a", "b,c"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestMalformedTraceParentChangesNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for _, s := range []string{"x", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"} {
		got, err := traces.WithTraceParent(ctx, s)
		if !errors.Is(err, traces.ErrTraceParent) || got != ctx {
			t.Errorf("%q: %v", s, err)
		}
	}
	if got, err := traces.WithTraceParent(ctx, ""); err != nil || got != ctx {
		t.Errorf("nothing to continue: %v", err)
	}
	if got := traces.TraceParent(ctx); got != "" {
		t.Errorf("got %q", got)
	}
	if got := traces.Environ(ctx); len(got) > 0 {
		t.Errorf("got %q", got)
	}
}

func TestEnvironmentIsWhatLangfuseAccepts(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "Production": "production", " CI run #7 ": "ci-run--7", "langfuse-prod": "prod", "langfuselangfuse_x": "x",
		strings.Repeat("a", 50): strings.Repeat("a", 40),
	} {
		if got := traces.Environment(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestAFullQueueOrBadFolderNeverBlocks(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := traces.Setup(t.Context(), traces.Options{Dir: filepath.Join(file, "below"), Service: "test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		_, span := p.Tracer("test").Start(t.Context(), "work")
		span.End()
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Errorf("the work was told: %v", err)
	}
	if p.Dropped() != 10 {
		t.Errorf("%d dropped, want 10", p.Dropped())
	}
}
