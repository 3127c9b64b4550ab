// Package policy is what people write down about which calls may run without
// asking, which are asked about, and which never run: the file
// .minivess/policy.yaml of a workspace and one for all of a person's
// workspaces. It reads the files strictly and judges calls by them. Carrying a
// ruling out is up to the gates of package tools; where files lie and what is
// inside the sandbox is up to package sandbox.
//
// Of all rules that fit a call the strictest stands, in whatever order and
// file they are written: deny before ask before allow. A call that no rule fits
// is left to its effect. What is not known about a call counts against it: it
// fits every deny and ask that depends on it, and no allow.
package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/strictyaml"
	"github.com/minivess/minivess/tools"
)

// FileName is the policy's name in a workspace.
const FileName = "policy.yaml"

// ErrInvalid is wrapped by every error about what a policy says.
var ErrInvalid = errors.New("invalid policy")

// Mistake is one wrong line of a policy: Where is file:line:column, Hint what
// to do, or empty.
type Mistake strictyaml.Error

// Error puts the hint on a second line.
func (m *Mistake) Error() string { return (*strictyaml.Error)(m).Error() }

// Unwrap lets errors.Is find ErrInvalid.
func (m *Mistake) Unwrap() error { return ErrInvalid }

// Sheet is one policy file.
type Sheet struct {
	Name   string // as people are shown it
	Rules  []Rule
	Paths  *Paths // nil where the file says nothing about paths
	Limits tools.Limits
}

// Paths are folders outside the project that may be read or written.
type Paths struct {
	Read  []string
	Write []string
}

// Rule is one line of a policy: a verdict and the calls that it fits. An empty
// field fits all.
type Rule struct {
	Verdict tools.Verdict
	Tools   patterns // names; "!name" leaves one out
	Family  patterns
	Effects []tools.Effect
	Sources []tools.Source
	Args    []condition // on the arguments, all of which have to hold
	Cost    []condition // on the preview's estimate
	Because string
	File    string
	Line    int
}

// By names the rule in audit trails and errors.
func (r Rule) By() string { return fmt.Sprintf("policy %s:%d", r.File, r.Line) }

// reason says why the rule is there.
func (r Rule) reason() string {
	if r.Because != "" {
		return r.Because
	}
	return map[tools.Verdict]string{
		tools.Allow: "the policy allows it", tools.Ask: "the policy wants it to be looked at", tools.Deny: "the policy forbids it",
	}[r.Verdict]
}

// Fits says in words which calls the rule is about.
func (r Rule) Fits() string {
	parts := []string{"all tools"}
	if len(r.Tools) > 0 {
		parts[0] = r.Tools.String()
	}
	if len(r.Family) > 0 {
		parts = append(parts, "family "+r.Family.String())
	}
	if len(r.Effects) > 0 {
		parts = append(parts, fmt.Sprintf("effect %v", r.Effects))
	}
	if len(r.Sources) > 0 {
		parts = append(parts, fmt.Sprintf("from %v", r.Sources))
	}
	for _, c := range slices.Concat(r.Args, r.Cost) {
		parts = append(parts, c.String())
	}
	return strings.Join(parts, ", ")
}

// String writes the patterns as a file has them.
func (all patterns) String() string {
	out := make([]string, len(all))
	for i, p := range all {
		out[i] = p.text
		if p.except {
			out[i] = "!" + p.text
		}
	}
	return strings.Join(out, " ")
}

// String writes the condition as a person reads it.
func (c condition) String() string {
	if c.op != "" {
		return fmt.Sprintf("%s %s %v", c.key, c.op, c.number)
	}
	return fmt.Sprintf("%s %s", c.key, strings.ReplaceAll(patterns(c.oneOf).String(), " ", " or "))
}
