package llm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/minivess/minivess/agent/llm/cassette"
	"github.com/minivess/minivess/agent/llm/wire"
)

// How many bytes of an answer are read: the words of one may be spread over
// very many events.
const (
	maxResponse = 4 << 20
	maxStream   = 64 << 20
)

// streamFactor is how many times longer than another answer a streamed one may
// take in all: whoever watches it come can end it.
const streamFactor = 10

// errSilent is why a stream was given up on which nothing came.
var errSilent = errors.New("the stream is silent")

// whole asks for an answer and reads it to its end. What a server that only
// streams answers bit by bit is put together.
func (m *model) whole(ctx context.Context, name string, body []byte) (wire.Answer, error) {
	limited, cancel := context.WithTimeout(ctx, m.config.Timeout)
	defer cancel()
	resp, err := m.send(limited, m.format.Path(name, false), body)
	if err != nil {
		return wire.Answer{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read to its end or given up
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return m.follow(ctx, io.LimitReader(resp.Body, maxStream), sink{})
	}
	raw, err := m.read(resp)
	if err != nil {
		return wire.Answer{}, err
	}
	return m.format.Decode(raw)
}

// stream asks for an answer and hands its words on as they come. What a
// server that cannot stream answers in one piece is read as such.
func (m *model) stream(ctx context.Context, name string, body []byte, out sink) (wire.Answer, error) {
	limited, cancel := context.WithTimeout(ctx, streamFactor*m.config.Timeout)
	defer cancel()
	live, giveUp := context.WithCancelCause(limited)
	defer giveUp(nil)
	watch := &watchdog{idle: m.config.Idle, timer: time.AfterFunc(m.config.Timeout, func() { giveUp(errSilent) })}
	defer watch.timer.Stop()
	resp, err := m.send(live, m.format.Path(name, true), body)
	if err != nil {
		return wire.Answer{}, m.silence(live, watch, err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read to its end or given up
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		answer, err := m.inOnePiece(ctx, resp, out)
		return answer, m.silence(live, watch, err)
	}
	watch.r = io.LimitReader(resp.Body, maxStream)
	answer, err := m.follow(ctx, watch, out)
	return answer, m.silence(live, watch, err)
}

// follow reads a stream to the end of the answer.
func (m *model) follow(ctx context.Context, stream io.Reader, out sink) (wire.Answer, error) {
	decoder := m.format.Stream()
	for event, err := range wire.Events(stream) {
		if err != nil {
			return wire.Answer{}, m.config.readError(err)
		}
		delta, done, err := decoder.Event(event)
		if err != nil {
			return wire.Answer{}, err
		}
		if err := out.put(ctx, delta); err != nil {
			return wire.Answer{}, err
		}
		if done {
			break
		}
	}
	return decoder.Answer()
}

// silence says so if an error comes of a stream that was given up.
func (m *model) silence(ctx context.Context, watch *watchdog, err error) error {
	if err == nil || !errors.Is(context.Cause(ctx), errSilent) {
		return err
	}
	e := &Error{Kind: KindTimeout, Message: fmt.Sprintf("%s gave no answer within %s", redactURL(m.config.BaseURL), m.config.Timeout)}
	if watch.begun.Load() {
		e.Message = fmt.Sprintf("%s began an answer and then said nothing for %s", redactURL(m.config.BaseURL), m.config.Idle)
	}
	m.config.advise(e)
	return e
}

func (m *model) inOnePiece(ctx context.Context, resp *http.Response, out sink) (wire.Answer, error) {
	raw, err := m.read(resp)
	if err != nil {
		return wire.Answer{}, err
	}
	answer, err := m.format.Decode(raw)
	if err != nil {
		return wire.Answer{}, err
	}
	return answer, out.put(ctx, wire.Delta{Text: answer.Text, Reasoning: answer.Reasoning})
}

// send posts a request. Its errors are of type *Error.
func (m *model) send(ctx context.Context, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.config.BaseURL+path, bytes.NewReader(body))
	if err != nil {
		return nil, &Error{Kind: KindConfig, Message: m.config.clean(err.Error())}
	}
	req.Header.Set("Content-Type", "application/json")
	m.config.authorise(req.Header)
	resp, err := m.config.Client.Do(req)
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) && errors.Is(err, cassette.ErrMiss) {
		return nil, &missError{wrapped.Err}
	}
	if err != nil {
		return nil, m.config.connectionError(err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close() //nolint:errcheck // it is an error already
		raw, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
		if err != nil {
			raw = nil // the status says enough
		}
		return nil, m.config.statusError(resp.StatusCode, resp.Header, raw)
	}
	return resp, nil
}

// authorise shows the key, each provider's way. It never goes into the
// address, which proxies log.
func (c Config) authorise(h http.Header) {
	if c.Provider == Anthropic {
		h.Set("anthropic-version", wire.AnthropicVersion)
	}
	if c.APIKey == "" {
		return
	}
	switch c.Provider {
	case Anthropic:
		h.Set("x-api-key", c.APIKey)
	case Google:
		h.Set("x-goog-api-key", c.APIKey)
	default:
		h.Set("Authorization", "Bearer "+c.APIKey)
	}
}

// read takes an answer's body to its end.
func (m *model) read(resp *http.Response) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		return nil, m.config.connectionError(err)
	}
	if len(raw) > maxResponse {
		return nil, fmt.Errorf("%w: more than %d MiB", wire.ErrTooLong, maxResponse>>20)
	}
	return raw, nil
}

