package projection_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/projection"
)

// Whatever reaches outside, changes something or is not one statement is
// refused, with a word on what to do; and afterwards all is as it was.
func TestQueriesAreConfined(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	create(t, ws, spec("calm-owl-0001"), start...)
	saving, err := projection.OpenSaving(t.Context(), ws)
	if err != nil {
		t.Fatal(err)
	}
	if err := saving.Close(); err != nil {
		t.Fatal(err)
	}
	db := openDB(t, ws)
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret.csv")
	if err := os.WriteFile(secret, []byte("a,b\n1,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	for _, q := range []string{
		"copy (select 1) to '" + out + "'", "copy runs to '" + out + "' (format parquet)", "copy mem.runs from '" + secret + "'",
		"explain copy (select 1) to '" + out + "'", "explain analyze copy (select 1) to '" + out + "'",
		"export database '" + out + "'", "import database '" + dir + "'", "attach '" + out + "'", "attach ':memory:' as other", "detach snap", "use mem",
		"install httpfs", "load httpfs", "load '" + out + "'", "force install json", "update extensions",
		"select * from read_csv('" + secret + "')", "select * from read_csv_auto('" + secret + "')", "select * from read_text('" + secret + "')",
		"select * from \"read_text\"('" + secret + "')", "select * from READ_TEXT ('" + secret + "')", "select * from read_blob/**/('" + secret + "')",
		"select * from read_blob('" + projection.Snapshot(ws) + "')", "select * from read_json('http://127.0.0.1:1/x')", "select * from read_parquet('s3://x/y')",
		"select * from parquet_scan('" + secret + "')", "select * from glob('" + dir + "/*')", "select * from sniff_csv('" + secret + "')",
		"select * from '" + secret + "'", "from '" + projection.Snapshot(ws) + "'", "select * from 'http://127.0.0.1:1/x.csv'",
		"select * from query('select * from read_text(''" + secret + "'')')", "select * from query_table('" + secret + "')",
		"select getenv('HOME')", "select * from duckdb_secrets()", "create secret (type s3)", "select * from which_secret('s3://x', 's3')",
		"set threads = 1", "set enable_external_access = true", "set lock_configuration = false", "reset threads", "set variable x = 1",
		"pragma enable_profiling", "pragma threads=1", "pragma memory_limit='1TB'", "pragma enable_object_cache", "pragma database_list",
		"call enable_logging()", "select * from enable_logging()", "select * from checkpoint()", "checkpoint", "vacuum", "analyze", "select write_log('x')",
		"insert into mem.runs (run_id) values ('x')", "update mem.runs set state = 'finished'", "delete from mem.runs", "truncate mem.runs",
		"explain analyze delete from mem.runs", "explain analyze insert into mem.dirty values ('x')", "with x as (delete from mem.runs returning *) select * from x",
		"create table t (a int)", "create temp table t as select 1", "create view v as select 1", "create macro f(x) as x", "drop view runs", "alter table mem.runs add column x int",
		"create type t as enum ('a')", "create schema s", "create sequence s", "comment on table mem.runs is 'x'",
		"begin", "commit", "rollback", "prepare p as select 1", "execute p", "deallocate p",
		"select 1; select 2", "select 1; drop view runs", "select 1 -- \n; delete from mem.runs", "select $$x$$; delete from mem.runs",
		"select ?", "select $1", "select $a",
	} {
		_, err := db.Query(t.Context(), q, projection.Limits{Timeout: 10 * time.Second})
		qe, ok := errors.AsType[*projection.QueryError](err)
		if !ok {
			t.Errorf("%s: %v; want it refused", q, err)
			continue
		}
		if qe.Hint == "" || strings.Contains(qe.Message, "INTERNAL") {
			t.Errorf("%s: not helpful: %v", q, qe)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("files appeared: %v, %v", entries, err)
	}
	want(t, db, "select run_id, state from runs", "calm-owl-0001 failed")
	want(t, db, "select value from duckdb_settings() where name in ('enable_external_access', 'lock_configuration') order by name", "false\ntrue")
	add(t, ws, "calm-owl-0001", metric(1, "train", "loss", 1)...)
	refresh(t, db)
	want(t, db, "select count(*) from metrics", "1")
}

func TestQueriesThatReadAreRun(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	create(t, ws, spec("calm-owl-0001"), concat(start, metric(1, "train", "loss", 0.5), metric(2, "train", "loss", 0.25))...)
	db := openDB(t, ws)
	for q, result := range map[string]string{
		"select 1":                  "1",
		" SELECT 1 ; ":              "1",
		"select 1; -- that was all": "1",
		"/* first */ select 'it''s; fine' -- second":        "it's; fine",
		"with x as (select 2 as a) select a from x":         "2",
		"from runs select run_id":                           "calm-owl-0001",
		"values (1), (2)":                                   "1\n2",
		"select value from metrics order by value":          "0.25\n0.5",
		"select 1 as a, 2 as a":                             "1 2",
		"select min(value) over () from metrics":            "0.25\n0.25",
		"select 'read_text(' || 'x'":                        "read_text(x",
		"select $tag$ copy ( $tag$":                         " copy ( ",
		"select 3 -- read_text(":                            "3",
		"select '\u00e4\u20ac'":                             "äx"[:2] + "€",
		"show tables":                                       "artifacts\ncase_metrics\ndatasets\nmetrics\nparams\nruns\ntags",
		"select regexp_extract(run_id, '[a-z]+') from runs": "calm",
	} {
		if diff := cmp.Diff(result, rows(t, db, q)); diff != "" {
			t.Errorf("%s: %s", q, diff)
		}
	}
	for _, q := range []string{"describe runs", "summarize metrics", "explain select * from metrics", "explain analyze select count(*) from metrics", "show all tables"} {
		if got := rows(t, db, q); got == "" {
			t.Errorf("%s: nothing", q)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	db := openDB(t, newWorkspace(t))
	for _, c := range []struct {
		query string
		limit int
		rows  int
		more  bool
	}{
		{"select * from range(10)", 10, 10, false},
		{"select * from range(11)", 10, 10, true},
		{"select * from range(1000000000000)", 3, 3, true},
		{"select * from range(5000)", 0, projection.DefaultRows, true},
		{"select * from range(0)", 5, 0, false},
		{"show tables", 2, 2, true},
	} {
		table, err := db.Query(t.Context(), c.query, projection.Limits{Rows: c.limit})
		if err != nil || len(table.Rows) != c.rows || table.Truncated != c.more {
			t.Errorf("%s: %d rows, truncated %v, %v; want %d, %v", c.query, len(table.Rows), table.Truncated, err, c.rows, c.more)
		}
	}
	_, err := db.Query(t.Context(), "select count(*) from range(1000000) a, range(1000000) b where a.range % 7 = b.range % 5", projection.Limits{Timeout: 200 * time.Millisecond})
	if !errors.Is(err, projection.ErrTimeout) || !strings.Contains(err.Error(), "200ms") {
		t.Errorf("%v; want ErrTimeout", err)
	}
	_, err = db.Query(t.Context(), "select list(range) from range(1000000000)", projection.Limits{Timeout: 20 * time.Second})
	if err == nil || !strings.Contains(err.Error(), "memory") {
		t.Errorf("%v; want too much memory", err)
	}
	want(t, db, "select 1", "1") // it goes on working
}

func TestErrorsHelp(t *testing.T) {
	t.Parallel()
	db := openDB(t, newWorkspace(t))
	for query, c := range map[string]struct{ contains, candidate string }{
		"select modle from runs":                  {"did you mean runs.model?", "runs.model"},
		"select run_id, valeu from metrics":       {"did you mean metrics.value?", "metrics.value"},
		"select r.stat from runs r":               {"runs.state", "runs.state"},
		"select * from metric":                    {"did you mean metrics?", "metrics"},
		"select * from trials":                    {"tables are runs, params", ""},
		"selec 1":                                 {"syntax error", ""},
		"select run_id from runs group by name":   {"must appear in the GROUP BY", ""},
		"":                                        {"there is no statement", ""},
		"-- nothing":                              {"there is no statement", ""},
		"select nosuch(1)":                        {"nosuch", ""},
		"select 'a\x00b'":                         {"not valid text", ""},
		"select 1/'x'":                            {"onver", ""},
		strings.Repeat("x", 2<<20):                {"more than", ""},
		"pivot metrics on split using avg(value)": {"one by one", ""},
	} {
		_, err := db.Query(t.Context(), query, projection.Limits{})
		qe, ok := errors.AsType[*projection.QueryError](err)
		if !ok || !strings.Contains(qe.Error(), c.contains) {
			t.Errorf("%.50q: %v; want %q", query, err, c.contains)
			continue
		}
		if c.candidate != "" && (len(qe.Candidates) == 0 || qe.Candidates[0] != c.candidate) {
			t.Errorf("%q: candidates %q; want %q first", query, qe.Candidates, c.candidate)
		}
		if strings.Contains(qe.Error(), "\n") {
			t.Errorf("%.50q: more than one line: %q", query, qe)
		}
	}
}

func TestValuesOfAllTypes(t *testing.T) {
	t.Parallel()
	db := openDB(t, newWorkspace(t))
	table, err := db.Query(t.Context(), `select true, 1::tinyint, 2::ubigint, 18446744073709551615::ubigint, 170141183460469231731687303715884105727::hugeint,
		1.5::float, 2.25::decimal(8,2), 'nan'::double, '-inf'::double, 'x', 'ab'::blob, date '2020-01-02', timestamp '2020-01-02 03:04:05',
		interval 90 minutes is not null, [1, 2], {'a': 1, 'b': [null]}, map {'k': 'infinity'::double}, uuid '00000000-0000-0000-0000-000000000001', null`, projection.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(table.Rows[0])
	if err != nil {
		t.Fatal(err)
	}
	const want = `[true,1,2,"18446744073709551615","170141183460469231731687303715884105727",1.5,2.25,"NaN","-Inf","x","6162",` +
		`"2020-01-02T00:00:00Z","2020-01-02T03:04:05Z",true,[1,2],{"a":1,"b":[null]},{"k":"Inf"},"00000000-0000-0000-0000-000000000001",null]`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	// Of all the types that there are, each can be shown, or says how.
	for column := range strings.SplitSeq(rows(t, db, "select column_name from (describe from test_all_types())"), "\n") {
		table, err := db.Query(t.Context(), fmt.Sprintf("select %q from test_all_types()", column), projection.Limits{})
		if err != nil && !strings.Contains(err.Error(), "cast the column") {
			t.Errorf("%s: %v", column, err)
		}
		if _, err := json.Marshal(table); err != nil {
			t.Errorf("%s cannot be written as JSON: %v", column, err)
		}
	}
}

// DuckDB's functions that stand in a FROM clause: a new version's must be
// looked at before they are let through.
func TestEveryTableFunctionIsKnown(t *testing.T) {
	t.Parallel()
	db := openDB(t, newWorkspace(t))
	golden := filepath.Join("testdata", "table_functions.txt")
	var allowed []string
	for name := range strings.SplitSeq(rows(t, db, "select distinct function_name from duckdb_functions() where function_type in ('table', 'table_macro', 'pragma') order by 1"), "\n") {
		if !projection.Forbidden(name) {
			allowed = append(allowed, name)
		}
	}
	got := strings.Join(allowed, "\n") + "\n"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	for query, want := range map[string][]string{
		`select A(b, "C""d" (1)), 'e(', "x"`:   {"a", `c"d`},
		"select f /* ( */ -- g(\n (1)":         {"f"},
		"select $$h($$, $t$i($t$, j($u$k($u$)": {"j"},
		"(select l.m(1)) (":                    {"m"},
		"select 'n(":                           nil,
		"select ä_1(1)":                        {"ä_1"},
		"select $1 o(1)":                       {"o"},
		"/* p(":                                nil,
	} {
		if diff := cmp.Diff(want, projection.Calls(query)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
}

func FuzzCalls(f *testing.F) {
	for _, s := range []string{`select a(b)`, `"`, `$$`, `$a$ b`, `'`, "--", "/*", "ä(", "\xff("} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, query string) { projection.Calls(query) })
}
