package train_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/jobs"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/toolstest"
	"github.com/minivess/minivess/tools/train"
)

func TestMain(m *testing.M) { os.Exit(toolstest.Main(context.Background(), m)) }

type bench struct {
	*tools.Registry
	ws       *workspace.Workspace
	launcher *jobs.Launcher
	watcher  *train.Watcher
}

func newBench(t *testing.T, mode toolstest.Mode) bench {
	t.Helper()
	return newBenchWith(t, mode, 64<<30)
}

// newBenchWith is a bench on a machine with so much memory.
func newBenchWith(t *testing.T, mode toolstest.Mode, memory int64) bench {
	t.Helper()
	ws, err := workspace.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := bench{Registry: tools.NewRegistry(), ws: ws, launcher: toolstest.Launcher(t, ws, mode)}
	deps := train.Deps{Workspace: ws, Launcher: b.launcher, Memory: memory}
	if err := train.Register(b.Registry, deps); err != nil {
		t.Fatal(err)
	}
	b.watcher = train.NewWatcher(deps)
	return b
}

// cube is big enough for the default patch.
var cube = [3]int{48, 48, 48}

func (b bench) spec(t *testing.T, id string) (runs.Spec, config.Experiment) {
	t.Helper()
	spec, err := runs.ReadSpec(b.ws.Run(id))
	if err != nil {
		t.Fatal(err)
	}
	var e config.Experiment
	if err := json.Unmarshal(spec.Experiment, &e); err != nil {
		t.Fatal(err)
	}
	return spec, e
}

func TestLaunch(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	d := toolstest.Dataset(t, b.ws, "toy", 5, cube)
	args := `{"dataset":"toy","model":"segresnet","epochs":3,"learning_rate":3e-4,"seed":2,"fold":1,"name":"first","tags":["wide","site=lyon"],"overrides":["init_filters=16"]}`
	out, res := toolstest.Call[train.LaunchOut](t, b.Registry, "train_launch", args)
	if out.Run == "" || res.Run != out.Run || out.Steps != 36 || out.Seed != 2 || out.Fold != 1 || out.Dataset != "toy" || out.Model != "segresnet" {
		t.Errorf("got %+v", out)
	}
	if !strings.HasPrefix(res.Summary, out.Run+" started: segresnet-16 (") || !strings.HasSuffix(res.Summary, " on toy, fold 1: 36 steps of 2×48×48×48") {
		t.Errorf("summary %q", res.Summary)
	}
	spec, e := b.spec(t, out.Run)
	if spec.Kind != runs.KindTrain || spec.Model != "segresnet" || spec.Name != "first" || spec.Dataset.Digest != d.Digest || len(spec.Dataset.Volumes) != 5 {
		t.Errorf("spec %+v", spec)
	}
	if diff := cmp.Diff(map[string]string{"wide": "true", "site": "lyon"}, spec.Tags); diff != "" {
		t.Error(diff)
	}
	for key, want := range map[string]string{
		"train.epochs": "argument", "train.learning_rate": "argument", "model.init_filters": "override", "train.batch_size": "default", "seed": "argument",
	} {
		if spec.Sources[key] != want {
			t.Errorf("source of %s is %q, want %q", key, spec.Sources[key], want)
		}
	}
	if e.Train.Epochs != 3 || e.Train.LearningRate != 3e-4 || e.Model.InitFilters != 16 || e.Dataset != "toy" {
		t.Errorf("experiment %+v", e)
	}
	if r := toolstest.Ended(t.Context(), t, b.launcher, out.Run); r.State != runs.StateFinished {
		t.Errorf("the run is %s: %+v", r.State, r.Failure)
	}
}

