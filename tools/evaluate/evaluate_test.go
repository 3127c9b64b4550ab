package evaluate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/engine/jobs"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/runs/runstest"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/evaluate"
	"github.com/minivess/minivess/tools/toolstest"
)

func TestMain(m *testing.M) { os.Exit(toolstest.Main(context.Background(), m)) }

type bench struct {
	*tools.Registry
	ws       *workspace.Workspace
	launcher *jobs.Launcher
}

func newBench(t *testing.T) bench {
	t.Helper()
	ws, err := workspace.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := bench{tools.NewRegistry(), ws, toolstest.Launcher(t, ws, toolstest.Finish)}
	if err := evaluate.Register(b.Registry, evaluate.Deps{Workspace: ws, Launcher: b.launcher}); err != nil {
		t.Fatal(err)
	}
	return b
}

// trained launches a training run on a dataset and waits for its end.
func (b bench) trained(t *testing.T, d dataset.Dataset) runs.Run {
	t.Helper()
	refs, err := d.Refs(0)
	if err != nil {
		t.Fatal(err)
	}
	e := config.Default()
	e.Dataset = d.Name
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	id, err := b.launcher.Launch(t.Context(), runs.Spec{
		Kind: runs.KindTrain, Model: "segresnet", Dataset: runs.DatasetRef{Name: d.Name, Digest: d.Digest, Volumes: refs}, Experiment: raw,
	})
	if err != nil {
		t.Fatal(err)
	}
	return toolstest.Ended(t.Context(), t, b.launcher, id)
}

var cube = [3]int{16, 16, 16}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.trained(t, toolstest.Dataset(t, b.ws, "toy", 10, cube))
	p := toolstest.Preview(t, b.Registry, "evaluate_run", `{"run":"latest"}`)
	if want := `{"run":"latest","dataset":"toy","split":"test","metrics":["dice","cldice","hd95","nsd"]}`; string(p.Args) != want {
		t.Errorf("args %s, want %s", p.Args, want)
	}
	if want := "evaluate " + r.ID() + " on toy test (2 volumes): dice, cldice, hd95, nsd at 2 µm"; p.Summary != want {
		t.Errorf("summary %q, want %q", p.Summary, want)
	}
	if p.Cost.Seconds <= 0 || p.Cost.MemoryBytes <= 0 || p.Cost.Basis != "measured rate of run "+r.ID()+" (5.00 steps/s)" {
		t.Errorf("cost %+v", p.Cost)
	}
	out, res := toolstest.Call[evaluate.RunOut](t, b.Registry, "evaluate_run", `{"run":"latest"}`)
	if out.Judges != r.ID() || res.Run != out.Run || out.Run == r.ID() || out.Volumes != 2 || out.Tolerance != 2 || !strings.HasPrefix(out.Why, "the latest of 1 run") {
		t.Errorf("got %+v", out)
	}
	spec, err := runs.ReadSpec(b.ws.Run(out.Run))
	if err != nil {
		t.Fatal(err)
	}
	want := &runs.EvaluateSpec{
		Run: r.ID(), Checkpoint: filepath.Join(r.Dir, "checkpoints", "best.safetensors"), Split: "test",
		Metrics: []string{"dice", "cldice", "hd95", "nsd"}, Tolerance: 2,
	}
	if diff := cmp.Diff(want, spec.Evaluate); diff != "" {
		t.Error(diff)
	}
	if spec.Kind != runs.KindEvaluate || len(spec.Dataset.Volumes) != 2 || spec.Dataset.Volumes[0].Split != "test" || !filepath.IsAbs(spec.Dataset.Volumes[0].Image) {
		t.Errorf("spec %+v", spec)
	}
	if string(spec.Experiment) == "" || !cmp.Equal(spec.Model, "segresnet") {
		t.Errorf("experiment %s", spec.Experiment)
	}
	if ended := toolstest.Ended(t.Context(), t, b.launcher, out.Run); ended.State != runs.StateFinished {
		t.Errorf("the evaluation is %s", ended.State)
	}
}

