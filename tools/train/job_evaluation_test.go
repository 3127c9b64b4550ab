package train_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/runs/runstest"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/toolstest"
	"github.com/minivess/minivess/tools/train"
)

// evaluation leaves a run folder with these events.
func evaluation(t *testing.T, b bench, id string, events ...any) string {
	t.Helper()
	spec := runs.Spec{RunID: id, Kind: runs.KindEvaluate, Model: "segresnet", Evaluate: &runs.EvaluateSpec{Run: "able-adder-0001", Split: "test", Metrics: []string{"dice"}}}
	return runstest.Create(t, b.ws, spec, append([]any{runs.EventQueued, runs.Queued{}, runs.EventStarted, runs.Started{Step: 40}}, events...)...)
}

// An evaluation that died says what it has done, and is taken up without talk of
// steps and epochs.
func TestAnEvaluationIsResumed(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	evaluation(t, b, "keen-kite-0002", runs.EventProgress, runs.Progress{Phase: "evaluate", Done: 2, Total: 5})
	status, _ := toolstest.Call[train.StatusOut](t, b.Registry, "job_status", `{"run":"keen"}`)
	if status.State != "failed" || strings.Contains(status.Error, "step") || strings.Contains(status.Hint, "checkpoint") || !status.Resumes {
		t.Errorf("status %+v", status)
	}
	if e := toolstest.Refusal(t, b.Registry, "job_resume", `{"run":"keen","epochs":4}`); e.Code != tools.CodeBadArguments || !strings.Contains(e.Message, "is no training") {
		t.Errorf("with epochs: %+v", e)
	}
	p := toolstest.Preview(t, b.Registry, "job_resume", `{"run":"keen"}`)
	if p.Summary != "resume keen-kite-0002 after the volumes that are judged, at most 2 of 5" || !strings.HasSuffix(p.Writes[1], "artifacts") {
		t.Errorf("preview %+v", p)
	}
	_, res := toolstest.Call[train.ResumeOut](t, b.Registry, "job_resume", `{"run":"keen"}`)
	if res.Summary != "keen-kite-0002 goes on after the volumes that are judged, at most 2 of 5" {
		t.Errorf("summary %q", res.Summary)
	}
	if r := toolstest.Ended(t.Context(), t, b.launcher, "keen-kite-0002"); r.State != runs.StateFinished || r.Attempt != 2 {
		t.Errorf("the run is %s after attempt %d", r.State, r.Attempt)
	}
	if e := toolstest.Refusal(t, b.Registry, "job_resume", `{"run":"keen"}`); e.Code != tools.CodeConflict || strings.Contains(e.Hint, "epochs") {
		t.Errorf("resuming it again: %+v", e)
	}
}

// What an evaluation found is said with its worst volume and where to look.
func TestTheStatusOfAnEvaluationNamesItsReport(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	dir := evaluation(t, b, "keen-kite-0002", runs.EventFinished, runs.Finished{
		Summary: map[string]runs.Number{"test/dice": 0.8}, Worst: &runs.Worst{Volume: "mv\x1b[0m07", Metric: "dice", Value: 0.61},
	})
	_, res := toolstest.Call[train.StatusOut](t, b.Registry, "job_status", `{"run":"keen"}`)
	if want := "keen-kite-0002: finished, best test/dice 0.8, worst mv07 with dice 0.61"; !strings.HasPrefix(res.Summary, want) || strings.Contains(res.Summary, "report") {
		t.Errorf("%q, want %q and no report", res.Summary, want)
	}
	report := filepath.Join(dir, filepath.FromSlash(runs.ReportFile))
	if err := os.WriteFile(report, []byte("<html>"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, res := toolstest.Call[train.StatusOut](t, b.Registry, "job_status", `{"run":"keen"}`)
	if out.Report != report || out.Worst == nil || out.Worst.Value != 0.61 || !strings.HasSuffix(res.Summary, ", report "+report) {
		t.Errorf("%q, %+v", res.Summary, out)
	}
}
