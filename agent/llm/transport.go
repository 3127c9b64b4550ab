package llm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
)

// transport is the HTTP client that langchaingo is given. It reads the whole
// answer, makes typed errors of what is none, and mends what servers get wrong
// before langchaingo parses it.
type transport struct{ config Config }

type exchangeKey struct{}

// exchange is what langchaingo drops of an answer.
type exchange struct {
	ID    string `json:"id"`
	Model string `json:"model"`
}

// Do sends a request. Its errors are of type *Error, which langchaingo hands
// on as they are.
func (t *transport) Do(req *http.Request) (*http.Response, error) {
	client := t.config.Client
	if client == nil {
		client = &http.Client{}
	}
	resp, err := client.Do(req) //nolint:gosec // the address is the user's own configuration
	if err != nil {
		return nil, t.config.connectionError(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read to its end or given up
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		return nil, t.config.connectionError(err)
	}
	if len(body) > maxResponse {
		return nil, &Error{
			Kind: KindTooLarge, Status: resp.StatusCode, Message: fmt.Sprintf("%s answered with more than %d MiB", redactURL(t.config.BaseURL), maxResponse>>20),
			hint: "the model does not stop; ask for less, or use another model",
		}
	}
	if resp.StatusCode != http.StatusOK {
		return nil, t.config.statusError(resp.StatusCode, resp.Header, serverWords(body))
	}
	mended, err := mend(body)
	if err != nil {
		return nil, &Error{
			Kind: KindProtocol, Status: resp.StatusCode,
			Message: t.config.clean(fmt.Sprintf("%s does not speak the OpenAI API: %v", redactURL(t.config.BaseURL), err)),
			hint:    "check the address in " + EnvBaseURL + "; it usually ends in /v1",
		}
	}
	if x, ok := req.Context().Value(exchangeKey{}).(*exchange); ok {
		_ = json.Unmarshal(mended, x) // only for the trace
	}
	resp.Body = io.NopCloser(bytes.NewReader(mended))
	resp.ContentLength = int64(len(mended))
	return resp, nil
}

func (c Config) connectionError(err error) *Error {
	at := redactURL(c.BaseURL)
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &Error{Kind: KindTimeout, Message: fmt.Sprintf("%s gave no answer within %s", at, c.Timeout), hint: "is the model still loading? ask again, or use a smaller model"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &Error{Kind: KindUnreachable, Message: "nothing listens at " + at, hint: "start the model's server, or set " + EnvBaseURL}
	default:
		return &Error{Kind: KindUnreachable, Message: c.clean(fmt.Sprintf("%s cannot be reached: %v", at, err)), hint: "check the network and " + EnvBaseURL}
	}
}

// serverWords finds the message in an error answer: OpenAI's
// {"error":{"message":…}}, the {"error":"…"} of others, or the text itself.
func serverWords(body []byte) string {
	var wrapped struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
		Detail  string          `json:"detail"`
	}
	if json.Unmarshal(body, &wrapped) != nil {
		return string(body)
	}
	var inner struct{ Message string }
	var text string
	switch {
	case json.Unmarshal(wrapped.Error, &inner) == nil && inner.Message != "":
		return inner.Message
	case json.Unmarshal(wrapped.Error, &text) == nil && text != "":
		return text
	case wrapped.Message != "":
		return wrapped.Message
	}
	return wrapped.Detail
}

// mend rewrites an answer so that langchaingo can read it: tool arguments that
// came as an object become the JSON text that the API promises, content that
// came in parts becomes one text, and calls get a type.
func mend(body []byte) ([]byte, error) {
	var answer map[string]json.RawMessage
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	var choices []map[string]json.RawMessage
	if err := json.Unmarshal(answer["choices"], &choices); err != nil || len(choices) == 0 {
		if words := serverWords(body); words != "" {
			return nil, errors.New(words)
		}
		return nil, errors.New("the answer has no choices")
	}
	for _, c := range choices {
		var message map[string]json.RawMessage
		if err := json.Unmarshal(c["message"], &message); err != nil {
			return nil, fmt.Errorf("the answer has no message: %w", err)
		}
		if err := mendMessage(message); err != nil {
			return nil, err
		}
		raw, err := json.Marshal(message)
		if err != nil {
			return nil, err
		}
		c["message"] = raw
	}
	raw, err := json.Marshal(choices)
	if err != nil {
		return nil, err
	}
	answer["choices"] = raw
	return json.Marshal(answer)
}

func mendMessage(message map[string]json.RawMessage) error {
	if text, ok := joinParts(message["content"]); ok {
		raw, err := json.Marshal(text)
		if err != nil {
			return err
		}
		message["content"] = raw
	}
	var calls []struct {
		ID       string `json:"id"`
		Type     string `json:"type"`
		Function struct {
			Name      string          `json:"name"`
			Arguments json.RawMessage `json:"arguments"`
		} `json:"function"`
	}
	if len(message["tool_calls"]) == 0 || string(message["tool_calls"]) == "null" {
		delete(message, "tool_calls")
		return nil
	}
	if err := json.Unmarshal(message["tool_calls"], &calls); err != nil {
		return fmt.Errorf("the answer's tool calls cannot be read: %w", err)
	}
	for i := range calls {
		calls[i].Type = "function"
		if args := calls[i].Function.Arguments; len(args) > 0 && args[0] != '"' {
			text, err := json.Marshal(string(args))
			if err != nil {
				return err
			}
			calls[i].Function.Arguments = text
		}
		if len(calls[i].Function.Arguments) == 0 || string(calls[i].Function.Arguments) == `"null"` {
			calls[i].Function.Arguments = json.RawMessage(`"{}"`)
		}
	}
	raw, err := json.Marshal(calls)
	if err != nil {
		return err
	}
	message["tool_calls"] = raw
	return nil
}

func joinParts(content json.RawMessage) (string, bool) {
	var parts []struct {
		Text string `json:"text"`
	}
	if len(content) == 0 || content[0] != '[' || json.Unmarshal(content, &parts) != nil {
		return "", false
	}
	var text strings.Builder
	for _, p := range parts {
		text.WriteString(p.Text)
	}
	return text.String(), true
}
