package evals

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// ErrSuite says that a suite file cannot be used.
var ErrSuite = errors.New("bad suite")

// Suite is a file of cases.
type Suite struct {
	Name        string   `yaml:"suite"`
	Description string   `yaml:"description"`
	Defaults    Defaults `yaml:"defaults"`
	Cases       []Case   `yaml:"cases"`

	path string
}

// Defaults apply to every case that does not say otherwise.
type Defaults struct {
	Mode    Mode     `yaml:"mode"`
	Approve Approval `yaml:"approve"`
	Timeout Duration `yaml:"timeout"`
}

// Case is one thing to try: what is there, what is said, what must come of it.
// Say with Expect is short for a single turn.
type Case struct {
	ID        string   `yaml:"id"`
	Family    string   `yaml:"family"`
	Workspace []Call   `yaml:"workspace"`
	Say       string   `yaml:"say"`
	Mode      Mode     `yaml:"mode"`
	Approve   Approval `yaml:"approve"`
	Expect    *Expect  `yaml:"expect"`
	Turns     []Said   `yaml:"turns"`
	EndState  []State  `yaml:"end_state"`
	Timeout   Duration `yaml:"timeout"`
	Repeat    int      `yaml:"repeat"`

	line int
}

// Said is one turn with what must come of it.
type Said struct {
	Say     string   `yaml:"say"`
	Mode    Mode     `yaml:"mode"`
	Approve Approval `yaml:"approve"`
	Expect  *Expect  `yaml:"expect"`
}

// Call is a tool call with plain arguments.
type Call struct {
	Tool string         `yaml:"tool"`
	Args map[string]any `yaml:"args"`
}

// Expect states what must come of a turn. What is left out is not checked,
// except that Steps, when given, is all there may be unless Match says else.
type Expect struct {
	Steps     []Wanted  `yaml:"steps"`
	Match     Match     `yaml:"match"`
	NoTools   bool      `yaml:"no_tools"`
	Forbidden []string  `yaml:"forbidden"`
	Refused   []string  `yaml:"refused"`
	Done      []string  `yaml:"done"`
	Reply     *Text     `yaml:"reply"`
	Questions *Question `yaml:"questions"`
}

// Match says how the steps must agree with those wanted.
type Match string

// The ways of matching steps. Exact: the same steps in the same order;
// Unordered: the same steps in any order; Subset: the wanted steps occur, in
// order, others may stand between; Superset: every step is one of the wanted.
const (
	Exact     Match = "exact"
	Unordered Match = "unordered"
	Subset    Match = "subset"
	Superset  Match = "superset"
)

// Wanted is one wanted step. Args that are not listed must not be there,
// unless Open is set. Ignore lists arguments that may be anything.
type Wanted struct {
	Tool   string              `yaml:"tool"`
	Args   map[string]Matching `yaml:"args"`
	Open   bool                `yaml:"open"`
	Ignore []string            `yaml:"ignore"`
	Needs  []string            `yaml:"needs"`
}

// Text states what a text must be like.
type Text struct {
	Contains []string `yaml:"contains"`
	Matches  []string `yaml:"matches"`
	Lacks    []string `yaml:"lacks"`
}

// Question states how many questions must be asked, and their words.
type Question struct {
	Count    int      `yaml:"count"`
	Contains []string `yaml:"contains"`
}

// State looks at the world after the last turn through a reading tool: At is a
// path into its value ("datasets.*.dataset"), which must contain or lack
// values, or be equal to one.
type State struct {
	Tool     string         `yaml:"tool"`
	Args     map[string]any `yaml:"args"`
	At       string         `yaml:"at"`
	Contains []any          `yaml:"contains"`
	Lacks    []any          `yaml:"lacks"`
	Equals   any            `yaml:"equals"`
	Fails    bool           `yaml:"fails"`
}

// Duration is a time.Duration written as "20s".
type Duration time.Duration

// UnmarshalYAML reads "20s".
func (d *Duration) UnmarshalYAML(b []byte) error {
	var text string
	if err := yaml.Unmarshal(b, &text); err != nil {
		return err
	}
	v, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is no duration such as 20s", text)
	}
	*d = Duration(v)
	return nil
}

// ReadSuite reads a suite file. Unknown keys, unknown words and cases that
// check nothing are errors that name file, line and column.
func ReadSuite(path string) (*Suite, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read suite: %w", err)
	}
	return ParseSuite(path, raw)
}

// ParseSuite reads a suite from memory; path is for its messages.
func ParseSuite(path string, raw []byte) (s *Suite, err error) {
	defer func() { // the YAML decoder panics on some malformed tags
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("%w: %s: not readable as YAML: %v", ErrSuite, path, p)
		}
	}()
	s = &Suite{path: path}
	dec := yaml.NewDecoder(bytes.NewReader(raw), yaml.DisallowUnknownField(), yaml.Strict())
	if err := dec.Decode(s); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: %s: the file is empty", ErrSuite, path)
		}
		return nil, fmt.Errorf("%w: %s", ErrSuite, located(path, err))
	}
	if err := s.locate(raw); err != nil {
		return nil, err
	}
	return s, s.check()
}

// located turns a YAML error into file:line:column: message.
func located(path string, err error) string {
	var syntax yaml.Error
	if errors.As(err, &syntax) && syntax.GetToken() != nil && syntax.GetToken().Position != nil {
		p := syntax.GetToken().Position
		return fmt.Sprintf("%s:%d:%d: %s", path, p.Line, p.Column, syntax.GetMessage())
	}
	return fmt.Sprintf("%s: %s", path, strings.TrimSpace(err.Error()))
}

// problem words what is wrong with a case, with its line.
func (s *Suite) problem(c *Case, format string, args ...any) error {
	id := c.ID
	if id == "" {
		id = "a case without id"
	}
	return fmt.Errorf("%w: %s:%d: %s: %s", ErrSuite, s.path, c.line, id, fmt.Sprintf(format, args...))
}
