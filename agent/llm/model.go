package llm

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/llm/wire"
)

// The keys under which GenerationInfo says what text cannot. The counts of
// tokens are there under langchaingo's names: PromptTokens, CompletionTokens,
// TotalTokens, PromptCachedTokens, ReasoningTokens, and CacheCreationTokens.
// Where a server does not count, they are absent.
const (
	InfoModel      = "model"       // string: what answered, as the server calls it
	InfoProvider   = "provider"    // string: a Provider
	InfoResponseID = "response_id" // string
	InfoCost       = "cost_usd"    // float64: what the answer cost in US dollars; absent where that is not known
	InfoNotices    = "notices"     // []string: what a person should know of how the answer came about
)

// model is one model at one endpoint.
type model struct {
	format     wire.Format
	config     Config
	signatures signatures
}

var _ llms.Model = (*model)(nil)

// String names the model without its key.
func (m *model) String() string { return m.config.String() }

// GoString keeps the key out of %#v.
func (m *model) GoString() string { return "llm.Model{" + m.config.String() + "}" }

// Call answers one prompt without tools.
func (m *model) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, m, prompt, options...)
}

// GenerateContent asks the model once: whoever wants retries has them in the
// router. With a streaming function the answer is streamed; the function gets
// text only, never the JSON of tool calls.
func (m *model) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	opts := Options(options)
	request := m.request(messages, opts)
	body, err := m.format.Encode(request)
	if err != nil {
		return nil, &Error{Kind: KindRefused, Message: m.config.clean(err.Error())}
	}
	var answer wire.Answer
	if request.Stream {
		answer, err = m.stream(ctx, request.Model, body, sink{text: opts.StreamingFunc, reasoning: opts.StreamingReasoningFunc})
	} else {
		answer, err = m.whole(ctx, request.Model, body)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, m.config.explain(err)
	}
	m.signatures.keep(answer.Signatures)
	return m.response(answer), nil
}

func (m *model) request(messages []llms.MessageContent, opts llms.CallOptions) wire.Request {
	r := wire.Request{
		Model: m.config.Model, Messages: wire.Normalise(messages), Tools: opts.Tools, Choice: opts.ToolChoice,
		MaxTokens: opts.MaxTokens, Temperature: opts.Temperature, TopP: opts.TopP, Stop: opts.StopWords, Seed: opts.Seed, JSON: opts.JSONMode,
		Stream: opts.StreamingFunc != nil || opts.StreamingReasoningFunc != nil,
	}
	if opts.Model != "" {
		r.Model = opts.Model
	}
	if r.MaxTokens <= 0 {
		r.MaxTokens = m.config.MaxTokens
	}
	return r
}

// response puts an answer into langchaingo's form: always one choice.
func (m *model) response(a wire.Answer) *llms.ContentResponse {
	info := map[string]any{InfoModel: a.Model, InfoProvider: string(m.config.Provider), InfoResponseID: a.ID}
	if u := a.Usage; u.Known {
		info["PromptTokens"], info["CompletionTokens"], info["TotalTokens"] = u.Input, u.Output, u.Input+u.Output
		info["PromptCachedTokens"], info["CacheCreationTokens"], info["ReasoningTokens"] = u.CacheRead, u.CacheWritten, u.Reasoning
	}
	if a.Model == "" {
		info[InfoModel] = m.config.Model
	}
	c := &llms.ContentChoice{Content: a.Text, ReasoningContent: a.Reasoning, StopReason: a.Stop, ToolCalls: a.Calls, GenerationInfo: info}
	if len(a.Calls) > 0 {
		c.FuncCall = a.Calls[0].FunctionCall
	}
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{c}}
}

// explain types what the wire format could not make sense of.
func (c Config) explain(err error) error {
	var own *Error
	var said *wire.ServerError
	var mine *callbackError
	var miss *missError
	at := redactURL(c.BaseURL)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &miss):
		return miss
	case errors.As(err, &mine):
		return fmt.Errorf("stream the answer: %w", mine.cause)
	case errors.As(err, &said):
		e := &Error{Kind: kindOf(said.Status, said), Message: c.clean(fmt.Sprintf("%s reports: %s", at, said.Message))}
		c.advise(e)
		return e
	case errors.Is(err, wire.ErrTooLong):
		return &Error{
			Kind: KindTooLarge, Message: c.clean(fmt.Sprintf("%s: %v", at, err)),
			hint: "the model does not stop; ask for less, or use another model",
		}
	case errors.Is(err, wire.ErrCut), errors.Is(err, wire.ErrEmpty):
		return &Error{Kind: KindProtocol, Message: c.clean(fmt.Sprintf("%s: %v", at, err)), hint: "ask again; if it happens each time, look at the server's log"}
	}
	e := &Error{Kind: KindProtocol, Message: c.clean(fmt.Sprintf("%s does not speak the %s API: %v", at, c.Provider.api(), err))}
	c.advise(e)
	return e
}

func (p Provider) api() string {
	switch p {
	case Anthropic:
		return "Anthropic"
	case Google:
		return "Gemini"
	default:
		return "OpenAI"
	}
}

// Usage is what an answer cost in tokens; not Known where nobody counted.
func Usage(choice *llms.ContentChoice) wire.Usage {
	count := func(key string) int {
		n, _ := choice.GenerationInfo[key].(int)
		return n
	}
	_, known := choice.GenerationInfo["PromptTokens"].(int)
	return wire.Usage{
		Known: known, Input: count("PromptTokens"), Output: count("CompletionTokens"), Reasoning: count("ReasoningTokens"),
		CacheRead: count("PromptCachedTokens"), CacheWritten: count("CacheCreationTokens"),
	}
}

// signatures remembers Google's marks on its calls for as long as the process
// lives.
type signatures struct {
	mu    sync.Mutex
	known map[string]string
	order []string
}

// maxSignatures bounds what is remembered; the oldest goes first.
const maxSignatures = 512

func (s *signatures) get(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[id]
}

func (s *signatures) keep(marks map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, mark := range marks {
		if s.known == nil {
			s.known = map[string]string{}
		}
		if _, there := s.known[id]; !there {
			s.order = append(s.order, id)
		}
		s.known[id] = mark
	}
	for len(s.order) > maxSignatures {
		delete(s.known, s.order[0])
		s.order = s.order[1:]
	}
}
