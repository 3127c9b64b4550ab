package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/engine/plainjson"
	"github.com/minivess/minivess/tools"
)

func newSQL(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "sql QUERY",
		Short: "Ask DuckDB about runs, parameters, metrics and datasets (read-only)",
		Long: "sql runs one read-only statement over the tables runs, params, metrics, case_metrics,\n" +
			"artifacts, datasets and tags. Files and network cannot be reached from SQL; rows and time\n" +
			"are limited. --json prints a list with an object for each row.",
		Example: "  minivess sql \"select * from runs\"\n" +
			"  minivess sql \"select run_id, max(value) from metrics where name = 'dice' group by 1\" --json",
		Args: takes(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.sql(cmd.Context(), strings.Join(args, " "))
		},
	}
}

// sqlTable is the part of runs_sql's output that is printed.
type sqlTable struct {
	Columns   []string `json:"columns"`
	Rows      [][]any  `json:"rows"`
	Truncated bool     `json:"truncated"`
}

func (env *environment) sql(ctx context.Context, query string) error {
	s, err := env.open(ctx, mustBe, assistant.AskBeforeChange)
	if err != nil {
		return err
	}
	defer s.close()
	table, err := s.query(ctx, query)
	if err != nil {
		return err
	}
	if env.JSON {
		return env.printJSON(asObjects(table))
	}
	if err := env.printTable(table); err != nil {
		return err
	}
	if table.Truncated {
		_, _ = fmt.Fprintln(env.Streams.Err, "more rows were cut off; add a where or a limit")
	}
	return nil
}

// query runs SQL through the runs_sql tool, so that the same gates hold.
func (s *session) query(ctx context.Context, query string) (sqlTable, error) {
	args, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		return sqlTable{}, fmt.Errorf("encoding the query: %w", err)
	}
	result, err := s.registry.Invoke(byHand(ctx), tools.Call{Tool: "runs_sql", Args: args}, func(tools.Progress) {})
	if err != nil {
		return sqlTable{}, err
	}
	var table sqlTable
	if err := plainjson.Unmarshal(result.Value, &table); err != nil {
		return sqlTable{}, fmt.Errorf("reading the result of runs_sql: %w", err)
	}
	return table, nil
}

// asObjects turns rows into objects that keep the order of the columns.
func asObjects(t sqlTable) []json.RawMessage {
	out := make([]json.RawMessage, 0, len(t.Rows))
	for _, row := range t.Rows {
		var b strings.Builder
		b.WriteByte('{')
		for i, column := range t.Columns {
			if i > 0 {
				b.WriteByte(',')
			}
			key, _ := json.Marshal(column)   //nolint:errchkjson // a string always marshals
			value, _ := json.Marshal(row[i]) //nolint:errchkjson // came from JSON
			b.Write(key)
			b.WriteByte(':')
			b.Write(value)
		}
		b.WriteByte('}')
		out = append(out, json.RawMessage(b.String()))
	}
	return out
}

// printTable aligns columns; numbers get six significant digits.
func (env *environment) printTable(t sqlTable) error {
	w := tabwriter.NewWriter(env.Streams.Out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, strings.Join(t.Columns, "\t"))
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = cell(v)
		}
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return strconv.FormatFloat(f, 'g', 6, 64)
		}
		return v.String()
	case string:
		return strings.ReplaceAll(strings.ReplaceAll(printable(v), "\n", " "), "\t", " ")
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		return printable(string(b))
	}
}
