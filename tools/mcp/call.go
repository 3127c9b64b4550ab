package mcp

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/minivess/minivess/tools"
)

// maxArguments is how many bytes a call's arguments may have.
const maxArguments = 1 << 20

// call answers tools/call.
func (s *Server) call(ctx context.Context, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	ctx = tools.WithOrigin(ctx, tools.Origin{Source: tools.SourceMCP, Thread: s.conversation(req.Session)})
	c := tools.Call{ID: s.callID(req), Tool: req.Params.Name, Args: bytes.TrimSpace(req.Params.Arguments)}
	d, ok := s.Registry.Lookup(c.Tool)
	if !ok {
		_, err := s.Registry.Preview(ctx, c) // knows what was meant
		return failure(err), nil
	}
	if len(c.Args) == 0 {
		c.Args = json.RawMessage("{}")
	}
	if len(c.Args) > maxArguments {
		return failure(tools.Errorf(tools.CodeBadArguments, "%s: %d bytes of arguments, of which %d are the most", c.Tool, len(c.Args), maxArguments).
			WithHint("name files and runs instead of sending what is in them")), nil
	}
	if s.needsWord(ctx, req, d, c) {
		approved, question, err := s.consent(ctx, req, d, c)
		if err != nil {
			return failure(err), nil
		}
		if question != nil {
			return question, nil
		}
		ctx, c = tools.WithApproval(ctx, approved.approval), approved.call
		if s.ending() { // while the person was thinking
			return failure(tools.Errorf(tools.CodeConflict, "%s: the server is ending; nothing was done", c.Tool)), nil
		}
	}
	res, err := s.Registry.Invoke(ctx, c, s.progressTo(ctx, req))
	if err != nil {
		return failure(err), nil
	}
	return success(res), nil
}

// needsWord tells whether a person has to approve a call: one that does more than
// read, one that the rules ask about, and the answer to a question that was asked.
func (s *Server) needsWord(ctx context.Context, req *sdk.CallToolRequest, d tools.Descriptor, c tools.Call) bool {
	if d.Effect != tools.Read || req.Params.RequestState != "" {
		return true
	}
	r, err := s.Registry.Judge(ctx, c)
	return err == nil && r.Verdict == tools.Ask
}

// conversation names what a call belongs to, for budgets: the client's session
// or, where the protocol has none, all that this server is asked. It is not the
// session's own name, which only the client may know, and has nothing of the
// client's, which could call itself something else with every call.
func (s *Server) conversation(session *sdk.ServerSession) string {
	id := ""
	if session != nil {
		id = session.ID()
	}
	return "mcp/" + hex.EncodeToString(s.sign([]byte("conversation " + id))[:8])
}

// callID names a call in the audit trail and the ledger. It carries the
// client's name, so that both say who called.
func (s *Server) callID(req *sdk.CallToolRequest) string {
	return "mcp/" + clientName(req.ClientInfo()) + "/" + s.NewID()
}

// clientName is what a client calls itself, made fit for a name: it comes from
// outside.
func clientName(info *sdk.Implementation) string {
	if info == nil {
		return "unnamed"
	}
	const most = 40
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, info.Name)
	name = strings.Trim(name[:min(len(name), most)], "-")
	if name == "" {
		return "unnamed"
	}
	return name
}
