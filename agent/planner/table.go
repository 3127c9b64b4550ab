package planner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// table is the result of a runs_sql call.
type table struct {
	Columns   []string `json:"columns"`
	Rows      [][]any  `json:"rows"`
	Truncated bool     `json:"truncated"`
}

// table reads a call's result as rows.
func (c call) table() table {
	var t table
	if c.result == nil {
		return t
	}
	dec := json.NewDecoder(bytes.NewReader(c.result.Value))
	dec.UseNumber()
	if dec.Decode(&t) != nil {
		return table{}
	}
	if len(t.Columns) == 0 {
		return table{}
	}
	for _, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return table{}
		}
	}
	return t
}

// column returns the index of a column, or -1.
func (t table) column(name string) int {
	for i, c := range t.Columns {
		if strings.EqualFold(c, name) {
			return i
		}
	}
	return -1
}

// text returns a cell as text; NULL is "".
func (t table) text(row, col int) string {
	if col < 0 || row >= len(t.Rows) {
		return ""
	}
	switch v := t.Rows[row][col].(type) {
	case nil:
		return ""
	case string:
		return clean(v)
	default:
		return clean(fmt.Sprint(v))
	}
}

// cell returns a cell by column name.
func (t table) cell(row int, name string) string { return t.text(row, t.column(name)) }

// number returns a cell as a number.
func (t table) number(row int, name string) (float64, bool) {
	v, err := strconv.ParseFloat(t.cell(row, name), 64)
	return v, err == nil
}

// maxRows is how many rows an answer shows.
const maxRows = 20

// render draws the table with aligned columns.
func (t table) render() string {
	rows := min(len(t.Rows), maxRows)
	width := make([]int, len(t.Columns))
	cells := make([][]string, rows+1)
	cells[0] = t.Columns
	for r := range rows {
		cells[r+1] = make([]string, len(t.Columns))
		for c := range t.Columns {
			cells[r+1][c] = shorten(t.text(r, c))
		}
	}
	for _, row := range cells {
		for c, s := range row {
			width[c] = max(width[c], len([]rune(s)))
		}
	}
	var b strings.Builder
	for _, row := range cells {
		var line strings.Builder
		for c, s := range row {
			line.WriteString(s + strings.Repeat(" ", width[c]-len([]rune(s))+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	if left := len(t.Rows) - rows; left > 0 || t.Truncated {
		b.WriteString("… and more rows\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// shorten writes a number with at most four digits behind the point and cuts
// long texts.
func shorten(s string) string {
	if f, err := strconv.ParseFloat(s, 64); err == nil && strings.ContainsAny(s, ".e") {
		if f != 0 && (f < 0.001 && f > -0.001) {
			return strconv.FormatFloat(f, 'g', 3, 64)
		}
		return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(f, 'f', 4, 64), "0"), ".")
	}
	if r := []rune(s); len(r) > 48 {
		return string(r[:47]) + "…"
	}
	return s
}

// itoa writes a step number.
func itoa(n int) string { return strconv.Itoa(n) }
