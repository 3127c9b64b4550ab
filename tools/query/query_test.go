package query_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/projection"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/query"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type bench struct {
	*tools.Registry
	ws *workspace.Workspace
}

func newBench(t *testing.T) bench {
	t.Helper()
	ws, err := workspace.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := tools.NewRegistry()
	if err := query.Register(r, query.Deps{Workspace: ws, Now: func() time.Time { return noon }}); err != nil {
		t.Fatal(err)
	}
	return bench{r, ws}
}

// event is one record of a run's journal.
type event struct {
	kind string
	data any
}

// run makes a run folder with a journal. The returned function closes the
// journal, upon which a run without a last word counts as dead.
func (b bench) run(t *testing.T, spec runs.Spec, events ...event) (closeJournal func()) {
	t.Helper()
	if spec.Kind == "" {
		spec.Kind = runs.KindTrain
	}
	if spec.Experiment == nil {
		e := config.Default()
		e.Seed, e.Fold, e.Train.LearningRate = 7, 1, 3e-4
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		spec.Experiment = raw
		spec.Sources = map[string]string{"train.learning_rate": "argument", "train.epochs": "default"}
	}
	dir, err := runs.Create(b.ws, spec)
	if err != nil {
		t.Fatal(err)
	}
	w, err := journal.OpenWriter(t.Context(), filepath.Join(dir, runs.EventsFile), journal.Options{Now: func() time.Time { return spec.Created.Add(time.Minute) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range append([]event{{runs.EventQueued, runs.Queued{Executor: "local"}}, {runs.EventStarted, runs.Started{PID: 1, Host: "h", Device: "cpu"}}}, events...) {
		if _, err := w.Append(e.kind, e.data); err != nil {
			t.Fatal(err)
		}
	}
	done := func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(done)
	return done
}

func metric(step int64, split string, values map[string]runs.Number) event {
	return event{runs.EventMetric, runs.Metric{Step: step, Epoch: 1, Split: split, Values: values}}
}

// standard fills a workspace with three training runs and an evaluation.
func standard(t *testing.T) bench {
	t.Helper()
	b := newBench(t)
	toy := runs.DatasetRef{Name: "toy", Digest: "d1", Volumes: []runs.VolumeRef{{ID: "mv01", Split: "train"}, {ID: "mv02", Split: "test"}}}
	finished := event{runs.EventFinished, runs.Finished{Step: 40, Epoch: 2, Seconds: 30, Reason: "all steps done"}}
	b.run(t, runs.Spec{RunID: "able-adder-0001", Name: "baseline", Created: noon.Add(-48 * time.Hour), Model: "segresnet", Dataset: toy, Tags: map[string]string{"baseline": "true"}},
		metric(10, "train", map[string]runs.Number{"loss": 0.9}), metric(20, "train", map[string]runs.Number{"loss": 0.5}),
		metric(20, "val", map[string]runs.Number{"dice": 0.7, "hd95": 4}),
		event{runs.EventCheckpoint, runs.Checkpoint{Path: "checkpoints/best.safetensors", Role: "best", Step: 20, SHA256: "aa", Bytes: 10}}, finished)()
	b.run(t, runs.Spec{RunID: "bold-bison-0002", Created: noon.Add(-3 * time.Hour), Model: "segresnet", Dataset: runs.DatasetRef{Name: "minivess"}},
		metric(20, "val", map[string]runs.Number{"dice": 0.8, "hd95": 6}),
		event{runs.EventFailed, runs.Failed{Code: "nan_loss", Error: "the loss is NaN\x1b[31m at step 21", Hint: "lower the learning rate", Step: 21}})()
	b.run(t, runs.Spec{RunID: "calm-camel-0003", Created: noon.Add(-time.Hour), Model: "unet", Dataset: toy}) // at work
	b.run(t, runs.Spec{
		RunID: "deft-dingo-0004", Kind: runs.KindEvaluate, Created: noon.Add(-2 * time.Hour), Model: "segresnet", Dataset: toy,
		Evaluate: &runs.EvaluateSpec{Run: "able-adder-0001", Split: "test", Metrics: []string{"dice"}},
	},
		event{runs.EventCase, runs.Case{Volume: "mv02", Split: "test", Values: map[string]runs.Number{"dice": 0.75}}},
		metric(20, "test", map[string]runs.Number{"dice": 0.75}), finished)()
	return b
}

func call[Out any](t *testing.T, b bench, tool, args string) (Out, tools.Result) {
	t.Helper()
	res, err := b.Invoke(t.Context(), tools.Call{Tool: tool, Args: json.RawMessage(args)}, nil)
	if err != nil {
		t.Fatalf("%s %s: %v", tool, args, err)
	}
	var out Out
	if err := json.Unmarshal(res.Value, &out); err != nil {
		t.Fatal(err)
	}
	return out, res
}

func refusal(t *testing.T, b bench, tool, args string) *tools.Error {
	t.Helper()
	_, err := b.Invoke(t.Context(), tools.Call{Tool: tool, Args: json.RawMessage(args)}, nil)
	var e *tools.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s %s: got %v, want an error", tool, args, err)
	}
	return e
}

func TestRunsList(t *testing.T) {
	t.Parallel()
	b := standard(t)
	for args, want := range map[string]string{
		`{}`:                                     "3 4 2 1",
		`{"descending":false}`:                   "1 2 4 3",
		`{"model":"segresnet"}`:                  "4 2 1",
		`{"dataset":"toy","state":"finished"}`:   "4 1",
		`{"state":"running"}`:                    "3",
		`{"tag":"baseline"}`:                     "1",
		`{"tag":"baseline=false"}`:               "",
		`{"since":"90m"}`:                        "3",
		`{"since":"1d"}`:                         "3 4 2",
		`{"since":"2026-03-01"}`:                 "3 4 2",
		`{"since":"2026-03-01T09:30:00Z"}`:       "3 4",
		`{"order_by":"dice"}`:                    "2 1 3 4",
		`{"order_by":"test/dice"}`:               "1 3 4 2",
		`{"order_by":"hd95"}`:                    "1 2 3 4",
		`{"order_by":"hd95","descending":true}`:  "2 1 3 4",
		`{"order_by":"dice","descending":false}`: "1 2 3 4",
		`{"order_by":"model","descending":true}`: "3 4 2 1",
		`{"limit":1}`:                            "3",
	} {
		out, _ := call[query.RunsListOut](t, b, "runs_list", args)
		var got []string
		for _, r := range out.Runs {
			got = append(got, r.Run[len(r.Run)-1:])
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: got %q, want %q", args, s, want)
		}
	}
	out, res := call[query.RunsListOut](t, b, "runs_list", `{"order_by":"dice","limit":2}`)
	if out.Total != 4 || res.Summary != "4 runs, the first 2 shown; first: bold-bison-0002, failed, best val/dice 0.8, the loss is NaN at step 21" {
		t.Errorf("summary %q of %d", res.Summary, out.Total)
	}
	if out.Runs[1].Best["test/dice"] != 0.75 || out.Runs[1].Best["val/dice"] != 0.7 {
		t.Errorf("an evaluation's score is missing: %v", out.Runs[1].Best)
	}
	if strings.Contains(string(res.Value), `\u001b`) {
		t.Error("an escape got through")
	}
	if e := refusal(t, b, "runs_list", `{"since":"lately"}`); e.Code != tools.CodeBadArguments || !strings.Contains(e.Hint, "36h") {
		t.Errorf("got %+v", e)
	}
	if e := refusal(t, b, "runs_list", `{"order_by":"size"}`); e.Code != tools.CodeNotFound {
		t.Errorf("got %+v", e)
	}
}

func TestRunShow(t *testing.T) {
	t.Parallel()
	b := standard(t)
	out, res := call[query.RunShowOut](t, b, "run_show", `{"run":"baseline"}`)
	if out.Run.Run != "able-adder-0001" || out.Why != `named "baseline"` || out.Seed != 7 || out.Fold != 1 {
		t.Errorf("got %+v", out)
	}
	if res.Run != "able-adder-0001" {
		t.Errorf("the result is of run %q", res.Run)
	}
	if res.Summary != "able-adder-0001 (baseline): segresnet on toy, finished, 40 steps, best val/dice 0.7; test dice 0.75; took under 1 s" {
		t.Errorf("summary %q", res.Summary)
	}
	settings := map[string]query.Setting{}
	for _, s := range out.Settings {
		settings[s.Key] = s
	}
	if got := settings["train.learning_rate"]; got.Value != "0.0003" || got.Source != "argument" {
		t.Errorf("learning rate %+v", got)
	}
	if got := settings["model.name"]; got.Value != "segresnet" {
		t.Errorf("model %+v", got)
	}
	if diff := cmp.Diff(map[string]int{"train": 1, "test": 1}, out.Volumes); diff != "" {
		t.Error(diff)
	}
	if len(out.Checkpoints) != 1 || out.Checkpoints[0].Role != "best" || !cmp.Equal(out.Evaluations, []string{"deft-dingo-0004"}) {
		t.Errorf("checkpoints %+v, evaluations %v", out.Checkpoints, out.Evaluations)
	}
}

func TestSelectorsAreExplained(t *testing.T) {
	t.Parallel()
	b := standard(t)
	for selector, want := range map[string]string{
		"latest":                 "calm-camel-0003",
		"able":                   "able-adder-0001",
		"best:dice":              "able-adder-0001",
		"best:val/dice":          "bold-bison-0002",
		"latest:model=segresnet": "bold-bison-0002",
	} {
		out, _ := call[query.RunShowOut](t, b, "run_show", `{"run":"`+selector+`"}`)
		if out.Run.Run != want || out.Why == "" {
			t.Errorf("%s: got %s, %q", selector, out.Run.Run, out.Why)
		}
		p, err := b.Preview(t.Context(), tools.Call{Tool: "run_show", Args: json.RawMessage(`{"run":"` + selector + `"}`)})
		if err != nil || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], want) {
			t.Errorf("%s: preview %+v, %v", selector, p, err)
		}
	}
	for selector, code := range map[string]tools.Code{
		"nobody": tools.CodeNotFound, "best:bogus": tools.CodeNotFound, "all:dataset=toy": tools.CodeAmbiguous, "best:": tools.CodeBadArguments, "latest:size=3": tools.CodeBadArguments,
	} {
		e := refusal(t, b, "run_show", `{"run":"`+selector+`"}`)
		if e.Code != code {
			t.Errorf("%s: %s %q", selector, e.Code, e.Message)
		}
		if len(e.Candidates) == 0 && code != tools.CodeBadArguments {
			t.Errorf("%s lists no candidates: %+v", selector, e)
		}
	}
	if e := refusal(t, newBench(t), "run_show", `{"run":"latest"}`); e.Code != tools.CodeNotFound || !strings.Contains(e.Hint, "train_launch") {
		t.Errorf("in an empty workspace: %+v", e)
	}
}

