package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/metrics/folder"
	"github.com/minivess/minivess/engine/projection/parquet"
)

// output is a file that --out asks for.
type output struct {
	path   string
	format string // csv, parquet or json
}

// outputs checks what --out asks for before anything is computed.
func (env *environment) outputs(o metricsOptions) ([]output, error) {
	var list []output
	for _, path := range o.out {
		format := strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), ".")
		if !slices.Contains([]string{"csv", "parquet", "json"}, format) {
			return nil, usagef("--out %q: the name should end in .csv, .parquet or .json", path)
		}
		full := env.path(path)
		st, err := os.Lstat(full)
		switch {
		case err == nil && st.IsDir():
			return nil, usagef("--out %q is a folder", path)
		case err == nil && !o.force:
			return nil, fmt.Errorf("%q is already there\n  --force replaces it", path)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		if st, err := os.Stat(filepath.Dir(full)); err != nil || !st.IsDir() {
			return nil, fmt.Errorf("--out %q: there is no folder %q\n  make it first", path, filepath.Dir(path))
		}
		if slices.ContainsFunc(list, func(other output) bool { return other.path == full }) {
			return nil, usagef("--out %q is given twice", path)
		}
		list = append(list, output{full, format})
	}
	return list, nil
}

// table is what is written to a .csv or .parquet file. Values are string,
// float64, int64 or nil.
type table struct {
	columns []parquet.Column
	rows    [][]any
}

// write stores the table, or the value for .json, in every file asked for.
func (env *environment) write(ctx context.Context, outputs []output, t table, value any) error {
	for _, out := range outputs {
		var err error
		switch out.format {
		case "parquet":
			err = parquet.Write(ctx, out.path, t.columns, slices.Values(t.rows))
		case "csv":
			err = atomicfile.Write(out.path, 0o644, t.csv)
		default:
			var b bytes.Buffer
			encoder := json.NewEncoder(&b)
			encoder.SetEscapeHTML(false)
			encoder.SetIndent("", "  ")
			if err = encoder.Encode(value); err == nil {
				err = atomicfile.WriteBytes(out.path, 0o644, b.Bytes())
			}
		}
		if err != nil {
			return fmt.Errorf("writing %q: %w", out.path, err)
		}
		_, _ = fmt.Fprintf(env.Streams.Err, "wrote %s (%s)\n", printable(out.path), plural(len(t.rows), "row"))
	}
	return nil
}

// csv writes a header and the rows; a value that there is not is left empty.
func (t table) csv(w io.Writer) error {
	c := csv.NewWriter(w)
	record := make([]string, len(t.columns))
	for i, column := range t.columns {
		record[i] = column.Name
	}
	if err := c.Write(record); err != nil {
		return err
	}
	for _, row := range t.rows {
		for i, v := range row {
			switch v := v.(type) {
			case nil:
				record[i] = ""
			case float64:
				record[i] = strconv.FormatFloat(v, 'g', -1, 64)
			default:
				record[i] = fmt.Sprint(v)
			}
		}
		if err := c.Write(record); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// writeScores writes the long table of scores, a row for every case, label,
// metric and definition.
func (env *environment) writeScores(ctx context.Context, outputs []output, all []folder.Case, value any) error {
	if len(outputs) == 0 {
		return nil
	}
	t := table{columns: []parquet.Column{
		{Name: "case", Type: parquet.Text},
		{Name: "label", Type: parquet.Integer},
		{Name: "metric", Type: parquet.Text},
		{Name: "definition", Type: parquet.Text},
		{Name: "value", Type: parquet.Number},
		{Name: "unit", Type: parquet.Text},
		{Name: "policy", Type: parquet.Text},
	}}
	for _, c := range all {
		for _, r := range c.Rows() {
			var v any = r.Value
			if math.IsNaN(r.Value) {
				v = nil
			}
			t.rows = append(t.rows, []any{r.Case, int64(r.Label), r.Metric, r.Definition, v, r.Unit, r.Policy})
		}
	}
	return env.write(ctx, outputs, t, value)
}
