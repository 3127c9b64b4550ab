// Package cassette records what was said between a program and a language
// model's server, and plays it again without one. It is an http.RoundTripper,
// so that everything above the wire is the real thing: what is replayed passes
// through the same parsers as what a server sends.
//
// Replaying never goes to the network: a request that was not recorded is an
// error that shows the nearest recorded one and where the two differ. Keys,
// tokens and organisations never reach the file. What the bytes mean is no
// business of this package.
package cassette

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/minivess/minivess/engine/atomicfile"
)

// Mode says what a cassette does with a request.
type Mode string

// The modes of a cassette.
const (
	Record Mode = "record" // ask the server, keep what it said; the file is written anew by Close
	Replay Mode = "replay" // answer from the file, whatever the order; each recording answers once
	Strict Mode = "strict" // as Replay, in the recorded order, and Close complains of what was not asked
)

// The errors of a cassette.
var (
	ErrMiss   = errors.New("the request is not on the cassette")
	ErrUnused = errors.New("the cassette holds answers that nobody asked for")
	ErrFormat = errors.New("not a cassette")
)

// maxBody is the largest body, of a request or an answer, that is recorded.
const maxBody = 8 << 20

// Option changes how a cassette is opened.
type Option func(*Cassette)

// WithTransport sets what a recording asks; http.DefaultTransport otherwise.
func WithTransport(rt http.RoundTripper) Option { return func(c *Cassette) { c.next = rt } }

// WithSecrets names texts that must not reach the file, beside those that the
// cassette recognises by itself.
func WithSecrets(secrets ...string) Option {
	return func(c *Cassette) { c.scrub.add(secrets...) }
}

// WithMatch sets what makes two requests the same in a new recording. A
// replay does as the file says.
func WithMatch(m Match) Option { return func(c *Cassette) { c.match = m } }

// Cassette is a transport that records or replays. It is safe for concurrent
// use; in the Strict mode concurrent requests have no defined order.
type Cassette struct {
	path  string
	mode  Mode
	match Match
	scrub *scrubber
	next  http.RoundTripper

	mu    sync.Mutex
	tape  []interaction
	used  []bool
	calls int
}

var _ http.RoundTripper = (*Cassette)(nil)

// Open opens a cassette. To replay, the file must be there and sound; to
// record, its folder must.
func Open(path string, mode Mode, options ...Option) (*Cassette, error) {
	c := &Cassette{path: path, mode: mode, match: MatchBody, scrub: newScrubber(), next: http.DefaultTransport}
	for _, o := range options {
		o(c)
	}
	switch mode {
	case Record:
		return c, c.match.check()
	case Replay, Strict:
		head, tape, err := load(path)
		if err != nil {
			return nil, err
		}
		c.match, c.tape, c.used = head.Match, tape, make([]bool, len(tape))
		return c, nil
	}
	return nil, fmt.Errorf("cassette: there is no mode %q; want %s, %s or %s", mode, Record, Replay, Strict)
}

// RoundTrip answers a request from the tape, or asks the server and records
// what it says.
func (c *Cassette) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := drain(req.Body)
	if err != nil {
		return nil, fmt.Errorf("cassette: read the request: %w", err)
	}
	asked := c.scrub.request(req, body)
	if c.mode == Record {
		return c.record(req, body, asked)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	i, err := c.find(asked)
	if err != nil {
		return nil, err
	}
	c.used[i] = true
	c.calls++
	return c.tape[i].Response.http(req), nil
}

// find is the place of the recording that answers a request.
func (c *Cassette) find(asked request) (int, error) {
	for i := range c.tape {
		if c.used[i] {
			continue
		}
		if c.match.same(c.tape[i].Request, asked) {
			return i, nil
		}
		if c.mode == Strict {
			return 0, c.miss(asked, i)
		}
	}
	return 0, c.miss(asked, c.nearest(asked))
}

func (c *Cassette) record(req *http.Request, body []byte, asked request) (*http.Response, error) {
	again := req.Clone(req.Context())
	again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp, err := c.next.RoundTrip(again)
	if err != nil {
		return nil, err
	}
	said, err := drain(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("cassette: read the answer: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tape = append(c.tape, interaction{Request: asked, Response: c.scrub.response(resp, said)})
	c.calls++
	resp.Body = io.NopCloser(bytes.NewReader(said))
	return resp, nil
}

// Calls is how many requests were answered.
func (c *Cassette) Calls() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls
}

// Close writes a recording. In the Strict mode it returns ErrUnused when not
// everything was asked for.
func (c *Cassette) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.mode {
	case Record:
		raw, err := encode(header{Version: version, Match: c.match}, c.tape)
		if err != nil {
			return err
		}
		if err := atomicfile.WriteBytes(c.path, 0o600, raw); err != nil {
			return fmt.Errorf("cassette: write %s: %w", c.path, err)
		}
	case Strict:
		if left := slices.Index(c.used, false); left >= 0 {
			return fmt.Errorf("%w: %s: recording %d of %d, %s", ErrUnused, c.path, left+1, len(c.tape), c.tape[left].Request.String())
		}
	case Replay:
	}
	return nil
}

// drain reads a body to its end, or to the limit.
func drain(r io.ReadCloser) ([]byte, error) {
	if r == nil {
		return nil, nil
	}
	b, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	err = errors.Join(err, r.Close())
	if err == nil && len(b) > maxBody {
		err = fmt.Errorf("more than %d MiB", maxBody>>20)
	}
	return b, err
}

// miss is the error for a request that is not on the tape.
func (c *Cassette) miss(asked request, nearest int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", c.path, asked.String())
	if nearest < 0 {
		b.WriteString("\n  the cassette has nothing left; record it again")
		return fmt.Errorf("%w: %s", ErrMiss, b.String())
	}
	what := "the nearest recording"
	if c.mode == Strict {
		what = "the next recording"
	}
	fmt.Fprintf(&b, "\n  %s is number %d of %d, %s; it differs in", what, nearest+1, len(c.tape), c.tape[nearest].Request.String())
	for _, d := range c.match.differences(c.tape[nearest].Request, asked) {
		b.WriteString("\n    " + d)
	}
	b.WriteString("\n  record it again if the change is meant")
	return fmt.Errorf("%w: %s", ErrMiss, b.String())
}

func (c *Cassette) nearest(asked request) int {
	best, least := -1, 0
	for i := range c.tape {
		if c.used[i] {
			continue
		}
		if n := c.match.distance(c.tape[i].Request, asked); best < 0 || n < least {
			best, least = i, n
		}
	}
	return best
}
