package traces

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// ErrTraceParent says that a text is no W3C traceparent.
var ErrTraceParent = errors.New("traces: not a W3C traceparent")

// Names of environment variables that carry a trace into a child process, after
// OpenTelemetry's specification of environment variables as carriers.
const (
	EnvTraceParent = "TRACEPARENT"
	EnvTraceState  = "TRACESTATE"
	EnvBaggage     = "BAGGAGE"
)

// TraceParent is the W3C traceparent of the span in ctx, to be written into a
// job specification; "" when there is none.
func TraceParent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// WithTraceParent makes spans started from the returned context continue the
// trace that traceparent names. An empty text changes nothing; a malformed one
// changes nothing either and is reported.
func WithTraceParent(ctx context.Context, traceparent string) (context.Context, error) {
	if traceparent == "" {
		return ctx, nil
	}
	fresh := trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	parent := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(fresh, propagation.MapCarrier{"traceparent": traceparent}))
	if !parent.IsValid() {
		return ctx, fmt.Errorf("%w: %q; the work goes on in a trace of its own", ErrTraceParent, traceparent)
	}
	return trace.ContextWithRemoteSpanContext(ctx, parent), nil
}

// Environ lists NAME=value settings that carry the trace in ctx, with what all
// of its spans share, into a child process.
func Environ(ctx context.Context) []string {
	carrier := propagation.MapCarrier{}
	propagator().Inject(withShared(ctx), carrier)
	var out []string
	for _, pair := range [][2]string{{EnvTraceParent, "traceparent"}, {EnvTraceState, "tracestate"}, {EnvBaggage, "baggage"}} {
		if v := carrier[pair[1]]; v != "" {
			out = append(out, pair[0]+"="+v)
		}
	}
	return out
}

// FromEnviron continues the trace that a parent process put into the
// environment, which getenv reads. Without one ctx is returned as it is.
func FromEnviron(ctx context.Context, getenv func(string) string) context.Context {
	return propagator().Extract(ctx, propagation.MapCarrier{
		"traceparent": getenv(EnvTraceParent), "tracestate": getenv(EnvTraceState), "baggage": getenv(EnvBaggage),
	})
}

// withShared puts what a trace's spans share into the baggage of ctx.
func withShared(ctx context.Context) context.Context {
	span, ok := trace.SpanFromContext(ctx).(sdktrace.ReadOnlySpan)
	if !ok {
		return ctx
	}
	bag := baggage.FromContext(ctx)
	for _, kv := range span.Attributes() {
		if !inherited(kv.Key) {
			continue
		}
		value := kv.Value.AsString()
		if kv.Value.Type() == attribute.STRINGSLICE {
			b, err := json.Marshal(kv.Value.AsStringSlice())
			if err != nil {
				continue
			}
			value = string(b)
		}
		member, err := baggage.NewMemberRaw(string(kv.Key), value)
		if err != nil {
			continue // a value that baggage cannot carry stays behind
		}
		if fuller, err := bag.SetMember(member); err == nil {
			bag = fuller
		}
	}
	return baggage.ContextWithBaggage(ctx, bag)
}
