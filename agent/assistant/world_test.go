package assistant_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tmc/langchaingo/llms"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/llm/llmtest"
	"github.com/minivess/minivess/agent/thread"
	"github.com/minivess/minivess/tools"
)

// world is a small catalogue of real tools behind the real gates. What the
// tools do they write into a file, so that it can be counted after a kill.
type world struct {
	dir  string
	hook func(point string) // called around everything that matters
	now  func() time.Time   // time.Now when nil

	mu    sync.Mutex
	gates map[string]chan struct{} // tools that wait
	fails map[string]*tools.Error
	fate  map[string]assistant.RunOutcome // by run

	scores  any // what look finds, if set
	summary string

	latest      string       // the run that "latest" means
	without     string       // a tool that this version does not have
	renamed     bool         // train's steps are called max_steps in this version
	trainEffect tools.Effect // of train, if not launch
}

func (w *world) at(point string) {
	if w.hook != nil {
		w.hook(point)
	}
}

// did records that a tool acted. A tool that acts twice for one call does the
// work once, as the real ones do.
func (w *world) did(ctx context.Context, tool string, args any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	raw, err := json.Marshal(args)
	if err != nil {
		return err
	}
	line := fmt.Sprintf("%s %s %s\n", tool, tools.CallID(ctx), raw)
	for _, before := range w.lines() {
		if before == strings.TrimSuffix(line, "\n") && tools.CallID(ctx) != "" {
			return nil
		}
	}
	f, err := os.OpenFile(filepath.Join(w.dir, "did"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line)
	return errors.Join(err, f.Close())
}

// lines is what was done: tool, call id, arguments.
func (w *world) lines() []string {
	raw, err := os.ReadFile(filepath.Join(w.dir, "did"))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(raw)), "\n")
}

// acts is what was done, without call ids.
func (w *world) acts() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var acts []string
	for _, l := range w.lines() {
		if part := strings.SplitN(l, " ", 3); len(part) == 3 {
			acts = append(acts, part[0]+" "+part[2])
		}
	}
	return acts
}

func (w *world) clock() time.Time {
	if w.now != nil {
		return w.now()
	}
	return time.Now()
}

type dataArgs struct {
	Name    string `json:"name"`
	Volumes int    `json:"volumes,omitempty" default:"10" minimum:"1"`
}

type dataOut struct {
	tools.Line
	Dataset struct {
		Name string `json:"name"`
	} `json:"dataset"`
}

type trainArgs struct {
	Dataset string  `json:"dataset"`
	Steps   int     `json:"steps,omitempty" default:"400" minimum:"1"`
	Rate    float64 `json:"learning_rate,omitempty"`
	Batch   int     `json:"batch_size,omitempty"`
	Patch   []int   `json:"patch_size,omitempty"`
	Fold    *int    `json:"fold,omitempty"`
}

// newTrainArgs are those of another version.
type newTrainArgs struct {
	Dataset  string `json:"dataset"`
	MaxSteps int    `json:"max_steps,omitempty"`
}

type shapeArgs struct {
	Name    string   `json:"name"`
	Patch   *[3]int  `json:"patch,omitempty"`
	Metrics []string `json:"metrics,omitempty"`
	Deep    bool     `json:"deep,omitempty"`
}

type runArgs struct {
	Run string `json:"run"`
}

type runOut struct {
	tools.Line
	Run string `json:"run"`
}

type lookArgs struct {
	Query string `json:"query,omitempty"`
}

type lookOut struct {
	tools.Line
	Query  string `json:"query"`
	Rows   []any  `json:"rows"`
	Scores any    `json:"scores,omitempty"`
}

// tool makes a tools.Tool of a function.
type tool[In any, Out tools.Summarised] struct {
	w      *world
	name   string
	effect tools.Effect
	run    func(ctx context.Context, in In) (Out, error)
}

func (t tool[In, Out]) Spec() tools.Spec {
	return tools.Spec{Name: t.name, Family: "test", Effect: t.effect, Doc: "# Does " + t.name}
}

func (t tool[In, Out]) Preview(_ context.Context, in In) (tools.Preview, error) {
	if err := t.w.fails["preview "+t.name]; err != nil {
		return tools.Preview{}, err
	}
	p := tools.Preview{Summary: t.name, Cost: tools.Cost{Seconds: 60, MemoryBytes: 1 << 30}}
	switch in := any(in).(type) {
	case runArgs:
		if in.Run == "latest" && t.w.latest != "" {
			p.Summary, p.Args = t.name+" "+t.w.latest, []byte(`{"run":"`+t.w.latest+`"}`)
		}
	case trainArgs:
		if len(in.Patch) == 3 {
			p.Cost.MemoryBytes = int64(in.Patch[0]*in.Patch[1]*in.Patch[2]*max(in.Batch, 1)) << 10
		}
		if in.Dataset == "demmo" {
			return tools.Preview{}, tools.Errorf(tools.CodeNotFound, "there is no dataset demmo").WithHint("known datasets: demo, cortex").WithCandidates("demo", "cortex")
		}
	}
	return p, nil
}

