package evals

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// locate notes the line that each case begins on.
func (s *Suite) locate(raw []byte) error {
	file, err := parser.ParseBytes(raw, 0)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrSuite, located(s.path, err))
	}
	for _, doc := range file.Docs {
		body, ok := doc.Body.(*ast.MappingNode)
		if !ok {
			continue
		}
		for _, v := range body.Values {
			if v.Key.String() != "cases" {
				continue
			}
			list, ok := v.Value.(*ast.SequenceNode)
			if !ok {
				continue
			}
			for i, n := range list.Values {
				if i < len(s.Cases) {
					s.Cases[i].line = n.GetToken().Position.Line
				}
			}
		}
	}
	return nil
}

// defaultTimeout is how long a case may take when nothing else is said.
const defaultTimeout = 30 * time.Second

// check validates a suite and fills in its defaults.
func (s *Suite) check() error {
	if s.Name == "" {
		return fmt.Errorf("%w: %s:1: the suite has no name (suite: …)", ErrSuite, s.path)
	}
	if len(s.Cases) == 0 {
		return fmt.Errorf("%w: %s:1: the suite has no cases", ErrSuite, s.path)
	}
	if s.Defaults.Mode == "" {
		s.Defaults.Mode = Plan
	}
	if s.Defaults.Approve == "" {
		s.Defaults.Approve = ApproveNone
	}
	if s.Defaults.Timeout == 0 {
		s.Defaults.Timeout = Duration(defaultTimeout)
	}
	seen := map[string]int{}
	for i := range s.Cases {
		c := &s.Cases[i]
		if err := s.checkCase(c); err != nil {
			return err
		}
		if line, twice := seen[c.ID]; twice {
			return s.problem(c, "the id is used before, in line %d", line)
		}
		seen[c.ID] = c.line
	}
	return nil
}

// checkCase validates one case.
func (s *Suite) checkCase(c *Case) error {
	if c.ID == "" || strings.Trim(c.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return s.problem(c, "the id must be made of a-z, 0-9 and -")
	}
	switch {
	case c.Say != "" && len(c.Turns) > 0:
		return s.problem(c, "give either say or turns")
	case c.Say == "" && len(c.Turns) == 0:
		return s.problem(c, "nothing is said (say: …)")
	case c.Say != "":
		c.Turns = []Said{{Say: c.Say, Mode: c.Mode, Approve: c.Approve, Expect: c.Expect}}
	case c.Expect != nil:
		return s.problem(c, "with turns, expect belongs to each turn")
	}
	c.Repeat = max(c.Repeat, 1)
	if c.Timeout == 0 {
		c.Timeout = s.Defaults.Timeout
	}
	checked := len(c.EndState) > 0
	for i := range c.Turns {
		t := &c.Turns[i]
		t.Mode = Mode(firstOf(string(t.Mode), string(c.Mode), string(s.Defaults.Mode)))
		t.Approve = Approval(firstOf(string(t.Approve), string(c.Approve), string(s.Defaults.Approve)))
		if err := s.checkTurn(c, t); err != nil {
			return err
		}
		checked = checked || t.Expect != nil
	}
	if !checked {
		return s.problem(c, "the case checks nothing (expect or end_state)")
	}
	return s.checkStates(c)
}

// checkTurn validates the words of one turn.
func (s *Suite) checkTurn(c *Case, t *Said) error {
	if t.Say == "" {
		return s.problem(c, "a turn says nothing")
	}
	if !slices.Contains([]Mode{Plan, Act}, t.Mode) {
		return s.problem(c, "unknown mode %q; use plan or act", t.Mode)
	}
	if !slices.Contains([]Approval{ApproveNone, ApproveBlanket, ApproveAll}, t.Approve) {
		return s.problem(c, "unknown approve %q; use none, blanket or all", t.Approve)
	}
	e := t.Expect
	if e == nil {
		return nil
	}
	if e.Match == "" {
		e.Match = Exact
	}
	if !slices.Contains([]Match{Exact, Unordered, Subset, Superset}, e.Match) {
		return s.problem(c, "unknown match %q; use exact, unordered, subset or superset", e.Match)
	}
	if e.NoTools && len(e.Steps) > 0 {
		return s.problem(c, "no_tools and steps exclude each other")
	}
	if t.Mode == Plan && (len(e.Refused) > 0 || len(e.Done) > 0) {
		return s.problem(c, "refused and done need mode: act")
	}
	for _, w := range e.Steps {
		if w.Tool == "" {
			return s.problem(c, "a step names no tool")
		}
	}
	if e.Reply != nil {
		for _, m := range e.Reply.Matches {
			if _, err := regexp.Compile(m); err != nil {
				return s.problem(c, "the pattern %q is no regular expression: %v", m, err)
			}
		}
	}
	return nil
}

// checkStates validates end states.
func (s *Suite) checkStates(c *Case) error {
	for _, st := range c.EndState {
		if st.Tool == "" {
			return s.problem(c, "an end state names no tool")
		}
		if len(st.Contains) == 0 && len(st.Lacks) == 0 && st.Equals == nil && !st.Fails {
			return s.problem(c, "an end state checks nothing (contains, lacks, equals or fails)")
		}
	}
	return nil
}

func firstOf(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}
