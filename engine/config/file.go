package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/minivess/minivess/engine/strictyaml"
)

// maxFile is the largest configuration file that is read.
const maxFile = 1 << 20

// FileLayer reads a YAML file whose groups nest as the schema does. Errors
// give the line and column.
func FileLayer(path string) Layer {
	return Layer{read: func(s schema) ([]setting, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("read configuration: %w", err)
		}
		defer f.Close() //nolint:errcheck // only read
		return s.fromFile(path, f)
	}}
}

// FSLayer is FileLayer for a file of fsys, such as an embedded one.
func FSLayer(fsys fs.FS, path string) Layer {
	return Layer{read: func(s schema) ([]setting, error) {
		f, err := fsys.Open(path)
		if err != nil {
			return nil, fmt.Errorf("read configuration: %w", err)
		}
		defer f.Close() //nolint:errcheck // only read
		return s.fromFile(path, f)
	}}
}

func (s schema) fromFile(path string, r io.Reader) ([]setting, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration %s: %w", path, err)
	}
	if len(b) > maxFile {
		return nil, &Error{Where: path, Message: fmt.Sprintf("larger than %d bytes; is this a configuration?", maxFile)}
	}
	return s.fromYAML(path, b)
}

func (s schema) fromYAML(path string, b []byte) ([]setting, error) {
	w := walker{schema: s, path: path}
	if bad := strictyaml.Walk(path, b, func(doc ast.Node) { w.group("", doc) }); bad != nil {
		w.errs = append(w.errs, (*Error)(bad))
	}
	return w.settings, errors.Join(w.errs...)
}

// walker turns a YAML tree into settings, collecting every mistake.
type walker struct {
	schema   schema
	path     string
	settings []setting
	errs     []error
}

func (w *walker) fail(n ast.Node, message, hint string) {
	w.errs = append(w.errs, &Error{Where: strictyaml.Place(w.path, n), Message: message, Hint: hint})
}

// group walks the keys of one section; section ends with a dot unless it is
// the top.
func (w *walker) group(section string, n ast.Node) {
	pairs, ok := strictyaml.Pairs(n)
	if !ok && !empty(n) {
		w.fail(n, "want keys with values, got "+describe(plain(n)), "")
	}
	for _, v := range pairs {
		w.entry(section, v)
	}
}

func empty(n ast.Node) bool {
	return n.Type() == ast.NullType || n.Type() == ast.CommentType
}

func (w *walker) entry(section string, n *ast.MappingValueNode) {
	name, ok := n.Key.(*ast.StringNode)
	if !ok {
		w.fail(n.Key, fmt.Sprintf("unknown key %q", n.Key.GetToken().Value), "")
		return
	}
	key := section + name.Value
	_, isGroup := n.Value.(ast.MapNode)
	if slices.Contains(w.schema.sections, key) && (isGroup || n.Value.Type() == ast.NullType) {
		w.group(key+".", n.Value)
		return
	}
	l, label, ok := w.schema.exact(key)
	if !ok && slices.Contains(w.schema.sections, key) {
		l, label, ok = w.schema.exact(key + ".name")
	}
	if !ok {
		w.unknown(section, name)
		return
	}
	if isGroup && l.isOptions() && label == "" {
		w.options(n.Value)
		return
	}
	value := plain(n.Value)
	if value == nil {
		w.fail(n.Key, key+" has no value", "give it one or leave the line out")
		return
	}
	if e, isErr := value.(error); isErr {
		w.fail(n.Value, key+": "+e.Error(), "")
		return
	}
	w.settings = append(w.settings, setting{leaf: l, label: label, key: key, value: value, where: strictyaml.Place(w.path, n.Value)})
}

// options walks the settings that only a model knows, so that each keeps its
// place in the file.
func (w *walker) options(n ast.Node) {
	pairs, _ := strictyaml.Pairs(n)
	for _, v := range pairs {
		name, ok := v.Key.(*ast.StringNode)
		if !ok || name.Value == "" {
			w.fail(v.Key, fmt.Sprintf("unknown key %q", v.Key.GetToken().Value), "")
			continue
		}
		w.entry("model.options.", v)
	}
}

func (w *walker) unknown(section string, name *ast.StringNode) {
	hint := ""
	if names := w.schema.suggest(section, name.Value); len(names) > 0 {
		hint = "did you mean " + strings.Join(names, " or ") + "?"
	}
	w.fail(name, fmt.Sprintf("unknown key %q", name.Value), hint)
}

// plain gives the value of a node, nil for none, or an error for what a
// configuration cannot hold.
func plain(n ast.Node) any {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return nil
	case *ast.StringNode:
		if n.Token != nil && n.Token.Type == token.StringType {
			return text(n.Value) // unquoted: 1e-3 is a string to YAML 1.1 and a number to everyone else
		}
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.IntegerNode:
		return number(strings.TrimPrefix(n.Token.Value, "+"))
	case *ast.FloatNode:
		return number(n.Token.Value)
	case *ast.BoolNode:
		return n.Value
	case *ast.SequenceNode:
		list := []any{}
		for _, item := range n.Values {
			list = append(list, plain(item))
		}
		return list
	case *ast.MappingNode:
		return plainMap(n.Values)
	case *ast.MappingValueNode:
		return plainMap([]*ast.MappingValueNode{n})
	case *ast.InfinityNode, *ast.NanNode:
		return errors.New("want a finite number")
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return errors.New("anchors and aliases are not read; write the value out")
	case *ast.TagNode:
		return errors.New("tags are not read; write the plain value")
	default:
		return fmt.Errorf("a %s is not a value", strings.ToLower(n.Type().String()))
	}
}

func plainMap(values []*ast.MappingValueNode) any {
	m := map[string]any{}
	for _, v := range values {
		value := plain(v.Value)
		if err, ok := value.(error); ok {
			return err
		}
		m[v.Key.GetToken().Value] = value
	}
	return m
}
