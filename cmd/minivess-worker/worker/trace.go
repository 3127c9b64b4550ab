package worker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/traces"
)

// tracePatience is how long the last spans may take to reach the disk.
const tracePatience = 5 * time.Second

// tracing is the job's part of the trace that launched it.
type tracing struct {
	ctx      context.Context //nolint:containedctx // carries the parent span from the specification
	tracer   trace.Tracer
	provider *traces.Provider
}

// startTracing continues the trace that the specification names. One that
// cannot be read is logged and left: a job is worth more than its span.
func startTracing(ctx context.Context, b Build, ws *workspace.Workspace, spec runs.Spec, logger *slog.Logger) (tracing, error) {
	p, err := traces.Setup(ctx, traces.Options{Dir: ws.Traces(), Service: "minivess-worker", Version: b.Version, Logger: logger})
	if err != nil {
		return tracing{}, fmt.Errorf("start tracing: %w", err)
	}
	parent, err := traces.WithTraceParent(ctx, spec.TraceParent)
	if err != nil {
		logger.WarnContext(ctx, "the job's span has no parent", "error", err)
	}
	return tracing{ctx: parent, tracer: p.Tracer("github.com/minivess/minivess/engine/train"), provider: p}, nil
}

// shutdown writes what is left, also when the job was told to stop.
func (t tracing) shutdown() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), tracePatience)
	defer cancel()
	return t.provider.Shutdown(ctx)
}
