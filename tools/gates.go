package tools

import (
	"path/filepath"
	"time"
)

// ledgerName is the ledger's file in a workspace, beside the audit trail.
const ledgerName = "calls.jsonl"

// GateOptions are what the standard gates need.
type GateOptions struct {
	Audit string           // path of the workspace's audit trail
	NewID func() string    // names calls in the trail whose caller gave no ID
	Now   func() time.Time // the clock
	Trace TraceOptions
}

// StandardGates returns the gates of minivess in their order: trace outermost,
// so that a span covers everything; audit, so that refusals are on record;
// once, so that a repeated call is answered from memory; approval innermost.
// The ledger of approvals and calls lies beside the audit trail.
func StandardGates(o GateOptions) []Gate {
	ledger := NewLedger(filepath.Join(filepath.Dir(o.Audit), ledgerName), o.Now)
	return []Gate{
		TraceGate(o.Trace),
		AuditGate(NewAuditLog(o.Audit, o.Now), o.NewID, o.Now),
		OnceGate(ledger, o.Now),
		ApprovalGate(ledger, o.Now),
	}
}
