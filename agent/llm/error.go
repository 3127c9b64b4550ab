package llm

import (
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
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
	KindRefused      Kind = "refused"      // other 4xx: the request was not to the server's liking
	KindServer       Kind = "server"       // 5xx
	KindProtocol     Kind = "protocol"     // the answer is not what the API promises
	KindTooLarge     Kind = "too_large"    // the answer does not end
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

// Error says what happened.
func (e *Error) Error() string { return e.Message }

// Hint says what to do about it; it may be empty.
func (e *Error) Hint() string { return e.hint }

// statusError reads an HTTP answer that is an error.
func (c Config) statusError(status int, header http.Header, said string) *Error {
	at := redactURL(c.BaseURL)
	e := &Error{Status: status, Message: fmt.Sprintf("%s answered %d %s", at, status, http.StatusText(status))}
	if said = c.clean(said); said != "" {
		e.Message += ": " + said
	}
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.Kind, e.hint = KindUnauthorized, "check the API key in "+EnvAPIKey
	case status == http.StatusNotFound:
		e.Kind = KindNoModel
		e.hint = fmt.Sprintf("is %q the right name of the model (%s), and does the address (%s) end in /v1?", c.Model, EnvModel, EnvBaseURL)
	case status == http.StatusTooManyRequests:
		e.Kind, e.hint = KindRateLimited, "wait a little and ask again, or look at your quota"
		if d, err := time.ParseDuration(header.Get("Retry-After") + "s"); err == nil && d > 0 {
			e.RetryAfter, e.hint = d, fmt.Sprintf("the server asks to wait %s", d)
		}
	case status >= http.StatusInternalServerError:
		e.Kind, e.hint = KindServer, "the server has a problem of its own; ask again later"
	default:
		e.Kind, e.hint = KindRefused, "does this model accept tools?"
	}
	return e
}

// clean makes one harmless line of what a server or a library said, without
// the API key.
func (c Config) clean(s string) string {
	if c.APIKey != "" {
		s = strings.ReplaceAll(s, c.APIKey, "***")
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxMessage {
		s = string(r[:maxMessage]) + "…"
	}
	return s
}
