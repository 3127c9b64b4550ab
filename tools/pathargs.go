package tools

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// The formats by which a schema says that an argument names a file.
const (
	FormatRead     = "input-path"  // a file or folder that is read, or a name of something else
	FormatWrite    = "output-path" // a file or folder that is written
	FormatSettings = "settings"    // key=value, whose value may name a file that is read
)

// PathFormat is the schema format of a path tag's word: read, write, settings.
func PathFormat(access string) (format string, known bool) {
	format, known = map[string]string{"read": FormatRead, "write": FormatWrite, "settings": FormatSettings}[access]
	return format, known
}

// PathArgument is one argument of a call that may name a file.
type PathArgument struct {
	Key   string
	Value string
	Write bool
}

// PathArguments lists what a call's arguments name as files, by the formats in
// the tool's schema. A reference to an earlier step is none yet.
func PathArguments(d Descriptor, args json.RawMessage) ([]PathArgument, error) {
	object, err := argumentObject(d.Name, args)
	if err != nil || d.Input == nil {
		return nil, err
	}
	var out []PathArgument
	for _, key := range slices.Sorted(maps.Keys(object)) {
		p := d.Input.Properties[key]
		if p == nil {
			continue
		}
		values, ok := object[key].([]any)
		if ok {
			p = p.Items
		} else {
			values = []any{object[key]}
		}
		if p == nil {
			continue
		}
		for i, v := range values {
			at := key
			if ok {
				at = fmt.Sprintf("%s[%d]", key, i)
			}
			out = appendPath(out, at, p, v)
		}
	}
	return out, nil
}

func appendPath(out []PathArgument, key string, p *jsonschema.Schema, v any) []PathArgument {
	text, ok := v.(string)
	if !ok || text == "" || isRef(text) {
		return out
	}
	switch p.Format {
	case FormatRead, FormatWrite:
		return append(out, PathArgument{Key: key, Value: text, Write: p.Format == FormatWrite})
	case FormatSettings:
		if _, value, ok := strings.Cut(text, "="); ok && value != "" {
			return append(out, PathArgument{Key: key, Value: value})
		}
	}
	return out
}
