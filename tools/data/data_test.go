package data_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/engine/dataset/synthetic"
	"github.com/minivess/minivess/engine/volume"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/data"
)

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
	if err := data.Register(r, data.Deps{Workspace: ws}); err != nil {
		t.Fatal(err)
	}
	return bench{r, ws}
}

// call runs a tool and decodes its value.
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

// refusal runs a tool that has to fail, and its preview too.
func refusal(t *testing.T, b bench, tool, args string) *tools.Error {
	t.Helper()
	_, err := b.Invoke(t.Context(), tools.Call{Tool: tool, Args: json.RawMessage(args)}, nil)
	var e *tools.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s %s: got %v, want an error", tool, args, err)
	}
	return e
}

const small = `{"name":"toy","volumes":5,"shape":[16,16,16],"spacing":[1,1,2],"seed":3}`

func TestCreateSynthetic(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, err := b.Preview(t.Context(), tools.Call{Tool: "dataset_create_synthetic", Args: json.RawMessage(small)})
	if err != nil {
		t.Fatal(err)
	}
	if p.Summary != "make toy: 5 volumes, 16×16×16 at 1×1×2 µm" || p.Cost.DiskBytes == 0 || p.Cost.Seconds == 0 || len(p.Writes) != 2 {
		t.Errorf("preview: %+v", p)
	}
	if entries, err := os.ReadDir(b.ws.Datasets()); err != nil || len(entries) != 0 {
		t.Errorf("the preview left %v, %v", entries, err)
	}
	var phases []string
	res, err := b.Invoke(t.Context(), tools.Call{Tool: "dataset_create_synthetic", Args: json.RawMessage(small)}, func(p tools.Progress) {
		if n := len(phases); n == 0 || phases[n-1] != p.Phase {
			phases = append(phases, p.Phase)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"generate", "check"}, phases); diff != "" {
		t.Error(diff)
	}
	var out data.CreateOut
	if err := json.Unmarshal(res.Value, &out); err != nil {
		t.Fatal(err)
	}
	if out.Dataset != "toy" || out.Volumes != 5 || out.Foreground <= 0 || out.Split.String() != "split 3/1/1 by volume" {
		t.Errorf("got %+v", out)
	}
	if !strings.HasPrefix(res.Summary, "made toy: 5 volumes, ") {
		t.Errorf("summary %q", res.Summary)
	}
	if _, err := os.Stat(filepath.Join(b.ws.Datasets(), "toy", "raw", "mv01.nii.gz")); err != nil {
		t.Error(err)
	}
}

func TestDefaultsMakeTheDatasetOfTheDocs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, err := b.Preview(t.Context(), tools.Call{Tool: "dataset_create_synthetic", Args: json.RawMessage(`{"name":"demo"}`)})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"demo","volumes":10,"shape":[96,96,48],"spacing":[0.7,0.7,2],"seed":0}`
	if string(p.Args) != want {
		t.Errorf("args %s, want %s", p.Args, want)
	}
	r := synthetic.Request{Name: "demo"}.WithDefaults()
	if generator := jsonText(t, r); generator != want {
		t.Errorf("the generator's own defaults are %s, the tool's %s", generator, want)
	}
}

func TestCreatingTheSameAgainChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first, _ := call[data.CreateOut](t, b, "dataset_create_synthetic", small)
	again, res := call[data.CreateOut](t, b, "dataset_create_synthetic", small)
	if first.Digest != again.Digest || !strings.Contains(res.Summary, "there already") {
		t.Errorf("%s, then %s: %s", first.Digest, again.Digest, res.Summary)
	}
	e := refusal(t, b, "dataset_create_synthetic", strings.Replace(small, `"seed":3`, `"seed":4`, 1))
	if e.Code != tools.CodeConflict || !strings.Contains(e.Hint, "another name") {
		t.Errorf("got %+v", e)
	}
}

func TestAKilledCreationIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	call[data.CreateOut](t, b, "dataset_create_synthetic", small)
	if err := os.Remove(b.ws.DatasetCatalogue()); err != nil { // killed just before the entry
		t.Fatal(err)
	}
	other := strings.Replace(small, `"volumes":5`, `"volumes":4`, 1)
	if e := refusal(t, b, "dataset_create_synthetic", other); e.Code != tools.CodeConflict {
		t.Errorf("another request over the same folder: %+v", e)
	}
	out, _ := call[data.CreateOut](t, b, "dataset_create_synthetic", small)
	if out.Volumes != 5 {
		t.Errorf("got %+v", out)
	}
}

func TestACancelledCreationLeavesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Invoke(ctx, tools.Call{Tool: "dataset_create_synthetic", Args: json.RawMessage(small)}, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if entries, err := os.ReadDir(b.ws.Datasets()); err != nil || len(entries) != 0 {
		t.Errorf("left %v, %v", entries, err)
	}
}

func TestListAndShow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	none, res := call[data.ListOut](t, b, "dataset_list", `{}`)
	if len(none.Datasets) != 0 || res.Summary != "no datasets yet" || strings.Contains(string(res.Value), "null") {
		t.Errorf("got %s", res.Value)
	}
	call[data.CreateOut](t, b, "dataset_create_synthetic", small)
	one, res := call[data.ListOut](t, b, "dataset_list", `{}`)
	if len(one.Datasets) != 1 || res.Summary != "1 dataset: toy" {
		t.Errorf("got %s: %s", res.Summary, res.Value)
	}
	show, res := call[data.ShowOut](t, b, "dataset_show", `{"dataset":"toy"}`)
	parts := map[string]int{}
	for _, m := range show.Members {
		parts[m.Part]++
		if m.Shape != [3]int{16, 16, 16} || m.Spacing != [3]float64{1, 1, 2} || m.Unit != "um" {
			t.Errorf("member %+v", m)
		}
	}
	if diff := cmp.Diff(map[string]int{"train": 3, "val": 1, "test": 1}, parts); diff != "" {
		t.Error(diff)
	}
	if len(show.Folds) != 4 || !strings.HasPrefix(res.Summary, "toy: 5 volumes") {
		t.Errorf("%s, folds %v", res.Summary, show.Folds)
	}
}

func TestUnknownDatasetsAreAnswered(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, tool := range []string{"dataset_show", "dataset_split", "dataset_validate"} {
		e := refusal(t, b, tool, `{"dataset":"toy"}`)
		if e.Code != tools.CodeNotFound || !strings.Contains(e.Hint, "dataset_create_synthetic") {
			t.Errorf("%s in an empty workspace: %+v", tool, e)
		}
	}
	call[data.CreateOut](t, b, "dataset_create_synthetic", small)
	for _, tool := range []string{"dataset_show", "dataset_split", "dataset_validate"} {
		e := refusal(t, b, tool, `{"dataset":"toi"}`)
		if e.Code != tools.CodeNotFound || e.Hint != "did you mean toy?" || !cmp.Equal(e.Candidates, []string{"toy"}) || tools.ExitCode(e) != tools.ExitNotFound {
			t.Errorf("%s: %+v", tool, e)
		}
		if _, err := b.Preview(t.Context(), tools.Call{Tool: tool, Args: json.RawMessage(`{"dataset":"toi"}`)}); tools.AsError(err) == nil {
			t.Errorf("%s: the preview did not complain", tool)
		}
	}
}

func TestPreviewsKnowWhatThePlanWillMake(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := tools.WithPlanned(t.Context(), []tools.Planned{{ID: "1", Tool: "dataset_create_synthetic", Args: json.RawMessage(small)}})
	for _, tool := range []string{"dataset_show", "dataset_split", "dataset_validate"} {
		for _, name := range []string{"toy", "@1.dataset"} {
			p, err := b.Preview(ctx, tools.Call{Tool: tool, Args: json.RawMessage(`{"dataset":"` + name + `"}`)})
			if err != nil || !strings.Contains(strings.Join(p.Notes, " "), "step 1") {
				t.Errorf("%s %s: %+v, %v", tool, name, p, err)
			}
		}
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	call[data.CreateOut](t, b, "dataset_create_synthetic", small)
	p, err := b.Preview(t.Context(), tools.Call{Tool: "dataset_split", Args: json.RawMessage(`{"dataset":"toy","folds":2,"test_fraction":0.4,"seed":1}`)})
	if err != nil || len(p.Notes) == 0 || p.Notes[0] != "now split 3/1/1 by volume, then split 1/2/2 by volume" {
		t.Errorf("preview %+v, %v", p, err)
	}
	out, res := call[data.SplitOut](t, b, "dataset_split", `{"dataset":"toy","folds":2,"test_fraction":0.4,"seed":1}`)
	if len(out.Test) != 2 || len(out.Folds) != 2 || res.Summary != "toy: split 1/2/2 by volume, 2 folds" {
		t.Errorf("got %s: %+v", res.Summary, out)
	}
	if e := refusal(t, b, "dataset_split", `{"dataset":"toy","folds":40}`); e.Code != tools.CodeBadArguments {
		t.Errorf("got %+v", e)
	}
}

// folder writes a dataset in MiniVess's layout: n volumes with one labelled
// voxel each.
func folder(t *testing.T, n int) string {
	t.Helper()
	root := t.TempDir()
	for _, sub := range []string{"raw", "seg"} {
		if err := os.Mkdir(filepath.Join(root, sub), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		image(t, root, i, [3]int{8, 8, 8})
		label(t, root, i, [3]int{8, 8, 8}, true)
	}
	return root
}

func fileName(i int) string { return "mv0" + string(rune('1'+i)) + ".nii.gz" }

func image(t *testing.T, root string, i int, shape [3]int) {
	t.Helper()
	values := make([]float32, shape[0]*shape[1]*shape[2])
	for j := range values {
		values[j] = float32((j*7 + i) % 11)
	}
	v := &volume.Volume{Shape: shape, Spacing: [3]float64{1, 1, 1}, Unit: "um", Data: values}
	if err := volume.Write(t.Context(), filepath.Join(root, "raw", fileName(i)), v, volume.WriteOptions{Datatype: volume.Int16}); err != nil {
		t.Fatal(err)
	}
}

func label(t *testing.T, root string, i int, shape [3]int, foreground bool) {
	t.Helper()
	values := make([]uint8, shape[0]*shape[1]*shape[2])
	if foreground {
		values[3] = 1
	}
	l := &volume.Labels{Shape: shape, Spacing: [3]float64{1, 1, 1}, Unit: "um", Data: values}
	if err := volume.WriteLabels(t.Context(), filepath.Join(root, "seg", fileName(i)), l, volume.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestImport(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	root := folder(t, 4)
	args := jsonText(t, data.ImportIn{Path: root, Name: "real"})
	p, err := b.Preview(t.Context(), tools.Call{Tool: "dataset_import", Args: json.RawMessage(args)})
	if err != nil || !strings.HasPrefix(p.Cost.Basis, "8 NIfTI files, ") || len(p.Writes) != 1 {
		t.Errorf("preview %+v, %v", p, err)
	}
	out, res := call[data.ImportOut](t, b, "dataset_import", args)
	if out.Dataset != "real" || out.Volumes != 4 || out.Layout != string(dataset.LayoutMiniVess) || out.Root != root {
		t.Errorf("got %+v", out)
	}
	if !strings.HasPrefix(res.Summary, "imported real: 4 volumes") {
		t.Errorf("summary %q", res.Summary)
	}
	again, _ := call[data.ImportOut](t, b, "dataset_import", args)
	if again.Digest != out.Digest {
		t.Error("importing the same again changed it")
	}
	other := jsonText(t, data.ImportIn{Path: folder(t, 2), Name: "real"})
	if e := refusal(t, b, "dataset_import", other); e.Code != tools.CodeConflict {
		t.Errorf("another folder under the same name: %+v", e)
	}
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	mismatched := folder(t, 3)
	label(t, mismatched, 1, [3]int{8, 8, 7}, true)
	truncated := folder(t, 2)
	whole, err := os.ReadFile(filepath.Join(truncated, "raw", fileName(0)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(truncated, "raw", fileName(0)), whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path, dataset string
		code                tools.Code
		message, hint       string
	}{
		{"no folder", filepath.Join(mismatched, "nowhere"), "a", tools.CodeNotFound, "nowhere", ""},
		{"nothing in it", t.TempDir(), "a", tools.CodeBadArguments, "neither raw/ and seg/", ""},
		{"a bad name", mismatched, "../a", tools.CodeBadArguments, "../a", ""},
		{"an escape in the name", mismatched, "a\x1b[31m", tools.CodeBadArguments, `a\x1b[31m`, ""},
		{"a label that does not match", mismatched, "a", tools.CodeFailed, "label does not match its image", "skip_mismatched=true imports the others (1 of 3 would be left out)"},
		{"a truncated image", truncated, "a", tools.CodeFailed, "mv01", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := refusal(t, b, "dataset_import", jsonText(t, data.ImportIn{Path: c.path, Name: c.dataset}))
			if e.Code != c.code || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Hint, c.hint) || strings.Contains(e.Error(), "\x1b") {
				t.Errorf("got %s: %q, %q", e.Code, e.Message, e.Hint)
			}
		})
	}
	out, res := call[data.ImportOut](t, b, "dataset_import", jsonText(t, data.ImportIn{Path: mismatched, Name: "kept", SkipMismatched: true}))
	if out.Volumes != 2 || len(out.Skipped) != 1 || !strings.HasSuffix(res.Summary, ", 1 volume left out") {
		t.Errorf("%s: %+v", res.Summary, out)
	}
}

func TestPreviewOfImportRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for path, want := range map[string]string{t.TempDir(): "no NIfTI file", filepath.Join(t.TempDir(), "nowhere"): "there is no folder"} {
		_, err := b.Preview(t.Context(), tools.Call{Tool: "dataset_import", Args: json.RawMessage(jsonText(t, data.ImportIn{Path: path, Name: "a"}))})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	root := folder(t, 4)
	label(t, root, 2, [3]int{8, 8, 8}, false)
	call[data.ImportOut](t, b, "dataset_import", jsonText(t, data.ImportIn{Path: root, Name: "real"}))
	image(t, root, 0, [3]int{8, 8, 9}) // changed since
	out, res := call[data.ValidateOut](t, b, "dataset_validate", `{"dataset":"real"}`)
	codes := map[string]bool{}
	for _, f := range out.Findings {
		codes[f.Code+" "+f.Volume] = true
	}
	for _, want := range []string{dataset.FindingChanged + " mv01", dataset.FindingMismatch + " mv01", dataset.FindingNoForeground + " mv03"} {
		if !codes[want] {
			t.Errorf("not found: %s; found %v", want, codes)
		}
	}
	if out.OK || out.Errors == 0 || !strings.HasPrefix(res.Summary, "real: 4 volumes checked, ") {
		t.Errorf("%s: %+v", res.Summary, out)
	}
}
