package tools_test

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/data"
	"github.com/minivess/minivess/tools/evaluate"
	"github.com/minivess/minivess/tools/govern"
	"github.com/minivess/minivess/tools/query"
	"github.com/minivess/minivess/tools/serve"
	"github.com/minivess/minivess/tools/toolstest"
	"github.com/minivess/minivess/tools/train"
)

// catalogue is every tool of this version over an empty workspace.
func catalogue(t *testing.T) (*tools.Registry, *workspace.Workspace) {
	t.Helper()
	ws, err := workspace.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	launcher := toolstest.Launcher(t, ws, toolstest.Finish)
	r := tools.NewRegistry()
	if err := errors.Join(
		data.Register(r, data.Deps{Workspace: ws}),
		train.Register(r, train.Deps{Workspace: ws, Launcher: launcher}),
		evaluate.Register(r, evaluate.Deps{Workspace: ws, Launcher: launcher}),
		query.Register(r, query.Deps{Workspace: ws, Now: func() time.Time { return noon }}),
		serve.Register(r, serve.Deps{Workspace: ws, Launcher: launcher}),
		govern.Register(r, govern.Deps{Workspace: ws}),
	); err != nil {
		t.Fatal(err)
	}
	return r, ws
}

// TestCatalogue pins what agents, scripts and eval suites rely on: the tools'
// names in their order, effects and arguments. Required arguments end in "!".
func TestCatalogue(t *testing.T) {
	t.Parallel()
	want := []string{
		"data dataset_list read:",
		"data dataset_show read: dataset!",
		"data dataset_create_synthetic write: name! seed shape spacing volumes",
		"data dataset_import write: layout name! path! skip_mismatched",
		"data dataset_split write: dataset! folds seed test_fraction",
		"data dataset_validate read: dataset!",
		"train train_launch launch: batch_size config dataset! epochs executor fold freeze gradient_checkpointing init_from learning_rate loss max_steps model! name optimizer overrides patch_size patience plan precision seed tags",
		"train job_list read: state",
		"train job_status read: run!",
		"train job_logs read: run! tail",
		"train job_resume launch: epochs run!",
		"train job_cancel destroy: run!",
		"evaluate evaluate_run launch: dataset ignore_label metrics run! split",
		"evaluate compare_runs read: metric runs! split",
		"query runs_list read: dataset descending limit model order_by since state tag",
		"query run_show read: run!",
		"query metric_history read: metric! run!",
		"query runs_sql read: query!",
		"query run_tag write: key! run! value!",
		"query run_delete destroy: run!",
		"serve model_list read:",
		"serve model_export write: format overwrite path run!",
		"serve predict_volume launch: input! normalise output overwrite probabilities run! window",
		"govern report_write write: path runs!",
	}
	r, _ := catalogue(t)
	var got []string
	for _, d := range r.List() {
		line := d.Family + " " + d.Name + " " + string(d.Effect) + ":"
		for _, name := range slices.Sorted(maps.Keys(d.Input.Properties)) {
			line += " " + name
			if slices.Contains(d.Input.Required, name) {
				line += "!"
			}
		}
		got = append(got, line)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEveryToolIsDescribed(t *testing.T) {
	t.Parallel()
	r, _ := catalogue(t)
	for _, d := range r.List() {
		golden(t, filepath.Join("catalogue", d.Name+".json"), d)
		if len(d.Summary) > 80 || len(d.Examples) < 2 {
			t.Errorf("%s: summary of %d characters, %d examples", d.Name, len(d.Summary), len(d.Examples))
		}
		for name, p := range d.Input.Properties {
			if p.Description == "" {
				t.Errorf("%s.%s has no description", d.Name, name)
			}
			if _, err := p.Resolve(nil); err != nil {
				t.Errorf("%s.%s: %v", d.Name, name, err)
			}
		}
		for name, p := range d.Output.Properties {
			if p.Description == "" {
				t.Errorf("the output %s.%s has no description", d.Name, name)
			}
		}
		if d.Output.Properties["summary"] == nil || d.Effect == tools.Launch && d.Output.Properties["run"] == nil {
			t.Errorf("%s does not return a summary, or no run", d.Name)
		}
		resolved, err := d.Input.Resolve(nil)
		if err != nil {
			t.Errorf("%s: %v", d.Name, err)
			continue
		}
		for _, ex := range d.Examples {
			var args any
			if err := json.Unmarshal(ex.Args, &args); err != nil {
				t.Fatal(err)
			}
			if err := resolved.Validate(args); err != nil && !strings.Contains(string(ex.Args), `"@`) {
				t.Errorf("%s: the example %q does not fit the schema: %v", d.Name, ex.Say, err)
			}
		}
	}
}

// TestPreviews shows what a person is asked to approve. Paths and run ids are
// replaced, and the machine's speed is that of the run that was made before.
func TestPreviews(t *testing.T) {
	t.Parallel()
	r, ws := catalogue(t)
	d := toolstest.Dataset(t, ws, "toy", 10, [3]int{48, 48, 48})
	launched, _ := toolstest.Call[train.LaunchOut](t, r, "train_launch", `{"dataset":"toy","model":"segresnet","epochs":2,"name":"first"}`)
	toolstest.Ended(t.Context(), t, toolstest.Launcher(t, ws, toolstest.Finish), launched.Run)
	run, err := runs.Load(ws, launched.Run)
	if err != nil {
		t.Fatal(err)
	}
	created := run.Spec.Created.Format("2006-01-02 15:04:05Z")
	shorten := strings.NewReplacer(ws.Root(), "WORKSPACE", launched.Run, "RUN", d.Root, "FOLDER", created, "THEN")
	previews := map[string]tools.Preview{}
	for _, c := range [][2]string{
		{"dataset_list", `{}`},
		{"dataset_create_synthetic", `{"name":"demo"}`},
		{"dataset_split", `{"dataset":"toy","folds":2}`},
		{"train_launch", `{"dataset":"toy","model":"segresnet","max_steps":400}`},
		{"job_resume", `{"run":"first","epochs":4}`},
		{"evaluate_run", `{"run":"latest"}`},
		{"compare_runs", `{"runs":["all"]}`},
		{"runs_list", `{}`},
		{"runs_sql", `{"query":"select 1"}`},
		{"run_tag", `{"run":"first","key":"site","value":"lyon"}`},
	} {
		p := toolstest.Preview(t, r, c[0], c[1])
		raw, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var short tools.Preview
		if err := json.Unmarshal([]byte(shorten.Replace(string(raw))), &short); err != nil {
			t.Fatal(err)
		}
		short.Cost.Seconds = math.Round(short.Cost.Seconds)
		short.Cost.MemoryBytes = min(short.Cost.MemoryBytes, 1) // whether there is any: how much is nn/cost's to test
		previews[c[0]] = short
	}
	golden(t, "previews.json", previews)
}