func (c Config) connectionError(err error) *Error {
	at := redactURL(c.BaseURL)
	var timeout interface{ Timeout() bool }
	var e *Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e = &Error{Kind: KindTimeout, Message: fmt.Sprintf("%s gave no answer within %s", at, c.Timeout)}
		c.advise(e)
	case errors.Is(err, syscall.ECONNREFUSED):
		e = &Error{Kind: KindUnreachable, Message: "nothing listens at " + at, hint: "start the model's server, or set " + c.Source.BaseURL}
	default:
		e = &Error{Kind: KindUnreachable, Message: c.clean(fmt.Sprintf("%s cannot be reached: %v", at, err)), hint: "check the network and " + c.Source.BaseURL}
	}
	return e
}

// readError types an error of reading a stream.
func (c Config) readError(err error) error {
	if errors.Is(err, wire.ErrTooLong) {
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return wire.ErrCut
	}
	return c.connectionError(err)
}

// watchdog reads a stream; its timer gives the stream up when nothing comes.
type watchdog struct {
	r     io.Reader
	idle  time.Duration
	timer *time.Timer
	begun atomic.Bool
}

// Read puts the giving up off with everything that comes.
func (w *watchdog) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if n > 0 {
		w.begun.Store(true)
		w.timer.Reset(w.idle)
	}
	return n, err
}

// sink is where the words of a stream go.
type sink struct {
	text      func(ctx context.Context, chunk []byte) error
	reasoning func(ctx context.Context, reasoning, chunk []byte) error
}

func (s sink) put(ctx context.Context, d wire.Delta) error {
	if s.text != nil && d.Text != "" {
		if err := s.text(ctx, []byte(d.Text)); err != nil {
			return &callbackError{err}
		}
	}
	if s.reasoning != nil && (d.Reasoning != "" || d.Text != "") {
		if err := s.reasoning(ctx, []byte(d.Reasoning), []byte(d.Text)); err != nil {
			return &callbackError{err}
		}
	}
	return nil
}

// missError says that a cassette does not hold the answer. It is a mistake of
// whoever replays it, so no other model may paper over it.
type missError struct{ error }

// Unwrap lets errors.Is find cassette.ErrMiss.
func (e *missError) Unwrap() error { return e.error }

// callbackError is an error of whoever listens, which is none of the model's.
type callbackError struct{ cause error }

func (e *callbackError) Error() string { return e.cause.Error() }
