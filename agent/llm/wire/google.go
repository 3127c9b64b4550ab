package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/tmc/langchaingo/llms"
)

// Google is the format of the Gemini API's generateContent. Signature gives
// the mark that Google put on a call, by the call's id; nil knows none.
type Google struct {
	Signature func(callID string) string
}

var _ Format = Google{}

// foreignSignature stands in for the mark of a call that Google did not make
// or whose mark was lost with the process. Google documents it for
// conversations that come from another model.
const foreignSignature = "skip_thought_signature_validator"

// Path names the model; a stream has a method of its own.
func (Google) Path(model string, stream bool) string {
	path := "/models/" + url.PathEscape(strings.TrimPrefix(model, "models/"))
	if stream {
		return path + ":streamGenerateContent?alt=sse"
	}
	return path + ":generateContent"
}

type googleRequest struct {
	System   *googleContent  `json:"systemInstruction,omitempty"`
	Contents []googleContent `json:"contents"`
	Tools    []googleTools   `json:"tools,omitempty"`
	Config   map[string]any  `json:"toolConfig,omitempty"`
	Generate googleGenerate  `json:"generationConfig"`
}

type googleGenerate struct {
	Temperature float64  `json:"temperature"`
	TopP        float64  `json:"topP,omitempty"`
	MaxTokens   int      `json:"maxOutputTokens,omitempty"`
	Stop        []string `json:"stopSequences,omitempty"`
	Seed        int      `json:"seed,omitempty"`
	MIME        string   `json:"responseMimeType,omitempty"`
}

type googleContent struct {
	Role  string       `json:"role,omitempty"`
	Parts []googlePart `json:"parts"`
}

type googlePart struct {
	Text      string          `json:"text,omitempty"`
	Thought   bool            `json:"thought,omitempty"`
	Signature string          `json:"thoughtSignature,omitempty"`
	Call      *googleCall     `json:"functionCall,omitempty"`
	Response  *googleResponse `json:"functionResponse,omitempty"`
}

type googleCall struct {
	ID   string          `json:"id,omitempty"`
	Name string          `json:"name"`
	Args json.RawMessage `json:"args,omitempty"`
}

type googleResponse struct {
	ID       string          `json:"id,omitempty"`
	Name     string          `json:"name"`
	Response json.RawMessage `json:"response"`
}

type googleTools struct {
	Functions []googleFunction `json:"functionDeclarations"`
}

type googleFunction struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Parameters  any    `json:"parametersJsonSchema,omitempty"`
}

// Encode makes the body of a request. As for Anthropic, what one side says in
// a row becomes one content.
func (f Google) Encode(r Request) ([]byte, error) {
	q := googleRequest{Generate: googleGenerate{Temperature: r.Temperature, TopP: r.TopP, MaxTokens: r.MaxTokens, Stop: r.Stop, Seed: r.Seed}}
	if r.JSON {
		q.Generate.MIME = "application/json"
	}
	system, turns := r.apart()
	for _, m := range turns {
		role, parts, err := f.parts(m)
		if err != nil {
			return nil, err
		}
		if len(parts) == 0 {
			continue
		}
		if n := len(q.Contents); n > 0 && q.Contents[n-1].Role == role {
			q.Contents[n-1].Parts = append(q.Contents[n-1].Parts, parts...)
			continue
		}
		q.Contents = append(q.Contents, googleContent{Role: role, Parts: parts})
	}
	if len(system) > 0 {
		q.System = &googleContent{Parts: []googlePart{{Text: strings.Join(system, "\n\n")}}}
	}
	var functions []googleFunction
	for _, fn := range r.functions() {
		functions = append(functions, googleFunction{Name: fn.Name, Description: fn.Description, Parameters: fn.Parameters})
	}
	word, tool, err := choiceOf(r.Choice)
	if err != nil {
		return nil, err
	}
	if len(functions) > 0 {
		q.Tools = []googleTools{{Functions: functions}}
		q.Config = googleChoice(word, tool)
	}
	return encode(q)
}

func googleChoice(word, tool string) map[string]any {
	config := map[string]any{}
	switch {
	case tool != "":
		config["mode"], config["allowedFunctionNames"] = "ANY", []string{tool}
	case word == "required":
		config["mode"] = "ANY"
	case word != "":
		config["mode"] = strings.ToUpper(word)
	default:
		return nil
	}
	return map[string]any{"functionCallingConfig": config}
}