func TestLaunchTwiceWithOneIDStartsOneRun(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	call := tools.Call{ID: "thread/1/1", Tool: "train_launch", Args: json.RawMessage(`{"dataset":"toy","model":"segresnet"}`)}
	first, err := b.Invoke(t.Context(), call, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.Invoke(t.Context(), call, nil) // no OnceGate here: the launcher itself is idempotent
	if err != nil || again.Run != first.Run {
		t.Errorf("%s, then %s, %v", first.Run, again.Run, err)
	}
	if ids, err := runs.IDs(b.ws); err != nil || len(ids) != 1 {
		t.Errorf("runs %v, %v", ids, err)
	}
	toolstest.Ended(t.Context(), t, b.launcher, first.Run)
}

func TestPreviewFillsInAndCosts(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	p := toolstest.Preview(t, b.Registry, "train_launch", `{"dataset":"toy","model":"segresnet"}`)
	want := `{"dataset":"toy","model":"segresnet","epochs":20,"learning_rate":0.001,"batch_size":2,"patch_size":[48,48,48],"loss":"dice_ce",` +
		`"optimizer":"adamw","precision":"float32","patience":10,"seed":0,"fold":0,"executor":"local"}`
	if string(p.Args) != want {
		t.Errorf("args %s\nwant %s", p.Args, want)
	}
	if p.Summary != "train segresnet-8 (1.18 M parameters) on toy, fold 0: 240 steps of 2×48×48×48" {
		t.Errorf("summary %q", p.Summary)
	}
	if p.Cost.Seconds <= 0 || p.Cost.MemoryBytes <= 200<<20 || p.Cost.DiskBytes < 4*1176186 || !strings.Contains(p.Cost.Basis, "assumed") {
		t.Errorf("cost %+v", p.Cost)
	}
	if ids, err := runs.IDs(b.ws); err != nil || len(ids) != 0 {
		t.Errorf("the preview made runs %v, %v", ids, err)
	}
	// What the preview filled in is accepted as it is.
	again := toolstest.Preview(t, b.Registry, "train_launch", string(p.Args))
	if again.Summary != p.Summary {
		t.Errorf("%q became %q", p.Summary, again.Summary)
	}
	run, _ := toolstest.Call[train.LaunchOut](t, b.Registry, "train_launch", `{"dataset":"toy","model":"segresnet"}`)
	toolstest.Ended(t.Context(), t, b.launcher, run.Run)
	p = toolstest.Preview(t, b.Registry, "train_launch", `{"dataset":"toy","model":"segresnet"}`)
	if p.Cost.Basis != "measured rate of run "+run.Run+" (5.00 steps/s)" || p.Cost.Seconds < 240/5 {
		t.Errorf("after a run: %+v", p.Cost)
	}
	p = toolstest.Preview(t, b.Registry, "train_launch", `{"dataset":"toy","model":"segresnet","batch_size":4}`)
	if !strings.HasPrefix(p.Cost.Basis, "cost model at the speed of run "+run.Run) {
		t.Errorf("another batch size: %+v", p.Cost)
	}
}

func TestMaxStepsAloneDecides(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	for args, steps := range map[string]string{
		`"max_steps":1000`:                          "1000 steps",
		`"max_steps":5`:                             "5 steps",
		`"max_steps":1000,"epochs":2`:               "24 steps",
		`"overrides":["max_steps=1000"]`:            "1000 steps",
		`"overrides":["max_steps=1000","epochs=2"]`: "24 steps",
		`"epochs":2,"patch_size":[48,48,48]`:        "24 steps",
		`"epochs":2,"overrides":["train.epochs=4"]`: "48 steps",
	} {
		p := toolstest.Preview(t, b.Registry, "train_launch", `{"dataset":"toy","model":"segresnet",`+args+`}`)
		if !strings.Contains(p.Summary, ": "+steps+" of") {
			t.Errorf("%s: %q, want %s", args, p.Summary, steps)
		}
	}
}

func TestAnExperimentFileComesBelowTheArguments(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	path := filepath.Join(t.TempDir(), "wide.yaml")
	if err := os.WriteFile(path, []byte("model:\n  init_filters: 16\ntrain:\n  epochs: 5\n  batch_size: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := toolstest.Preview(t, b.Registry, "train_launch", `{"dataset":"toy","model":"segresnet","epochs":2,"config":"`+path+`"}`)
	if !strings.HasPrefix(p.Summary, "train segresnet-16 (") || !strings.HasSuffix(p.Summary, ": 48 steps of 1×48×48×48") {
		t.Errorf("summary %q", p.Summary)
	}
	if err := os.WriteFile(path, []byte("train:\n  lerning_rate: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := toolstest.Objection(t, b.Registry, "train_launch", `{"dataset":"toy","model":"segresnet","config":"`+path+`"}`)
	if e.Code != tools.CodeBadArguments || !strings.Contains(e.Message, `wide.yaml:2:3: unknown key "lerning_rate"`) || !strings.Contains(e.Hint, "learning_rate") {
		t.Errorf("got %q, %q", e.Message, e.Hint)
	}
}

func TestLaunchRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	toolstest.Dataset(t, b.ws, "blank", 5, cube, 0, 1, 2, 3, 4)
	for _, c := range []struct {
		name, args    string
		code          tools.Code
		message, hint string
	}{
		{"unknown dataset", `{"dataset":"tooy","model":"segresnet"}`, tools.CodeNotFound, `no dataset "tooy"`, "did you mean toy?"},
		{"unknown model", `{"dataset":"toy","model":"segresnte"}`, tools.CodeNotFound, `no model "segresnte"`, "did you mean segresnet?"},
		{"unknown and far", `{"dataset":"toy","model":"gpt"}`, tools.CodeNotFound, `no model "gpt"`, "known models: segresnet"},
		{"a typo in an argument", `{"dataset":"toy","model":"segresnet","lerning_rate":1}`, tools.CodeBadArguments, `unknown argument "lerning_rate"`, "did you mean learning_rate?"},
		{"a typo in an override", `{"dataset":"toy","model":"segresnet","overrides":["lerning_rate=1e-3"]}`, tools.CodeBadArguments, `unknown key "lerning_rate"`, "did you mean"},
		{"not an override", `{"dataset":"toy","model":"segresnet","overrides":["fast"]}`, tools.CodeBadArguments, "not key=value", ""},
		{"fold out of range", `{"dataset":"toy","model":"segresnet","fold":9}`, tools.CodeBadArguments, "folds 0 to 3", ""},
		{"learning rate of 0", `{"dataset":"toy","model":"segresnet","learning_rate":0}`, tools.CodeBadArguments, "train.learning_rate is 0", ""},
		{"two mistakes", `{"dataset":"toy","model":"segresnet","learning_rate":0,"batch_size":0}`, tools.CodeBadArguments, "train.batch_size is 0", ""},
		{"unknown loss", `{"dataset":"toy","model":"segresnet","loss":"cldise"}`, tools.CodeBadArguments, `train.loss is "cldise"`, ""},
		{"a patch that cannot be halved", `{"dataset":"toy","model":"segresnet","patch_size":[48,48,20]}`, tools.CodeBadArguments, "multiple of 8", ""},
		{"a list for a word", `{"dataset":"toy","model":["segresnet"]}`, tools.CodeBadArguments, "model must be text", ""},
		{"no foreground", `{"dataset":"blank","model":"segresnet"}`, tools.CodeBadArguments, "no training volume of dataset blank has any foreground", "dataset_validate"},
		{"slurm", `{"dataset":"toy","model":"segresnet","executor":"slurm"}`, tools.CodeBadArguments, "on this machine only", "local"},
		{"an executor that is none", `{"dataset":"toy","model":"segresnet","executor":"cloud"}`, tools.CodeBadArguments, "must be one of local, slurm", ""},
		{"a name with an escape", `{"dataset":"toy","model":"segresnet","name":"a\u001b[31m"}`, tools.CodeBadArguments, "printable", ""},
		{"a name that is a selector", `{"dataset":"toy","model":"segresnet","name":"latest"}`, tools.CodeBadArguments, "latest", ""},
		{"filters that do not divide", `{"dataset":"toy","model":"segresnet","overrides":["init_filters=9"]}`, tools.CodeBadArguments, "init_filters", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := toolstest.Refusal(t, b.Registry, "train_launch", c.args)
			if e.Code != c.code || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Hint, c.hint) || strings.Contains(e.Error(), "\x1b") {
				t.Errorf("got %s: %q, %q", e.Code, e.Message, e.Hint)
			}
			if p := toolstest.Objection(t, b.Registry, "train_launch", c.args); p.Message != e.Message {
				t.Errorf("the preview says %q", p.Message)
			}
			if ids, err := runs.IDs(b.ws); err != nil || len(ids) != 0 {
				t.Errorf("it left runs %v, %v", ids, err)
			}
		})
	}
}

func TestSmallAndUnlabelledVolumesAreNoted(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	toolstest.Dataset(t, b.ws, "thin", 5, [3]int{64, 64, 20}, 0, 1)
	p := toolstest.Preview(t, b.Registry, "train_launch", `{"dataset":"thin","model":"segresnet"}`)
	notes := strings.Join(p.Notes, "\n")
	if !strings.Contains(notes, "smaller than the patch 48×48×48 and padded with background: mv0") || !strings.Contains(notes, "(64×64×20)") {
		t.Errorf("notes %s", notes)
	}
	if !strings.Contains(notes, "without foreground: mv0") {
		t.Errorf("notes %s", notes)
	}
}

func TestAPlannedDatasetIsPreviewed(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	ctx := tools.WithPlanned(t.Context(), []tools.Planned{
		{ID: "1", Tool: "dataset_create_synthetic", Args: json.RawMessage(`{"name":"demo"}`)},
		{ID: "2", Tool: "dataset_import", Args: json.RawMessage(`{"name":"real","path":"/data"}`)},
	})
	for name, want := range map[string]string{"demo": "480 steps", "@1.dataset": "480 steps", "real": "0: "} {
		p, err := b.Preview(ctx, tools.Call{Tool: "train_launch", Args: json.RawMessage(`{"dataset":"` + name + `","model":"segresnet"}`)})
		if err != nil || !strings.Contains(p.Summary, want) || !strings.Contains(strings.Join(p.Notes, " "), "comes from step") {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		if unknown := name == "real"; unknown != (p.Cost.Seconds == 0) {
			t.Errorf("%s: cost %+v", name, p.Cost)
		}
	}
	if _, err := b.Preview(ctx, tools.Call{Tool: "train_launch", Args: json.RawMessage(`{"dataset":"elsewhere","model":"segresnet"}`)}); err == nil {
		t.Error("a dataset that no step makes was accepted")
	}
}

func TestNoWorkerIsSaid(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	b.launcher.WorkerPath = filepath.Join(t.TempDir(), "minivess-worker")
	e := toolstest.Refusal(t, b.Registry, "train_launch", `{"dataset":"toy","model":"segresnet"}`)
	if e.Code != tools.CodeFailed || !strings.Contains(e.Message, "make build") {
		t.Errorf("got %+v", e)
	}
}

func launched(t *testing.T, b bench) string {
	t.Helper()
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	out, _ := toolstest.Call[train.LaunchOut](t, b.Registry, "train_launch", `{"dataset":"toy","model":"segresnet"}`)
	return out.Run
}

func TestStatusLogsCancelResume(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Wait)
	id := launched(t, b)
	toolstest.Begun(t.Context(), t, b.launcher, id, runs.EventCheckpoint)

	status, res := toolstest.Call[train.StatusOut](t, b.Registry, "job_status", `{"run":"latest"}`)
	if status.Run.Run != id || status.State != "running" || status.Latest["train/loss"] != 0.9 || status.Device != "cpu" {
		t.Errorf("status %+v", status)
	}
	if res.Summary != id+": running, train step 10 of 40, about 6 s left" {
		t.Errorf("summary %q", res.Summary)
	}
	list, res := toolstest.Call[train.ListOut](t, b.Registry, "job_list", `{"state":"running"}`)
	if len(list.Jobs) != 1 || res.Summary != "1 job: 1 running" {
		t.Errorf("%s: %+v", res.Summary, list)
	}
	if none, res := toolstest.Call[train.ListOut](t, b.Registry, "job_list", `{"state":"failed"}`); len(none.Jobs) != 0 || res.Summary != "no job is failed" {
		t.Errorf("%s: %+v", res.Summary, none)
	}
	logs, _ := toolstest.Call[train.LogsOut](t, b.Registry, "job_logs", `{"run":"latest"}`)
	if diff := cmp.Diff([]string{"reading", "100 %", "worker of " + id}, logs.Lines); diff != "" {
		t.Error(diff)
	}
	if logs, _ := toolstest.Call[train.LogsOut](t, b.Registry, "job_logs", `{"run":"latest","tail":1}`); len(logs.Lines) != 1 {
		t.Errorf("tail 1 gave %v", logs.Lines)
	}
	if e := toolstest.Refusal(t, b.Registry, "job_resume", `{"run":"latest"}`); e.Code != tools.CodeConflict || !strings.Contains(e.Message, "running already") {
		t.Errorf("resuming a run at work: %+v", e)
	}

	if p := toolstest.Preview(t, b.Registry, "job_cancel", `{"run":"latest"}`); !strings.Contains(strings.Join(p.Notes, " "), "job_resume takes it up again") {
		t.Errorf("preview %+v", p)
	}
	if out, res := toolstest.Call[train.CancelOut](t, b.Registry, "job_cancel", `{"run":"latest"}`); out.Run != id || res.Summary == "" {
		t.Errorf("cancel %+v", out)
	}
	if r := toolstest.Ended(t.Context(), t, b.launcher, id); r.State != runs.StateCancelled {
		t.Fatalf("the run is %s", r.State)
	}
	if e := toolstest.Refusal(t, b.Registry, "job_cancel", `{"run":"latest"}`); e.Code != tools.CodeConflict {
		t.Errorf("cancelling again: %+v", e)
	}
	if e := toolstest.Objection(t, b.Registry, "job_cancel", `{"run":"latest"}`); e.Code != tools.CodeConflict {
		t.Errorf("previewing it: %+v", e)
	}

	p := toolstest.Preview(t, b.Registry, "job_resume", `{"run":"latest"}`)
	if p.Summary != "resume "+id+" from step 10" || p.Cost.Seconds <= 0 {
		t.Errorf("preview %+v", p)
	}
	b.launcher.Env = toolstest.Launcher(t, b.ws, toolstest.Finish).Env
	out, res := toolstest.Call[train.ResumeOut](t, b.Registry, "job_resume", `{"run":"latest"}`)
	if out.Run != id || out.Step != 10 || res.Summary != id+" goes on from step 10" {
		t.Errorf("%s: %+v", res.Summary, out)
	}
	if r := toolstest.Ended(t.Context(), t, b.launcher, id); r.State != runs.StateFinished || r.Attempt != 2 {
		t.Errorf("the run is %s after attempt %d", r.State, r.Attempt)
	}
	if e := toolstest.Refusal(t, b.Registry, "job_resume", `{"run":"latest"}`); e.Code != tools.CodeConflict || !strings.Contains(e.Hint, "epochs") {
		t.Errorf("resuming a finished run: %+v", e)
	}
	if out, _ := toolstest.Call[train.ResumeOut](t, b.Registry, "job_resume", `{"run":"latest","epochs":40}`); out.Step != 40 {
		t.Errorf("training it further: %+v", out)
	}
	if r := toolstest.Ended(t.Context(), t, b.launcher, id); r.Epochs != 40 {
		t.Errorf("epochs %d", r.Epochs)
	}
}

func TestWatcher(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	id := launched(t, b)
	for attach := range 2 { // the second time the run has ended already
		var last tools.Progress
		var phases []string
		out, err := b.watcher.Watch(t.Context(), id, func(p tools.Progress) {
			if p.Run != id {
				t.Errorf("progress of run %q", p.Run)
			}
			if s := p.State + "/" + p.Phase; len(phases) == 0 || phases[len(phases)-1] != s {
				phases = append(phases, s)
			}
			last = p
		})
		if err != nil {
			t.Fatal(err)
		}
		want := train.Outcome{State: "finished", Summary: id + " finished, 40 steps, best val/dice 0.8"}
		if diff := cmp.Diff(want, out); diff != "" {
			t.Errorf("attach %d: %s", attach, diff)
		}
		if diff := cmp.Diff([]string{"queued/", "running/", "running/train", "finished/"}, phases); diff != "" {
			t.Errorf("attach %d: %s", attach, diff)
		}
		if diff := cmp.Diff(map[string]float64{"loss": 0.2, "dice": 0.8, "val/loss": 0.3, "learning_rate": 1e-3}, last.Values); diff != "" {
			t.Errorf("attach %d: %s", attach, diff)
		}
	}
}

func TestWatcherTellsHowItEnded(t *testing.T) {
	t.Parallel()
	for mode, want := range map[toolstest.Mode]train.Outcome{
		toolstest.NaN: {State: "failed", Error: "the loss is NaN at step 11", Hint: "lower the learning rate"},
		toolstest.Die: {State: "failed", Error: "the worker died after step 10 without saying why", Hint: "resume the run"},
	} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, mode)
			id := launched(t, b)
			out, err := b.watcher.Watch(t.Context(), id, nil)
			if err != nil || out.State != want.State || !strings.HasPrefix(out.Error, want.Error) || !strings.HasPrefix(out.Hint, want.Hint) {
				t.Errorf("got %+v, %v", out, err)
			}
			resumable := mode == toolstest.Die
			if p, err := b.Preview(t.Context(), tools.Call{Tool: "job_resume", Args: json.RawMessage(`{"run":"latest"}`)}); (err == nil) != resumable {
				t.Errorf("resuming: %+v, %v", p, err)
			}
		})
	}
}

