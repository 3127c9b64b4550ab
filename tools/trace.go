package tools

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// TraceOptions says how calls are traced. Content adds arguments and results
// to the spans, redacted; it is off by default because they may name patients.
type TraceOptions struct {
	Tracer  trace.Tracer
	Content bool
}

// TraceGate gives every call a span "execute_tool NAME" with the GenAI
// attributes of OpenTelemetry and the observation type of Langfuse. Without a
// tracer the call is refused.
func TraceGate(o TraceOptions) Gate {
	return func(d Descriptor, next Handler) Handler {
		return func(ctx context.Context, c Call, emit func(Progress)) (Result, error) {
			if o.Tracer == nil {
				return Result{}, Errorf(CodeRefused, "%s is refused: there is no tracer to trace it with", c.Tool)
			}
			ctx, span := o.Tracer.Start(ctx, "execute_tool "+d.Name,
				trace.WithSpanKind(trace.SpanKindInternal), trace.WithAttributes(callAttributes(d, c, o.Content)...))
			defer span.End()
			res, err := next(ctx, c, emit)
			if err != nil {
				e := AsError(err)
				span.SetAttributes(attribute.String("error.type", string(e.Code)))
				span.SetStatus(codes.Error, string(e.Code))
				if o.Content {
					span.SetAttributes(attribute.String("langfuse.observation.status_message", redactText(e.Message)))
				}
				return res, err
			}
			if res.Run != "" {
				span.SetAttributes(attribute.String("minivess.run.id", res.Run))
			}
			if o.Content {
				span.SetAttributes(attribute.String("gen_ai.tool.call.result", string(Redact(res.Value))))
			}
			return res, nil
		}
	}
}

func callAttributes(d Descriptor, c Call, content bool) []attribute.KeyValue {
	attrs := []attribute.KeyValue{
		attribute.String("gen_ai.operation.name", "execute_tool"),
		attribute.String("gen_ai.tool.name", d.Name),
		attribute.String("gen_ai.tool.type", "function"),
		attribute.String("gen_ai.tool.description", d.Summary),
		attribute.String("langfuse.observation.type", "tool"),
		attribute.String("minivess.tool.effect", string(d.Effect)),
		attribute.String("minivess.tool.fingerprint", Fingerprint(c.Tool, c.Args)),
	}
	if c.ID != "" {
		attrs = append(attrs, attribute.String("gen_ai.tool.call.id", c.ID))
	}
	if content {
		attrs = append(attrs, attribute.String("gen_ai.tool.call.arguments", string(Redact(c.Args))))
	}
	return attrs
}

// TraceParent is the W3C trace context of ctx, for a launched job to go on
// with; it is empty when nothing is traced.
func TraceParent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get("traceparent")
}
