package llm

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/minivess/minivess/agent/llm/wire"
	"github.com/minivess/minivess/engine/plaintext"
)

// Kind classifies what went wrong with a model.
type Kind string

// The kinds of error.
const (
	KindConfig       Kind = "config"       // address, model or key are missing or no such thing
	KindUnreachable  Kind = "unreachable"  // no connection
	KindTimeout      Kind = "timeout"      // no answer in time
	KindUnauthorized Kind = "unauthorized" // 401, 403
	KindNoModel      Kind = "no_model"     // 404
	KindRateLimited  Kind = "rate_limited" // 429
	KindQuota        Kind = "quota"        // 402, or a 429 that waiting does not help
	KindContext      Kind = "context"      // the conversation is longer than the model reads
	KindRefused      Kind = "refused"      // other 4xx: the request was not to the server's liking
	KindFiltered     Kind = "filtered"     // the provider will not answer this
	KindServer       Kind = "server"       // 5xx
	KindOverloaded   Kind = "overloaded"   // 503, 529: as 5xx, and passing
	KindProtocol     Kind = "protocol"     // the answer is not what the API promises
	KindTooLarge     Kind = "too_large"    // the answer does not end
	KindBudget       Kind = "budget"       // our own limit on what may be spent
	KindInterrupted  Kind = "interrupted"  // broke off after a part of the answer was shown
)

// maxMessage is how much of a server's own words an error repeats.
const maxMessage = 300

// Error is a failed model call. It never contains the API key.
type Error struct {
	Kind       Kind
	Status     int // HTTP status, if there was an answer
	Message    string
	RetryAfter time.Duration // what the server asked for, if it did
	hint       string
}

// NewError makes an error of a kind, with what to do about it.
func NewError(kind Kind, hint, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), hint: hint}
}

// Error says what happened.
func (e *Error) Error() string { return e.Message }

// Hint says what to do about it; it may be empty.
func (e *Error) Hint() string { return e.hint }

// Passing says whether the same request may well succeed a little later.
func (e *Error) Passing() bool {
	switch e.Kind {
	case KindUnreachable, KindTimeout, KindRateLimited, KindServer, KindOverloaded, KindProtocol:
		return true
	default:
		return false
	}
}

// statusError reads an HTTP answer that is an error.
func (c Config) statusError(status int, header http.Header, body []byte) *Error {
	said := wire.Complaint(body)
	e := &Error{Status: status, Message: fmt.Sprintf("%s answered %d %s", redactURL(c.BaseURL), status, http.StatusText(status))}
	if words := c.clean(said.Message); words != "" {
		e.Message += ": " + words
	}
	e.Kind = kindOf(status, said)
	e.RetryAfter = retryAfter(header, body)
	c.advise(e)
	return e
}

// kindOf reads a status and what the server says beside it.
func kindOf(status int, said *wire.ServerError) Kind {
	what := strings.ToLower(said.Type)
	words := strings.ToLower(said.Message)
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden, what == "authentication_error", what == "permission_error", what == "unauthenticated", strings.Contains(words, "api key not valid"):
		return KindUnauthorized
	case status == http.StatusPaymentRequired, what == "insufficient_quota", what == "billing_error":
		return KindQuota
	case status == http.StatusTooManyRequests, what == "rate_limit_error", what == "rate_limit_exceeded", what == "resource_exhausted":
		return KindRateLimited
	case status == http.StatusNotFound, what == "not_found_error", what == "model_not_found":
		return KindNoModel
	case what == "context_length_exceeded", status == http.StatusRequestEntityTooLarge,
		strings.Contains(words, "context length"), strings.Contains(words, "context window"), strings.Contains(words, "prompt is too long"),
		strings.Contains(words, "input token count"):
		return KindContext
	case what == "content_filter", what == "content_policy_violation":
		return KindFiltered
	case status == http.StatusServiceUnavailable, status == 529, what == "overloaded_error", what == "unavailable":
		return KindOverloaded
	case status == http.StatusRequestTimeout, status == http.StatusGatewayTimeout, what == "timeout_error", what == "deadline_exceeded":
		return KindTimeout
	case status >= http.StatusInternalServerError, what == "api_error", what == "server_error", what == "internal":
		return KindServer
	case status >= http.StatusBadRequest, what == "invalid_request_error", what == "invalid_argument":
		return KindRefused
	}
	return KindProtocol
}

// advise gives an error its hint.
func (c Config) advise(e *Error) {
	switch e.Kind {
	case KindUnauthorized:
		e.hint = "check the API key in " + c.Source.APIKey
	case KindNoModel:
		e.hint = fmt.Sprintf("is %q the right name of the model (%s), and does the address (%s) end in the version, such as /v1?", c.Model, c.Source.Model, c.Source.BaseURL)
	case KindQuota:
		e.hint = "look at your quota with the provider"
	case KindRateLimited:
		e.hint = "wait a little and ask again, or look at your quota"
		if e.RetryAfter > 0 {
			e.hint = fmt.Sprintf("the server asks to wait %s", e.RetryAfter)
		}
	case KindContext:
		e.hint = "begin a new thread, or use a model that reads more"
	case KindFiltered:
		e.hint = "say it in other words, or use another model"
	case KindServer, KindOverloaded:
		e.hint = "the server has a problem of its own; ask again later"
	case KindRefused:
		e.hint = "does this model accept tools?"
	case KindProtocol:
		e.hint = "check the address in " + c.Source.BaseURL + "; it usually ends in /v1"
	case KindTimeout:
		e.hint = "is the model still loading? ask again, or use a smaller model"
	default:
	}
}

// retryAfter is how long a server asks to wait: seconds or a date in the
// header, or a duration in the body.
func retryAfter(header http.Header, body []byte) time.Duration {
	asked := strings.TrimSpace(header.Get("Retry-After"))
	if ms, err := strconv.ParseFloat(header.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return bounded(ms / 1000)
	}
	if seconds, err := strconv.ParseFloat(asked, 64); err == nil {
		return bounded(seconds)
	}
	if at, err := http.ParseTime(asked); err == nil {
		if now, err := http.ParseTime(header.Get("Date")); err == nil { // the server's own clock
			return bounded(at.Sub(now).Seconds())
		}
		return bounded(time.Until(at).Seconds())
	}
	if d, err := time.ParseDuration(wire.RetryDelay(body)); err == nil {
		return bounded(d.Seconds())
	}
	return 0
}

// bounded keeps a server from silencing a model for longer than a day.
func bounded(seconds float64) time.Duration {
	const day = 24 * 60 * 60
	if !(seconds > 0) { // NaN too
		return 0
	}
	return time.Duration(min(seconds, day) * float64(time.Second))
}

// clean makes one harmless line of what a server or a library said, without
// the API key.
func (c Config) clean(s string) string {
	if c.APIKey != "" {
		s = strings.ReplaceAll(s, c.APIKey, "***")
	}
	s = plaintext.Words(s)
	if r := []rune(s); len(r) > maxMessage {
		s = string(r[:maxMessage]) + "…"
	}
	return s
}
