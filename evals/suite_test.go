package evals_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/minivess/minivess/evals"
)

func TestBadSuites(t *testing.T) {
	t.Parallel()
	head := "suite: s\ncases:\n"
	for name, tc := range map[string]struct{ text, want string }{
		"empty":              {"", "s.yaml"},
		"no name":            {"cases:\n  - {id: a, say: x, expect: {no_tools: true}}\n", "s.yaml:1: the suite has no name"},
		"no cases":           {"suite: s\n", "s.yaml:1: the suite has no cases"},
		"not YAML":           {"suite: [\n", "s.yaml:1:"},
		"unknown key":        {head + "  - id: a\n    say: x\n    expct: {no_tools: true}\n", "s.yaml:5:5: unknown field \"expct\""},
		"unknown key within": {head + "  - id: a\n    say: x\n    expect:\n      no_tool: true\n", "s.yaml:6:7: unknown field \"no_tool\""},
		"wrong type":         {head + "  - id: a\n    say: x\n    expect: {no_tools: perhaps}\n", "s.yaml:5:24:"},
		"bad id":             {head + "  - id: A b\n    say: x\n    expect: {no_tools: true}\n", "s.yaml:3: A b: the id must be made of"},
		"no id":              {head + "  - say: x\n    expect: {no_tools: true}\n", "s.yaml:3: a case without id"},
		"same id": {
			head + "  - {id: a, say: x, expect: {no_tools: true}}\n  - {id: a, say: x, expect: {no_tools: true}}\n",
			"s.yaml:4: a: the id is used before, in line 3",
		},
		"nothing said":      {head + "  - {id: a, expect: {no_tools: true}}\n", "nothing is said"},
		"nothing checked":   {head + "  - {id: a, say: x}\n", "the case checks nothing"},
		"say and turns":     {head + "  - {id: a, say: x, turns: [{say: y, expect: {no_tools: true}}]}\n", "give either say or turns"},
		"expect and turns":  {head + "  - {id: a, expect: {no_tools: true}, turns: [{say: y}]}\n", "expect belongs to each turn"},
		"silent turn":       {head + "  - {id: a, turns: [{expect: {no_tools: true}}]}\n", "a turn says nothing"},
		"mode":              {head + "  - {id: a, say: x, mode: dream, expect: {no_tools: true}}\n", "unknown mode \"dream\""},
		"approve":           {head + "  - {id: a, say: x, approve: sure, expect: {no_tools: true}}\n", "unknown approve \"sure\""},
		"match":             {head + "  - {id: a, say: x, expect: {match: kind-of, steps: [{tool: t}]}}\n", "unknown match \"kind-of\""},
		"steps and none":    {head + "  - {id: a, say: x, expect: {no_tools: true, steps: [{tool: t}]}}\n", "exclude each other"},
		"step without tool": {head + "  - {id: a, say: x, expect: {steps: [{args: {}}]}}\n", "a step names no tool"},
		"status in a plan":  {head + "  - {id: a, say: x, expect: {done: [t]}}\n", "need mode: act"},
		"pattern":           {head + "  - {id: a, say: x, expect: {reply: {matches: ['(']}}}\n", "is no regular expression"},
		"form":              {head + "  - {id: a, say: x, expect: {steps: [{tool: t, args: {n: {around: 3}}}]}}\n", "s.yaml:3:59: unknown field \"around\""},
		"empty form":        {head + "  - {id: a, say: x, expect: {steps: [{tool: t, args: {n: {}}}]}}\n", "any_of, near"},
		"duration":          {head + "  - {id: a, say: x, timeout: soon, expect: {no_tools: true}}\n", "no duration"},
		"state":             {head + "  - {id: a, say: x, end_state: [{tool: t}]}\n", "an end state checks nothing"},
		"state's tool":      {head + "  - {id: a, say: x, end_state: [{contains: [x]}]}\n", "an end state names no tool"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := evals.ParseSuite("s.yaml", []byte(tc.text))
			if !errors.Is(err, evals.ErrSuite) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v\nwant %q", err, tc.want)
			}
		})
	}
}

func TestMissingSuite(t *testing.T) {
	t.Parallel()
	if _, err := evals.ReadSuite("suites/none.yaml"); err == nil {
		t.Error("no error")
	}
}

func FuzzParseSuite(f *testing.F) {
	f.Add([]byte("suite: s\ncases:\n  - {id: a, say: x, expect: {steps: [{tool: t, args: {n: {any_of: [1]}}}]}}\n"))
	f.Add([]byte("suite: s\ncases: {}\n"))
	f.Add([]byte("- a\n- b\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := evals.ParseSuite("s.yaml", raw)
		if err == nil && (s.Name == "" || len(s.Cases) == 0) {
			t.Error("a suite without name or cases was accepted")
		}
	})
}
