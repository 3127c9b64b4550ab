package train_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/toolstest"
	"github.com/minivess/minivess/tools/train"
)

// A plan chooses what nobody chose, says why, and is carried out as it was
// approved.
func TestPlan(t *testing.T) {
	t.Parallel()
	b := newBenchWith(t, toolstest.Finish, 2<<30)
	toolstest.Dataset(t, b.ws, "thin", 5, [3]int{64, 48, 20})
	for _, model := range []string{"segresnet", "dynunet", "swinunetr"} {
		p := toolstest.Preview(t, b.Registry, "train_launch", `{"dataset":"thin","model":"`+model+`","plan":true,"batch_size":1}`)
		var args train.LaunchIn
		if err := json.Unmarshal(p.Args, &args); err != nil {
			t.Fatal(err)
		}
		if args.Plan || args.PatchSize == nil || *args.BatchSize != 1 {
			t.Errorf("%s: args %s", model, p.Args)
		}
		out, _ := toolstest.Call[train.LaunchOut](t, b.Registry, "train_launch", string(p.Args))
		_, e := b.spec(t, out.Run)
		m, err := models.New(model, e.Model.Options())
		if err != nil {
			t.Fatal(err)
		}
		for i, d := range m.Config().Divisor {
			if e.Train.PatchSize[i]%d != 0 || e.Train.PatchSize[i] != args.PatchSize[i] {
				t.Errorf("%s: patch %v of %v, divisor %v", model, e.Train.PatchSize, *args.PatchSize, m.Config().Divisor)
			}
		}
		if !strings.HasSuffix(out.Summary, strings.TrimPrefix(p.Summary, "train ")) {
			t.Errorf("planned %q, launched %q", p.Summary, out.Summary)
		}
		toolstest.Ended(t.Context(), t, b.launcher, out.Run)
	}
	kept := toolstest.Preview(t, b.Registry, "train_launch", `{"dataset":"thin","model":"segresnet","plan":true,"patch_size":[32,32,16]}`)
	if !strings.HasSuffix(kept.Summary, "×32×32×16") {
		t.Errorf("%q", kept.Summary)
	}
	e := toolstest.Objection(t, b.Registry, "train_launch", `{"dataset":"thin","model":"torchscript","plan":true,"overrides":["model.options.path=../../engine/nn/torch/testdata/script/good.ts"]}`)
	if e.Code != tools.CodeBadArguments || !strings.Contains(e.Message, "nothing can be planned") {
		t.Errorf("%+v", e)
	}
}

// A default that would not fit the memory is replaced by a plan that does; a
// patch that somebody chose is kept, with a warning.
func TestPlanWhereDefaultsDoNotFit(t *testing.T) {
	t.Parallel()
	b := newBenchWith(t, toolstest.Finish, 300<<20)
	toolstest.Dataset(t, b.ws, "toy", 5, cube)
	p := toolstest.Preview(t, b.Registry, "train_launch", `{"dataset":"toy","model":"segresnet","overrides":["init_filters=16"]}`)
	notes := strings.Join(p.Notes, "\n")
	if strings.HasSuffix(p.Summary, "2×48×48×48") || !strings.Contains(notes, "would not fit the memory, so it is planned") || !strings.Contains(notes, "fits the memory") {
		t.Errorf("%q\n%s", p.Summary, notes)
	}
	p = toolstest.Preview(t, b.Registry, "train_launch", `{"dataset":"toy","model":"segresnet","patch_size":[48,48,48],"overrides":["init_filters=16"]}`)
	if notes := strings.Join(p.Notes, "\n"); !strings.HasSuffix(p.Summary, "2×48×48×48") || !strings.Contains(notes, "GB are free") || strings.Contains(notes, "planned") {
		t.Errorf("%q\n%s", p.Summary, notes)
	}
	p = toolstest.Preview(t, b.Registry, "train_launch", `{"dataset":"toy","model":"segresnet","overrides":["init_filters=256"]}`)
	if notes := strings.Join(p.Notes, "\n"); !strings.HasSuffix(p.Summary, "2×48×48×48") || !strings.Contains(notes, "GB are free") {
		t.Errorf("%q\n%s", p.Summary, notes)
	}
}
