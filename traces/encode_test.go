package traces

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

var update = flag.Bool("update", false, "rewrite golden files") //nolint:gochecknoglobals // flags are

// stubs is a conversation of one turn: an agent that asked a model, called a
// tool and failed to write a file.
func stubs(t *testing.T) []sdktrace.ReadOnlySpan {
	t.Helper()
	traceID, err := trace.TraceIDFromHex("0af7651916cd43dd8448eb211c80319c")
	if err != nil {
		t.Fatal(err)
	}
	context := func(last byte, remote bool) trace.SpanContext {
		return trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: traceID, SpanID: trace.SpanID{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, last}, TraceFlags: trace.FlagsSampled, Remote: remote,
		})
	}
	start := time.Date(2026, 3, 4, 5, 6, 7, 890123456, time.UTC)
	res := resource.NewSchemaless(resourceAttributes(Options{Service: "minivess", Version: "0.1.0", Environment: "Test Bench"})...)
	scope := instrumentation.Scope{Name: "agent", Version: "v1"}
	cost, err := Cost(map[string]float64{"total": 0.25})
	if err != nil {
		t.Fatal(err)
	}
	every := []attribute.KeyValue{
		attribute.Bool("bool", true), attribute.Int64("int", math.MaxInt64), attribute.Float64("double", 0.1),
		attribute.Float64("nan", math.NaN()), attribute.Float64("far", math.Inf(-1)),
		attribute.StringSlice("strings", []string{"a", "<b>"}), attribute.Int64Slice("ints", []int64{1, -2}),
		attribute.BoolSlice("bools", []bool{false}), attribute.Float64Slice("doubles", []float64{1.5}),
		{Key: "bytes", Value: attribute.ByteSliceValue([]byte{0, 255})},
		{Key: "map", Value: attribute.MapValue(attribute.Int("inner", 1))},
		{Key: "list", Value: attribute.SliceValue(attribute.StringValue("x"), attribute.IntValue(2))},
	}
	return tracetest.SpanStubs{
		{
			Name: "chat planner", SpanContext: context(2, false), Parent: context(1, false), SpanKind: trace.SpanKindClient,
			StartTime: start, EndTime: start.Add(time.Second), Resource: res, InstrumentationScope: scope,
			Attributes: append(append(Generation("minivess", "planner"), Tokens(120, 7)...), cost, Metadata("reason", "plan")),
			Status:     sdktrace.Status{Code: codes.Ok},
		},
		{
			Name: "execute_tool runs_sql", SpanContext: context(3, false), Parent: context(1, false), SpanKind: trace.SpanKindInternal,
			StartTime: start, EndTime: start.Add(time.Millisecond), Resource: res, InstrumentationScope: instrumentation.Scope{Name: "tools"},
			Attributes: append(Tool("runs_sql", "t/1/2"), every...),
			Events: []sdktrace.Event{{
				Name: "exception", Time: start, Attributes: []attribute.KeyValue{attribute.String("exception.message", "disk full")},
			}},
			Links:  []sdktrace.Link{{SpanContext: context(9, true), Attributes: []attribute.KeyValue{attribute.String("why", "retry")}}},
			Status: sdktrace.Status{Code: codes.Error, Description: "disk full"}, DroppedAttributes: 1, DroppedEvents: 2, DroppedLinks: 3,
		},
		{
			Name: "invoke_agent minivess", SpanContext: context(1, false), Parent: context(8, true), SpanKind: trace.SpanKindInternal,
			StartTime: start, EndTime: start.Add(2 * time.Second), Resource: res, InstrumentationScope: scope,
			Attributes: Agent("minivess", "thread-7"),
		},
	}.Snapshots()
}

func TestLineEqualsGolden(t *testing.T) {
	t.Parallel()
	line, err := encode(stubs(t), newCleaner(true, nil))
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, line, "", " "); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "turn.golden.json")
	if *update {
		if err := os.WriteFile(golden, indented.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), indented.String()); d != "" {
		t.Error(d)
	}
	if bytes.Count(line, []byte("\n")) != 1 || line[len(line)-1] != '\n' {
		t.Error("a request must be exactly one line")
	}
}

