package assistant

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/minivess/minivess/engine/plainjson"
	"github.com/minivess/minivess/tools"
)

// errReference says that an argument refers to something that is not there.
var errReference = errors.New("bad reference")

// references lists the step ids that the strings within args refer to, each
// once, in order of appearance.
func references(args json.RawMessage) ([]string, error) {
	var ids []string
	_, err := mapStrings(args, func(s string) (any, error) {
		if id, _, ok := tools.ParseRef(s); ok && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		return s, nil
	})
	return ids, err
}

// resolve replaces every "@ID.field" within args by what the results say. It
// depends on nothing but its arguments, so that an approved step always
// becomes the same call.
func resolve(args json.RawMessage, results map[string]*tools.Result) (json.RawMessage, error) {
	return mapStrings(args, func(s string) (any, error) {
		id, field, ok := tools.ParseRef(s)
		if !ok {
			return s, nil
		}
		r := results[id]
		if r == nil {
			return nil, fmt.Errorf("%w %q: step %s has no result", errReference, s, id)
		}
		v, err := lookUp(r, strings.Split(field, "."))
		if err != nil {
			return nil, fmt.Errorf("%w %q: %w", errReference, s, err)
		}
		return v, nil
	})
}

// lookUp finds a field in a result: in the tool's own output, or else among
// what every result has.
func lookUp(r *tools.Result, path []string) (any, error) {
	if v, ok := descend(r.Value, path); ok {
		return v, nil
	}
	if len(path) == 1 {
		common := map[string]string{"run": r.Run, "summary": r.Summary, "query": r.Query}
		if v := common[path[0]]; v != "" {
			return v, nil
		}
	}
	return nil, fmt.Errorf("the result of %s has no %s", r.Tool, strings.Join(path, "."))
}

func descend(raw json.RawMessage, path []string) (any, bool) {
	v, err := decode(raw)
	if err != nil {
		return nil, false
	}
	for _, key := range path {
		switch at := v.(type) {
		case map[string]any:
			next, ok := at[key]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(at) {
				return nil, false
			}
			v = at[i]
		default:
			return nil, false
		}
	}
	return v, v != nil
}

// mapStrings rewrites the strings within a JSON value. Numbers stay as they
// were written, and keys come out sorted.
func mapStrings(raw json.RawMessage, f func(string) (any, error)) (json.RawMessage, error) {
	v, err := decode(raw)
	if err != nil {
		return nil, err
	}
	if v, err = rewrite(v, f); err != nil {
		return nil, err
	}
	return encode(v)
}

func rewrite(v any, f func(string) (any, error)) (any, error) {
	var err error
	switch v := v.(type) {
	case string:
		return f(v)
	case []any:
		for i := range v {
			if v[i], err = rewrite(v[i], f); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = rewrite(v[k], f); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// decode reads a value; what a model says behind one is let pass.
func decode(raw json.RawMessage) (any, error) {
	var v any
	if err := plainjson.Unmarshal(raw, &v); err != nil && !errors.Is(err, plainjson.ErrTrailing) {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	return v, nil
}

// encode writes a value without escaping <, > and &, which people read in SQL.
func encode(v any) (json.RawMessage, error) {
	raw, err := plainjson.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return raw, nil
}
