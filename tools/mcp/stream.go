package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	// maxLine is the longest message that is read.
	maxLine = 8 << 20
	// grace is how long calls may go on after the client's side has ended, as
	// it does at once when messages are piped in.
	grace = 5 * time.Second
)

// ServeStream speaks with one client over in and out, a message a line, until
// in ends or ctx does. Out carries nothing else.
func (s *Server) ServeStream(ctx context.Context, in io.ReadCloser, out io.Writer) error {
	return s.Serve(ctx, &lines{in: in, out: out, grace: grace})
}

// Serve speaks with one client over a transport until either side ends. The end
// of ctx is that of the server.
func (s *Server) Serve(ctx context.Context, t sdk.Transport) error {
	defer context.AfterFunc(ctx, s.end)()
	ctx, done := s.within(ctx)
	defer done()
	err := s.sdk.Run(ctx, t)
	if ctx.Err() != nil || errors.Is(err, io.EOF) {
		return nil // both are how a conversation ends
	}
	if err != nil {
		return fmt.Errorf("speaking MCP: %w", err)
	}
	return nil
}

// lines is a transport of JSON-RPC messages, one a line. Unlike the SDK's it
// answers a line that cannot be read with an error and goes on, as JSON-RPC
// wants it, and lets calls finish when its input has ended.
type lines struct {
	in    io.ReadCloser
	out   io.Writer
	grace time.Duration
}

// Connect implements sdk.Transport.
func (l *lines) Connect(context.Context) (sdk.Connection, error) {
	c := &lineConn{
		lines: l, incoming: make(chan lineRead), closed: make(chan struct{}),
		idle: make(chan struct{}, 1), pending: map[jsonrpc.ID]bool{}, asked: map[jsonrpc.ID]bool{},
	}
	go c.readLines()
	return c, nil
}

type lineRead struct {
	message jsonrpc.Message
	err     error
}

type lineConn struct {
	*lines

	incoming chan lineRead
	closed   chan struct{}
	once     sync.Once

	writing sync.Mutex // held while out is written to, which may take its time

	mu      sync.Mutex
	idle    chan struct{}       // told whenever something was written
	pending map[jsonrpc.ID]bool // the client's calls that are not answered yet
	asked   map[jsonrpc.ID]bool // ours to the client
}

// SessionID implements sdk.Connection: a stream is one session.
func (c *lineConn) SessionID() string { return "" }

// Close implements sdk.Connection.
func (c *lineConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.in.Close()
}

// Read implements sdk.Connection.
func (c *lineConn) Read(ctx context.Context) (jsonrpc.Message, error) {
	select {
	case r := <-c.incoming:
		if r.err != nil {
			c.drain(ctx)
			return nil, r.err
		}
		return r.message, nil
	case <-c.closed:
		return nil, io.EOF
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// drain waits until the client's calls are answered: reporting the end of the
// input would cancel them. Calls that wait for the client's answer never will be.
func (c *lineConn) drain(ctx context.Context) {
	timer := time.NewTimer(c.grace)
	defer timer.Stop()
	for {
		c.mu.Lock()
		done := len(c.pending) == 0 || len(c.asked) > 0
		c.mu.Unlock()
		if done {
			return
		}
		select {
		case <-c.idle:
		case <-timer.C:
			return
		case <-c.closed:
			return
		case <-ctx.Done():
			return
		}
	}
}

// Write implements sdk.Connection.
func (c *lineConn) Write(_ context.Context, m jsonrpc.Message) error {
	raw, err := jsonrpc.EncodeMessage(m)
	if err != nil {
		return fmt.Errorf("writing a message: %w", err)
	}
	if call, ok := m.(*jsonrpc.Request); ok && call.IsCall() {
		c.note(func() { c.asked[call.ID] = true })
	}
	err = c.put(raw)
	if answer, ok := m.(*jsonrpc.Response); ok {
		c.note(func() { delete(c.pending, answer.ID) })
	}
	select {
	case c.idle <- struct{}{}:
	default:
	}
	return err
}

// put writes one line.
func (c *lineConn) put(raw []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if _, err := c.out.Write(append(raw, '\n')); err != nil {
		return fmt.Errorf("writing a message: %w", err)
	}
	return nil
}

// note changes what is known of open calls.
func (c *lineConn) note(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// readLines feeds Read. It ends with its input, or with the first read after
// the connection was closed.
func (c *lineConn) readLines() {
	r := bufio.NewReaderSize(c.in, 64<<10)
	for {
		line, tooLong, err := nextLine(r)
		var m jsonrpc.Message
		if len(line) > 0 || tooLong {
			m = c.decode(line, tooLong)
		}
		if m != nil && !c.pass(lineRead{message: m}) {
			return
		}
		if err != nil {
			c.pass(lineRead{err: err})
			return
		}
	}
}

func (c *lineConn) pass(r lineRead) bool {
	select {
	case c.incoming <- r:
		return true
	case <-c.closed:
		return false
	}
}

// nextLine reads one line without its end. Of a line that is too long nothing
// is kept.
func nextLine(r *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if tooLong = tooLong || len(line)+len(part) > maxLine; tooLong {
			line = nil
		} else {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSpace(line), tooLong, err
		}
	}
}

// decode reads a message and notes a call as pending. What cannot be read is
// answered here, and nil returned.
func (c *lineConn) decode(line []byte, tooLong bool) jsonrpc.Message {
	if tooLong {
		c.complain(jsonrpc.CodeInvalidRequest, fmt.Sprintf("a message may have %d bytes at most", maxLine))
		return nil
	}
	if !json.Valid(line) {
		c.complain(jsonrpc.CodeParseError, "the line is not JSON")
		return nil
	}
	if line[0] == '[' {
		c.complain(jsonrpc.CodeInvalidRequest, "batches are not part of MCP any more: send one message a line")
		return nil
	}
	m, err := jsonrpc.DecodeMessage(line)
	if err != nil {
		c.complain(jsonrpc.CodeInvalidRequest, "not a JSON-RPC 2.0 message")
		return nil
	}
	switch m := m.(type) {
	case *jsonrpc.Request:
		if m.IsCall() {
			c.note(func() { c.pending[m.ID] = true })
		}
	case *jsonrpc.Response:
		c.note(func() { delete(c.asked, m.ID) })
	}
	return m
}

// complain answers what could not be read, which has no id.
func (c *lineConn) complain(code int64, message string) {
	raw, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": nil, "error": map[string]any{"code": code, "message": message}})
	if err != nil {
		return
	}
	_ = c.put(raw) // a broken pipe shows at the next answer
}