func TestAPlannedRunIsPreviewed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, c := range []string{`{"run":"@2.run"}`, `{"run":"@2.run","metric":"loss"}`, `{"run":"@2.run","key":"a","value":"b"}`} {
		tool := map[int]string{1: "run_show", 2: "metric_history", 3: "run_tag"}[strings.Count(c, ":")]
		p, err := b.Preview(t.Context(), tools.Call{Tool: tool, Args: json.RawMessage(c)})
		if err != nil || !strings.Contains(p.Summary, "the run of step 2") {
			t.Errorf("%s: %+v, %v", tool, p, err)
		}
	}
}

func TestMetricHistory(t *testing.T) {
	t.Parallel()
	b := standard(t)
	out, res := call[query.HistoryOut](t, b, "metric_history", `{"run":"baseline","metric":"loss"}`)
	want := []query.Series{{Split: "train", Steps: []int64{10, 20}, Values: []any{0.9, 0.5}, Points: 2}}
	if diff := cmp.Diff(want, out.Series); diff != "" {
		t.Error(diff)
	}
	if res.Summary != "able-adder-0001 (baseline): train/loss from 0.9 at step 10 to 0.5 at step 20, best 0.5 at step 20" {
		t.Errorf("summary %q", res.Summary)
	}
	if full, _ := call[query.HistoryOut](t, b, "metric_history", `{"run":"baseline","metric":"val/hd95"}`); len(full.Series) != 1 {
		t.Errorf("got %+v", full)
	}
	if e := refusal(t, b, "metric_history", `{"run":"baseline","metric":"los"}`); e.Code != tools.CodeNotFound || e.Hint != "did you mean loss?" {
		t.Errorf("got %+v", e)
	}
}

