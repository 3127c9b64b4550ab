package wire

import "encoding/json"

// Complaint finds what a server says in an answer that is an error:
// {"error":{"message":…}} of OpenAI, Anthropic and Google, the {"error":"…"},
// {"message":…} and {"detail":…} of others, or the text itself.
func Complaint(body []byte) *ServerError {
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil && len(list) > 0 { // Google's streams
		body = list[0]
	}
	var wrapped struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
		Detail  json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(body, &wrapped) != nil {
		return &ServerError{Message: string(body)}
	}
	var inner struct {
		Type    string          `json:"type"`
		Status  string          `json:"status"`
		Code    json.RawMessage `json:"code"`
		Message string          `json:"message"`
	}
	if json.Unmarshal(wrapped.Error, &inner) == nil && inner.Message != "" {
		e := &ServerError{Type: inner.Type, Message: inner.Message}
		var code string
		switch {
		case json.Unmarshal(inner.Code, &code) == nil && code != "":
			e.Type = code // OpenAI's code says more than its type
		case json.Unmarshal(inner.Code, &e.Status) == nil && inner.Status != "":
			e.Type = inner.Status // Google's
		}
		return e
	}
	for _, raw := range []json.RawMessage{wrapped.Error, wrapped.Detail} {
		var text string
		if json.Unmarshal(raw, &text) == nil && text != "" {
			return &ServerError{Message: text}
		}
	}
	if wrapped.Message != "" {
		return &ServerError{Message: wrapped.Message}
	}
	return &ServerError{Message: string(wrapped.Detail)}
}

// RetryDelay is how many seconds Google asks to wait, which it says in the
// body instead of the header; "" if it does not.
func RetryDelay(body []byte) string {
	var wrapped struct {
		Error struct {
			Details []struct {
				Delay string `json:"retryDelay"`
			} `json:"details"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &wrapped) != nil {
		return ""
	}
	for _, d := range wrapped.Error.Details {
		if d.Delay != "" {
			return d.Delay
		}
	}
	return ""
}
