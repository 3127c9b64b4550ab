package planner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/tools"
)

// Name is what the planner calls itself in traces and status lines.
const Name = "planner (offline)"

// The keys under which a response's GenerationInfo carries what plain text
// cannot: []Question, []string and Explanation.
const (
	InfoQuestions   = "questions"
	InfoAssumptions = "assumptions"
	InfoExplanation = "explanation"
	InfoModel       = "model"
)

// NeedsKey is the reserved argument that names the steps a step waits for
// when no argument refers to their output.
const NeedsKey = "_needs"

// ErrNoMessages is returned when there is nothing said to answer.
var ErrNoMessages = errors.New("planner: no message from a person to answer")

// Names are what exists in the workspace. They let the planner recognise a
// dataset or a run anywhere in a sentence and offer choices in questions.
type Names struct {
	Datasets []string
	Runs     []string
	Models   []string
}

// ErrFault is returned when a sentence shows a fault of the planner: it must not
// take the conversation down with it.
var ErrFault = errors.New("planner: this sentence shows a fault of the planner")

// Option configures a Model.
type Option func(*Model)

// WithNames gives the planner a way to ask what exists. It is called once a
// turn and must be quick; without it the planner relies on the words alone.
func WithNames(names func(context.Context) Names) Option {
	return func(m *Model) { m.names = names }
}

// WithCatalogue gives the planner the full descriptors, whose examples let it
// understand tools that its own lexicon does not know.
func WithCatalogue(catalogue []tools.Descriptor) Option {
	return func(m *Model) { m.descriptors = catalogue }
}

// WithClock gives the planner the time, by which "since Tuesday" becomes a
// date. Without it the machine's own clock counts.
func WithClock(now func() time.Time) Option {
	return func(m *Model) { m.now = now }
}

// Unheard leaves sentences out of those by which the planner weighs words, so
// that it can be tried on them like on a stranger's.
func Unheard(sentences ...string) Option {
	return func(m *Model) {
		m.unheard = make(map[string]bool, len(sentences))
		for _, s := range sentences {
			m.unheard[s] = true
		}
	}
}

// Model is the offline planner. It is safe for concurrent use.
type Model struct {
	names       func(context.Context) Names
	descriptors []tools.Descriptor
	unbuilt     []tools.Descriptor
	unheard     map[string]bool
	now         func() time.Time
	lex         *lexicon
}

var _ llms.Model = (*Model)(nil)

// New returns a planner.
func New(options ...Option) *Model {
	m := &Model{now: time.Now}
	for _, o := range options {
		o(m)
	}
	// The descriptions are part of the program, and a test reads them: a fault
	// in them leaves requests for such tools out, and nothing else.
	m.unbuilt, _ = tools.Unbuilt()
	m.lex = newLexicon(m.descriptors, m.unbuilt)
	m.lex.evidence = sync.OnceValue(func() *evidence {
		return newEvidence(m.lex, heard(sayings(m.descriptors, m.unbuilt), m.unheard))
	})
	return m
}

// GenerateContent answers the last human message in the light of those before
// it and of the tool results after it. Tool calls in the response are the
// steps of a plan: call k has the id "k", an argument may refer to an earlier
// step as "@k.field", and "_needs" lists steps to wait for. A response without
// tool calls is an answer or a question.
func (m *Model) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (response *llms.ContentResponse, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			response, err = nil, fmt.Errorf("%w: %v; please say it in other words", ErrFault, fault)
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var opts llms.CallOptions
	for _, o := range options {
		o(&opts)
	}
	conversation := readMessages(messages)
	if conversation.text == "" {
		return nil, ErrNoMessages
	}
	out := m.turn(ctx, conversation, catalogueOf(opts.Tools).plus(m.unbuilt))
	if opts.StreamingFunc != nil && out.Reply != "" {
		if err := opts.StreamingFunc(ctx, []byte(out.Reply)); err != nil {
			return nil, fmt.Errorf("planner: stream the reply: %w", err)
		}
	}
	return out.response()
}

// Call answers one prompt without tools.
func (m *Model) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, m, prompt, options...)
}

// Plan reads the turns a person said, the last of which is to be planned, with
// the tools described. It is the same reading that GenerateContent gives, in
// the planner's own types.
func (m *Model) Plan(ctx context.Context, catalogue []tools.Descriptor, turns ...string) Outcome {
	c, cat := conversation{}, catalogueFrom(catalogue).plus(m.unbuilt)
	if n := len(turns); n > 0 {
		c.text = turns[n-1]
		for _, t := range turns[:n-1] {
			before := m.turn(ctx, conversation{history: c.history, text: t}, cat)
			c.history = append(c.history, before.exchange(t))
		}
	}
	return m.turn(ctx, c, cat)
}

// Explain plans one sentence and says which words led to which argument.
func (m *Model) Explain(ctx context.Context, catalogue []tools.Descriptor, text string) Explanation {
	return m.Plan(ctx, catalogue, text).Explanation
}

// ReadCatalogue decodes descriptors from JSON, as a recording of a registry
// holds them.
func ReadCatalogue(raw []byte) ([]tools.Descriptor, error) {
	var out []tools.Descriptor
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("planner: read a catalogue: %w", err)
	}
	return out, nil
}
