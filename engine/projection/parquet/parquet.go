// Package parquet writes a table as a Parquet file, with DuckDB's writer. What
// the table holds, and the tables of runs, are no business of this package.
package parquet

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"github.com/minivess/minivess/engine/atomicfile"
)

// ErrColumns means columns that make no table.
var ErrColumns = errors.New("unusable columns")

// Type is what a column holds.
type Type string

// The types of columns: Go's string, float64 and int64. A value may be nil.
const (
	Text    Type = "VARCHAR"
	Number  Type = "DOUBLE"
	Integer Type = "BIGINT"
)

// Column is one column of a table.
type Column struct {
	Name string
	Type Type
}

// Write stores rows, each a value for every column, atomically as a Parquet file
// compressed with Zstandard. A file that is there is replaced.
func Write(ctx context.Context, path string, columns []Column, rows iter.Seq[[]any]) (err error) {
	if err := check(columns); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "minivess-parquet-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	part := filepath.Join(folder, "table.parquet")
	if err := export(ctx, part, columns, rows); err != nil {
		return fmt.Errorf("writing %q: %w", path, err)
	}
	f, err := os.Open(part)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return atomicfile.Write(path, 0o644, func(w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
}

func check(columns []Column) error {
	if len(columns) == 0 {
		return fmt.Errorf("%w: there are none", ErrColumns)
	}
	seen := map[string]bool{}
	for _, c := range columns {
		name := strings.ToLower(c.Name)
		switch {
		case name == "" || seen[name]:
			return fmt.Errorf("%w: the name %q is empty or taken", ErrColumns, c.Name)
		case c.Type != Text && c.Type != Number && c.Type != Integer:
			return fmt.Errorf("%w: %q has type %q", ErrColumns, c.Name, string(c.Type))
		}
		seen[name] = true
	}
	return nil
}

// export fills a table in memory and copies it out.
func export(ctx context.Context, path string, columns []Column, rows iter.Seq[[]any]) (err error) {
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	described := make([]string, len(columns))
	for i, c := range columns {
		described[i] = quoted(c.Name, `"`) + " " + string(c.Type)
	}
	if _, err := conn.ExecContext(ctx, "CREATE TABLE content ("+strings.Join(described, ", ")+")"); err != nil {
		return err
	}
	if err := conn.Raw(func(c any) error { return fill(ctx, c, len(columns), rows) }); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "COPY content TO "+quoted(path, "'")+" (FORMAT parquet, COMPRESSION zstd)")
	return err
}

// fill appends the rows.
func fill(ctx context.Context, connection any, columns int, rows iter.Seq[[]any]) (err error) {
	c, ok := connection.(driver.Conn)
	if !ok {
		return fmt.Errorf("%T is no driver connection", connection)
	}
	appender, err := duckdb.NewAppender(c, "", "", "content")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, appender.Close()) }()
	values := make([]driver.Value, columns)
	for row := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(row) != columns {
			return fmt.Errorf("%w: a row of %d values for %d columns", ErrColumns, len(row), columns)
		}
		for i, v := range row {
			values[i] = v
		}
		if err := appender.AppendRow(values...); err != nil {
			return err
		}
	}
	return nil
}

// quoted is a name or text as SQL writes it.
func quoted(s, mark string) string { return mark + strings.ReplaceAll(s, mark, mark+mark) + mark }