func (f Google) parts(m llms.MessageContent) (string, []googlePart, error) {
	var parts []googlePart
	role := "user"
	if m.Role == llms.ChatMessageTypeAI {
		role = "model"
	}
	if text := textOf(m); text != "" {
		parts = append(parts, googlePart{Text: text})
	}
	for i, c := range callsOf(m) {
		p := googlePart{Call: &googleCall{ID: c.ID, Name: c.FunctionCall.Name, Args: object(c.FunctionCall.Arguments)}}
		if f.Signature != nil {
			p.Signature = f.Signature(c.ID)
		}
		if p.Signature == "" && i == 0 { // only the first of parallel calls bears one
			p.Signature = foreignSignature
		}
		parts = append(parts, p)
	}
	for _, r := range resultsOf(m) {
		response, err := googleResult(r.Content)
		if err != nil {
			return "", nil, err
		}
		parts = append(parts, googlePart{Response: &googleResponse{ID: r.ToolCallID, Name: r.Name, Response: response}})
	}
	return role, parts, nil
}

// googleResult is a tool's result as the object that the format demands.
func googleResult(content string) (json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(content), &fields) == nil && fields != nil {
		return json.RawMessage(content), nil
	}
	return encode(map[string]string{"result": content})
}

type googleAnswer struct {
	ID         string `json:"responseId"`
	Model      string `json:"modelVersion"`
	Candidates []struct {
		Content googleContent `json:"content"`
		Finish  string        `json:"finishReason"`
		Message string        `json:"finishMessage"`
	} `json:"candidates"`
	Feedback struct {
		Blocked string `json:"blockReason"`
	} `json:"promptFeedback"`
	Usage *googleUsage    `json:"usageMetadata"`
	Error json.RawMessage `json:"error"`
}

type googleUsage struct {
	Input    int `json:"promptTokenCount"`
	Output   int `json:"candidatesTokenCount"`
	Thoughts int `json:"thoughtsTokenCount"`
	Cached   int `json:"cachedContentTokenCount"`
}

func (u *googleUsage) usage() Usage {
	if u == nil || u.Input == 0 && u.Output == 0 && u.Thoughts == 0 {
		return Usage{}
	}
	return Usage{Known: true, Input: u.Input, Output: u.Output + u.Thoughts, CacheRead: u.Cached, Reasoning: u.Thoughts}
}

// Decode reads a whole answer, which has the form of a stream's only piece.
func (f Google) Decode(body []byte) (Answer, error) {
	s := googleStream{}
	if _, _, err := s.take(body); err != nil {
		return Answer{}, err
	}
	if !s.ended {
		return Answer{}, errors.New("the answer has no candidate")
	}
	return s.Answer()
}

func googleStop(reason string) string {
	switch reason {
	case "STOP":
		return StopEnd
	case "MAX_TOKENS":
		return StopLength
	case "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE":
		return StopFiltered
	}
	return strings.ToLower(reason)
}

// Stream begins reading a stream of answers that follow each other.
func (f Google) Stream() Decoder { return &googleStream{} }

type googleStream struct {
	gathered
	ended bool
}

// Event takes a piece. The usage of the last one counts for all.
func (s *googleStream) Event(e Event) (Delta, bool, error) {
	d, done, err := s.take([]byte(e.Data))
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		err = broken(err)
	}
	return d, done, err
}

func (s *googleStream) take(raw []byte) (Delta, bool, error) {
	var piece googleAnswer
	if err := json.Unmarshal(raw, &piece); err != nil {
		return Delta{}, false, err
	}
	if len(piece.Error) > 0 {
		return Delta{}, false, Complaint(raw)
	}
	s.note(piece.ID, piece.Model, piece.Usage.usage())
	if piece.Feedback.Blocked != "" {
		s.answer.Stop, s.ended = StopFiltered, true
	}
	var d Delta
	for _, c := range piece.Candidates {
		for _, p := range c.Content.Parts {
			switch {
			case p.Call != nil:
				made := s.begin(p.Call.ID, p.Call.Name)
				made.signature = p.Signature
				s.argue(made, string(p.Call.Args))
			case p.Thought:
				d.Reasoning += p.Text
			default:
				d.Text += p.Text
			}
		}
		if c.Finish == "MALFORMED_FUNCTION_CALL" {
			return Delta{}, false, &ServerError{Type: c.Finish, Message: "the model wrote a tool call that cannot be read: " + c.Message}
		}
		if c.Finish != "" {
			s.answer.Stop, s.ended = googleStop(c.Finish), true
		}
	}
	return d, false, s.say(d)
}

// Answer is what the pieces amount to. Calls that Google gave no id get one
// that no other answer has, because their marks are kept by it.
func (s *googleStream) Answer() (Answer, error) {
	for i, c := range s.calls {
		if c.id == "" && s.answer.ID != "" {
			c.id = plainID(fmt.Sprintf("%.32s_%d", s.answer.ID, i+1))
		}
	}
	return s.done(s.ended)
}