func TestLongAndDivergedCurves(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var events []event
	nan := runs.Number(0)
	if err := nan.UnmarshalJSON([]byte(`"NaN"`)); err != nil {
		t.Fatal(err)
	}
	for i := range int64(2501) {
		v := runs.Number(1 / float64(i+1))
		if i == 2500 {
			v = nan
		}
		events = append(events, metric(i, "train", map[string]runs.Number{"loss": v}))
	}
	b.run(t, runs.Spec{RunID: "able-adder-0001", Created: noon, Model: "segresnet"}, events...)
	out, res := call[query.HistoryOut](t, b, "metric_history", `{"run":"latest","metric":"loss"}`)
	s := out.Series[0]
	if s.Points != 2501 || len(s.Steps) != 1000 || s.Steps[0] != 0 || s.Steps[999] != 2500 || s.Values[999] != "NaN" {
		t.Errorf("%d points, %d steps", s.Points, len(s.Steps))
	}
	if !strings.Contains(res.Summary, "to NaN at step 2500, best 0.0004 at step 2499") {
		t.Errorf("summary %q", res.Summary)
	}
}

func TestRunsSQL(t *testing.T) {
	t.Parallel()
	b := standard(t)
	sql := "select run_id, state, model from runs where kind = 'train' order by run_id"
	out, res := call[query.SQLOut](t, b, "runs_sql", `{"query":"`+sql+`"}`)
	want := [][]any{{"able-adder-0001", "finished", "segresnet"}, {"bold-bison-0002", "failed", "segresnet"}, {"calm-camel-0003", "running", "unet"}}
	if diff := cmp.Diff(want, out.Rows); diff != "" {
		t.Error(diff)
	}
	if res.Query != sql || !cmp.Equal(out.Columns, []string{"run_id", "state", "model"}) || res.Summary != "3 rows of 3 columns" {
		t.Errorf("%q, %v, %q", res.Query, out.Columns, res.Summary)
	}
	_, res = call[query.SQLOut](t, b, "runs_sql", `{"query":"select avg(value) as dice from case_metrics where run_id = 'able-adder-0001'"}`)
	if res.Summary != "dice = 0.75" {
		t.Errorf("summary %q", res.Summary)
	}
	out, res = call[query.SQLOut](t, b, "runs_sql", `{"query":"select * from range(5000)"}`)
	if len(out.Rows) != 1000 || !out.Truncated || !strings.HasPrefix(res.Summary, "the first 1000 rows") {
		t.Errorf("%d rows, %q", len(out.Rows), res.Summary)
	}
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte("a\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for bad, code := range map[string]tools.Code{
		"select * from read_csv('" + secret + "')": tools.CodeRefused,
		"create table t as select 1":               tools.CodeRefused,
		"select * from rums":                       tools.CodeBadArguments,
		"selec 1":                                  tools.CodeBadArguments,
	} {
		raw, err := json.Marshal(query.SQLIn{Query: bad})
		if err != nil {
			t.Fatal(err)
		}
		if e := refusal(t, b, "runs_sql", string(raw)); e.Code != code {
			t.Errorf("%s: %s %q", bad, e.Code, e.Message)
		}
	}
}

