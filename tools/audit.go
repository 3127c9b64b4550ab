package tools

import (
	"context"
	"encoding/json"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// The kinds of audit entry.
const (
	AuditCalled = "tool_called" // before: what is going to be tried
	AuditEnded  = "tool_ended"  // after: what came of it
)

// AuditEntry is one line of the audit trail. Entries of one call share Call,
// which is the caller's ID or, where it gave none, one made for the purpose.
type AuditEntry struct {
	Call        string          `json:"call"`
	Tool        string          `json:"tool"`
	Effect      Effect          `json:"effect"`
	Fingerprint string          `json:"fingerprint"`
	Args        json.RawMessage `json:"args,omitempty"`
	ApprovedBy  string          `json:"approved_by,omitempty"`
	Trace       string          `json:"trace,omitempty"`
	Outcome     string          `json:"outcome,omitempty"` // done, or the error's code
	Message     string          `json:"message,omitempty"`
	Run         string          `json:"run,omitempty"`
	Seconds     float64         `json:"seconds,omitempty"`
}

// Auditor writes one entry so that it is on disk when Record returns.
type Auditor interface {
	Record(ctx context.Context, kind string, entry AuditEntry) error
}

// AuditGate writes an entry before and after every call that may change
// something, refused ones included; secrets are redacted. A call whose first
// entry cannot be written is refused. Read tools are not audited, so looking
// around stays possible on a full disk, and the trail stays about changes;
// reading that a rule asks about or denies is.
func AuditGate(a Auditor, newID func() string, now func() time.Time) Gate {
	return func(d Descriptor, next Handler) Handler {
		return func(ctx context.Context, c Call, emit func(Progress)) (Result, error) {
			if ruling, _ := RulingFrom(ctx); d.Effect == Read && !ruling.Verdict.stricter(Allow) {
				return next(ctx, c, emit)
			}
			if a == nil || newID == nil || now == nil {
				return Result{}, Errorf(CodeRefused, "%s is refused: there is no audit trail to write to", c.Tool)
			}
			began := now()
			entry := auditEntry(ctx, d, c)
			if entry.Call == "" {
				entry.Call = newID()
			}
			before := entry
			before.Args = Redact(c.Args)
			if err := a.Record(ctx, AuditCalled, before); err != nil {
				return Result{}, Errorf(CodeRefused, "%s is refused: the audit trail cannot be written: %w", c.Tool, err).
					WithHint("nothing was done; make the audit trail writable and try again")
			}
			res, err := next(ctx, c, emit)
			entry.Outcome, entry.Message, entry.Run = "done", redactText(res.Summary), res.Run
			if err != nil {
				e := AsError(err)
				entry.Outcome, entry.Message = string(e.Code), redactText(e.Message)
			}
			entry.Seconds = now().Sub(began).Seconds()
			// The call may have been cancelled; what came of it is recorded all the same.
			if auditErr := a.Record(context.WithoutCancel(ctx), AuditEnded, entry); auditErr != nil && err == nil {
				return res, Errorf(CodeFailed, "%s was done (%s), but its end is missing from the audit trail: %w", c.Tool, res.Summary, auditErr).
					WithHint("make the audit trail writable before going on")
			}
			return res, err
		}
	}
}

func auditEntry(ctx context.Context, d Descriptor, c Call) AuditEntry {
	entry := AuditEntry{Call: c.ID, Tool: d.Name, Effect: d.Effect, Fingerprint: Fingerprint(c.Tool, c.Args)}
	if a, ok := ApprovalFrom(ctx); ok {
		entry.ApprovedBy = a.By
	}
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		entry.Trace = sc.TraceID().String()
	}
	return entry
}