// TestLineIsOTLP reads a line with OpenTelemetry's own protobuf types, strictly,
// after giving ids the base64 that protobuf's JSON wants.
func TestLineIsOTLP(t *testing.T) {
	t.Parallel()
	line, err := encode(stubs(t), newCleaner(true, nil))
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(line, &tree); err != nil {
		t.Fatal(err)
	}
	rewriteIDs(t, tree)
	converted, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	var data tracepb.TracesData
	if err := protojson.Unmarshal(converted, &data); err != nil {
		t.Fatalf("not OTLP: %v", err)
	}
	if n := len(data.GetResourceSpans()); n != 1 {
		t.Fatalf("%d resources, want 1", n)
	}
	scopes := data.GetResourceSpans()[0].GetScopeSpans()
	if len(scopes) != 2 || len(scopes[0].GetSpans()) != 2 || len(scopes[1].GetSpans()) != 1 {
		t.Fatalf("spans are not grouped by scope: %v", scopes)
	}
	tool := scopes[1].GetSpans()[0]
	if got := hex.EncodeToString(tool.GetTraceId()); got != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("trace id %s", got)
	}
	if tool.GetKind() != tracepb.Span_SPAN_KIND_INTERNAL || tool.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR {
		t.Errorf("kind %v, status %v", tool.GetKind(), tool.GetStatus())
	}
	if tool.GetEndTimeUnixNano()-tool.GetStartTimeUnixNano() != uint64(time.Millisecond) {
		t.Errorf("took %d ns", tool.GetEndTimeUnixNano()-tool.GetStartTimeUnixNano())
	}
	values := map[string]string{}
	for _, kv := range tool.GetAttributes() {
		values[kv.GetKey()] = kv.GetValue().String()
	}
	for key, want := range map[string]string{"int": "int_value:9223372036854775807", "nan": "double_value:nan", "bool": "bool_value:true"} {
		if values[key] != want {
			t.Errorf("%s is %q, want %q", key, values[key], want)
		}
	}
	root := scopes[0].GetSpans()[1]
	if root.GetFlags() != 0x301 || scopes[0].GetSpans()[0].GetFlags() != 0x101 {
		t.Errorf("flags %x and %x, want 301 (remote parent) and 101", root.GetFlags(), scopes[0].GetSpans()[0].GetFlags())
	}
}

func rewriteIDs(t *testing.T, node any) {
	t.Helper()
	switch node := node.(type) {
	case []any:
		for _, e := range node {
			rewriteIDs(t, e)
		}
	case map[string]any:
		for key, v := range node {
			s, ok := v.(string)
			if ok && (key == "traceId" || key == "spanId" || key == "parentSpanId") {
				raw, err := hex.DecodeString(s)
				if err != nil {
					t.Fatalf("%s is not hexadecimal: %v", key, err)
				}
				node[key] = base64.StdEncoding.EncodeToString(raw)
				continue
			}
			rewriteIDs(t, v)
		}
	}
}

func TestOperationImpliesType(t *testing.T) {
	t.Parallel()
	for operation, want := range map[string]Type{
		OperationChat: TypeGeneration, OperationGenerate: TypeGeneration, OperationTextCompletion: TypeGeneration,
		OperationEmbeddings: TypeEmbedding, OperationRetrieval: TypeRetriever, OperationCreateAgent: TypeAgent,
		OperationInvokeAgent: TypeAgent, OperationInvokeWorkflow: TypeChain, OperationExecuteTool: TypeTool, "dance": "",
	} {
		attrs := withType([]attribute.KeyValue{attribute.String(KeyOperation, operation)})
		got := ""
		if len(attrs) > 1 {
			got = attrs[1].Value.AsString()
		}
		if got != string(want) {
			t.Errorf("%s is a %q, want %q", operation, got, want)
		}
	}
	said := withType([]attribute.KeyValue{attribute.String(KeyType, "chain"), attribute.String(KeyOperation, OperationChat)})
	if len(said) != 2 || said[0].Value.AsString() != "chain" {
		t.Errorf("a type that was said was changed: %v", said)
	}
}

func TestFailureToWriteIsReportedOnce(t *testing.T) {
	t.Parallel()
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	f := &files{dir: blocked, now: time.Now, logger: slog.New(slog.NewTextHandler(&log, nil)), cleaner: newCleaner(false, nil)}
	for range 3 {
		if err := f.ExportSpans(t.Context(), stubs(t)); err != nil {
			t.Fatalf("the work was told: %v", err)
		}
	}
	if n := bytes.Count(log.Bytes(), []byte("\n")); n != 1 {
		t.Errorf("reported %d times: %s", n, log.String())
	}
	if f.dropped.Load() != 9 {
		t.Errorf("%d dropped, want 9", f.dropped.Load())
	}
}