func TestLeavingTheWatcherLeavesTheRun(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Wait)
	id := launched(t, b)
	ctx, leave := context.WithCancel(t.Context())
	_, err := b.watcher.Watch(ctx, id, func(p tools.Progress) {
		if p.Phase == "train" {
			leave()
		}
	})
	if err == nil || ctx.Err() == nil {
		t.Fatalf("got %v", err)
	}
	if r, err := runs.Load(b.ws, id); err != nil || r.State != runs.StateRunning {
		t.Errorf("the run is %s, %v", r.State, err)
	}
	if _, err := b.watcher.Watch(t.Context(), "no-such-0000", nil); tools.AsError(err) == nil || tools.AsError(err).Code != tools.CodeNotFound {
		t.Errorf("watching nothing: %v", err)
	}
}

// TestTwoProcessesSeeTheSameRuns looks at one workspace through two sets of
// tools, as two processes would.
func TestTwoProcessesSeeTheSameRuns(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Wait)
	id := launched(t, b)
	toolstest.Begun(t.Context(), t, b.launcher, id, runs.EventCheckpoint)
	other := tools.NewRegistry()
	deps := train.Deps{Workspace: b.ws, Launcher: toolstest.Launcher(t, b.ws, toolstest.Finish)}
	if err := train.Register(other, deps); err != nil {
		t.Fatal(err)
	}
	if s, _ := toolstest.Call[train.StatusOut](t, other, "job_status", `{"run":"latest"}`); s.Run.Run != id || s.State != "running" {
		t.Errorf("got %+v", s)
	}
	toolstest.Call[train.CancelOut](t, other, "job_cancel", `{"run":"latest"}`)
	if out, err := b.watcher.Watch(t.Context(), id, nil); err != nil || out.State != "cancelled" || !strings.Contains(out.Hint, "job_resume") {
		t.Errorf("got %+v, %v", out, err)
	}
}

