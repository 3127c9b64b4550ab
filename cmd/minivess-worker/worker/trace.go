package worker

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
)

// tracer makes the worker's spans.
func tracer() trace.Tracer { return otel.Tracer("github.com/minivess/minivess/cmd/minivess-worker") }
