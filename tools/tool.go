// Package tools is the contract between whoever decides (the agent, the
// command line, an MCP client) and whatever does the work (the engine).
//
// A tool is a typed function with manners: Go structs in and out, a JSON
// Schema derived from them, a Markdown prompt beside the code, an effect, and
// a preview that says what would happen and what it would cost. Gates
// (approval, audit, tracing) are decorators around the registry and fail
// closed. What belongs to one family of tools lives in that family's folder.
package tools

import (
	"context"
	"encoding/json"

	"github.com/google/jsonschema-go/jsonschema"
)

// Effect says what running a tool may do to the world.
type Effect string

// The four effects, in rising order of consequence.
const (
	Read    Effect = "read"    // no change
	Write   Effect = "write"   // adds something
	Launch  Effect = "launch"  // starts costly work
	Destroy Effect = "destroy" // ends or removes something
)

// Spec names a tool. Doc is the Markdown file beside its code: the first line
// is the one-line summary, "## Examples" holds utterances with their arguments.
type Spec struct {
	Name   string
	Family string
	Effect Effect
	Doc    string
}

// Tool is a typed tool. Preview must not change anything; Run must return
// promptly when ctx ends. A Launch tool returns at once with the run it
// started. Emit may be called from one goroutine at a time.
type Tool[In, Out any] interface {
	Spec() Spec
	Preview(ctx context.Context, in In) (Preview, error)
	Run(ctx context.Context, in In, emit func(Progress)) (Out, error)
}

// Summarised is what every tool's output satisfies: one line for a person.
type Summarised interface{ OneLine() string }

// Descriptor is what callers see of a registered tool.
type Descriptor struct {
	Name        string             `json:"name"`
	Family      string             `json:"family"`
	Effect      Effect             `json:"effect"`
	Summary     string             `json:"summary"`
	Description string             `json:"description"`
	Examples    []Example          `json:"examples,omitempty"`
	Input       *jsonschema.Schema `json:"input"`
	Output      *jsonschema.Schema `json:"output"`
}

// Example pairs what a person might say with the arguments it means.
type Example struct {
	Say  string          `json:"say"`
	Args json.RawMessage `json:"args"`
}

// Call asks for one tool. ID is the idempotency key: a Launch or Write tool
// called twice with one non-empty ID acts once and returns the first result.
type Call struct {
	ID   string          `json:"id,omitempty"`
	Tool string          `json:"tool"`
	Args json.RawMessage `json:"args"`
}

// Preview says what a call would do. Args is the resolved form, defaults
// filled in.
type Preview struct {
	Summary string          `json:"summary"`
	Args    json.RawMessage `json:"args"`
	Writes  []string        `json:"writes,omitempty"`
	// Reads are files that the call would read although its arguments do not
	// name them, because a file that they name does: absolute paths. A tool
	// that has any holds to them with CheckReads when it runs.
	Reads        []string `json:"reads,omitempty"`
	Cost         Cost     `json:"cost"`
	Irreversible bool     `json:"irreversible,omitempty"`
	Notes        []string `json:"notes,omitempty"`
	// Ruling is what the rules say to the call; nil where they leave it to its effect.
	Ruling *Ruling `json:"ruling,omitempty"`
}

// Cost is an estimate; zero means negligible. Basis says where it came from
// ("measured rate of run brisk-otter-7f3a", "cost model").
type Cost struct {
	Seconds     float64 `json:"seconds,omitempty"`
	MemoryBytes int64   `json:"memory_bytes,omitempty"`
	DiskBytes   int64   `json:"disk_bytes,omitempty"`
	Basis       string  `json:"basis,omitempty"`
}

// Progress is one report from a running tool or from the job it launched.
type Progress struct {
	Tool    string             `json:"tool,omitempty"`
	Run     string             `json:"run,omitempty"`
	State   string             `json:"state,omitempty"`
	Phase   string             `json:"phase,omitempty"`
	Done    int64              `json:"done,omitempty"`
	Total   int64              `json:"total,omitempty"`
	Rate    float64            `json:"rate,omitempty"`
	ETA     float64            `json:"eta_seconds,omitempty"`
	Message string             `json:"message,omitempty"`
	Values  map[string]float64 `json:"values,omitempty"`
}

// Result is what a call produced. Value is the tool's typed output; Run is set
// by tools that launched or chose a run; Query is the SQL behind the numbers.
type Result struct {
	Tool    string          `json:"tool"`
	Summary string          `json:"summary"`
	Run     string          `json:"run,omitempty"`
	Query   string          `json:"query,omitempty"`
	Value   json.RawMessage `json:"value"`
}
