package dataset

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// decathlonFolder writes a Medical Decathlon task with the given training list.
func decathlonFolder(t *testing.T, training ...[2]string) string {
	t.Helper()
	root := t.TempDir()
	put(t, root, "imagesTr/a.nii.gz", shape, geometryMicro)
	putLabel(t, root, "labelsTr/a.nii.gz", shape, geometryMicro, 5)
	type entry struct {
		Image string `json:"image"`
		Label string `json:"label"`
	}
	list := []entry{}
	for _, p := range training {
		list = append(list, entry{p[0], p[1]})
	}
	b, err := json.Marshal(map[string]any{"name": "Task", "training": list, "test": []string{"./imagesTs/b.nii.gz"}})
	if err != nil {
		t.Fatal(err)
	}
	text(t, root, "dataset.json", string(b))
	return root
}

func TestImportDecathlon(t *testing.T) {
	t.Parallel()
	root := decathlonFolder(t, [2]string{"./imagesTr/a.nii.gz", "./labelsTr/a.nii.gz"})
	d, err := catalogue(t).Import(t.Context(), ImportRequest{Path: root, Name: "task"})
	if err != nil {
		t.Fatal(err)
	}
	if d.Layout != LayoutDecathlon || len(d.Volumes) != 1 || d.Volumes[0].Image != "imagesTr/a.nii.gz" || len(d.Skipped) != 1 {
		t.Errorf("%+v", d)
	}
}

func TestHostileDecathlon(t *testing.T) {
	t.Parallel()
	good := "./labelsTr/a.nii.gz"
	for _, bad := range []string{
		"/etc/passwd", "../../etc/passwd", "./imagesTr/../../x.nii", `..\x.nii`, "", "imagesTr/\x1b[31ma.nii.gz", "..",
	} {
		_, err := catalogue(t).Import(t.Context(), ImportRequest{Path: decathlonFolder(t, [2]string{bad, good}), Name: "x", Layout: LayoutDecathlon})
		if !errors.Is(err, ErrPath) {
			t.Errorf("image %q: %v", bad, err)
		}
		_, err = catalogue(t).Import(t.Context(), ImportRequest{Path: decathlonFolder(t, [2]string{good, bad}), Name: "x", Layout: LayoutDecathlon})
		if !errors.Is(err, ErrPath) || strings.ContainsRune(err.Error(), 0x1b) {
			t.Errorf("label %q: %v", bad, err)
		}
	}
	root := t.TempDir()
	text(t, root, "dataset.json", `{"training": [`)
	if _, err := catalogue(t).Import(t.Context(), ImportRequest{Path: root, Name: "x"}); !errors.Is(err, ErrLayout) {
		t.Errorf("broken JSON: %v", err)
	}
	twice := decathlonFolder(t, [2]string{"imagesTr/a.nii.gz", good}, [2]string{"imagesTr/a.nii.gz", good})
	if _, err := catalogue(t).Import(t.Context(), ImportRequest{Path: twice, Name: "x"}); !errors.Is(err, ErrLayout) {
		t.Errorf("listed twice: %v", err)
	}
}

func FuzzDecathlon(f *testing.F) {
	f.Add([]byte(`{"training":[{"image":"./imagesTr/a.nii.gz","label":"./labelsTr/a.nii.gz"}],"test":["x"]}`))
	f.Add([]byte(`{"training":[{"image":"../a.nii","label":"/b.nii"}]}`))
	f.Add([]byte(`{"training":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parseDecathlon("dataset.json", b)
		if err != nil {
			return
		}
		for _, p := range d.Training {
			for _, s := range []string{p.Image, p.Label} {
				if !filepath.IsLocal(s) || strings.Contains(s, "..") && slices.Contains(strings.Split(s, "/"), "..") {
					t.Fatalf("path %q leaves the folder", s)
				}
			}
		}
	})
}