// Families stand for their metrics, each once, and any percentile is a metric.
func TestEvaluateByFamilies(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.trained(t, toolstest.Dataset(t, b.ws, "toy", 10, cube))
	few := toolstest.Preview(t, b.Registry, "evaluate_run", `{"run":"latest","metrics":["dice"]}`)
	const args = `{"run":"latest","metrics":["hd90","topology","uncertainty","betti0_error"],"ignore_label":255}`
	p := toolstest.Preview(t, b.Registry, "evaluate_run", args)
	if p.Cost.MemoryBytes <= few.Cost.MemoryBytes || few.Cost.MemoryBytes <= 0 {
		t.Errorf("%d bytes for more metrics, %d for one", p.Cost.MemoryBytes, few.Cost.MemoryBytes)
	}
	out, _ := toolstest.Call[evaluate.RunOut](t, b.Registry, "evaluate_run", args)
	want := []string{"hd90", "betti0_error", "betti1_error", "betti2_error", "euler_error", "uncertainty_auroc", "uncertainty_spearman"}
	if diff := cmp.Diff(want, out.Metrics); diff != "" {
		t.Error(diff)
	}
	spec, err := runs.ReadSpec(b.ws.Run(out.Run))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, spec.Evaluate.Metrics); diff != "" || spec.Evaluate.Ignore == nil || *spec.Evaluate.Ignore != 255 {
		t.Errorf("%+v\n%s", spec.Evaluate, diff)
	}
	if out.Report != filepath.Join(b.ws.Run(out.Run), "artifacts", "report.html") {
		t.Errorf("report %q", out.Report)
	}
}

func TestEvaluateOnAnotherDataset(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	toy := toolstest.Dataset(t, b.ws, "toy", 10, cube)
	b.trained(t, toy)
	toolstest.Dataset(t, b.ws, "other", 5, [3]int{20, 16, 16})
	toolstest.Dataset(t, b.ws, "copy", 10, cube) // the same images under another name
	p := toolstest.Preview(t, b.Registry, "evaluate_run", `{"run":"latest","dataset":"other","metrics":["dice","nsd"]}`)
	if !strings.HasSuffix(p.Summary, " on other test (1 volume): dice, nsd at 2 µm") || len(p.Notes) != 1 {
		t.Errorf("got %q, %v", p.Summary, p.Notes)
	}
	d, err := dataset.Open(b.ws).Split(t.Context(), "copy", dataset.SplitRequest{Seed: 99})
	if err != nil {
		t.Fatal(err)
	}
	trainedOn := 0
	for _, id := range d.Split.Test {
		for _, v := range mustRefs(t, toy) {
			if v.ID == id && v.Split != "test" {
				trainedOn++
			}
		}
	}
	p = toolstest.Preview(t, b.Registry, "evaluate_run", `{"run":"latest","dataset":"copy"}`)
	if want := fmt.Sprintf("%d of the 2 volumes were used in training", trainedOn); trainedOn == 0 || !strings.Contains(strings.Join(p.Notes, " "), want) {
		t.Errorf("leaked volumes are not noted: %v, want %s", p.Notes, want)
	}
}

func mustRefs(t *testing.T, d dataset.Dataset) []runs.VolumeRef {
	t.Helper()
	refs, err := d.Refs(0)
	if err != nil {
		t.Fatal(err)
	}
	return refs
}

func TestEvaluateRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if e := toolstest.Refusal(t, b.Registry, "evaluate_run", `{"run":"latest"}`); e.Code != tools.CodeNotFound || !strings.Contains(e.Hint, "train_launch") {
		t.Errorf("in an empty workspace: %+v", e)
	}
	r := b.trained(t, toolstest.Dataset(t, b.ws, "toy", 10, cube))
	single := b.trained(t, toolstest.Dataset(t, b.ws, "single", 1, cube))
	judge, _ := toolstest.Call[evaluate.RunOut](t, b.Registry, "evaluate_run", `{"run":"`+r.ID()+`"}`)
	toolstest.Ended(t.Context(), t, b.launcher, judge.Run)
	hollow := b.trained(t, toolstest.Dataset(t, b.ws, "third", 5, cube))
	if err := os.Remove(filepath.Join(hollow.Dir, "checkpoints", "best.safetensors")); err != nil {
		t.Fatal(err)
	}
	bare := filepath.Base(b.folder(t, runs.Spec{RunID: "bare-bream-0001", Model: "segresnet"}))
	for _, c := range []struct {
		name, args    string
		code          tools.Code
		message, hint string
	}{
		{"an unknown run", `{"run":"nobody"}`, tools.CodeNotFound, "nobody", "runs_list"},
		{"an evaluation", `{"run":"` + judge.Run + `"}`, tools.CodeBadArguments, "is an evaluation", r.ID()},
		{"an unknown dataset", `{"run":"` + r.ID() + `","dataset":"tooy"}`, tools.CodeNotFound, `no dataset "tooy"`, "did you mean toy?"},
		{"an unknown metric", `{"run":"` + r.ID() + `","metrics":["dise"]}`, tools.CodeBadArguments, `metrics[0] must be a metric, not "dise"`, "did you mean dice?"},
		{"a metric that is nothing like one", `{"run":"` + r.ID() + `","metrics":["dice","colour"]}`, tools.CodeBadArguments, "metrics[1]", "any hdN"},
		{"a family misspelt", `{"run":"` + r.ID() + `","metrics":["topolgy"]}`, tools.CodeBadArguments, "metrics[0]", "did you mean topology?"},
		{"a percentile that is none", `{"run":"` + r.ID() + `","metrics":["hd100"]}`, tools.CodeBadArguments, "metrics[0]", ""},
		{"no metric", `{"run":"` + r.ID() + `","metrics":[]}`, tools.CodeBadArguments, "nothing would be measured", "leave it out"},
		{"the only label ignored", `{"run":"` + r.ID() + `","ignore_label":1}`, tools.CodeBadArguments, "nothing is left to judge", "255"},
		{"no label", `{"run":"` + r.ID() + `","ignore_label":256}`, tools.CodeBadArguments, "ignore_label", ""},
		{"an unknown split", `{"run":"` + r.ID() + `","split":"tset"}`, tools.CodeBadArguments, "did you mean test?", ""},
		{"no test volumes", `{"run":"` + single.ID() + `"}`, tools.CodeBadArguments, "dataset single has no test volumes", "dataset_split"},
		{"a checkpoint that is gone", `{"run":"` + hollow.ID() + `"}`, tools.CodeConflict, "the best checkpoint of run " + hollow.ID() + " is gone", "put the file back"},
		{"no checkpoint", `{"run":"` + bare + `"}`, tools.CodeConflict, "no checkpoint", "job_status"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, e := range []*tools.Error{toolstest.Refusal(t, b.Registry, "evaluate_run", c.args), toolstest.Objection(t, b.Registry, "evaluate_run", c.args)} {
				if e.Code != c.code || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Hint, c.hint) {
					t.Errorf("got %s: %q, %q", e.Code, e.Message, e.Hint)
				}
			}
		})
	}
}

func TestARunAtWorkIsNotEvaluated(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := toolstest.Dataset(t, b.ws, "toy", 5, cube)
	b.launcher.Env = toolstest.Launcher(t, b.ws, toolstest.Wait).Env
	raw, err := json.Marshal(config.Default())
	if err != nil {
		t.Fatal(err)
	}
	id, err := b.launcher.Launch(t.Context(), runs.Spec{Kind: runs.KindTrain, Model: "segresnet", Dataset: runs.DatasetRef{Name: "toy", Volumes: mustRefs(t, d)}, Experiment: raw})
	if err != nil {
		t.Fatal(err)
	}
	toolstest.Begun(t.Context(), t, b.launcher, id, runs.EventCheckpoint)
	if e := toolstest.Refusal(t, b.Registry, "evaluate_run", `{"run":"latest"}`); e.Code != tools.CodeConflict || !strings.Contains(e.Message, "still running") {
		t.Errorf("got %+v", e)
	}
}

