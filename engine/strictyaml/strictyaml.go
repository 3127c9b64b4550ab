// Package strictyaml reads YAML that anybody may have written: without a
// panic, one document a file, no key that nobody asked for, and every mistake
// with its line and column. What the keys mean, and what to do about a wrong
// one, is for whoever reads.
package strictyaml

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Error is one mistake in a file. A reader whose mistakes are to be told from
// those of others declares a type of its own over it.
type Error struct {
	Where   string // file:line:column, or what else names the place
	Message string
	Hint    string // what to do; may be empty

	cause error
}

// Error puts the hint on a second line.
func (e *Error) Error() string {
	s := e.Where + ": " + e.Message
	if e.Hint != "" {
		s += "\n  " + e.Hint
	}
	return s
}

// Unwrap is the error of the YAML library, if that is where it comes from.
func (e *Error) Unwrap() error { return e.cause }

// Place is where a node stands, as file:line:column; the file alone, if that
// is all that is known. The node may be nil.
func Place(name string, n ast.Node) string {
	if n == nil {
		return name
	}
	return place(name, n.GetToken())
}

func place(name string, t *token.Token) string {
	if t == nil || t.Position == nil {
		return name
	}
	return fmt.Sprintf("%s:%d:%d", name, t.Position.Line, t.Position.Column)
}

// Pairs lists the keys of a mapping with their values, and is false for any
// other node: a mapping of one key is parsed into a node of another type.
func Pairs(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// Walk parses a file and has its document visited, unless it is empty. What
// visit finds wrong it keeps; returned is what is wrong with the file as YAML,
// nil if nothing: no visit took place, it broke off, or a second document
// stands behind the one that was visited.
func Walk(name string, raw []byte, visit func(ast.Node)) *Error {
	return guarded(name, func() *Error {
		file, err := parser.ParseBytes(raw, 0)
		if err != nil {
			return worded(name, err)
		}
		doc, second := body(name, file)
		if doc != nil {
			visit(doc)
		}
		return second
	})
}

// File is a file that was decoded and knows where its values stand. Without a
// document, it knows its name.
type File struct {
	Name string
	ast  *ast.File
}

// Decode reads a file into a pointer. A key that the type has not, a key that
// is there twice, a value of another type and a second document are errors.
func Decode(name string, raw []byte, into any) (File, *Error) {
	f := File{Name: name}
	bad := guarded(name, func() *Error {
		var err error
		if f.ast, err = parser.ParseBytes(raw, 0); err != nil {
			return worded(name, err)
		}
		doc, second := body(name, f.ast)
		if second != nil || doc == nil {
			return second
		}
		if err := yaml.NodeToValue(doc, into, yaml.Strict()); err != nil {
			return worded(name, err)
		}
		return nil
	})
	return f, bad
}

// Place is where the value at a YAML path such as $.groups.main stands; the
// file alone, if there is none.
func (f File) Place(path string) string {
	at, err := yaml.PathString(path)
	if err != nil || f.ast == nil {
		return f.Name
	}
	n, err := at.FilterFile(f.ast)
	if err != nil {
		return f.Name
	}
	return Place(f.Name, n)
}

// body is the one document that is not empty, and the mistake of a second. The
// parser gives up at an empty document; what stands behind it would be lost
// without a word.
func body(name string, file *ast.File) (found ast.Node, second *Error) {
	for _, doc := range file.Docs {
		switch {
		case doc.Body != nil && found == nil:
			found = doc.Body
		case doc.Body != nil:
			return found, &Error{Where: Place(name, doc.Body), Message: oneDocument}
		case behind(doc) != nil:
			return found, &Error{Where: place(name, behind(doc)), Message: oneDocument}
		}
	}
	return found, nil
}

const oneDocument = "a second document; keep one in a file"

// behind is the first word behind the start of an empty document, if any.
func behind(doc *ast.DocumentNode) *token.Token {
	t := doc.Start
	for t != nil && (t == doc.Start || t.Type == token.CommentType || t.Type == token.DocumentEndType) {
		t = t.Next
	}
	return t
}

// guarded turns a panic into a mistake: the parser is a third party's and the
// input anybody's.
func guarded(name string, read func() *Error) (bad *Error) {
	defer func() {
		if p := recover(); p != nil {
			bad = &Error{Where: name, Message: fmt.Sprintf("not readable as YAML: %v", p)}
		}
	}()
	return read()
}

func worded(name string, err error) *Error {
	if placed, ok := errors.AsType[yaml.Error](err); ok {
		return &Error{Where: place(name, placed.GetToken()), Message: placed.GetMessage(), cause: err}
	}
	return &Error{Where: name, Message: err.Error(), cause: err}
}
