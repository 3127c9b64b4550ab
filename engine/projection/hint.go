package projection

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"github.com/minivess/minivess/engine/spelling"
)

// explain turns DuckDB's error into one that helps: the first line of what it
// said, and the names of tables or columns that were probably meant.
func (d *DB) explain(query string, err error) error {
	if e, ok := errors.AsType[*QueryError](err); ok {
		return e
	}
	message := err.Error()
	if e, ok := errors.AsType[*duckdb.Error](err); ok {
		message = e.Msg
	}
	first, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	switch {
	case strings.Contains(message, "multi-statement"), strings.Contains(message, "could not prepare query"):
		return refuse("more than one statement", "run them one by one (a PIVOT needs its values: PIVOT … ON x IN (…))")
	case strings.Contains(message, "empty query"):
		return &QueryError{Message: "there is no statement", Hint: "for example: select run_id, state, model from runs", Err: ErrQuery}
	case strings.Contains(message, "Permission Error"), strings.Contains(message, "Cannot write to database"),
		strings.Contains(message, "configuration has been locked"):
		return &QueryError{Message: first, Hint: "queries only read, and only the tables " + strings.Join(tableNames(), ", "), Err: ErrRefused}
	case strings.Contains(message, "Expected a single SELECT"):
		return refuse("only statements that read are run", "use SELECT, WITH, SHOW, DESCRIBE, SUMMARIZE or EXPLAIN")
	case strings.Contains(message, "unsupported data type"):
		return &QueryError{Message: first, Hint: "cast the column, as in x::varchar", Err: ErrQuery}
	case strings.Contains(message, "Out of Memory"):
		return &QueryError{Message: "the query needs too much memory", Hint: "aggregate or filter", Err: ErrQuery}
	}
	e := &QueryError{Message: first, Err: ErrQuery}
	switch name := quoted(first); {
	case strings.Contains(first, "Table with name"):
		_, name, _ = strings.Cut(first, "Table with name ")
		name, _, _ = strings.Cut(name, " ")
		e.Candidates = closest(name, tableNames())
		e.Hint = didYouMean(e.Candidates) + "tables are " + strings.Join(tableNames(), ", ")
	case name != "" && strings.Contains(first, "column"):
		if _, after, ok := strings.Cut(first, "column named "); ok {
			name = quoted(after)
		}
		columns := columnsOf(query)
		e.Candidates = closest(name, columns)
		e.Hint = didYouMean(e.Candidates) + "columns are " + strings.Join(columns, ", ")
	default:
		e.Hint = "tables are " + strings.Join(tableNames(), ", ") + `; "describe runs" shows the columns of one`
	}
	return e
}

func tableNames() []string {
	var names []string
	for _, t := range tables() {
		names = append(names, t.Name)
	}
	return names
}

// columnsOf lists the columns of the tables that a statement mentions, or of
// all.
func columnsOf(query string) []string {
	var mentioned, all []string
	words := map[string]bool{}
	for i := 0; i < len(query); {
		tok, next := token(query, i)
		words[tok] = true
		i = next
	}
	for _, t := range tables() {
		for _, c := range t.Columns {
			all = append(all, t.Name+"."+c.Name)
			if words[t.Name] {
				mentioned = append(mentioned, t.Name+"."+c.Name)
			}
		}
	}
	if len(mentioned) > 0 {
		return mentioned
	}
	return all
}

// closest gives the up to three names that are most like name, if any is.
func closest(name string, names []string) []string {
	type scored struct {
		name string
		d    int
	}
	var near []scored
	for _, n := range names {
		bare := n[strings.LastIndexByte(n, '.')+1:]
		if d := spelling.Distance(strings.ToLower(name), bare); d <= 1+len(name)/3 {
			near = append(near, scored{n, d})
		}
	}
	slices.SortStableFunc(near, func(a, b scored) int { return cmp.Compare(a.d, b.d) })
	var out []string
	for _, s := range near[:min(len(near), 3)] {
		out = append(out, s.name)
	}
	return out
}

func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("did you mean %s? ", strings.Join(names, " or "))
}

// quoted gives the first name in double quotes.
func quoted(s string) string {
	_, s, ok := strings.Cut(s, `"`)
	if !ok {
		return ""
	}
	s, _, _ = strings.Cut(s, `"`)
	return s
}