func TestAPlannedRunIsPreviewed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := tools.WithPlanned(t.Context(), []tools.Planned{
		{ID: "1", Tool: "dataset_create_synthetic", Args: json.RawMessage(`{"name":"demo","volumes":10,"shape":[96,96,48]}`)},
		{ID: "2", Tool: "train_launch", Args: json.RawMessage(`{"dataset":"@1.dataset","model":"segresnet","patch_size":[32,32,32]}`)},
	})
	p, err := b.Preview(ctx, tools.Call{Tool: "evaluate_run", Args: json.RawMessage(`{"run":"@2.run"}`)})
	if err != nil || p.Summary != "evaluate the run of step 2 on test: dice, cldice, hd95, nsd" || p.Cost.Seconds <= 0 {
		t.Errorf("got %+v, %v", p, err)
	}
	p, err = b.Preview(ctx, tools.Call{Tool: "evaluate_run", Args: json.RawMessage(`{"run":"@7.run"}`)})
	if err != nil || p.Cost.Seconds != 0 {
		t.Errorf("an unknown step: %+v, %v", p, err)
	}
	if _, err := b.Preview(ctx, tools.Call{Tool: "evaluate_run", Args: json.RawMessage(`{"run":"@2.run","dataset":"tooy"}`)}); tools.AsError(err) == nil {
		t.Error("an unknown dataset was accepted")
	}
	p, err = b.Preview(ctx, tools.Call{Tool: "compare_runs", Args: json.RawMessage(`{"runs":["@2.run","@3.run"]}`)})
	if err != nil || len(p.Notes) != 2 {
		t.Errorf("comparing planned runs: %+v, %v", p, err)
	}
}

// folder makes a run folder with a journal of the given events, as a worker
// that is gone left it.
func (b bench) folder(t *testing.T, spec runs.Spec, cases ...runs.Case) string {
	t.Helper()
	if spec.Kind == "" {
		spec.Kind = runs.KindTrain
	}
	events := []any{runs.EventQueued, runs.Queued{}, runs.EventStarted, runs.Started{}}
	for _, c := range cases {
		events = append(events, runs.EventCase, c)
	}
	return runstest.Create(t, b.ws, spec, append(events, runs.EventFinished, runs.Finished{Reason: "all volumes scored"})...)
}

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// evaluated makes a training run and an evaluation of it with these scores.
func (b bench) evaluated(t *testing.T, id string, scores []float64) {
	t.Helper()
	b.folder(t, runs.Spec{RunID: id, Name: "run " + id[:4], Model: "segresnet", Created: began})
	b.judge(t, id, "judge-of-"+id, began.Add(time.Hour), scores)
}

func (b bench) judge(t *testing.T, id, judge string, at time.Time, scores []float64) {
	t.Helper()
	var cases []runs.Case
	for i, v := range scores {
		c := runs.Case{Volume: fmt.Sprintf("mv%02d", i+1), Split: "test", Values: map[string]runs.Number{"dice": runs.Number(v), "hd95": runs.Number(10 * (1 - v))}}
		if math.IsNaN(v) {
			c.Values, c.Excluded = nil, map[string]string{"dice": "empty", "hd95": "empty"}
		}
		cases = append(cases, c)
	}
	b.folder(t, runs.Spec{RunID: judge, Kind: runs.KindEvaluate, Model: "segresnet", Created: at, Evaluate: &runs.EvaluateSpec{Run: id, Split: "test"}}, cases...)
}

func TestCompare(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.evaluated(t, "able-adder-0001", []float64{0.70, 0.71, 0.72, 0.73, 0.74, 0.75, 0.76, 0.77})
	b.evaluated(t, "bold-bison-0002", []float64{0.80, 0.82, 0.84, 0.86, 0.88, 0.90, 0.92, 0.94, 0.99})
	out, res := toolstest.Call[evaluate.CompareOut](t, b.Registry, "compare_runs", `{"runs":["able","bold"]}`)
	if out.Best != "bold-bison-0002" || out.Volumes != 8 || len(out.Pairs) != 1 || out.Pairs[0].Outcome != "b_better" {
		t.Errorf("got %+v", out)
	}
	if math.Abs(*out.Runs[0].Mean-0.87) > 1e-12 || out.Runs[0].N != 8 || out.Runs[0].Evaluation != "judge-of-bold-bison-0002" || out.Runs[0].Name != "run bold" {
		t.Errorf("best %+v", out.Runs[0])
	}
	if p := out.Pairs[0]; p.A != "able-adder-0001" || p.B != out.Best || math.Abs(p.MeanDifference-0.135) > 1e-12 || !(*p.Low > 0.1 && *p.Low < 0.135 && *p.High > 0.135 && *p.High < 0.17) ||
		p.P != 0.0078125 || p.PAdjusted != p.P || p.PPermutation != 0.0078125 || p.RankBiserial != 1 || *p.HedgesG < 1 || *p.Detectable > 0.135 {
		t.Errorf("pair %+v", p)
	}
	if r := out.Runs[0]; r.Rank != 1 || *r.First != 1 || *r.MeanRank != 1 || *out.Tau != 1 || out.Runs[1].Rank != 2 {
		t.Errorf("ranking %+v", out.Runs)
	}
	if want := "0.87 (median 0.87, IQR 0.835–0.905, range 0.8–0.94, 95 % CI"; !strings.HasPrefix(out.Runs[0].Summary, want) {
		t.Errorf("summary %q, want %q", out.Runs[0].Summary, want)
	}
	for _, want := range []string{
		"bold-bison-0002 has the best mean test dice, 0.87 on 8 volumes; in 100 % of resamples", "on 8 of 8 volumes (mean difference of bold-bison-0002 to able-adder-0001 +0.135, 95 % CI +0.1",
		"p = 0.0078",
	} {
		if !strings.Contains(res.Summary, want) {
			t.Errorf("%q does not say %q", res.Summary, want)
		}
	}
	if !strings.Contains(res.Query, "from case_metrics") || res.Query != out.Query {
		t.Errorf("query %q", res.Query)
	}
	if !strings.Contains(strings.Join(out.Notes, " "), "bold-bison-0002 has 1 volume more") {
		t.Errorf("notes %v", out.Notes)
	}
	low, _ := toolstest.Call[evaluate.CompareOut](t, b.Registry, "compare_runs", `{"runs":["able","bold"],"metric":"hd95"}`)
	if low.Best != "bold-bison-0002" || *low.Runs[0].Mean > *low.Runs[1].Mean {
		t.Errorf("a distance: %+v", low)
	}
}