// TestThePromptNamesEveryColumn keeps the Markdown in step with the database:
// a model that writes SQL knows only what stands there.
func TestThePromptNamesEveryColumn(t *testing.T) {
	t.Parallel()
	d, ok := newBench(t).Lookup("runs_sql")
	if !ok {
		t.Fatal("no runs_sql")
	}
	for _, table := range projection.Tables() {
		var columns []string
		for _, c := range table.Columns {
			columns = append(columns, c.Name)
		}
		if want := table.Name + "(" + strings.Join(columns, ", ") + ")"; !strings.Contains(d.Description, want) {
			t.Errorf("the prompt lacks %s", want)
		}
	}
}

func TestTheExamplesOfSQLRun(t *testing.T) {
	t.Parallel()
	b := standard(t)
	d, _ := b.Lookup("runs_sql")
	for _, ex := range d.Examples {
		call[query.SQLOut](t, b, "runs_sql", string(ex.Args))
	}
}

func TestRunTag(t *testing.T) {
	t.Parallel()
	b := standard(t)
	p, err := b.Preview(t.Context(), tools.Call{Tool: "run_tag", Args: json.RawMessage(`{"run":"baseline","key":"baseline","value":"old"}`)})
	if err != nil || len(p.Writes) != 1 || !strings.Contains(strings.Join(p.Notes, " "), `baseline is "true" now`) {
		t.Errorf("preview %+v, %v", p, err)
	}
	out, res := call[query.TagOut](t, b, "run_tag", `{"run":"baseline","key":"reviewer","value":"ada"}`)
	if diff := cmp.Diff(map[string]string{"baseline": "true", "reviewer": "ada"}, out.Tags); diff != "" {
		t.Error(diff)
	}
	if res.Summary != "tagged able-adder-0001 with reviewer=ada" {
		t.Errorf("summary %q", res.Summary)
	}
	if e := refusal(t, b, "run_tag", `{"run":"baseline","key":"a b","value":""}`); e.Code != tools.CodeBadArguments {
		t.Errorf("got %+v", e)
	}
}

