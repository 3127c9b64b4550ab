package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/minivess/minivess/tools"
)

// agentSource stands for both kinds of assistant in a file.
const agentSource = "agent"

// rule reads one rule.
func (r *reader) rule(n ast.Node) {
	out := Rule{File: r.sheet.Name, Line: line(n)}
	fields := r.fields(n, "allow", "ask", "deny", "family", "effect", "source", "args", "cost", "because")
	for _, f := range fields {
		switch f.key {
		case "allow", "ask", "deny":
			if out.Verdict != "" {
				r.fail(f.node, fmt.Sprintf("a rule says %s or %s, not both", out.Verdict, f.key), "make two rules of it")
			}
			out.Verdict, out.Line = tools.Verdict(f.key), line(f.node)
			out.Tools = r.patterns(f)
		case "family":
			out.Family = r.patterns(f)
		case "effect":
			for _, word := range r.words(f, string(tools.Read), string(tools.Write), string(tools.Launch), string(tools.Destroy)) {
				out.Effects = append(out.Effects, tools.Effect(word))
			}
		case "source":
			out.Sources = r.sources(f)
		case "args":
			for _, g := range r.fields(f.val) {
				out.Args = append(out.Args, r.condition(g, false))
			}
		case "cost":
			for _, g := range r.fields(f.val, "seconds", "bytes", "memory", "gpu_hours") {
				out.Cost = append(out.Cost, r.condition(g, true))
			}
		case "because":
			out.Because, _ = r.scalar(f.key, f.val)
		}
	}
	switch {
	case out.Verdict == "" && len(fields) > 0:
		r.fail(n, "a rule needs allow, ask or deny with the names of tools", `- ask: "*"`)
	case out.Verdict == tools.Allow && slices.Contains(out.Effects, tools.Destroy):
		r.fail(n, "nothing that destroys can be allowed by a rule", destroyAdvice)
	case out.Verdict != "":
		r.sheet.Rules = append(r.sheet.Rules, out)
	}
}

// destroyAdvice is the way on for who wants to allow a destroying tool.
const destroyAdvice = "each such call is approved by a person who looks at it; a rule can only narrow it further, with deny"

func (r *reader) patterns(f field) patterns {
	var out patterns
	for _, text := range r.list(f.key, f.val) {
		p := newPattern(text)
		if p.text == "" || strings.ContainsAny(p.text, "/[]{} ") {
			r.fail(f.val, fmt.Sprintf("%s: %q is no pattern of names", f.key, text), "names with * for any part, and ! before what is left out")
			continue
		}
		out = append(out, p)
	}
	return out
}

// words reads words of a closed list.
func (r *reader) words(f field, known ...string) []string {
	var out []string
	for _, word := range r.list(f.key, f.val) {
		if !slices.Contains(known, word) {
			r.fail(f.val, fmt.Sprintf("unknown %s %q", f.key, word), tools.DidYouMean(word, known, f.key+"s"))
			continue
		}
		out = append(out, word)
	}
	return out
}

func (r *reader) sources(f field) []tools.Source {
	var out []tools.Source
	for _, word := range r.words(f, agentSource, string(tools.SourceCLI), string(tools.SourceMCP), string(tools.SourcePlanner), string(tools.SourceModel)) {
		if word == agentSource {
			out = append(out, tools.SourcePlanner, tools.SourceModel)
			continue
		}
		out = append(out, tools.Source(word))
	}
	return out
}

// condition reads what is wanted of one argument or cost.
func (r *reader) condition(f field, cost bool) condition {
	c := condition{key: f.key}
	for _, text := range r.list(f.key, f.val) {
		m := comparison.FindStringSubmatch(text)
		switch {
		case m == nil && cost:
			r.fail(f.val, fmt.Sprintf("%s: want a comparison, got %q", f.key, text), fmt.Sprintf(`%s: "<= %s"`, f.key, text))
		case m == nil:
			c.oneOf = append(c.oneOf, pattern{text: text, match: glob(text)})
		case c.op != "" || isList(f.val):
			r.fail(f.val, f.key+": one comparison, or a list of values", "make two rules of it")
		default:
			kind := ""
			if cost {
				kind = f.key
			}
			n, err := quantity(kind, m[2])
			if err != nil {
				r.fail(f.val, f.key+": "+err.Error(), "")
			}
			c.op, c.number = m[1], n
		}
	}
	return c
}

func isList(n ast.Node) bool {
	s, ok := n.(*ast.SequenceNode)
	return ok && len(s.Values) > 1
}