// Metrics of which less is better rank so, whatever their family, scores of
// labels are compared by name, and scores that mean different things are noted.
func TestCompareKnowsDirectionsAndDefinitions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i, id := range []string{"able-adder-0001", "bold-bison-0002"} {
		b.folder(t, runs.Spec{RunID: id, Model: "segresnet", Created: began})
		v := runs.Number(1 + i)
		values := map[string]runs.Number{"nsd": v / 4}
		for _, name := range []string{"ece", "nll", "betti0_error", "radius_error", "hd90", "auroc"} {
			values[name] = v
		}
		b.folder(t, runs.Spec{RunID: "judge-of-" + id, Kind: runs.KindEvaluate, Created: began, Evaluate: &runs.EvaluateSpec{Run: id, Split: "test"}}, runs.Case{
			Volume: "mv01", Split: "test", Definition: "minivess", Unit: "um", Tolerance: float64(1 + i), Values: values,
			Labels: []runs.CaseLabel{{Label: 1, Values: map[string]runs.Number{"hd90": v}}, {Label: 2, Values: map[string]runs.Number{"hd90": 5 - v}}},
		})
	}
	for metric, want := range map[string]string{
		"ece": "able", "nll": "able", "betti0_error": "able", "radius_error": "able", "hd90": "able", "hd90_2": "bold", "auroc": "bold", "nsd": "bold",
	} {
		out, _ := toolstest.Call[evaluate.CompareOut](t, b.Registry, "compare_runs", `{"runs":["all"],"metric":"`+metric+`"}`)
		if !strings.HasPrefix(out.Best, want) {
			t.Errorf("by %s the best is %s", metric, out.Best)
		}
		if noted := strings.Contains(strings.Join(out.Notes, " "), "minivess, tolerance 1 um; minivess, tolerance 2 um"); noted != (metric == "nsd") {
			t.Errorf("%s: notes %v", metric, out.Notes)
		}
	}
	for _, metric := range []string{"dise", "loss", "dice_x"} {
		if e := toolstest.Refusal(t, b.Registry, "compare_runs", `{"runs":["all"],"metric":"`+metric+`"}`); e.Code != tools.CodeBadArguments {
			t.Errorf("%s: %+v", metric, e)
		}
	}
}

