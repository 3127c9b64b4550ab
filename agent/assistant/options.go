package assistant

import (
	"context"
	"log/slog"
	"time"

	"github.com/tmc/langchaingo/llms"
	"go.opentelemetry.io/otel/trace"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/memory"
	"github.com/minivess/minivess/tools"
)

// Registry is what the assistant needs of the tools; *tools.Registry is one.
type Registry interface {
	List() []tools.Descriptor
	Preview(ctx context.Context, call tools.Call) (tools.Preview, error)
	Invoke(ctx context.Context, call tools.Call, emit func(tools.Progress)) (tools.Result, error)
}

// RunOutcome is how a launched run ended.
type RunOutcome struct {
	State   string `json:"state"` // finished, failed or cancelled
	Summary string `json:"summary,omitempty"`
	Error   string `json:"error,omitempty"`
	Hint    string `json:"hint,omitempty"`
	Code    string `json:"code,omitempty"` // what kind of failure: nan_loss, out_of_memory, …
}

// Watcher waits for launched runs. Watch blocks until the run has ended and
// may be called again for the same run after a restart; ending ctx ends the
// watching, never the run.
type Watcher interface {
	Watch(ctx context.Context, run string, emit func(tools.Progress)) (RunOutcome, error)
}

// Threads keeps conversations; *thread.Store is one. Acquire makes the caller
// the only writer of a thread, in this process and in all others.
type Threads interface {
	graph.Checkpointer
	Acquire(ctx context.Context, thread string) (release func() error, err error)
}

// Memory keeps what the user wants remembered; *memory.Store is one.
type Memory interface {
	List(ctx context.Context) ([]memory.Item, error)
	Remember(ctx context.Context, item memory.Item) (memory.Item, error)
	Forget(ctx context.Context, ids ...string) ([]memory.Item, error)
}

// Policy says what may be done without asking a person.
type Policy string

// The policies. Neither lets anything be destroyed unasked.
const (
	AskBeforeChange  Policy = "ask" // reading runs unasked, all else is reviewed
	AllButDestroying Policy = "yes" // `--yes`: all steps are approved but the destroying ones
)

// NumberPolicy says what happens to an answer with a number that occurs in no
// tool result.
type NumberPolicy string

// The number policies.
const (
	NumbersRefuse   NumberPolicy = "refuse"   // one repair turn, then the answer is withheld
	NumbersAnnotate NumberPolicy = "annotate" // the answer is shown with the numbers named in Answer.Unverified
)

// Options are the parts an Assistant is made of. Model, Registry and Threads
// are required; a nil Watcher means that launched runs are not waited for.
type Options struct {
	Model     llms.Model
	ModelName string // shown to people: "planner (offline)"
	Registry  Registry
	Watcher   Watcher
	Threads   Threads

	Policy  Policy       // default AskBeforeChange
	Numbers NumberPolicy // default NumbersRefuse
	User    string       // who gives approvals, for the audit trail; default "user"

	// Memory, if set, keeps what the user wants remembered.
	Memory Memory
	// Swayable says that the model reads what tools return as language, so that
	// text in data might talk it into something. What it then asks for is
	// approved by a person, whatever the policy.
	Swayable bool
	// Fixed says that what the model says in a turn without any tool is text of
	// this program (its definitions, its examples), whose numbers need no source.
	Fixed bool

	// Tokens is how many parts of an answer may wait for a slow reader while the
	// model writes it. If it is 0, nobody watches and answers come in one piece.
	Tokens int

	// Context, if set, returns lines about the workspace for the system
	// prompt (datasets, models, recent runs).
	Context func(ctx context.Context) string

	MaxRounds   int           // plans in one turn before the assistant gives up; default 12
	MaxParallel int           // steps at work at once; default 4
	ApprovalTTL time.Duration // how long an approval holds for steps not begun yet; default 7 days

	Now    func() time.Time
	Tracer trace.Tracer
	Logger *slog.Logger
}
