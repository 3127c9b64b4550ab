package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/minivess/minivess/tools"
)

// maxMessage is the longest message that is read from a server.
const maxMessage = 16 << 20

// link is one server: not started, or with the session to it.
type link struct {
	server   Server
	options  Options
	lifetime context.Context // of whatever is started
	http     *http.Client

	starting sync.Mutex // held while the session is made or dropped
	session  *sdk.ClientSession
	process  *process
	offers   map[string]string // what the running server offers: definitions by name

	tokens   atomic.Int64
	progress sync.Map // progress token → func(*sdk.ProgressNotificationParams)
}

func newLink(lifetime context.Context, s Server, o Options) *link {
	return &link{server: s, options: o, lifetime: lifetime, http: newHTTP(s, o.Getenv)}
}

// close ends the server if it was started.
func (l *link) close() {
	l.starting.Lock()
	defer l.starting.Unlock()
	l.drop()
}

// drop ends the session and the process, and gives the process's last words;
// starting is held.
func (l *link) drop() string {
	words := ""
	if l.process != nil {
		l.process.end() // first, or closing the session would wait for answers
		words = l.process.lastWords()
		l.process = nil
	}
	if l.session != nil {
		if err := l.session.Close(); err != nil {
			l.options.Logger.Debug("ending the session with an MCP server", "server", l.server.Name, "error", err)
		}
		l.session, l.offers = nil, nil
	}
	l.http.CloseIdleConnections()
	return words
}

// connect returns the session, which it starts if there is none.
func (l *link) connect(ctx context.Context) (*sdk.ClientSession, error) {
	l.starting.Lock()
	defer l.starting.Unlock()
	if l.session != nil {
		return l.session, nil
	}
	within, cancel := context.WithTimeout(ctx, l.server.startWithin)
	defer cancel()
	session, err := l.start(within)
	if err == nil {
		l.session = session
		l.offers, err = l.list(within, session)
	}
	if err == nil {
		return session, nil
	}
	words := l.drop()
	if ctx.Err() == nil && within.Err() != nil {
		return nil, tools.Errorf(tools.CodeFailed, "MCP server %s did not start within %s%s", l.server.Name, l.server.startWithin, words).
			WithHint("try its command in a terminal: %s; start_timeout in %s gives it longer", clip(l.server.runs(), 200), ConfigFile)
	}
	return nil, tools.Errorf(tools.CodeFailed, "MCP server %s could not be started: %s%s", l.server.Name, clip(err.Error(), 300), words).
		WithHint("try its command in a terminal: %s", clip(l.server.runs(), 200))
}

// start begins a session. Nothing is offered to the server: no files, no
// questions to the person, no model.
func (l *link) start(ctx context.Context) (*sdk.ClientSession, error) {
	transport, err := l.transport()
	if err != nil {
		return nil, err
	}
	client := sdk.NewClient(&sdk.Implementation{Name: "minivess", Version: l.options.Version}, &sdk.ClientOptions{
		Capabilities:                &sdk.ClientCapabilities{},
		ProgressNotificationHandler: l.progressed,
		MultiRoundTrip:              &sdk.MultiRoundTripOptions{Disabled: true},
	})
	return client.Connect(ctx, transport, nil)
}

func (l *link) transport() (sdk.Transport, error) {
	if l.server.URL != "" {
		return &sdk.StreamableClientTransport{
			Endpoint: l.server.URL, HTTPClient: l.http, MaxRetries: -1, DisableStandaloneSSE: true, MaxEventSize: maxMessage,
		}, nil
	}
	p, err := startProcess(l.lifetime, l.server, l.options)
	if err != nil {
		return nil, err
	}
	l.process = p
	return &sdk.IOTransport{Reader: p.out, Writer: p.in, MaxLineLength: maxMessage}, nil
}

// list gives the definitions of what a server offers, and remembers nothing.
func (l *link) list(ctx context.Context, session *sdk.ClientSession) (map[string]string, error) {
	all, err := l.all(ctx, session)
	if err != nil {
		return nil, err
	}
	offers := make(map[string]string, len(all))
	for _, t := range all {
		offers[t.Name] = definition(t)
	}
	return offers, nil
}

// all lists a server's tools, up to a bound: its pages may never end.
func (l *link) all(ctx context.Context, session *sdk.ClientSession) ([]*sdk.Tool, error) {
	const most = 4 * maxTools
	var list []*sdk.Tool
	for t, err := range session.Tools(ctx, nil) {
		if err != nil {
			return nil, fmt.Errorf("listing its tools: %w", err)
		}
		if list = append(list, t); len(list) == most {
			break
		}
	}
	return list, nil
}

