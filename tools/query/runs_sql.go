package query

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/minivess/minivess/engine/projection"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/lens"
)

//go:embed runs_sql.md
var sqlDoc string

// maxRows is how many rows a query returns at most.
const maxRows = 1000

// SQLIn is a statement.
type SQLIn struct {
	Query string `json:"query" jsonschema:"one read-only DuckDB statement"`
}

// SQLOut is a table.
type SQLOut struct {
	tools.Line
	Query     string   `json:"query" jsonschema:"the statement that was run"`
	Columns   []string `json:"columns" jsonschema:"names of the columns"`
	Types     []string `json:"types" jsonschema:"types of the columns"`
	Rows      [][]any  `json:"rows" jsonschema:"the rows; values that are not finite are the texts NaN, Inf, -Inf"`
	Truncated bool     `json:"truncated,omitempty" jsonschema:"whether there were more rows"`
}

type runsSQL struct{ Deps }

func (runsSQL) Spec() tools.Spec {
	return tools.Spec{Name: "runs_sql", Family: family, Effect: tools.Read, Doc: sqlDoc}
}

func (runsSQL) Preview(_ context.Context, in SQLIn) (tools.Preview, error) {
	return tools.Preview{Summary: "run " + tools.Plain(in.Query)}, nil
}

func (t runsSQL) Run(ctx context.Context, in SQLIn, _ func(tools.Progress)) (SQLOut, error) {
	table, err := lens.Ask(ctx, t.Workspace, t.Logger, in.Query, projection.Limits{Rows: maxRows})
	if err != nil {
		return SQLOut{}, sqlError(err)
	}
	out := SQLOut{Query: in.Query, Columns: table.Columns, Types: table.Types, Rows: table.Rows, Truncated: table.Truncated}
	if out.Rows == nil {
		out.Rows = [][]any{}
	}
	out.Summary = fmt.Sprintf("%s of %s", tools.Count(len(out.Rows), "row"), tools.Count(len(out.Columns), "column"))
	if out.Truncated {
		out.Summary = fmt.Sprintf("the first %s", out.Summary)
	}
	if len(out.Rows) == 1 && len(out.Columns) == 1 {
		out.Summary = tools.Plain(fmt.Sprintf("%s = %v", out.Columns[0], out.Rows[0][0]))
	}
	return out, nil
}

// sqlError gives the database's errors their codes.
func sqlError(err error) error {
	var bad *projection.QueryError
	if !errors.As(err, &bad) {
		return tools.Errorf(tools.CodeFailed, "%w", err)
	}
	code := tools.CodeFailed
	switch {
	case errors.Is(err, projection.ErrRefused):
		code = tools.CodeRefused
	case errors.Is(err, projection.ErrQuery):
		code = tools.CodeBadArguments
	}
	e := tools.Errorf(code, "%s", bad.Message).WithCandidates(bad.Candidates...)
	if bad.Hint == "" {
		return e
	}
	return e.WithHint("%s", bad.Hint)
}
