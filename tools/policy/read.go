package policy

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"github.com/minivess/minivess/engine/strictyaml"
	"github.com/minivess/minivess/tools"
)

// maxFile is the largest policy that is read, in bytes.
const maxFile = 1 << 20

// Parse reads a policy file strictly: an unknown key, a value of another type,
// or a rule that could not mean what it says is a *Mistake with line and
// column; all of them are joined. Name is for people.
func Parse(name string, raw []byte) (*Sheet, error) {
	if len(raw) > maxFile || !utf8.Valid(raw) {
		return nil, &Mistake{Where: name, Message: fmt.Sprintf("larger than %d bytes or not text; is this a policy?", maxFile)}
	}
	r := reader{sheet: &Sheet{Name: name}}
	if bad := strictyaml.Walk(name, raw, r.top); bad != nil {
		r.errs = append(r.errs, (*Mistake)(bad))
	}
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	return r.sheet, nil
}

// reader collects what a file says and every mistake in it.
type reader struct {
	sheet *Sheet
	errs  []error
}

func (r *reader) fail(n ast.Node, message, hint string) {
	r.errs = append(r.errs, &Mistake{Where: strictyaml.Place(r.sheet.Name, n), Message: message, Hint: hint})
}

// field is one key of a group with its value.
type field struct {
	key  string
	node ast.Node // of the key
	val  ast.Node
}

// fields lists the keys of a group; with known names, others are mistakes.
func (r *reader) fields(n ast.Node, known ...string) []field {
	pairs, ok := strictyaml.Pairs(n)
	if !ok && n.Type() != ast.CommentType {
		r.fail(n, "want keys with values", "")
	}
	var out []field
	for _, v := range pairs {
		key, ok := v.Key.(*ast.StringNode)
		switch {
		case !ok:
			r.fail(v.Key, fmt.Sprintf("unknown key %q", v.Key.GetToken().Value), "")
		case len(known) > 0 && !slices.Contains(known, key.Value):
			r.fail(v.Key, fmt.Sprintf("unknown key %q", key.Value), tools.DidYouMean(key.Value, known, "keys"))
		case slices.ContainsFunc(out, func(f field) bool { return f.key == key.Value }):
			r.fail(v.Key, fmt.Sprintf("%s is there twice", key.Value), "keep one of them")
		case v.Value == nil || v.Value.Type() == ast.NullType:
			r.fail(v.Key, key.Value+" has no value", "give it one or leave the line out")
		default:
			out = append(out, field{key: key.Value, node: v.Key, val: v.Value})
		}
	}
	return out
}

func (r *reader) top(n ast.Node) {
	for _, f := range r.fields(n, "version", "rules", "paths", "budget") {
		switch f.key {
		case "version":
			if v, ok := r.scalar(f.key, f.val); ok && v != "1" {
				r.fail(f.val, fmt.Sprintf("version %q is not known", v), "this minivess reads version 1")
			}
		case "rules":
			list, ok := f.val.(*ast.SequenceNode)
			if !ok {
				r.fail(f.val, "rules: want a list", "- deny: run_delete")
				continue
			}
			for _, item := range list.Values {
				r.rule(item)
			}
		case "paths":
			r.paths(f.val)
		case "budget":
			r.budget(f.val)
		}
	}
}

func (r *reader) paths(n ast.Node) {
	r.sheet.Paths = &Paths{}
	for _, f := range r.fields(n, "read", "write") {
		into := &r.sheet.Paths.Read
		if f.key == "write" {
			into = &r.sheet.Paths.Write
		}
		for _, p := range r.list(f.key, f.val) {
			if !filepath.IsAbs(p) || filepath.Clean(p) == "/" {
				r.fail(f.val, fmt.Sprintf("%s: want the absolute path of a folder below /, got %q", f.key, p), "")
				continue
			}
			*into = append(*into, filepath.Clean(p))
		}
	}
}

func (r *reader) budget(n ast.Node) {
	for _, f := range r.fields(n, "thread", "day") {
		limit := &r.sheet.Limits.Day
		if f.key == "thread" {
			limit = &r.sheet.Limits.Thread
		}
		for _, g := range r.fields(f.val, "launches", "seconds", "bytes") {
			text, ok := r.scalar(g.key, g.val)
			if !ok {
				continue
			}
			v, err := quantity(g.key, text)
			switch {
			case err != nil:
				r.fail(g.val, g.key+": "+err.Error(), "")
			case g.key == "seconds":
				limit.Seconds = &v
			case v != math.Trunc(v) || v > 1<<53:
				r.fail(g.val, fmt.Sprintf("%s: want a whole number, got %q", g.key, text), "")
			case g.key == "launches":
				limit.Launches = new(int64(v))
			default:
				limit.Bytes = new(int64(v))
			}
		}
	}
	r.sheet.Limits.By = fmt.Sprintf("policy %s:%d", r.sheet.Name, line(n))
}

func line(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

// scalar is one text, number or truth value as it was written.
func (r *reader) scalar(key string, n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return strings.TrimSpace(n.Value), true
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	r.fail(n, key+": want one value", "")
	return "", false
}

// list is one value or several.
func (r *reader) list(key string, n ast.Node) []string {
	nodes := []ast.Node{n}
	if s, ok := n.(*ast.SequenceNode); ok {
		nodes = s.Values
		if len(nodes) == 0 {
			r.fail(n, key+": an empty list fits nothing", "leave the line out")
		}
	}
	var out []string
	for _, v := range nodes {
		text, ok := r.scalar(key, v)
		if ok && text == "" {
			r.fail(v, key+": an empty text fits nothing", "")
		} else if ok {
			out = append(out, text)
		}
	}
	return out
}
