package parquet_test

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // reads the file back
	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/projection/parquet"
)

func columns() []parquet.Column {
	return []parquet.Column{{"case", parquet.Text}, {"value", parquet.Number}, {"odd \"name'", parquet.Integer}}
}

func TestWrittenTablesReadBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "it's.parquet")
	rows := [][]any{{"a", 0.1, int64(1)}, {"b;--", nil, int64(2)}, {nil, math.Inf(1), nil}, {"\x1b[31mµ", 1e-300, int64(-4)}}
	for range 2 { // the second time over the first
		if err := parquet.Write(t.Context(), path, columns(), slices.Values(rows)); err != nil {
			t.Fatal(err)
		}
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	read, err := db.QueryContext(t.Context(), "SELECT * FROM read_parquet(?)", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = read.Close() }()
	names, err := read.Columns()
	if err != nil || names[2] != "odd \"name'" {
		t.Errorf("columns %q, %v", names, err)
	}
	var got [][]any
	for read.Next() {
		row := make([]any, 3)
		if err := read.Scan(&row[0], &row[1], &row[2]); err != nil {
			t.Fatal(err)
		}
		got = append(got, row)
	}
	if d := cmp.Diff(rows, got); d != "" || read.Err() != nil {
		t.Error(d, read.Err())
	}
}

func TestNothingIsLeftOfAFailure(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx     context.Context
		columns []parquet.Column
		row     []any
		want    error
	}{
		"no columns":  {t.Context(), nil, nil, parquet.ErrColumns},
		"twice":       {t.Context(), []parquet.Column{{"a", parquet.Text}, {"A", parquet.Text}}, []any{"", ""}, parquet.ErrColumns},
		"no type":     {t.Context(), []parquet.Column{{"a", "LIST"}}, []any{""}, parquet.ErrColumns},
		"short row":   {t.Context(), columns(), []any{"a"}, parquet.ErrColumns},
		"wrong value": {t.Context(), columns(), []any{"a", "b", "c"}, nil},
		"cancelled":   {cancelled, columns(), []any{"a", 1.0, int64(1)}, context.Canceled},
	} {
		err := parquet.Write(c.ctx, filepath.Join(folder, "out.parquet"), c.columns, slices.Values([][]any{c.row}))
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if err := parquet.Write(t.Context(), filepath.Join(folder, "nowhere/out.parquet"), columns(), slices.Values([][]any{})); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}
