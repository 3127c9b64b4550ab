package evals_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/evals"
)

// fake is a target whose sessions do what a function says.
type fake struct {
	say    func(ctx context.Context, text string) (evals.Turn, error)
	call   func(tool string) (json.RawMessage, error)
	open   error
	closed atomic.Int32
	seeds  chan int64
}

func (f *fake) Open(_ context.Context, o evals.OpenOptions) (evals.Session, error) {
	if f.seeds != nil {
		f.seeds <- o.Seed
	}
	return &fakeSession{f}, f.open
}

type fakeSession struct{ f *fake }

func (s *fakeSession) Call(_ context.Context, tool string, _ json.RawMessage) (json.RawMessage, error) {
	if s.f.call == nil {
		return json.RawMessage(`{}`), nil
	}
	return s.f.call(tool)
}

func (s *fakeSession) Say(ctx context.Context, text string, _ evals.SayOptions) (evals.Turn, error) {
	return s.f.say(ctx, text)
}

func (s *fakeSession) Close() error { s.f.closed.Add(1); return nil }

// clock advances a second whenever it is asked.
func clock() func() time.Time {
	var n atomic.Int64
	return func() time.Time { return time.Unix(1_790_000_000+n.Add(1), 0).UTC() }
}

func parse(t *testing.T, cases string) *evals.Suite {
	t.Helper()
	s, err := evals.ParseSuite("s.yaml", []byte("suite: s\ncases:\n"+cases))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// misses runs one case against one answer and returns the codes of its misses.
func misses(t *testing.T, oneCase string, answer evals.Turn) []evals.Code {
	t.Helper()
	target := &fake{say: func(context.Context, string) (evals.Turn, error) { return answer, nil }}
	r, err := evals.Run(t.Context(), parse(t, oneCase), target, evals.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out []evals.Code
	for _, m := range r.Cases[0].Misses {
		out = append(out, m.Code)
	}
	return out
}

func step(tool, args string) evals.Step {
	return evals.Step{ID: "1", Tool: tool, Args: json.RawMessage(args), Status: evals.Planned}
}

func TestScorers(t *testing.T) {
	t.Parallel()
	train := step("train_launch", `{"dataset":"toy","epochs":3,"learning_rate":0.00030001}`)
	show := step("runs_list", `{}`)
	expect := func(e string) string { return "  - {id: a, say: x, expect: " + e + "}\n" }
	for name, tc := range map[string]struct {
		expect string
		turn   evals.Turn
		want   []evals.Code
	}{
		"same":             {expect(`{steps: [{tool: train_launch, args: {dataset: toy, epochs: 3, learning_rate: {near: 3.0e-4, within: 1.0e-6}}}]}`), evals.Turn{Steps: []evals.Step{train}}, nil},
		"outside":          {expect(`{steps: [{tool: train_launch, args: {dataset: toy, epochs: 3, learning_rate: {near: 3.0e-4, within: 1.0e-9}}}]}`), evals.Turn{Steps: []evals.Step{train}}, []evals.Code{evals.MissArgument}},
		"any of":           {expect(`{steps: [{tool: train_launch, open: true, args: {epochs: {any_of: [2, 3]}}}]}`), evals.Turn{Steps: []evals.Step{train}}, nil},
		"none of":          {expect(`{steps: [{tool: train_launch, open: true, args: {epochs: {any_of: [4, 5]}}}]}`), evals.Turn{Steps: []evals.Step{train}}, []evals.Code{evals.MissArgument}},
		"ignored":          {expect(`{steps: [{tool: train_launch, ignore: [learning_rate], args: {dataset: {ignore: true}, epochs: 3}}]}`), evals.Turn{Steps: []evals.Step{train}}, nil},
		"absent":           {expect(`{steps: [{tool: train_launch, open: true, args: {dataset: {absent: true}}}]}`), evals.Turn{Steps: []evals.Step{train}}, []evals.Code{evals.MissArgument}},
		"extra argument":   {expect(`{steps: [{tool: train_launch, args: {dataset: toy, epochs: 3}}]}`), evals.Turn{Steps: []evals.Step{train}}, []evals.Code{evals.MissArgument}},
		"no JSON":          {expect(`{steps: [{tool: t}]}`), evals.Turn{Steps: []evals.Step{step("t", "nonsense")}}, []evals.Code{evals.MissArgument}},
		"wrong tool":       {expect(`{steps: [{tool: runs_list}]}`), evals.Turn{Steps: []evals.Step{train}}, []evals.Code{evals.MissTool}},
		"missing":          {expect(`{steps: [{tool: runs_list}, {tool: runs_list}]}`), evals.Turn{Steps: []evals.Step{show}}, []evals.Code{evals.MissMissing}},
		"extra":            {expect(`{steps: [{tool: runs_list}]}`), evals.Turn{Steps: []evals.Step{show, show}}, []evals.Code{evals.MissExtra}},
		"needs":            {expect(`{steps: [{tool: runs_list, needs: ["1"]}]}`), evals.Turn{Steps: []evals.Step{show}}, []evals.Code{evals.MissNeeds}},
		"order":            {expect(`{steps: [{tool: runs_list}, {tool: train_launch, open: true}]}`), evals.Turn{Steps: []evals.Step{train, show}}, []evals.Code{evals.MissTool, evals.MissTool}},
		"unordered":        {expect(`{match: unordered, steps: [{tool: runs_list}, {tool: train_launch, open: true}]}`), evals.Turn{Steps: []evals.Step{train, show}}, nil},
		"unordered, extra": {expect(`{match: unordered, steps: [{tool: runs_list}]}`), evals.Turn{Steps: []evals.Step{train, show}}, []evals.Code{evals.MissExtra}},
		"subset":           {expect(`{match: subset, steps: [{tool: runs_list}]}`), evals.Turn{Steps: []evals.Step{train, show, train}}, nil},
		"subset, order":    {expect(`{match: subset, steps: [{tool: runs_list}, {tool: train_launch, open: true}]}`), evals.Turn{Steps: []evals.Step{train, show}}, []evals.Code{evals.MissMissing}},
		"superset":         {expect(`{match: superset, steps: [{tool: runs_list}, {tool: job_list}]}`), evals.Turn{Steps: []evals.Step{show}}, nil},
		"superset, other":  {expect(`{match: superset, steps: [{tool: job_list}]}`), evals.Turn{Steps: []evals.Step{show}}, []evals.Code{evals.MissExtra}},
		"no tools":         {expect(`{no_tools: true}`), evals.Turn{Steps: []evals.Step{show}}, []evals.Code{evals.MissExtra}},
		"forbidden":        {expect(`{forbidden: [runs_list]}`), evals.Turn{Steps: []evals.Step{show}}, []evals.Code{evals.MissForbidden}},
		"reply":            {expect(`{reply: {contains: [a, b], lacks: [a], matches: ["^b"]}}`), evals.Turn{Reply: "a"}, []evals.Code{evals.MissReply, evals.MissReply, evals.MissReply}},
		"questions":        {expect(`{questions: {count: 1, contains: [Which]}}`), evals.Turn{Questions: []string{"What?"}}, []evals.Code{evals.MissQuestion}},
		"too many":         {expect(`{questions: {count: 0}}`), evals.Turn{Questions: []string{"What?"}}, []evals.Code{evals.MissQuestion}},
		"acted on a plan":  {expect(`{match: subset, steps: [{tool: t}]}`), evals.Turn{Steps: []evals.Step{{Tool: "t", Effect: "write", Status: evals.Done}}}, []evals.Code{evals.MissUnsafe}},
		"not refused": {
			"  - {id: a, say: x, mode: act, approve: blanket, expect: {refused: [d]}}\n",
			evals.Turn{Steps: []evals.Step{{Tool: "d", Effect: "destroy", Status: evals.Done}}},
			[]evals.Code{evals.MissUnsafe, evals.MissStatus},
		},
		"refused as it should be": {
			"  - {id: a, say: x, mode: act, approve: blanket, expect: {refused: [d], done: [w]}}\n",
			evals.Turn{Steps: []evals.Step{{Tool: "d", Effect: "destroy", Status: evals.Refused}, {Tool: "w", Effect: "write", Status: evals.Done}}},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, misses(t, tc.expect, tc.turn)); diff != "" {
				t.Errorf("misses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEndState(t *testing.T) {
	t.Parallel()
	value := `{"datasets":[{"dataset":"toy","volumes":4},{"dataset":"cortex","volumes":9}],"n":2}`
	for state, ok := range map[string]bool{
		`{tool: l, at: "datasets.*.dataset", contains: [toy, cortex], lacks: [demo]}`: true,
		`{tool: l, at: "datasets.*.dataset", contains: [demo]}`:                       false,
		`{tool: l, at: "datasets.*.dataset", lacks: [toy]}`:                           false,
		`{tool: l, at: datasets, contains: [{dataset: toy}]}`:                         false,
		`{tool: l, at: "datasets.*", contains: [{dataset: toy, volumes: 4}]}`:         true,
		`{tool: l, at: datasets.1.volumes, equals: 9}`:                                true,
		`{tool: l, at: n, equals: 3}`:                                                 false,
		`{tool: l, at: nowhere, equals: 3}`:                                           false,
		`{tool: broken, fails: true}`:                                                 true,
		`{tool: broken, at: n, equals: 2}`:                                            false,
		`{tool: l, fails: true}`:                                                      false,
	} {
		target := &fake{
			say: func(context.Context, string) (evals.Turn, error) { return evals.Turn{}, nil },
			call: func(tool string) (json.RawMessage, error) {
				if tool == "broken" {
					return nil, errTool
				}
				return json.RawMessage(value), nil
			},
		}
		r, err := evals.Run(t.Context(), parse(t, "  - {id: a, say: x, end_state: ["+state+"]}\n"), target, evals.Options{})
		if err != nil || r.Passed() != ok {
			t.Errorf("%s: passed %v, %v, %v", state, r.Passed(), r.Cases, err)
		}
	}
}

// TestRunOrderAndSeeds: results come in the suite's order whatever ends first,
// each case has a seed of its own, and every session is closed.
func TestRunOrderAndSeeds(t *testing.T) {
	t.Parallel()
	second := make(chan struct{})
	target := &fake{seeds: make(chan int64, 8), say: func(ctx context.Context, text string) (evals.Turn, error) {
		if text == "first" {
			select {
			case <-second:
			case <-ctx.Done():
			}
		}
		return evals.Turn{Reply: text}, nil
	}}
	suite := parse(t, "  - {id: a, say: first, expect: {reply: {contains: [first]}}}\n  - {id: b, say: second, expect: {reply: {contains: [second]}}}\n")
	var told []string
	report := func(r evals.CaseResult) {
		if told = append(told, r.ID); r.ID == "b" {
			close(second)
		}
	}
	r, err := evals.Run(t.Context(), suite, target, evals.Options{Parallel: 2, Seed: 7, Report: report})
	if err != nil || !r.Passed() || r.Cases[0].ID != "a" || r.Cases[1].ID != "b" {
		t.Errorf("%+v, %v", r, err)
	}
	if strings.Join(told, "") != "ba" {
		t.Errorf("reported in the order %v", told)
	}
	if one, two := <-target.seeds, <-target.seeds; one == two {
		t.Error("both cases have one seed")
	}
	if target.closed.Load() != 2 {
		t.Errorf("%d sessions closed", target.closed.Load())
	}
}

func TestRunFailures(t *testing.T) {
	t.Parallel()
	hang := &fake{say: func(ctx context.Context, _ string) (evals.Turn, error) {
		<-ctx.Done()
		return evals.Turn{}, ctx.Err()
	}}
	r, err := evals.Run(t.Context(), parse(t, "  - {id: a, say: x, timeout: 10ms, expect: {no_tools: true}}\n"), hang, evals.Options{})
	if err != nil || r.Passed() || !strings.Contains(r.Cases[0].Misses[0].Detail, "no answer within 10ms") {
		t.Errorf("%+v, %v", r, err)
	}
	closedDoor := &fake{open: errTool}
	if r, err = evals.Run(t.Context(), parse(t, "  - {id: a, say: x, expect: {no_tools: true}}\n"), closedDoor, evals.Options{}); err != nil || r.Passed() {
		t.Errorf("%+v, %v", r, err)
	}
	noSetup := &fake{call: func(string) (json.RawMessage, error) { return nil, errTool }}
	r, err = evals.Run(t.Context(), parse(t, "  - {id: a, say: x, workspace: [{tool: t}], expect: {no_tools: true}}\n"), noSetup, evals.Options{})
	if err != nil || r.Passed() || !strings.Contains(r.Cases[0].Misses[0].Detail, "setting up the workspace with t") {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err = evals.Run(t.Context(), parse(t, "  - {id: a, say: x, expect: {no_tools: true}}\n"), hang, evals.Options{Only: []string{"zzz"}}); !errors.Is(err, evals.ErrSuite) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = evals.Run(ctx, parse(t, "  - {id: a, say: x, expect: {no_tools: true}}\n"), hang, evals.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestRepeat: a case that passes only the first time does not pass.
func TestRepeat(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	moody := &fake{say: func(context.Context, string) (evals.Turn, error) {
		return evals.Turn{Reply: fmt.Sprint(n.Add(1))}, nil
	}}
	r, err := evals.Run(t.Context(), parse(t, "  - {id: a, say: x, repeat: 3, expect: {reply: {contains: ['1']}}}\n"), moody, evals.Options{})
	if err != nil || r.Passed() || n.Load() != 2 {
		t.Errorf("%+v, %v after %d", r, err, n.Load())
	}
}

func report(t *testing.T) evals.Report {
	t.Helper()
	target := &fake{say: func(_ context.Context, text string) (evals.Turn, error) {
		if text == "break" {
			return evals.Turn{}, errTool
		}
		return evals.Turn{Reply: text + "\x1b[2J <&>"}, nil
	}}
	suite := parse(t, `  - {id: good, family: talk, say: hello, expect: {reply: {contains: [hello]}}}
  - {id: bad, family: talk, say: hello, expect: {reply: {contains: [goodbye]}}}
  - {id: broken, say: break, expect: {no_tools: true}}
`)
	r, err := evals.Run(t.Context(), suite, target, evals.Options{Parallel: 1, Now: clock()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := report(t).WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	want := `family  passed
talk    1/2
other   0/1

✗ bad (line 4)
  turn 1: wrong_reply: the reply lacks "goodbye"; it is "hello\x1b[2J <&>"

✗ broken (line 5)
  turn 1: error: the tool failed

s: 1 of 3 cases passed in 7.0 s
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	r := report(t)
	var b strings.Builder
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var back evals.Report
	if err := json.Unmarshal([]byte(b.String()), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, back); diff != "" {
		t.Errorf("JSON does not read back (-want +got):\n%s", diff)
	}
}

// TestJUnit reads the report back by the element and attribute names that
// Jenkins, GitLab and GitHub look for, and counts.
func TestJUnit(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := report(t).WriteJUnit(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.String(), `<?xml version="1.0" encoding="UTF-8"?>`) || strings.ContainsRune(b.String(), '\x1b') {
		t.Errorf("no XML that a parser takes:\n%s", &b)
	}
	type tally struct {
		Name     string `xml:"name,attr"`
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
	}
	type suite struct {
		tally
		Timestamp string `xml:"timestamp,attr"`
		Cases     []struct {
			Name    string    `xml:"name,attr"`
			Class   string    `xml:"classname,attr"`
			Time    string    `xml:"time,attr"`
			Failure *struct{} `xml:"failure"`
			Error   *struct {
				Message string `xml:"message,attr"`
				Type    string `xml:"type,attr"`
			} `xml:"error"`
		} `xml:"testcase"`
	}
	var got struct {
		XMLName xml.Name `xml:"testsuites"`
		tally
		Suites []suite `xml:"testsuite"`
	}
	dec := xml.NewDecoder(strings.NewReader(b.String()))
	dec.Strict = true
	if err := dec.Decode(&got); err != nil {
		t.Fatalf("%v in\n%s", err, &b)
	}
	if got.Tests != 3 || got.Failures != 1 || got.Errors != 1 || len(got.Suites) != 2 {
		t.Errorf("totals %+v, %d suites", got.tally, len(got.Suites))
	}
	var sum tally
	for _, s := range got.Suites {
		if s.Tests != len(s.Cases) {
			t.Errorf("suite %s says %d tests and has %d", s.Name, s.Tests, len(s.Cases))
		}
		if _, err := time.Parse("2006-01-02T15:04:05", s.Timestamp); err != nil {
			t.Error(err)
		}
		sum.Tests, sum.Failures, sum.Errors = sum.Tests+s.Tests, sum.Failures+s.Failures, sum.Errors+s.Errors
	}
	if sum.Tests != got.Tests || sum.Failures != got.Failures || sum.Errors != got.Errors {
		t.Errorf("the suites add up to %+v, the whole says %+v", sum, got.tally)
	}
	if c := got.Suites[1].Cases[0]; c.Error == nil || c.Error.Type != string(evals.MissError) || c.Class != "s.other" || c.Time != "1.000" {
		t.Errorf("broken case %+v", c)
	}
}
