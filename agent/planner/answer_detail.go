package planner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// details renders what a reading tool found: the lines of a log, the verdict
// of a comparison, or the largest list of its value as a table.
func (c call) details() string {
	var v struct {
		Lines   []string `json:"lines"`
		Verdict string   `json:"verdict"`
	}
	if json.Unmarshal(c.result.Value, &v) == nil {
		if len(v.Lines) > 0 {
			return clampLines(v.Lines)
		}
		if v.Verdict != "" && v.Verdict != c.result.Summary {
			return clean(v.Verdict)
		}
	}
	name, rows := largestList(c.result.Value)
	if len(rows) == 0 {
		return ""
	}
	return tableOf(name, rows).render()
}

// clampLines cleans log lines and keeps the last of them.
func clampLines(lines []string) string {
	if len(lines) > maxRows {
		lines = lines[len(lines)-maxRows:]
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = clean(l)
	}
	return strings.Join(out, "\n")
}

// largestList finds the longest list of objects in a JSON object.
func largestList(raw json.RawMessage) (name string, rows []json.RawMessage) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return "", nil
	}
	names := make([]string, 0, len(fields))
	for n := range fields {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		var list []json.RawMessage
		if json.Unmarshal(fields[n], &list) == nil && len(list) > len(rows) && bytes.HasPrefix(bytes.TrimSpace(list[0]), []byte("{")) {
			name, rows = n, list
		}
	}
	return name, rows
}

// maxColumns is how many columns a table of details has.
const maxColumns = 7

// tableOf lays objects out as a table: the columns are the fields with plain
// values, in the order in which the first object has them, and empty ones are
// dropped.
func tableOf(_ string, rows []json.RawMessage) table {
	var t table
	var objects []map[string]any
	for _, raw := range rows {
		fields, values := orderedFields(raw)
		objects = append(objects, values)
		for _, f := range fields {
			if _, plain := plainCell(values[f]); plain && !slices.Contains(t.Columns, f) && len(t.Columns) < maxColumns && !dull(f) {
				t.Columns = append(t.Columns, f)
			}
		}
	}
	for _, o := range objects {
		row := make([]any, len(t.Columns))
		for i, c := range t.Columns {
			row[i], _ = plainCell(o[c])
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// dull lists fields that a table for people does without.
func dull(field string) bool {
	switch field {
	case "kind", "fold", "seed", "done", "total", "rate", "eta_seconds", "started", "ended", "digest", "root", "resumable", "patient", "why":
		return true
	}
	return false
}

// orderedFields decodes an object and keeps the order of its keys.
func orderedFields(raw json.RawMessage) (fields []string, values map[string]any) {
	values = map[string]any{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if _, err := dec.Token(); err != nil {
		return nil, values
	}
	for dec.More() {
		key, err := dec.Token()
		name, ok := key.(string)
		var v any
		if err != nil || !ok || dec.Decode(&v) != nil {
			return fields, values
		}
		fields, values[name] = append(fields, name), v
	}
	return fields, values
}

// plainCell gives a value as a cell, if it is a plain one or a short list of
// numbers.
func plainCell(v any) (any, bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case string, json.Number, bool:
		return trimTime(v), true
	case []any:
		if len(v) != 3 {
			return nil, false
		}
		parts := make([]string, len(v))
		for i, e := range v {
			n, ok := e.(json.Number)
			if !ok {
				return nil, false
			}
			parts[i] = n.String()
		}
		return strings.Join(parts, "×"), true
	}
	return nil, false
}

// trimTime shortens a time stamp to seconds.
func trimTime(v any) any {
	s, ok := v.(string)
	if !ok {
		return v
	}
	if len(s) > 19 && s[10] == 'T' && s[4] == '-' && (s[19] == '.' || s[19] == 'Z' || s[19] == '+') {
		return fmt.Sprintf("%s %s", s[:10], s[11:16])
	}
	return s
}
