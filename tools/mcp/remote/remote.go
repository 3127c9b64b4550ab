// Package remote brings the tools of other MCP servers into the registry. Which
// servers there are stands in a workspace's configuration; what their tools are
// was looked at once, on a person's word, and kept, so nothing is started to
// make a list or a plan. A server starts when one of its tools is called, and
// must still offer what was looked at.
//
// A stranger's tool is gated like costly work unless it is annotated as reading
// and the configuration trusts that. What strangers say is bounded, stripped of
// control characters and marked as data.
package remote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/minivess/minivess/tools"
)

// ErrUnknown says that no server of that name is configured.
var ErrUnknown = errors.New("no such MCP server")

// Options is what the servers of one workspace need. Keep and Now are needed.
type Options struct {
	// Keep is the folder in which is kept what a person has looked at. It
	// belongs to the person and not to the workspace, so that a workspace that
	// came from somebody else can start nothing unseen.
	Keep string
	// Dir is the folder that commands start in.
	Dir     string
	Getenv  func(string) string
	Version string
	Now     func() time.Time
	Logger  *slog.Logger
}

// Servers are the servers of one workspace.
type Servers struct {
	Options

	links []*link
	end   context.CancelFunc
}

// Open prepares the configured servers; none is started. They end with Close,
// or with the process.
func Open(ctx context.Context, c Config, o Options) (*Servers, error) {
	if o.Keep == "" || o.Now == nil {
		return nil, errors.New("MCP servers need a folder to keep their tools in, and a clock")
	}
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	// A server outlives the call that started it.
	lifetime, end := context.WithCancel(context.WithoutCancel(ctx))
	s := &Servers{Options: o, end: end}
	for _, one := range c.Servers {
		s.links = append(s.links, newLink(lifetime, one, o))
	}
	return s, nil
}

// Close ends every server that was started.
func (s *Servers) Close() error {
	for _, l := range s.links {
		l.close()
	}
	s.end()
	return nil
}

// Status is one configured server and what is known of it.
type Status struct {
	Name   string    `json:"name"`
	Runs   string    `json:"runs"` // its command or address
	Looked time.Time `json:"looked,omitzero"`
	Tools  []Found   `json:"tools"`
	// Problem says why its tools cannot be used.
	Problem string `json:"problem,omitempty"`
}

// Found is one tool of a server as the registry has it.
type Found struct {
	Name    string       `json:"name"`
	Effect  tools.Effect `json:"effect"`
	Summary string       `json:"summary"`
}

// Status tells of every server without starting any.
func (s *Servers) Status() []Status {
	out := make([]Status, 0, len(s.links))
	for _, l := range s.links {
		st := Status{Name: l.server.Name, Runs: l.server.runs(), Tools: []Found{}}
		seen, err := l.seen()
		if err != nil {
			st.Problem = err.Error()
		} else {
			st.Looked, st.Tools = seen.Looked, l.found(seen)
		}
		out = append(out, st)
	}
	return out
}

// Look starts a server, lists its tools and keeps the list. It is how a person
// comes to know them, so it is never done unasked. The strings say which tools
// were left out, and why.
func (s *Servers) Look(ctx context.Context, name string) (Status, []string, error) {
	i := slices.IndexFunc(s.links, func(l *link) bool { return l.server.Name == name })
	if i < 0 {
		var names []string
		for _, l := range s.links {
			names = append(names, l.server.Name)
		}
		return Status{}, nil, fmt.Errorf("%w: %q; there is: %s", ErrUnknown, name, strings.Join(names, ", "))
	}
	l := s.links[i]
	seen, left, err := l.look(ctx)
	if err != nil {
		return Status{}, nil, err
	}
	return Status{Name: name, Runs: l.server.runs(), Looked: seen.Looked, Tools: l.found(seen)}, left, nil
}

// Register adds the tools that were looked at to the registry. Servers whose
// tools were not looked at, or were under another configuration, are left out;
// the strings say which, and what to do.
func (s *Servers) Register(r *tools.Registry) (left []string) {
	for _, l := range s.links {
		seen, err := l.seen()
		if err != nil {
			left = append(left, err.Error())
			continue
		}
		for _, t := range seen.Tools {
			if err := tools.RegisterDynamic(r, l.tool(t)); err != nil {
				left = append(left, fmt.Sprintf("MCP server %s: %v", l.server.Name, err))
			}
		}
	}
	return left
}
