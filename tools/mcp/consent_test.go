package mcp_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/mcp"
)

// person answers questions in one way and remembers them.
type person struct {
	action  string
	content map[string]any
	before  func() // answering
	asked   []*sdk.ElicitParams
}

func (p *person) options() *sdk.ClientOptions {
	return &sdk.ClientOptions{ElicitationHandler: func(_ context.Context, r *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
		p.asked = append(p.asked, r.Params)
		if p.before != nil {
			p.before()
		}
		return &sdk.ElicitResult{Action: p.action, Content: p.content}, nil
	}}
}

func TestAcceptingRunsWhatWasShown(t *testing.T) {
	t.Parallel()
	for _, protocol := range protocols {
		f := newFixture(t)
		p := &person{action: "accept"}
		s := f.connect(t, protocol, p.options())
		for range 2 {
			if res := call(t, s, "paint", map[string]any{"colour": "green\x1b[2J"}); res.IsError {
				t.Fatal(textOf(t, res))
			}
		}
		if len(p.asked) != 2 || f.painted.Load() != 2 {
			t.Errorf("asked %d times and painted %d times: every call needs a word of its own", len(p.asked), f.painted.Load())
		}
		want := "Friend-of--31m-tests wants minivess to run paint:\npaint it green\nArguments: {\"colour\":\"green\\u001b[2J\",\"coats\":2}\n" +
			"Cost: about 1.5 min, 5.0 MB on disk (a guess)\nWrites: /wall\nAccept to run this once."
		if diff := cmp.Diff(want, p.asked[0].Message); diff != "" {
			t.Error(diff)
		}
		trail := f.trail(t)
		if len(trail) != 2 {
			t.Fatalf("%d entries in the audit trail", len(trail))
		}
		for _, e := range trail {
			if e.Outcome != "done" || e.ApprovedBy != "ada at Friend-of--31m-tests (MCP)" || !strings.HasPrefix(e.Call, "mcp/Friend-of--31m-tests/") {
				t.Errorf("the audit trail says %+v", e)
			}
		}
	}
}

// TestNoMeansNo answers a question in every way that is not a yes.
func TestNoMeansNo(t *testing.T) {
	t.Parallel()
	for _, protocol := range protocols {
		for name, tc := range map[string]struct {
			tool    string
			person  *person // none cannot be asked
			code    tools.Code
			says    string
			forward time.Duration
		}{
			"decline":     {"paint", &person{action: "decline"}, tools.CodeRefused, "said no", 0},
			"cancel":      {"paint", &person{action: "cancel"}, tools.CodeRefused, "said no", 0},
			"nobody":      {"paint", nil, tools.CodeNeedsApproval, "offers no elicitation", 0},
			"late":        {"paint", &person{action: "accept"}, tools.CodeNeedsApproval, "came after 10 min", 11 * time.Minute},
			"changed":     {"drift", &person{action: "accept"}, tools.CodeNeedsApproval, "changed since it was shown", time.Second},
			"no typing":   {"wreck", &person{action: "accept", content: map[string]any{"confirm": ""}}, tools.CodeRefused, "typed to confirm", 0},
			"mistyped":    {"wreck", &person{action: "accept", content: map[string]any{"confirm": "yes"}}, tools.CodeRefused, "typed to confirm", 0},
			"not a wreck": {"wreck", &person{action: "decline", content: map[string]any{"confirm": "wreck"}}, tools.CodeRefused, "said no", 0},
		} {
			f := newFixture(t)
			var o *sdk.ClientOptions
			if tc.person != nil {
				tc.person.before = func() { f.clock.forward(tc.forward) }
				o = tc.person.options()
			}
			res := call(t, f.connect(t, protocol, o), tc.tool, map[string]any{"colour": "it's"})
			if e := errorOf(t, res); e.Code != tc.code || !strings.Contains(e.Message, tc.says) || e.Hint == "" {
				t.Errorf("%s, %s: %s: %s / %s", protocol, name, e.Code, e.Message, e.Hint)
			}
			if name == "nobody" && !strings.Contains(textOf(t, res), `minivess tool paint '{"colour":"it'\''s","coats":2}'`) {
				t.Errorf("the way on is not for a shell: %s", textOf(t, res))
			}
			if f.painted.Load() != 0 {
				t.Errorf("%s, %s: it was done", protocol, name)
			}
			trail := f.trail(t)
			if len(trail) != 1 || trail[0].Outcome != string(tc.code) || !strings.Contains(trail[0].Call, "Friend-of") || trail[0].ApprovedBy != "" {
				t.Errorf("%s, %s: the audit trail says %+v", protocol, name, trail)
			}
		}
	}
}

