package tools

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestUnbuilt pins what is planned but not built: names, effects, arguments.
func TestUnbuilt(t *testing.T) {
	t.Parallel()
	want := []string{
		"govern audit_verify read:",
		"ensemble calibrate_model launch: run! dataset method",
		"ensemble conformal_fit launch: run! dataset alpha method",
		"data dataset_drift read: reference! current! method",
		"data dataset_profile read: dataset!",
		"explain diagnose_weights read: run!",
		"ensemble ensemble_build launch: runs! method dataset name",
		"explain explain_prediction launch: run! volume! method",
		"data labels_audit read: dataset! run!",
		"govern lineage_show read: run!",
		"serve model_card write: run! path",
		"serve model_promote write: name! version! alias!",
		"serve model_register write: run! name!",
		"serve serve_start launch: run! port",
		"serve serve_status read:",
		"serve serve_stop destroy:",
		"train sweep_launch launch: dataset! model! grid! strategy trials metric executor name",
	}
	all, err := Unbuilt()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range all {
		line := d.Family + " " + d.Name + " " + string(d.Effect) + ":"
		for _, name := range d.Input.PropertyOrder {
			line += " " + name
			if slices.Contains(d.Input.Required, name) {
				line += "!"
			}
		}
		got = append(got, line)
		if len(d.Examples) < 2 {
			t.Errorf("%s has %d examples, want two at least", d.Name, len(d.Examples))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tools that are not built (-want +got):\n%s", diff)
	}
}

// TestUnbuiltIsSaid: calling a tool that is not built says so, rather than that
// nobody knows it.
func TestUnbuiltIsSaid(t *testing.T) {
	t.Parallel()
	r := NewRegistry()
	for name, want := range map[string]string{
		"calibrate_model": "calibrate_model is not available in this version",
		"no_such_tool":    `there is no tool "no_such_tool"`,
		"../unbuilt":      `there is no tool "../unbuilt"`,
	} {
		_, err := r.Invoke(t.Context(), Call{Tool: name}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestUnbuiltBadFile(t *testing.T) {
	t.Parallel()
	const good = "# Do it\n\nDoes it.\n\n## Catalogue\n\n- family: data\n- effect: read\n\n## Arguments\n\n- run (text, required): which\n\n## Examples\n\n- do it\n  `{\"run\":\"latest\"}`\n"
	if _, err := parseUnbuilt("it", good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"unknown effect":     {"effect: read", "effect: burn"},
		"no family":          {"- family: data\n", ""},
		"unknown fact":       {"- family", "- colour"},
		"unknown type":       {"(text, required)", "(tensor, required)"},
		"no type":            {"run (text, required)", "run"},
		"missing argument":   {`{"run":"latest"}`, `{}`},
		"unknown argument":   {`{"run":"latest"}`, `{"run":"latest","x":1}`},
		"argument of a type": {`{"run":"latest"}`, `{"run":3}`},
		"not JSON":           {`{"run":"latest"}`, `{"run"}`},
		"no examples":        {"- do it\n  `{\"run\":\"latest\"}`\n", ""},
		"no summary":         {"# Do it\n\nDoes it.", ""},
	} {
		doc := strings.Replace(good, change[0], change[1], 1)
		if doc == good {
			t.Fatalf("%s changes nothing", name)
		}
		if _, err := parseUnbuilt("it", doc); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := unbuiltIn(fstest.MapFS{"unbuilt/x.md": {Data: []byte("nothing")}}); err == nil || !strings.Contains(err.Error(), "unbuilt/x.md") {
		t.Errorf("error %v does not name the file", err)
	}
}

func FuzzUnbuilt(f *testing.F) {
	f.Add("# Do it\n## Catalogue\n- family: data\n- effect: read\n## Arguments\n- a (x | y): which\n## Examples\n- do\n  `{}`")
	f.Fuzz(func(_ *testing.T, doc string) { _, _ = parseUnbuilt("it", doc) })
}
