package router

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/minivess/minivess/engine/strictyaml"
	"github.com/minivess/minivess/tools"
)

// ErrInvalid is wrapped by every error about a wrong key or value in a
// configuration of models.
var ErrInvalid = errors.New("invalid configuration of models")

// invalid is one mistake, with where it stands.
type invalid strictyaml.Error

// Error puts the hint on a second line.
func (e *invalid) Error() string { return (*strictyaml.Error)(e).Error() }

// Unwrap lets errors.Is find ErrInvalid.
func (e *invalid) Unwrap() error { return ErrInvalid }

// read decodes strict YAML: an unknown key or a value of another type is an
// error with line and column, and a guess at what was meant.
func read(path string, raw []byte, into any) (strictyaml.File, error) {
	f, bad := strictyaml.Decode(path, raw, into)
	if bad == nil {
		return f, nil
	}
	if unknown, ok := errors.AsType[*yaml.UnknownFieldError](bad); ok && unknown.Token != nil {
		key := unknown.Token.Value
		bad.Message = fmt.Sprintf("unknown key %q", key)
		bad.Hint = tools.DidYouMean(key, keysOf(reflect.TypeOf(into).Elem(), nil), "keys")
		if slices.Contains([]string{"key", "api_key", "apikey", "token", "secret"}, strings.ToLower(key)) {
			bad.Hint = "a key has no place in this file: did you mean key_env, the variable that holds it, or key_file?"
		}
	}
	return f, (*invalid)(bad)
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