func TestDestroyingHasToBeTyped(t *testing.T) {
	t.Parallel()
	for _, protocol := range protocols {
		f := newFixture(t)
		p := &person{action: "accept", content: map[string]any{"confirm": "wreck"}}
		if res := call(t, f.connect(t, protocol, p.options()), "wreck", nil); res.IsError {
			t.Fatal(textOf(t, res))
		}
		if !strings.Contains(p.asked[0].Message, "Touches: /wall\nThis cannot be undone. Type wreck to confirm.") {
			t.Errorf("asked %q", p.asked[0].Message)
		}
	}
}

// byHand is a client that answers questions itself, as one that cheats would.
func byHand(t *testing.T, f *fixture) *sdk.ClientSession {
	t.Helper()
	o := (&person{action: "accept"}).options()
	o.MultiRoundTrip = &sdk.MultiRoundTripOptions{Disabled: true}
	return f.connect(t, protocols[1], o)
}

func TestAnAnswerCountsOnceAndForItsCall(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := byHand(t, f)
	yes := sdk.InputResponseMap{"approval": &sdk.ElicitResult{Action: "accept"}}
	red := map[string]any{"colour": "red"}
	question := call(t, s, "paint", red)
	if !question.NeedsInput() || question.RequestState == "" {
		t.Fatalf("nothing was asked: %+v", question)
	}
	answer := func(state string, args map[string]any) *sdk.CallToolResult {
		t.Helper()
		res, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: "paint", Arguments: args, InputResponses: yes, RequestState: state})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	text, _, _ := strings.Cut(question.RequestState, ".")
	for what, res := range map[string]*sdk.CallToolResult{
		"no question":       answer("", red),
		"a made-up one":     answer("e30.e30", red),
		"not base64":        answer("?", red),
		"a changed one":     answer("A"+question.RequestState, red),
		"one without a key": answer(text+".", red),
		"other arguments":   answer(question.RequestState, map[string]any{"colour": "blue"}),
	} {
		if e := errorOf(t, res); e.Code != tools.CodeNeedsApproval {
			t.Errorf("%s: %s: %s", what, e.Code, e.Message)
		}
	}
	if f.painted.Load() != 0 {
		t.Fatal("it was done")
	}
	if res := answer(question.RequestState, red); res.IsError {
		t.Fatal(textOf(t, res))
	}
	if e := errorOf(t, answer(question.RequestState, red)); e.Code != tools.CodeNeedsApproval || !strings.Contains(e.Message, "used before") {
		t.Errorf("an answer counted twice: %s: %s", e.Code, e.Message)
	}
	other := newFixture(t)
	res, err := byHand(t, other).CallTool(t.Context(), &sdk.CallToolParams{Name: "paint", Arguments: red, InputResponses: yes, RequestState: question.RequestState})
	if err != nil || errorOf(t, res).Code != tools.CodeNeedsApproval || other.painted.Load() != 0 {
		t.Errorf("another server took the answer: %v", err)
	}
}

// policy approves by a rule.
type policy struct {
	decide func(mcp.Ask) (tools.Approval, bool, error)
}

func (p policy) Approve(_ context.Context, a mcp.Ask) (tools.Approval, bool, error) {
	return p.decide(a)
}

