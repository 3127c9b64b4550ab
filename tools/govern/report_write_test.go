package govern_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minivess/minivess/engine/report"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/runs/runstest"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/govern"
	"github.com/minivess/minivess/tools/toolstest"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

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
	b := bench{tools.NewRegistry(), ws}
	if err := govern.Register(b.Registry, govern.Deps{Workspace: ws, Version: "v1.2.3"}); err != nil {
		t.Fatal(err)
	}
	return b
}

// folder makes a run folder as a worker left it.
func (b bench) folder(t *testing.T, spec runs.Spec, cases ...runs.Case) {
	t.Helper()
	events := []any{runs.EventStarted, runs.Started{}}
	for _, c := range cases {
		events = append(events, runs.EventCase, c)
	}
	runstest.Create(t, b.ws, spec, append(events, runs.EventFinished, runs.Finished{})...)
}

func (b bench) trained(t *testing.T, id string) {
	t.Helper()
	b.folder(t, runs.Spec{RunID: id, Kind: runs.KindTrain, Name: "<script>" + id, Model: "segresnet", Created: began, Tags: map[string]string{"tag": "x"}})
}

// judge adds an evaluation with these Dice scores.
func (b bench) judge(t *testing.T, id, run, split string, after time.Duration, scores ...float64) {
	t.Helper()
	var cases []runs.Case
	for i, v := range scores {
		cases = append(cases, runs.Case{Volume: fmt.Sprintf("mv%02d", i+1), Split: split, Values: map[string]runs.Number{"dice": runs.Number(v), "hd95": runs.Number(9 * (1 - v))}, ByPolicy: map[string]string{"hd95": "red \x1b[31m\u202e"}})
	}
	b.folder(t, runs.Spec{
		RunID: id, Kind: runs.KindEvaluate, Model: "segresnet", Created: began.Add(after),
		Evaluate: &runs.EvaluateSpec{Run: run, Split: split, Metrics: []string{"dice", "hd95"}},
	}, cases...)
}

func (b bench) write(t *testing.T, args string) (govern.ReportOut, string) {
	t.Helper()
	out, res := toolstest.Call[govern.ReportOut](t, b.Registry, "report_write", args)
	page, err := os.ReadFile(out.Path)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(page)) != out.Bytes || res.Summary != out.Summary || strings.ContainsAny(out.Summary, "\x1b\x07") {
		t.Errorf("%d bytes in the file, said %+v", len(page), out)
	}
	return out, string(page)
}

func TestReportOnOneRun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.trained(t, "able-adder-0001")
	b.judge(t, "judge-old", "able-adder-0001", "test", time.Hour, 0.1, 0.2)
	b.judge(t, "judge-new", "able-adder-0001", "test", 2*time.Hour, 0.7, 0.8, 0.9)
	b.judge(t, "judge-empty", "able-adder-0001", "test", 3*time.Hour)
	b.judge(t, "judge-val", "able-adder-0001", "val", 4*time.Hour, 0.3)
	p := toolstest.Preview(t, b.Registry, "report_write", `{"runs":["able"]}`)
	want := filepath.Join(b.ws.Root(), "reports", "able-adder-0001.html")
	if len(p.Writes) != 1 || p.Writes[0] != want || !strings.Contains(p.Summary, "a report on able-adder-0001 (3 volumes of the test split)") {
		t.Errorf("preview %+v", p)
	}
	if _, err := os.Stat(filepath.Dir(want)); err == nil {
		t.Error("the preview made a folder")
	}
	out, page := b.write(t, string(p.Args))
	if out.Path != want || out.Run != "able-adder-0001" || len(out.Runs) != 1 || out.Runs[0] != "able-adder-0001" || out.Evaluations[0] != "judge-new" || out.Split != "test" || out.Volumes != 3 {
		t.Errorf("%+v", out)
	}
	for _, text := range []string{report.Mark, "minivess v1.2.3", "the mean Dice is 0.800", "judge-new"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
	if strings.Contains(page, "<script>able") || strings.ContainsAny(page, "\x1b\u202e") {
		t.Error("the run's name is markup")
	}
	p = toolstest.Preview(t, b.Registry, "report_write", `{"runs":["able"]}`)
	if !strings.Contains(strings.Join(p.Notes, "\n"), "replaces an earlier report") {
		t.Errorf("notes %q", p.Notes)
	}
	if again, _ := b.write(t, `{"runs":["able"]}`); again.Bytes != out.Bytes {
		t.Errorf("written again it has %d bytes, before %d", again.Bytes, out.Bytes)
	}
}