// look starts the server anew, lists its tools and keeps the list.
func (l *link) look(ctx context.Context) (seen, []string, error) {
	l.close()
	session, err := l.connect(ctx)
	if err != nil {
		return seen{}, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, l.server.startWithin)
	defer cancel()
	list, err := l.all(ctx, session)
	if err != nil {
		return seen{}, nil, tools.Errorf(tools.CodeFailed, "MCP server %s: %s%s", l.server.Name, clip(err.Error(), 300), l.abandon(session))
	}
	s := seen{Server: l.server.Name, Digest: l.server.digest(), Looked: l.options.Now()}
	if info := session.InitializeResult(); info != nil && info.ServerInfo != nil {
		s.Says = clip(strings.TrimSpace(info.ServerInfo.Name+" "+info.ServerInfo.Version), maxTitle)
	}
	var left []string
	s.Tools, left = l.take(list)
	return s, left, l.keep(s)
}

// call asks a tool, which must still be what was looked at. It is asked once:
// what a stranger did before it failed is not known.
func (l *link) call(ctx context.Context, o offered, args json.RawMessage, emit func(tools.Progress)) (Answer, error) {
	session, err := l.connect(ctx)
	if err != nil {
		return Answer{}, err
	}
	l.starting.Lock()
	now, offered := l.offers[o.Remote]
	l.starting.Unlock()
	if !offered || now != o.Original {
		return Answer{}, tools.Errorf(tools.CodeConflict, "MCP server %s offers another %s than the one that was looked at, or none", l.server.Name, clip(o.Remote, maxTitle)).
			WithHint("minivess mcp refresh %s looks again", l.server.Name)
	}
	within, cancel := context.WithTimeout(ctx, l.server.answerWithin)
	defer cancel()
	token, forget := l.follow(emit)
	defer forget()
	res, err := session.CallTool(within, &sdk.CallToolParams{
		Meta: sdk.Meta{"progressToken": token}, Name: o.Remote, Arguments: args,
	})
	switch {
	case err != nil:
		return Answer{}, l.failed(ctx, within, session, o, err)
	case res.NeedsInput():
		return Answer{}, tools.Errorf(tools.CodeRefused, "%s of MCP server %s wants to ask a person something, which it may not do here", clip(o.Remote, maxTitle), l.server.Name)
	}
	a := l.answer(o, res)
	if res.IsError {
		return Answer{}, tools.Errorf(tools.CodeFailed, "%s of MCP server %s failed; it says: %q", a.Tool, a.Server, clip(a.Text, 500))
	}
	return a, nil
}

// failed words an error, and drops a session that cannot be trusted any more.
func (l *link) failed(ctx, within context.Context, session *sdk.ClientSession, o offered, err error) error {
	var wire *jsonrpc.Error
	switch {
	case ctx.Err() != nil:
		return tools.Errorf(tools.CodeFailed, "%s: stopped: %w", o.Name, ctx.Err())
	case within.Err() != nil:
		l.abandon(session)
		return tools.Errorf(tools.CodeFailed, "MCP server %s did not answer %s within %s", l.server.Name, clip(o.Remote, maxTitle), l.server.answerWithin).
			WithHint("it was ended; timeout in %s gives it longer", ConfigFile)
	case errors.As(err, &wire):
		return tools.Errorf(tools.CodeFailed, "MCP server %s refused %s: %q", l.server.Name, clip(o.Remote, maxTitle), clip(wire.Message, 300))
	}
	return tools.Errorf(tools.CodeFailed, "MCP server %s ended while it was asked%s", l.server.Name, l.abandon(session)).
		WithHint("whether it did anything before is not known; it is started again when it is next asked")
}

// abandon drops a session, unless somebody has already, and gives the last
// words of its process.
func (l *link) abandon(session *sdk.ClientSession) string {
	l.starting.Lock()
	defer l.starting.Unlock()
	if l.session != session {
		return ""
	}
	return l.drop()
}

// follow gives a call a token under which its progress arrives.
func (l *link) follow(emit func(tools.Progress)) (token string, forget func()) {
	token = strconv.FormatInt(l.tokens.Add(1), 10)
	var mu sync.Mutex
	open := true
	l.progress.Store(token, func(p *sdk.ProgressNotificationParams) {
		mu.Lock()
		defer mu.Unlock()
		if open { // a late report must not reach a call that has ended
			emit(tools.Progress{Done: int64(p.Progress), Total: int64(p.Total), Message: clip(p.Message, 200)})
		}
	})
	return token, func() {
		l.progress.Delete(token)
		mu.Lock()
		defer mu.Unlock()
		open = false
	}
}

func (l *link) progressed(_ context.Context, req *sdk.ProgressNotificationClientRequest) {
	if report, ok := l.progress.Load(fmt.Sprint(req.Params.ProgressToken)); ok {
		if report, ok := report.(func(*sdk.ProgressNotificationParams)); ok {
			report(req.Params)
		}
	}
}