func (t tool[In, Out]) Run(ctx context.Context, in In, emit func(tools.Progress)) (out Out, err error) {
	t.w.at("before " + t.name)
	if gate := t.w.gates[t.name]; gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return out, ctx.Err()
		}
	}
	if err := t.w.fails[t.name]; err != nil {
		return out, err
	}
	if err := t.w.did(ctx, t.name, in); err != nil {
		return out, err
	}
	emit(tools.Progress{Done: 1, Total: 1})
	out, err = t.run(ctx, in)
	t.w.at("after " + t.name)
	return out, err
}

func line(format string, args ...any) tools.Line {
	return tools.Line{Summary: fmt.Sprintf(format, args...)}
}

func (w *world) registry() (*tools.Registry, error) {
	r := tools.NewRegistry(tools.StandardGates(tools.GateOptions{
		Audit: filepath.Join(w.dir, "audit.jsonl"), NewID: func() string { return "anonymous" }, Now: w.clock,
		Trace: tools.TraceOptions{Tracer: noop.NewTracerProvider().Tracer("")},
	})...)
	var err error
	add := func(e error) {
		if err == nil {
			err = e
		}
	}
	add(tools.Register(r, tool[lookArgs, lookOut]{w, "look", tools.Read, func(_ context.Context, in lookArgs) (lookOut, error) {
		if w.scores != nil {
			return lookOut{Line: line("%s", cmp.Or(w.summary, "2 rows")), Query: in.Query, Scores: w.scores}, nil
		}
		return lookOut{Line: line("1 row"), Query: in.Query, Rows: []any{map[string]any{"run": "run-2", "dice": 0.8612, "volumes": 2}}}, nil
	}}))
	add(tools.Register(r, tool[dataArgs, dataOut]{w, "make_data", tools.Write, func(_ context.Context, in dataArgs) (dataOut, error) {
		out := dataOut{Line: line("made %s with %d volumes", in.Name, in.Volumes)}
		out.Dataset.Name = in.Name
		return out, nil
	}}))
	effect := cmp.Or(w.trainEffect, tools.Launch)
	switch {
	case w.without == "train":
	case w.renamed:
		add(tools.Register(r, tool[newTrainArgs, runOut]{w, "train", effect, func(context.Context, newTrainArgs) (runOut, error) {
			return runOut{}, errors.New("a test trains with the tool of an old version")
		}}))
	default:
		add(tools.Register(r, tool[trainArgs, runOut]{w, "train", effect, func(ctx context.Context, in trainArgs) (runOut, error) {
			_, id, _ := strings.Cut(tools.CallID(ctx), "/")
			_, id, _ = strings.Cut(id, "/")
			_, id, _ = strings.Cut(id, "/")
			run := "run-" + strings.ReplaceAll(id, "/", "-")
			return runOut{line("%s trains on %s", run, in.Dataset), run}, nil
		}}))
	}
	add(tools.Register(r, tool[shapeArgs, tools.Line]{w, "shape", tools.Write, func(context.Context, shapeArgs) (tools.Line, error) {
		return line("shaped"), nil
	}}))
	add(tools.Register(r, tool[runArgs, runOut]{w, "judge", tools.Launch, func(_ context.Context, in runArgs) (runOut, error) {
		return runOut{line("judging %s", in.Run), "eval-of-" + in.Run}, nil
	}}))
	add(tools.Register(r, tool[runArgs, runOut]{w, "drop", tools.Destroy, func(_ context.Context, in runArgs) (runOut, error) {
		return runOut{line("dropped %s", in.Run), in.Run}, nil
	}}))
	return r, err
}

// Watch lets every run finish, unless the world has another fate for it.
func (w *world) Watch(ctx context.Context, run string, emit func(tools.Progress)) (assistant.RunOutcome, error) {
	w.at("watch " + run)
	emit(tools.Progress{Run: run, Phase: "train", Done: 200, Total: 400, Values: map[string]float64{"loss": 0.31}})
	if gate := w.gates[run]; gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return assistant.RunOutcome{}, ctx.Err()
		}
	}
	w.at("ended " + run)
	if out, ok := w.fate[run]; ok {
		return out, nil
	}
	return assistant.RunOutcome{State: "finished", Summary: run + " finished after 400 steps, dice 0.87"}, nil
}

