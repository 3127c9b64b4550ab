package projection

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"github.com/minivess/minivess/engine/plainjson"
	"github.com/minivess/minivess/engine/runs"
)

// inserter adds rows in bulk on one connection, within its transaction.
type inserter struct {
	conn  *sql.Conn
	apps  map[string]*duckdb.Appender
	vals  []driver.Value
	rows  int64
	fresh map[string]bool // appenders that hold rows the tables do not have yet
}

func newInserter(ctx context.Context, conn *sql.Conn) (*inserter, error) {
	in := &inserter{conn: conn, apps: map[string]*duckdb.Appender{}, fresh: map[string]bool{}}
	names := []string{"again"}
	for _, t := range tables() {
		names = append(names, t.Name)
	}
	err := conn.Raw(func(dc any) error {
		c, ok := dc.(driver.Conn)
		if !ok {
			return fmt.Errorf("%T is no driver connection", dc)
		}
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				return err
			}
			a, err := duckdb.NewAppender(c, "", "mem", name)
			if err != nil {
				return err
			}
			in.apps[name] = a
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, in.close())
	}
	return in, nil
}

// add appends a row to a table of schema mem.
func (in *inserter) add(table string, vals ...any) error {
	in.vals = in.vals[:0]
	for _, v := range vals {
		in.vals = append(in.vals, v)
	}
	in.fresh[table] = true
	in.rows++
	return in.apps[table].AppendRow(in.vals...)
}

// exec runs a statement that sees all rows added so far.
func (in *inserter) exec(ctx context.Context, statement string, args ...any) error {
	for name := range in.fresh {
		if err := in.apps[name].Flush(); err != nil {
			return err
		}
		delete(in.fresh, name)
	}
	_, err := in.conn.ExecContext(ctx, statement, args...)
	return err
}

func (in *inserter) close() error {
	var err error
	for _, a := range in.apps {
		err = errors.Join(err, a.Close())
	}
	return err
}

// runRow gives a run's row, in the order of the table's columns.
func runRow(r runs.Run) []any {
	var exp struct {
		Fold *int64 `json:"fold"`
		Seed *int64 `json:"seed"`
	}
	// An experiment that has neither, or is of another shape, has NULLs.
	_ = json.Unmarshal(r.Spec.Experiment, &exp)
	var parent, split, code, message any
	if e := r.Spec.Evaluate; e != nil {
		parent, split = e.Run, e.Split
	}
	if f := r.Failure; f != nil {
		code, message = f.Code, f.Error
	}
	return []any{
		r.ID(), textOrNull(r.Spec.Name), textOrNull(string(r.Spec.Kind)), textOrNull(r.Spec.Model),
		textOrNull(r.Spec.Dataset.Name), orNull(exp.Fold), orNull(exp.Seed), string(r.State),
		timeOrNull(r.Spec.Created), timeOrNull(r.Started), timeOrNull(r.Ended), r.Seconds,
		r.LastStep, int64(r.Epoch), int64(r.Attempt), parent, split,
		textOrNull(r.Reason), code, message, r.Resumable, textOrNull(r.Worker.Device), textOrNull(r.Worker.Host),
	}
}

func addParams(in *inserter, spec runs.Spec) error {
	flat := map[string]string{}
	if len(spec.Experiment) > 0 {
		var v any
		if err := plainjson.Unmarshal(spec.Experiment, &v); err == nil {
			flatten(flat, "", v)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(flat)) {
		if err := in.add("params", spec.RunID, key, flat[key], textOrNull(spec.Sources[key])); err != nil {
			return err
		}
	}
	return nil
}

// flatten writes nested objects as dotted keys. Arrays stay JSON.
func flatten(into map[string]string, prefix string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			if prefix != "" {
				k = prefix + "." + k
			}
			flatten(into, k, inner)
		}
	case string:
		into[prefix] = v
	default:
		b, err := json.Marshal(v)
		if err == nil {
			into[prefix] = string(b)
		}
	}
}

// addMeasured adds a batch's metrics. What an evaluation measured is about
// the run that it judges.
func addMeasured(in *inserter, spec runs.Spec, b *batch) error {
	about := spec.RunID
	if spec.Evaluate != nil && spec.Kind == runs.KindEvaluate {
		about = spec.Evaluate.Run
	}
	for _, r := range b.metrics {
		if r.void {
			continue
		}
		if err := in.add("metrics", about, spec.RunID, r.name, r.split, r.step, int64(r.epoch), r.value, r.time); err != nil {
			return err
		}
	}
	return addCases(in, about, spec.RunID, b.cases)
}

func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

func orNull(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}
