package mcp

import (
	"context"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/minivess/minivess/tools"
)

const (
	// answerKey names the one question of a call that needs approval.
	answerKey = "approval"
	// confirmField is what has to be typed before something is destroyed.
	confirmField = "confirm"
	// patience is how long a question may be answered.
	patience = 10 * time.Minute
)

// approvedCall is the very call that was shown, with the approval for it.
type approvedCall struct {
	call     tools.Call
	approval tools.Approval
}

// consent gets a person's word for a call. It gives the approved call, or the
// question that the client has to put first, or the reason why not.
func (s *Server) consent(ctx context.Context, req *sdk.CallToolRequest, d tools.Descriptor, c tools.Call) (approvedCall, *sdk.CallToolResult, error) {
	if req.Params.RequestState != "" || len(req.Params.InputResponses) > 0 {
		a, err := s.answered(ctx, req, d, c)
		return a, nil, err
	}
	p, err := s.Registry.Preview(ctx, c)
	if err != nil {
		return approvedCall{}, nil, err
	}
	shown := c
	shown.Args = p.Args
	if s.Approver != nil {
		a, decided, err := s.Approver.Approve(ctx, Ask{Tool: d, Call: shown, Preview: p, Client: clientName(req.ClientInfo())})
		if err != nil {
			return approvedCall{}, nil, s.refuse(ctx, d, shown, tools.AsError(err))
		}
		if decided {
			return approvedCall{shown, a}, nil, nil
		}
	}
	if !canAsk(req) {
		return approvedCall{}, nil, s.refuse(ctx, d, shown, unaskable(d, shown))
	}
	now := s.Now()
	q := question{
		Fingerprint: tools.Fingerprint(c.Tool, c.Args), Args: p.Args, Shown: digest(p),
		At: now, Until: now.Add(patience + time.Duration(s.asked.Add(1))),
	}
	state, err := s.seal(q)
	if err != nil {
		return approvedCall{}, nil, err
	}
	return approvedCall{}, &sdk.CallToolResult{
		InputRequests: sdk.InputRequestMap{answerKey: &sdk.ElicitParams{
			Mode: "form", Message: ask(clientName(req.ClientInfo()), d, p), RequestedSchema: answerSchema(d, p),
		}},
		RequestState: state,
	}, nil
}

// answered takes the answer to a question that this server asked about this
// call, as long as what the call would do is still what was shown. That an
// answer counts once is the ledger's to see to: the approval made of it is
// always the same one.
func (s *Server) answered(ctx context.Context, req *sdk.CallToolRequest, d tools.Descriptor, c tools.Call) (approvedCall, error) {
	q, err := s.unseal(req.Params.RequestState)
	if err != nil {
		return approvedCall{}, s.refuse(ctx, d, c, tools.Errorf(tools.CodeNeedsApproval, "%s needs approval: this answers no question that was asked here", d.Name).
			WithHint("call the tool without an answer first"))
	}
	if q.Fingerprint != tools.Fingerprint(c.Tool, c.Args) {
		return approvedCall{}, s.refuse(ctx, d, c, tools.Errorf(tools.CodeNeedsApproval, "%s needs approval: the answer was given for other arguments", d.Name))
	}
	shown := c
	shown.Args = q.Args
	if !s.Now().Before(q.Until) {
		return approvedCall{}, s.refuse(ctx, d, shown, tools.Errorf(tools.CodeNeedsApproval, "%s needs approval: the answer came after %s", d.Name, tools.Duration(patience.Seconds())).
			WithHint("call it again to be asked again"))
	}
	answer, ok := req.Params.InputResponses[answerKey].(*sdk.ElicitResult)
	if !ok || answer.Action != "accept" {
		return approvedCall{}, s.refuse(ctx, d, shown, tools.Errorf(tools.CodeRefused, "%s: the person at the client said no", d.Name).
			WithHint("nothing was done; ask them what they would rather have"))
	}
	p, err := s.Registry.Preview(ctx, shown)
	if err != nil {
		return approvedCall{}, err
	}
	if typed, _ := answer.Content[confirmField].(string); p.Irreversible && typed != d.Name {
		return approvedCall{}, s.refuse(ctx, d, shown, tools.Errorf(tools.CodeRefused, "%s: what was typed to confirm it is not its name", d.Name).
			WithHint("nothing was done; call it again to be asked again"))
	}
	if digest(p) != q.Shown {
		return approvedCall{}, s.refuse(ctx, d, shown, tools.Errorf(tools.CodeNeedsApproval, "%s needs approval: what it would do has changed since it was shown", d.Name).
			WithHint("call it again to be asked again"))
	}
	return approvedCall{shown, tools.Approval{
		Fingerprint: tools.Fingerprint(shown.Tool, shown.Args), By: s.approvedBy(req), At: q.At, ExpiresAt: q.Until, Reads: p.Ruling.Unnamed(),
	}}, nil
}

// approvedBy names a person and the program that asked them.
func (s *Server) approvedBy(req *sdk.CallToolRequest) string {
	user := s.User
	if user == "" {
		user = "the person"
	}
	return user + " at " + clientName(req.ClientInfo()) + " (MCP)"
}

// canAsk tells whether the client puts questions to a person. One that names
// neither kind of question means forms, which were there first.
func canAsk(req *sdk.CallToolRequest) bool {
	caps := req.ClientCapabilities()
	if caps == nil || caps.Elicitation == nil {
		return false
	}
	return caps.Elicitation.Form != nil || caps.Elicitation.URL == nil
}

// unaskable refuses a call of a client that cannot ask, and says how a person
// allows it.
func unaskable(d tools.Descriptor, c tools.Call) *tools.Error {
	e := tools.Errorf(tools.CodeNeedsApproval, "%s needs approval, and this client cannot ask a person for it (it offers no elicitation)", d.Name)
	const most = 400
	if args := string(c.Args); len(args) <= most {
		return e.WithHint("a person can run it in a terminal: minivess tool %s %s; or allow it in the workspace's permission policy; or use a client with elicitation", d.Name, shellQuoted(tools.Plain(args)))
	}
	return e.WithHint("a person can run it in a terminal with minivess tool %s, or allow it in the workspace's permission policy, or use a client with elicitation", d.Name)
}

// shellQuoted makes one word of a text for people who copy it into a shell.
func shellQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// refuse puts a refusal on record and returns it. The gates record what reaches
// them; this never did.
func (s *Server) refuse(ctx context.Context, d tools.Descriptor, c tools.Call, e *tools.Error) error {
	err := s.Audit.Record(context.WithoutCancel(ctx), tools.AuditEnded, tools.AuditEntry{
		Call: c.ID, Tool: d.Name, Effect: d.Effect, Fingerprint: tools.Fingerprint(c.Tool, c.Args),
		Args: tools.Redact(c.Args), Outcome: string(e.Code), Message: e.Message,
	})
	if err != nil {
		s.Logger.WarnContext(ctx, "a refused call is missing from the audit trail", "tool", d.Name, "error", err)
	}
	return e
}
