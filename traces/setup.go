// Package traces sets OpenTelemetry up: it writes every span as OTLP/JSON into
// files that Langfuse and any collector can read later, without a network. It
// holds the attribute contract and the way a trace crosses into a child
// process. It is a leaf: other rooms use the OpenTelemetry API alone, and only
// the binaries call this package.
package traces

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// ErrOptions says that Setup was not told what it needs.
var ErrOptions = errors.New("traces: incomplete options")

const (
	// flushEvery bounds how much a killed process loses.
	flushEvery = time.Second
	// longestValue cuts attribute values; prompts may be long, files need not.
	longestValue = 64 << 10
)

// Options says where spans go and what all of them carry.
type Options struct {
	// Dir is the folder for <day>.jsonl. It is made when the first span is
	// written.
	Dir string
	// Service and Version name the program.
	Service, Version string
	// Environment is Langfuse's environment and OpenTelemetry's
	// deployment.environment.name, such as "development"; "" leaves it out.
	Environment string
	// Session and User, if set, are put on every span that has none.
	Session, User string
	// Tags are put on every span that has none.
	Tags []string
	// Attributes describe the process in the resource of every line.
	Attributes []attribute.KeyValue
	// Content lets prompts, answers, arguments and results through. It is off
	// by default, because they may name patients.
	Content bool
	// Secrets are texts, such as API keys, to be masked wherever they occur.
	Secrets []string
	// Logger is told once when spans cannot be written; nil means silence.
	Logger *slog.Logger
	// Now is the clock that names the day's file; nil means time.Now.
	Now func() time.Time
}

// Provider hands out tracers until it is shut down.
type Provider struct {
	sdk   *sdktrace.TracerProvider
	files *files
}

// Setup starts a provider. Spans are written within a second of their end by a
// goroutine of its own, and all of them by Shutdown. Not being able to write
// never disturbs the work: it is logged once and spans are counted as dropped.
func Setup(_ context.Context, o Options) (*Provider, error) {
	if o.Dir == "" || o.Service == "" {
		return nil, fmt.Errorf("%w: both a folder and a service name are needed", ErrOptions)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	files := &files{dir: o.Dir, now: o.Now, logger: o.Logger, cleaner: newCleaner(o.Content, o.Secrets)}
	limits := sdktrace.NewSpanLimits()
	limits.AttributeValueLengthLimit = longestValue
	return &Provider{
		files: files,
		sdk: sdktrace.NewTracerProvider(
			sdktrace.WithResource(resource.NewSchemaless(resourceAttributes(o)...)),
			sdktrace.WithRawSpanLimits(limits),
			sdktrace.WithSampler(sdktrace.AlwaysSample()),
			sdktrace.WithSpanProcessor(newInheritance(o)),
			sdktrace.WithBatcher(files, sdktrace.WithBatchTimeout(flushEvery)),
		),
	}, nil
}

func resourceAttributes(o Options) []attribute.KeyValue {
	attrs := []attribute.KeyValue{
		attribute.String(KeyServiceName, o.Service),
		attribute.String("telemetry.sdk.name", "opentelemetry"),
		attribute.String("telemetry.sdk.language", "go"),
	}
	if o.Version != "" {
		attrs = append(attrs, attribute.String(KeyServiceVersion, o.Version))
	}
	if e := Environment(o.Environment); e != "" {
		attrs = append(attrs, attribute.String(KeyDeploymentEnvironment, e))
	}
	return append(attrs, o.Attributes...)
}

// Tracer returns a tracer for the named library or program.
func (p *Provider) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	return p.sdk.Tracer(name, options...)
}

// TracerProvider is the provider as libraries want it.
func (p *Provider) TracerProvider() trace.TracerProvider { return p.sdk }

// Install makes the provider the process's default, with W3C propagation, and
// sends OpenTelemetry's own complaints to the logger instead of to stderr.
func (p *Provider) Install() {
	otel.SetTracerProvider(p.sdk)
	otel.SetTextMapPropagator(propagator())
	otel.SetErrorHandler(otel.ErrorHandlerFunc(p.files.complain))
}

// Flush writes the spans that have ended so far.
func (p *Provider) Flush(ctx context.Context) error { return p.sdk.ForceFlush(ctx) }

// Shutdown writes what is left and ends the provider's goroutine.
func (p *Provider) Shutdown(ctx context.Context) error { return p.sdk.Shutdown(ctx) }

// Dropped counts the spans that could not be written.
func (p *Provider) Dropped() int { return int(p.files.dropped.Load()) }

func propagator() propagation.TextMapPropagator {
	return propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
}
