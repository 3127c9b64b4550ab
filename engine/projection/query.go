package projection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	duckdb "github.com/duckdb/duckdb-go/v2"
)

// The limits of a query that sets none, and the most that one may set.
const (
	DefaultRows    = 1000
	MaxRows        = 1_000_000
	DefaultTimeout = 30 * time.Second
)

// Limits bound one query. Zero means the default.
type Limits struct {
	Rows    int
	Timeout time.Duration
}

// Table is the result of a query. Values are nil, bool, int64, float64,
// string, time.Time (UTC), []any or map[string]any, so that every table can
// be written as JSON: floats that are not finite are the strings "NaN", "Inf"
// and "-Inf", and types without a counterpart are strings.
type Table struct {
	Columns   []string `json:"columns"`
	Types     []string `json:"types"` // DuckDB's names
	Rows      [][]any  `json:"rows"`
	Truncated bool     `json:"truncated"` // there were more rows than the limit
}

// Query runs exactly one statement that only reads (SELECT, WITH, FROM,
// VALUES, SHOW, DESCRIBE, SUMMARIZE, EXPLAIN) on the state of the last
// Refresh. It reaches no file, network or setting. An error is a *QueryError,
// which wraps ErrRefused, ErrTimeout or ErrQuery, unless ctx ended.
func (d *DB) Query(ctx context.Context, query string, lim Limits) (Table, error) {
	if lim.Rows <= 0 {
		lim.Rows = DefaultRows
	}
	lim.Rows = min(lim.Rows, MaxRows)
	if lim.Timeout <= 0 {
		lim.Timeout = DefaultTimeout
	}
	if err := screen(query); err != nil {
		return Table{}, err
	}
	limited, cancel := context.WithTimeout(ctx, lim.Timeout)
	defer cancel()
	t, err := d.query(limited, query, lim.Rows)
	switch {
	case err == nil:
		return t, nil
	case ctx.Err() != nil:
		return Table{}, ctx.Err()
	case limited.Err() != nil:
		return Table{}, &QueryError{
			Message: fmt.Sprintf("the query was stopped after %v", lim.Timeout),
			Hint:    "ask for less: aggregate, filter by run_id, or avoid joining tables without a condition", Err: ErrTimeout,
		}
	}
	return Table{}, d.explain(query, err)
}

func (d *DB) query(ctx context.Context, query string, limit int) (t Table, err error) {
	conn, err := d.db.Conn(ctx)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	kind, err := prepare(conn, query)
	if err != nil {
		return t, err
	}
	switch kind {
	case duckdb.STATEMENT_TYPE_SELECT:
		// Passing the statement as a value leaves nothing to break out of,
		// and lets DuckDB stop when it has enough rows.
		query = fmt.Sprintf("SELECT * FROM query(%s) LIMIT %d", quote(query), limit+1)
	case duckdb.STATEMENT_TYPE_EXPLAIN:
	default:
		return t, refuse("only statements that read are run", "use SELECT, WITH, SHOW, DESCRIBE, SUMMARIZE or EXPLAIN")
	}
	if _, err := conn.ExecContext(ctx, "BEGIN TRANSACTION READ ONLY"); err != nil {
		return t, err
	}
	defer func() {
		_, rerr := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		err = errors.Join(err, rerr)
	}()
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	return collect(rows, limit)
}

// prepare checks the statement without running it, and gives its kind.
func prepare(conn *sql.Conn, query string) (kind duckdb.StmtType, err error) {
	err = conn.Raw(func(dc any) error {
		c, ok := dc.(*duckdb.Conn)
		if !ok {
			return fmt.Errorf("%T is no DuckDB connection", dc)
		}
		// Prepare, unlike PrepareContext, never runs a part of its input.
		prepared, err := c.Prepare(query)
		if err != nil {
			return err
		}
		defer prepared.Close() //nolint:errcheck // it did not run
		if prepared.NumInput() != 0 {
			return refuse("the statement has parameters", "write the values into the statement")
		}
		stmt, ok := prepared.(*duckdb.Stmt)
		if !ok {
			return fmt.Errorf("%T is no DuckDB statement", prepared)
		}
		kind, err = stmt.StatementType()
		return err
	})
	return kind, err
}

func collect(rows *sql.Rows, limit int) (Table, error) {
	t := Table{Rows: [][]any{}}
	var err error
	if t.Columns, err = rows.Columns(); err != nil {
		return t, err
	}
	types, err := rows.ColumnTypes()
	if err != nil {
		return t, err
	}
	for _, c := range types {
		t.Types = append(t.Types, c.DatabaseTypeName())
	}
	scan := make([]any, len(t.Columns))
	for rows.Next() {
		if len(t.Rows) == limit {
			t.Truncated = true
			break
		}
		row := make([]any, len(t.Columns))
		for i := range row {
			scan[i] = &row[i]
		}
		if err := rows.Scan(scan...); err != nil {
			return t, err
		}
		for i, v := range row {
			row[i] = plain(v, t.Types[i])
		}
		t.Rows = append(t.Rows, row)
	}
	return t, rows.Err()
}
