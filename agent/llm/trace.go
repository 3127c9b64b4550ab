package llm

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/tmc/langchaingo/llms"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// TraceOptions say how model calls are traced. Content adds what was said to
// the spans; it is off by default, because it may name patients.
type TraceOptions struct {
	Tracer   trace.Tracer
	Provider string // "openai", "minivess" for the planner, or what the endpoint is
	Model    string
	Content  bool
}

// Traced gives every call of a model a span "chat MODEL" with OpenTelemetry's
// GenAI attributes and Langfuse's observation type.
func Traced(m llms.Model, o TraceOptions) llms.Model {
	if o.Tracer == nil {
		return m
	}
	return Func((&traced{inner: m, options: o}).ask)
}

type traced struct {
	inner   llms.Model
	options TraceOptions
}

// ask asks the model within a span.
func (t *traced) ask(ctx context.Context, messages []llms.MessageContent, opts llms.CallOptions) (*llms.ContentResponse, error) {
	ctx, span := t.options.Tracer.Start(ctx, "chat "+t.options.Model,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("gen_ai.operation.name", "chat"),
			attribute.String("gen_ai.provider.name", t.options.Provider),
			attribute.String("gen_ai.request.model", t.options.Model),
			attribute.Float64("gen_ai.request.temperature", opts.Temperature),
			attribute.String("langfuse.observation.type", "generation"),
			attribute.Int("minivess.messages", len(messages)),
			attribute.Int("minivess.tools", len(opts.Tools)),
		))
	defer span.End()
	if t.options.Content {
		span.SetAttributes(asJSON("gen_ai.input.messages", plain(messages)))
	}
	resp, err := t.inner.GenerateContent(ctx, messages, llms.WithOptions(opts))
	if err != nil {
		span.SetAttributes(attribute.String("error.type", errorType(err)))
		span.SetStatus(codes.Error, errorType(err))
		return nil, err
	}
	t.describe(span, resp)
	return resp, nil
}

func errorType(err error) string {
	var own *Error
	switch {
	case errors.As(err, &own):
		return string(own.Kind)
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return "other"
}

// usage maps langchaingo's counters to OpenTelemetry's attributes. Cached
// tokens are part of the input tokens in both.
func usage() map[string]string {
	return map[string]string{ //nolint:gosec // these tokens are counted, not kept secret
		"PromptTokens":        "gen_ai.usage.input_tokens",
		"CompletionTokens":    "gen_ai.usage.output_tokens",
		"PromptCachedTokens":  "gen_ai.usage.cache_read.input_tokens",
		"CacheCreationTokens": "gen_ai.usage.cache_creation.input_tokens",
		"ReasoningTokens":     "gen_ai.usage.reasoning.output_tokens",
	}
}

func (t *traced) describe(span trace.Span, resp *llms.ContentResponse) {
	if resp == nil || len(resp.Choices) == 0 {
		return
	}
	c := resp.Choices[0]
	span.SetAttributes(
		attribute.StringSlice("gen_ai.response.finish_reasons", []string{c.StopReason}),
		attribute.Int("minivess.tool_calls", len(c.ToolCalls)),
	)
	for key, name := range map[string]string{InfoModel: "gen_ai.response.model", InfoResponseID: "gen_ai.response.id"} {
		if v, ok := c.GenerationInfo[key].(string); ok && v != "" {
			span.SetAttributes(attribute.String(name, v))
		}
	}
	for key, name := range usage() {
		if n, ok := c.GenerationInfo[key].(int); ok && n > 0 {
			span.SetAttributes(attribute.Int(name, n))
		}
	}
	if cost, ok := c.GenerationInfo[InfoCost].(float64); ok {
		span.SetAttributes(attribute.Float64("gen_ai.usage.cost", cost))
	}
	if t.options.Content {
		span.SetAttributes(asJSON("gen_ai.output.messages", []said{{Role: "assistant", Text: c.Content, Calls: c.ToolCalls}}))
	}
}

// said is a message as a span shows it.
type said struct {
	Role    string                  `json:"role"`
	Text    string                  `json:"text,omitempty"`
	Calls   []llms.ToolCall         `json:"tool_calls,omitempty"`
	Results []llms.ToolCallResponse `json:"tool_results,omitempty"`
}

func plain(messages []llms.MessageContent) []said {
	out := make([]said, len(messages))
	for i, m := range messages {
		out[i].Role = string(m.Role)
		for _, p := range m.Parts {
			switch p := p.(type) {
			case llms.TextContent:
				out[i].Text += p.Text
			case llms.ToolCall:
				out[i].Calls = append(out[i].Calls, p)
			case llms.ToolCallResponse:
				out[i].Results = append(out[i].Results, p)
			}
		}
	}
	return out
}

func asJSON(key string, v any) attribute.KeyValue {
	raw, err := json.Marshal(v)
	if err != nil {
		return attribute.String(key, "")
	}
	return attribute.String(key, string(raw))
}
