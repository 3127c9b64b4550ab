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
	// Ruler judges calls by what people wrote down; without one, effects alone do.
	Ruler Ruler
	// Limits says how much may be launched and written; without it there are
	// no limits.
	Limits func() (Limits, error)
}

// StandardGates returns the gates of minivess in their order: trace outermost,
// so that a span covers everything; rule, so that who allowed a call is known
// to audit, which has refusals on record; once, so that a repeated call is
// answered from memory; obey, which refuses what the rules deny; approval; and
// budget innermost, so that only what really runs is counted. The ledgers of
// approvals, calls and budgets lie beside the audit trail.
func StandardGates(o GateOptions) []Gate {
	ledger := NewLedger(filepath.Join(filepath.Dir(o.Audit), ledgerName), o.Now)
	return []Gate{
		TraceGate(o.Trace),
		RuleGate(o.Ruler, o.Now),
		AuditGate(NewAuditLog(o.Audit, o.Now), o.NewID, o.Now),
		OnceGate(ledger, o.Now),
		ObeyGate(),
		ApprovalGate(ledger, o.Now),
		BudgetGate(NewPurse(filepath.Join(filepath.Dir(o.Audit), PurseName), o.Now), o.Limits),
	}
}