func TestAPolicyAnswersFirst(t *testing.T) {
	t.Parallel()
	allow := func(f **fixture) policy {
		return policy{func(a mcp.Ask) (tools.Approval, bool, error) {
			now := (*f).clock.Now()
			return tools.Approval{
				Fingerprint: tools.Fingerprint(a.Call.Tool, a.Call.Args), By: "policy for " + a.Client, At: now, ExpiresAt: now.Add(time.Minute), Blanket: true,
			}, a.Tool.Name != "drift", nil
		}}
	}
	var f *fixture
	f = newFixture(t, func(o *mcp.Options) { o.Approver = allow(&f) })
	s := f.connect(t, protocols[1], nil)
	if res := call(t, s, "paint", nil); res.IsError {
		t.Error(textOf(t, res))
	}
	if e := errorOf(t, call(t, s, "wreck", nil)); e.Code != tools.CodeNeedsApproval || !strings.Contains(e.Message, "general yes") {
		t.Errorf("a blanket yes destroyed something: %s", e.Message)
	}
	if e := errorOf(t, call(t, s, "drift", nil)); !strings.Contains(e.Message, "elicitation") {
		t.Errorf("an undecided policy did not lead to a question: %s", e.Message)
	}
	if n := f.painted.Load(); n != 1 {
		t.Errorf("painted %d times", n)
	}
	p := &person{action: "accept"}
	f = newFixture(t, func(o *mcp.Options) {
		o.Approver = policy{func(mcp.Ask) (tools.Approval, bool, error) {
			return tools.Approval{}, true, tools.Errorf(tools.CodeRefused, "not on a Sunday")
		}}
	})
	if e := errorOf(t, call(t, f.connect(t, protocols[1], p.options()), "paint", nil)); e.Code != tools.CodeRefused || e.Message != "not on a Sunday" {
		t.Errorf("got %s: %s", e.Code, e.Message)
	}
	if len(p.asked) != 0 || f.painted.Load() != 0 {
		t.Error("a person was asked about what the policy forbids")
	}
}

func TestReadingIsAskedAboutWhereTheRulesDo(t *testing.T) {
	t.Parallel()
	for _, protocol := range protocols {
		p := &person{action: "accept"}
		f := newFixture(t)
		s := f.connect(t, protocol, p.options())
		if res := call(t, s, "look", nil); res.IsError || len(p.asked) != 0 {
			t.Errorf("plain reading: asked %d times, %s", len(p.asked), textOf(t, res))
		}
		if res := call(t, s, "look", map[string]any{"colour": "behind"}); res.IsError || len(p.asked) != 1 {
			t.Fatalf("asked %d times: %s", len(p.asked), textOf(t, res))
		}
		if q := p.asked[0].Message; !strings.Contains(q, "the fence asks for a word: it lies behind") {
			t.Errorf("the question does not say why it is asked: %s", q)
		}
		p.action = "decline"
		if e := errorOf(t, call(t, s, "look", map[string]any{"colour": "behind"})); e.Code != tools.CodeRefused || f.painted.Load() != 2 {
			t.Errorf("after a no: %s, looked %d times", e.Message, f.painted.Load())
		}
		if e := errorOf(t, call(t, f.connect(t, protocol, nil), "look", map[string]any{"colour": "behind"})); e.Code != tools.CodeNeedsApproval {
			t.Errorf("a client that cannot ask: %s", e.Message)
		}
	}
}

func TestAClientWithURLFormsOnlyCannotBeAsked(t *testing.T) {
	t.Parallel()
	o := (&person{action: "accept"}).options()
	o.Capabilities = &sdk.ClientCapabilities{Elicitation: &sdk.ElicitationCapabilities{URL: &sdk.URLElicitationCapabilities{}}}
	f := newFixture(t)
	if e := errorOf(t, call(t, f.connect(t, protocols[0], o), "paint", nil)); e.Code != tools.CodeNeedsApproval {
		t.Errorf("got %s: %s", e.Code, e.Message)
	}
}

func TestWhatAServerNeeds(t *testing.T) {
	t.Parallel()
	if _, err := mcp.New(t.Context(), mcp.Options{}); err == nil {
		t.Error("a server of nothing was made")
	}
}

// TestAFailingAuditStillRefuses refuses a call whose refusal cannot be recorded.
func TestAFailingAuditStillRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *mcp.Options) { o.Audit = broken{} })
	if e := errorOf(t, call(t, f.connect(t, protocols[1], nil), "paint", nil)); e.Code != tools.CodeNeedsApproval {
		t.Errorf("got %s", e.Code)
	}
}

type broken struct{}

func (broken) Record(context.Context, string, tools.AuditEntry) error { return errors.New("no space") }