// rig is an assistant in a world, with a thread.
type rig struct {
	*assistant.Assistant
	world  *world
	store  *thread.Store
	model  *llmtest.Model
	thread string
	left   bool // the model need not be asked for all its answers
	events []assistant.Event
}

func newRig(t *testing.T, o assistant.Options, replies ...llmtest.Reply) *rig {
	t.Helper()
	r := &rig{
		world: &world{
			dir: t.TempDir(), gates: map[string]chan struct{}{}, fails: map[string]*tools.Error{}, fate: map[string]assistant.RunOutcome{},
		},
		model: llmtest.New(replies...),
	}
	r.world.now = o.Now
	r.store = thread.NewStore(filepath.Join(r.world.dir, "threads"), thread.Options{Lazy: true})
	info, err := r.store.Create(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	r.thread = info.ID
	r.reopen(t, o)
	t.Cleanup(func() {
		if n := r.model.Left(); n > 0 && !t.Failed() && !r.left {
			t.Errorf("the model was not asked for its last %d answers", n)
		}
	})
	return r
}

// reopen makes the assistant anew, as another process or version has it.
func (r *rig) reopen(t *testing.T, o assistant.Options) {
	t.Helper()
	r.Assistant = r.another(t, o)
}

// another is one more assistant on the same threads.
func (r *rig) another(t *testing.T, o assistant.Options) *assistant.Assistant {
	t.Helper()
	registry, err := r.world.registry()
	if err != nil {
		t.Fatal(err)
	}
	o.Registry, o.Watcher = registry, r.world
	if o.Threads == nil {
		o.Threads = r.store
	}
	if o.Model == nil {
		o.Model = r.model
	}
	a, err := assistant.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// leaveAt decides and leaves at a point of the world.
func (r *rig) leaveAt(t *testing.T, point string, d assistant.Decision) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r.world.hook = func(at string) {
		if at == point {
			leave()
		}
	}
	out, err := assistant.Wait(r.Decide(ctx, r.thread, d), r.see)
	r.world.hook = nil
	if err != nil || out.Status != assistant.StatusDetached {
		t.Fatalf("left at %s: %s, %v", point, out.Status, err)
	}
}

func (r *rig) see(e assistant.Event) { r.events = append(r.events, e) }

func (r *rig) turn(t *testing.T, text string) assistant.Outcome {
	t.Helper()
	out, err := assistant.Wait(r.Turn(t.Context(), r.thread, text), r.see)
	if err != nil {
		t.Fatalf("turn %q: %v", text, err)
	}
	return out
}

func (r *rig) decide(t *testing.T, d assistant.Decision) assistant.Outcome {
	t.Helper()
	out, err := assistant.Wait(r.Decide(t.Context(), r.thread, d), r.see)
	if err != nil {
		t.Fatalf("decide %+v: %v", d, err)
	}
	return out
}

// story is the kinds of the events so far, repetitions left out.
func (r *rig) story() string {
	var kinds []string
	for _, e := range r.events {
		k := string(e.Kind)
		if e.Kind == assistant.EventStep {
			k += ":" + e.Step.ID + ":" + string(e.Step.State)
		}
		if len(kinds) == 0 || kinds[len(kinds)-1] != k {
			kinds = append(kinds, k)
		}
	}
	return strings.Join(kinds, " ")
}

func states(p *assistant.Plan) string {
	if p == nil {
		return "no plan"
	}
	var s []string
	for i := range p.Steps {
		s = append(s, string(p.Steps[i].State))
	}
	return strings.Join(s, " ")
}

// pipeline is the plan of the first five minutes.
func pipeline() llmtest.Reply {
	return llmtest.Reply{Text: "I took 10 volumes.", Calls: []llmtest.Call{
		{Tool: "make_data", Args: `{"name":"demo"}`},
		{Tool: "train", Args: `{"dataset":"@1.dataset.name","steps":400}`},
		{Tool: "judge", Args: `{"run":"@2.run"}`},
		{Tool: "look", Args: `{"query":"select dice","_needs":["3"]}`},
	}}
}

func answering(text string) llmtest.Reply { return llmtest.Reply{Text: text} }

// lastTexts is what the model was last sent, by role.
func lastTexts(messages []llms.MessageContent, role llms.ChatMessageType) []string {
	var out []string
	for _, m := range messages {
		if m.Role == role {
			out = append(out, llmtest.Last([]llms.MessageContent{m}))
		}
	}
	return out
}