func TestCompareClaimsNoMoreThanTheVolumesAllow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.evaluated(t, "able-adder-0001", []float64{0.7, 0.8})
	b.evaluated(t, "bold-bison-0002", []float64{0.9, 0.95})
	b.evaluated(t, "calm-camel-0003", []float64{math.NaN(), 0.6})
	b.folder(t, runs.Spec{RunID: "deft-dingo-0004", Model: "segresnet", Created: began})
	out, res := toolstest.Call[evaluate.CompareOut](t, b.Registry, "compare_runs", `{"runs":["able","bold"]}`)
	if out.Best != "bold-bison-0002" || out.Pairs[0].Outcome != "undecidable" || !strings.Contains(res.Summary, "so few cannot tell a difference from chance") {
		t.Errorf("two volumes: %s", res.Summary)
	}
	out, res = toolstest.Call[evaluate.CompareOut](t, b.Registry, "compare_runs", `{"runs":["all"]}`)
	if out.Volumes != 1 || len(out.Runs) != 3 || len(out.Pairs) != 3 || out.Tau != nil || out.Pairs[0].Low != nil {
		t.Errorf("all: %+v", out)
	}
	if out.Pairs[0].Verdict == "" || out.Pairs[1].Verdict == "" || out.Pairs[2].Verdict != "" || out.Pairs[2].B == out.Best {
		t.Errorf("only the best's pairs are put in words: %+v", out.Pairs)
	}
	notes := strings.Join(out.Notes, "\n")
	if !strings.Contains(notes, "left out, without a test dice (evaluate_run measures it): deft-dingo-0004") {
		t.Errorf("notes %s", notes)
	}
	if !strings.Contains(res.Summary, "So few volumes cannot tell it from any of the others, with Holm's correction for 3 comparisons") {
		t.Errorf("summary %q", res.Summary)
	}
	_, res = toolstest.Call[evaluate.CompareOut](t, b.Registry, "compare_runs", `{"runs":["able"]}`)
	if res.Summary != "Only able-adder-0001 has scores: test dice 0.75 (median 0.75, range 0.7–0.8, n = 2). There is nothing to compare it with." {
		t.Errorf("one run: %q", res.Summary)
	}
	if e := toolstest.Refusal(t, b.Registry, "compare_runs", `{"runs":["deft"]}`); e.Code != tools.CodeNotFound || !strings.Contains(e.Hint, "evaluate_run") {
		t.Errorf("no scores: %+v", e)
	}
	if e := toolstest.Refusal(t, b.Registry, "compare_runs", `{"runs":["able"],"split":"val"}`); e.Code != tools.CodeNotFound {
		t.Errorf("no scores on val: %+v", e)
	}
	if e := toolstest.Refusal(t, b.Registry, "compare_runs", `{"runs":[]}`); e.Code != tools.CodeBadArguments {
		t.Errorf("no runs: %+v", e)
	}
	if e := toolstest.Refusal(t, b.Registry, "compare_runs", `{"runs":["able","nobody"]}`); e.Code != tools.CodeNotFound {
		t.Errorf("an unknown run: %+v", e)
	}
}

// TestManyRunsAreComparedInShort lists the best against the others, corrected
// for every two.
func TestManyRunsAreComparedInShort(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 11 {
		b.evaluated(t, fmt.Sprintf("able-adder-%04d", i), []float64{0.5 + float64(i)/100, 0.6})
	}
	out, _ := toolstest.Call[evaluate.CompareOut](t, b.Registry, "compare_runs", `{"runs":["all"]}`)
	if len(out.Runs) != 11 || len(out.Pairs) != 10 || out.Best != "able-adder-0010" {
		t.Fatalf("%d runs, %d pairs, best %s", len(out.Runs), len(out.Pairs), out.Best)
	}
	for _, p := range out.Pairs {
		if p.B != out.Best || p.Verdict == "" || !strings.Contains(p.Verdict, "among 55 comparisons") {
			t.Errorf("pair %+v", p)
		}
	}
	if !strings.HasSuffix(out.Verdict, "with Holm's correction for 55 comparisons.") {
		t.Errorf("verdict %q", out.Verdict)
	}
}

func TestTheNewestEvaluationCounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.evaluated(t, "able-adder-0001", []float64{0.7, 0.7})
	b.judge(t, "able-adder-0001", "aaaa-judge", began.Add(2*time.Hour), []float64{0.9, 0.9})
	b.judge(t, "able-adder-0001", "zzzz-judge", began.Add(time.Minute), []float64{0.1, 0.1})
	out, _ := toolstest.Call[evaluate.CompareOut](t, b.Registry, "compare_runs", `{"runs":["able-adder-0001"]}`)
	if *out.Runs[0].Mean != 0.9 || out.Runs[0].Evaluation != "aaaa-judge" {
		t.Errorf("got %+v", out.Runs[0])
	}
}
