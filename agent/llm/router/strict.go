package router

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/minivess/minivess/tools"
)

// ErrInvalid is wrapped by every error about a wrong key or value in a
// configuration of models.
var ErrInvalid = errors.New("invalid configuration of models")

// invalid is one mistake, with where it stands.
type invalid struct{ where, message, hint string }

// Error puts the hint on a second line.
func (e *invalid) Error() string {
	s := e.where + ": " + e.message
	if e.hint != "" {
		s += "\n  " + e.hint
	}
	return s
}

// Unwrap lets errors.Is find ErrInvalid.
func (e *invalid) Unwrap() error { return ErrInvalid }

// document is a YAML file that knows where its values stand.
type document struct {
	path string
	file *ast.File
}

// read decodes strict YAML: an unknown key or a value of another type is an
// error with line and column, and a guess at what was meant.
func read(path string, raw []byte, into any) (d document, err error) {
	defer func() {
		if p := recover(); p != nil { // the parser is a third party's and the input anybody's
			err = &invalid{where: path, message: fmt.Sprintf("not readable as YAML: %v", p)}
		}
	}()
	d = document{path: path}
	if d.file, err = parser.ParseBytes(raw, 0); err != nil {
		return d, d.syntax(err, nil)
	}
	if len(d.file.Docs) > 1 {
		return d, &invalid{where: path, message: "more than one document; keep one in a file"}
	}
	if len(d.file.Docs) == 0 || d.file.Docs[0].Body == nil {
		return d, nil
	}
	if err := yaml.NodeToValue(d.file.Docs[0].Body, into, yaml.Strict()); err != nil {
		return d, d.syntax(err, keysOf(reflect.TypeOf(into).Elem(), nil))
	}
	return d, nil
}

// syntax words an error of the YAML library.
func (d document) syntax(err error, keys []string) error {
	var placed yaml.Error
	if !errors.As(err, &placed) {
		return &invalid{where: d.path, message: err.Error()}
	}
	e := &invalid{where: d.place(placed.GetToken()), message: placed.GetMessage()}
	var unknown *yaml.UnknownFieldError
	if errors.As(err, &unknown) && unknown.Token != nil {
		e.message = fmt.Sprintf("unknown key %q", unknown.Token.Value)
		e.hint = tools.DidYouMean(unknown.Token.Value, keys, "keys")
		if slices.Contains([]string{"key", "api_key", "apikey", "token", "secret"}, strings.ToLower(unknown.Token.Value)) {
			e.hint = "a key has no place in this file: did you mean key_env, the variable that holds it, or key_file?"
		}
	}
	return e
}

func (d document) place(t *token.Token) string {
	if t == nil || t.Position == nil {
		return d.path
	}
	return fmt.Sprintf("%s:%d:%d", d.path, t.Position.Line, t.Position.Column)
}

// fail is the error about the value at a YAML path such as $.groups.main.
func (d document) fail(at, hint, format string, args ...any) error {
	e := &invalid{where: d.path, message: fmt.Sprintf(format, args...), hint: hint}
	if d.file == nil {
		return e
	}
	path, err := yaml.PathString(at)
	if err != nil {
		return e
	}
	if node, err := path.FilterFile(d.file); err == nil && node != nil {
		e.where = d.place(node.GetToken())
	}
	return e
}

// keysOf lists the keys that a type's YAML may have, at any depth.
func keysOf(t reflect.Type, keys []string) []string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return keysOf(t.Elem(), keys)
	case reflect.Struct:
		for f := range t.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if name != "" && !slices.Contains(keys, name) {
				keys = append(keys, name)
			}
			if f.IsExported() {
				keys = keysOf(f.Type, keys)
			}
		}
	default:
	}
	return keys
}