func TestRunDelete(t *testing.T) {
	t.Parallel()
	b := standard(t)
	for _, do := range []func() error{
		func() error {
			_, err := b.Preview(t.Context(), tools.Call{Tool: "run_delete", Args: json.RawMessage(`{"run":"calm-camel-0003"}`)})
			return err
		},
		func() error {
			_, err := b.Invoke(t.Context(), tools.Call{Tool: "run_delete", Args: json.RawMessage(`{"run":"calm-camel-0003"}`)}, nil)
			return err
		},
	} {
		if e := tools.AsError(do()); e == nil || e.Code != tools.CodeConflict || !strings.Contains(e.Hint, "job_cancel") {
			t.Errorf("a run at work: %+v", e)
		}
	}
	p, err := b.Preview(t.Context(), tools.Call{Tool: "run_delete", Args: json.RawMessage(`{"run":"baseline"}`)})
	if err != nil || !p.Irreversible || !strings.Contains(strings.Join(p.Notes, " "), "cannot be undone") {
		t.Errorf("preview %+v, %v", p, err)
	}
	out, _ := call[query.DeleteOut](t, b, "run_delete", `{"run":"baseline"}`)
	if out.Deleted != "able-adder-0001" || out.Bytes == 0 {
		t.Errorf("got %+v", out)
	}
	if _, err := os.Stat(b.ws.Run("able-adder-0001")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	if e := refusal(t, b, "run_delete", `{"run":"able-adder-0001"}`); e.Code != tools.CodeNotFound {
		t.Errorf("got %+v", e)
	}
}