// TestEvaluationsCanBeNamed takes the very one, whatever is newer.
func TestEvaluationsCanBeNamed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.trained(t, "able-adder-0001")
	b.judge(t, "judge-old", "able-adder-0001", "test", time.Hour, 0.1, 0.2)
	b.judge(t, "judge-new", "able-adder-0001", "test", 2*time.Hour, 0.7, 0.8, 0.9)
	b.judge(t, "judge-val", "able-adder-0001", "val", 4*time.Hour, 0.3)
	for id, volumes := range map[string]int{"judge-old": 2, "judge-val": 1} {
		out, _ := b.write(t, fmt.Sprintf(`{"runs":[%q],"path":%q}`, id, filepath.Join(t.TempDir(), "r.html")))
		if out.Evaluations[0] != id || out.Volumes != volumes {
			t.Errorf("%s: %+v", id, out)
		}
	}
	out, page := b.write(t, `{"runs":["judge-old","judge-new"]}`)
	if len(out.Evaluations) != 2 || !strings.Contains(page, "able-adder-0001 (2)") {
		t.Errorf("two evaluations of one run: %+v", out)
	}
}

func TestReportOnSeveralRuns(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i, id := range []string{"able-adder-0001", "bold-bison-0002", "calm-camel-0003", "deft-dingo-0004"} {
		b.trained(t, id)
		if i < 3 {
			b.judge(t, "judge-"+id, id, "test", time.Hour, 0.5+float64(i)/10, 0.6, 0.7, 0.8+float64(i)/100, 0.9, 0.95)
		}
	}
	out, page := b.write(t, `{"runs":["all"]}`)
	if out.Run != "" || len(out.Runs) != 3 || out.Volumes != 6 || len(out.Notes) != 1 || !strings.Contains(out.Notes[0], "deft-dingo-0004") || !strings.Contains(out.Summary, "a comparison of 3 runs") {
		t.Errorf("%+v", out)
	}
	if !strings.Contains(page, "Comparison of 3 runs") || !strings.Contains(page, "Holm") || !strings.Contains(page, "left out, without scores") {
		t.Error("the page is no comparison")
	}
	// Of one that is left, its own report.
	out, page = b.write(t, `{"runs":["able","deft"]}`)
	if len(out.Runs) != 1 || !strings.Contains(page, "Evaluation of able-adder-0001") || !strings.Contains(page, "left out, without scores") {
		t.Errorf("%+v", out)
	}
	// Many runs have a name of bearable length.
	for i := range 5 {
		id := fmt.Sprintf("eager-eagle-%04d", i)
		b.trained(t, id)
		b.judge(t, "judge-"+id, id, "val", time.Hour, 0.5, 0.6)
	}
	out, _ = b.write(t, `{"runs":["all"]}`)
	if base := filepath.Base(out.Path); out.Split != "val" || len(out.Runs) != 5 || !strings.HasPrefix(base, "eager-eagle-") || !strings.Contains(base, "_and-others-") {
		t.Errorf("most runs were judged on val: %s, %s", out.Split, base)
	}
}

func TestReportRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	dir := t.TempDir()
	foreign, empty, pipe := filepath.Join(dir, "mine.html"), filepath.Join(dir, "empty.html"), filepath.Join(dir, "pipe.html")
	content := "<html>" + strings.Repeat("my thesis ", 300) + report.Mark
	for file, text := range map[string]string{foreign: content, empty: ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.html"), 0o750); err != nil {
		t.Fatal(err)
	}
	b.trained(t, "able-adder-0001")
	b.judge(t, "judge-one", "able-adder-0001", "test", time.Hour, 0.7, 0.8)
	b.trained(t, "bold-bison-0002")
	b.folder(t, runs.Spec{RunID: "prediction-1", Kind: runs.KindPredict, Model: "segresnet", Created: began, Predict: &runs.PredictSpec{
		Model: "/m.onnx", Inputs: []runs.PredictInput{{ID: "a", Image: "/a.nii", Output: "/b.nii"}},
	}})
	at := func(name string) string {
		return fmt.Sprintf(`{"runs":["able"],"path":%q}`, filepath.Join(dir, name))
	}
	for name, c := range map[string]struct {
		args string
		code tools.Code
		hint string
	}{
		"no runs":              {`{"runs":[]}`, tools.CodeBadArguments, "name one"},
		"an unknown run":       {`{"runs":["nobody"]}`, tools.CodeNotFound, ""},
		"no evaluation":        {`{"runs":["bold"]}`, tools.CodeNotFound, "evaluate_run"},
		"a prediction":         {`{"runs":["prediction-1"]}`, tools.CodeBadArguments, "evaluate_run"},
		"a foreign file":       {at("mine.html"), tools.CodeConflict, "another path"},
		"an empty file":        {at("empty.html"), tools.CodeConflict, "another path"},
		"a pipe":               {at("pipe.html"), tools.CodeConflict, "another path"},
		"a folder":             {at("folder.html"), tools.CodeConflict, "another path"},
		"a missing folder":     {at("nowhere/r.html"), tools.CodeNotFound, "make it first"},
		"a file as folder":     {at("mine.html/r.html"), tools.CodeNotFound, "make it first"},
		"another kind of file": {at("r.pdf"), tools.CodeBadArguments, "r.html"},
		"no kind of file":      {at("report"), tools.CodeBadArguments, "report.html"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for what, e := range map[string]*tools.Error{
				"preview": toolstest.Objection(t, b.Registry, "report_write", c.args), "run": toolstest.Refusal(t, b.Registry, "report_write", c.args),
			} {
				if e.Code != c.code || !strings.Contains(e.Hint, c.hint) {
					t.Errorf("%s: %s %q, hint %q", what, e.Code, e.Message, e.Hint)
				}
			}
		})
	}
	t.Cleanup(func() {
		if got, err := os.ReadFile(foreign); err != nil || string(got) != content {
			t.Errorf("the foreign file was touched: %v", err)
		}
	})
}

// TestPlansAhead previews a report on runs that do not exist yet.
func TestPlansAhead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := toolstest.Preview(t, b.Registry, "report_write", `{"runs":["@2.run","@3.run"],"path":"later.html"}`)
	if len(p.Writes) != 1 || !filepath.IsAbs(p.Writes[0]) || !strings.Contains(strings.Join(p.Notes, "\n"), "once step 2 has started them") {
		t.Errorf("%+v", p)
	}
	if p := toolstest.Preview(t, b.Registry, "report_write", `{"runs":["@2.run"]}`); len(p.Writes) != 0 {
		t.Errorf("%+v", p)
	}
	if e := toolstest.Objection(t, b.Registry, "report_write", `{"runs":["@2.run"],"path":"later.docx"}`); e.Code != tools.CodeBadArguments {
		t.Errorf("%+v", e)
	}
}

func TestRegisterNeedsAWorkspace(t *testing.T) {
	t.Parallel()
	if err := govern.Register(tools.NewRegistry(), govern.Deps{}); err == nil {
		t.Error("registered without a workspace")
	}
}
