package planner_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/minivess/minivess/agent/planner"
	"github.com/minivess/minivess/tools"
)

// denoise is a tool that no table of the planner knows.
func denoise() tools.Descriptor {
	return tools.Descriptor{
		Name: "volume_denoise", Family: "data", Effect: tools.Launch, Summary: "Denoise the volumes of a dataset",
		Examples: []tools.Example{
			{Say: "denoise the volumes of toy", Args: json.RawMessage(`{"dataset":"toy"}`)},
			{Say: "take the noise out of cortex with a strength of 0.5", Args: json.RawMessage(`{"dataset":"cortex","strength":0.5}`)},
		},
		Input: &jsonschema.Schema{Type: "object", Required: []string{"dataset"}, Properties: map[string]*jsonschema.Schema{
			"dataset": {Type: "string"}, "strength": {Type: "number"}, "passes": {Type: "integer"},
			"filter": {Type: "string", Enum: []any{"gaussian", "median", "non_local_means"}},
		}},
	}
}

// TestNewTool: a tool is understood from its schema and its examples alone,
// its arguments too, and beside other tools.
func TestNewTool(t *testing.T) {
	t.Parallel()
	offered := append(catalogue(t), denoise())
	m := planner.New(planner.WithCatalogue(offered), here())
	for say, want := range map[string]map[string]any{
		"denoise toy":                    {"dataset": "toy"},
		"please denoise the cortex data": {"dataset": "cortex"},

		"denoise cortex with the median filter in 3 passes":            {"dataset": "cortex", "filter": "median", "passes": int64(3)},
		"can you take out the noise in hippo2, strength 0.25?":         {"dataset": "hippo2", "strength": 0.25},
		"run denoising on minivess with non local means, strength=0.5": {"dataset": "minivess", "filter": "non_local_means", "strength": 0.5},
	} {
		got := m.Plan(t.Context(), offered, say)
		if len(got.Steps) != 1 || got.Steps[0].Tool != "volume_denoise" {
			t.Errorf("%q: planned %s; %s", say, describe(got), got.Reply)
			continue
		}
		if diff := cmp.Diff(canonical(t, want), canonical(t, got.Steps[0].Args)); diff != "" {
			t.Errorf("%q: arguments (-want +got):\n%s", say, diff)
		}
	}
	got := m.Plan(t.Context(), offered, "denoise toy and then train a segresnet on it")
	if len(got.Steps) != 2 || got.Steps[0].Tool != "volume_denoise" || got.Steps[1].Tool != "train_launch" || got.Steps[1].Args["dataset"] != "toy" {
		t.Errorf("planned %s", describe(got))
	}
	if got := m.Plan(t.Context(), offered, "denoise"); len(got.Questions) != 1 {
		t.Errorf("planned %s without a dataset; %v", describe(got), got.Questions)
	}
}

// TestOfferedIsAvailable: a tool that is offered is available, also when it is
// among those that were planned for later.
func TestOfferedIsAvailable(t *testing.T) {
	t.Parallel()
	unbuilt, err := tools.Unbuilt()
	if err != nil {
		t.Fatal(err)
	}
	offered := catalogue(t)
	for _, d := range unbuilt {
		if d.Name == "calibrate_model" {
			offered = append(offered, d)
		}
	}
	got := planner.New(here()).Plan(t.Context(), offered, "calibrate the latest run")
	if len(got.Steps) != 1 || got.Steps[0].Tool != "calibrate_model" || got.Steps[0].Unavailable || got.Reply != "" {
		t.Errorf("planned %s (%v); %q", describe(got), got.Steps, got.Reply)
	}
}

// TestUnbuiltExamples plans what the Markdown of the tools that are not built
// says, exactly.
func TestUnbuiltExamples(t *testing.T) {
	t.Parallel()
	unbuilt, err := tools.Unbuilt()
	if err != nil {
		t.Fatal(err)
	}
	offered := catalogue(t)
	m := planner.New(planner.WithCatalogue(offered))
	for _, d := range unbuilt {
		for _, e := range d.Examples {
			got := m.Plan(t.Context(), offered, e.Say)
			if len(got.Steps) != 1 || got.Steps[0].Tool != d.Name || !got.Steps[0].Unavailable {
				t.Errorf("%q: planned %s (%s), want %s", e.Say, describe(got), got.Reply, d.Name)
				continue
			}
			var want map[string]any
			if err := json.Unmarshal(e.Args, &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(canonical(t, want), canonical(t, got.Steps[0].Args)); diff != "" {
				t.Errorf("%q: arguments (-want +got):\n%s", e.Say, diff)
			}
		}
	}
}