func TestALogFullOfEscapesIsSafe(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	id := launched(t, b)
	toolstest.Ended(t.Context(), t, b.launcher, id)
	long := strings.Repeat("x", 1<<20) + "\n"
	log := long + "\x1b]0;title\x07volume \x1b[31mmv\u202e01\x1b[0m\x00\n\n"
	if err := os.WriteFile(filepath.Join(b.ws.Run(id), runs.WorkerLog), []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := toolstest.Call[train.LogsOut](t, b.Registry, "job_logs", `{"run":"latest"}`)
	if diff := cmp.Diff([]string{"volume mv01"}, out.Lines); diff != "" {
		t.Error(diff)
	}
	if err := os.Remove(filepath.Join(b.ws.Run(id), runs.WorkerLog)); err != nil {
		t.Fatal(err)
	}
	out, res := toolstest.Call[train.LogsOut](t, b.Registry, "job_logs", `{"run":"latest"}`)
	if len(out.Lines) != 0 || !strings.Contains(res.Summary, "has written nothing") {
		t.Errorf("%s: %v", res.Summary, out.Lines)
	}
}

func TestTheJournalIsOnlyRead(t *testing.T) {
	t.Parallel()
	b := newBench(t, toolstest.Finish)
	id := launched(t, b)
	toolstest.Ended(t.Context(), t, b.launcher, id)
	w, err := journal.OpenWriter(t.Context(), filepath.Join(b.ws.Run(id), runs.EventsFile), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close() //nolint:errcheck // nothing was written
	for _, tool := range []string{"job_status", "job_logs"} {
		toolstest.Call[json.RawMessage](t, b.Registry, tool, `{"run":"latest"}`)
	}
}
