package llmtest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Server is an HTTP server for tests whose connections are pipes in memory: it
// needs no port, and its waiting is seen by testing/synctest, so that a
// server which hangs for minutes costs no time.
type Server struct {
	URL string

	mu       sync.Mutex
	requests []Request
	pipes    *pipes
}

// Request is one that a Server got.
type Request struct {
	Path   string // with the query
	Header http.Header
	Body   string
}

// Handler answers a request whose body was read already.
type Handler func(w http.ResponseWriter, r *http.Request, body string)

// Serve starts a server, which ends with the test.
func Serve(tb testing.TB, handle Handler) *Server {
	tb.Helper()
	s := &Server{URL: "http://models.test", pipes: &pipes{waiting: make(chan net.Conn), closed: make(chan struct{})}}
	inner := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client has gone
		}
		s.mu.Lock()
		s.requests = append(s.requests, Request{Path: r.URL.RequestURI(), Header: r.Header.Clone(), Body: string(body)})
		s.mu.Unlock()
		handle(w, r, string(body))
	}))
	_ = inner.Listener.Close() // the port that httptest took
	inner.Listener = s.pipes
	inner.Start()
	tb.Cleanup(inner.Close)
	return s
}

// Client reaches the server, and nothing else.
func (s *Server) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: s.pipes.dial, DisableKeepAlives: true}}
}

// Requests are those that came so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// pipes is a listener in memory.
type pipes struct {
	waiting chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

var errClosed = errors.New("the server is closed")

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.waiting <- far:
		return near, nil
	case <-p.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept waits for a client.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.waiting:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close turns clients away.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr is a name only.
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "pipe"} }
