package planner

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// details renders what a reading tool found: the lines of a log, the verdict
// of a comparison, or the largest list of its value as a table. Asked is what
// the person said, which limits a long list of settings.
func (c call) details(lex *lexicon, asked string) string {
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
	if c.tool == "model_list" {
		return networkDetails(c.result.Value, lex.modelsNamed(asked))
	}
	rows := largestList(c.result.Value)
	if len(rows) == 0 {
		return ""
	}
	t := tableOf(rows)
	if c.tool == "run_show" {
		t = t.settings(asked)
	}
	if len(t.Rows) == 0 {
		return ""
	}
	return t.render()
}

// settings keeps the rows of a table of settings that were asked for by name;
// if none was, those that somebody chose.
func (t table) settings(asked string) table {
	key, source := t.column("key"), t.column("source")
	if key < 0 || source < 0 {
		return t
	}
	words := " " + strings.NewReplacer("_", " ", "?", " ", ",", " ").Replace(strings.ToLower(asked)) + " "
	var named, chosen [][]any
	for row := range t.Rows {
		full := t.text(row, key)
		leaf := full[strings.LastIndex(full, ".")+1:]
		if strings.Contains(words, " "+strings.ReplaceAll(leaf, "_", " ")+" ") || leaf == "learning_rate" && strings.Contains(words, " lr ") {
			named = append(named, t.Rows[row])
		}
		if t.text(row, source) != "default" {
			chosen = append(chosen, t.Rows[row])
		}
	}
	if len(named) == 0 {
		named = chosen
	}
	return table{Columns: t.Columns, Rows: named}
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
func largestList(raw json.RawMessage) (rows []json.RawMessage) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return nil
	}
	names := make([]string, 0, len(fields))
	for n := range fields {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		var list []json.RawMessage
		if json.Unmarshal(fields[n], &list) == nil && len(list) > len(rows) && bytes.HasPrefix(bytes.TrimSpace(list[0]), []byte("{")) {
			rows = list
		}
	}
	return rows
}

// maxColumns is how many columns a table of details has.
const maxColumns = 8

// tableOf lays objects out as a table: the columns are the fields with plain
// values, in the order in which the first object has them, and empty ones are
// dropped.
func tableOf(rows []json.RawMessage) table {
	var t table
	var objects []map[string]any
	for _, raw := range rows {
		fields, values := orderedFields(raw)
		fields = append(fields, promoteBest(values)...)
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

// promoteBest turns the Dice values of a run's "best" into fields of their own.
func promoteBest(values map[string]any) []string {
	best, ok := values["best"].(map[string]any)
	if !ok {
		return nil
	}
	var fields []string
	for _, f := range []string{"test/dice", "val/dice"} {
		if v, ok := best[f]; ok {
			values[f] = v
			fields = append(fields, f)
		}
	}
	return fields
}

// dull lists fields that a table for people does without.
func dull(field string) bool {
	switch field {
	case "kind", "judges", "phase", "created", "folder", "sha256", "fold", "seed", "done", "total", "rate", "eta_seconds", "started", "ended", "digest", "root", "resumable", "patient", "why":
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
		return v, true
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
			parts[i] = shorten(n.String())
		}
		return strings.Join(parts, "×"), true
	}
	return nil, false
}
