package dataset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/minivess/minivess/engine/dataset/synthetic"
	"github.com/minivess/minivess/engine/volume"
	"github.com/minivess/minivess/engine/workspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func catalogue(t *testing.T) *Catalogue {
	t.Helper()
	ws, err := workspace.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return Open(ws)
}

var geometryMicro = [3]float64{0.5, 0.5, 1}

// put writes an image whose contents depend on its name.
func put(t *testing.T, root, name string, shape [3]int, spacing [3]float64) {
	t.Helper()
	v := &volume.Volume{Shape: shape, Spacing: spacing, Unit: "um", Data: make([]float32, shape[0]*shape[1]*shape[2])}
	for i := range v.Data {
		v.Data[i] = float32((i*7 + len(name)*int(name[len(name)-8])) % 251)
	}
	write(t, root, name, func(path string) error {
		return volume.Write(t.Context(), path, v, volume.WriteOptions{Datatype: volume.Int16})
	})
}

// putLabel writes a label with the given voxels set.
func putLabel(t *testing.T, root, name string, shape [3]int, spacing [3]float64, set ...int) {
	t.Helper()
	l := &volume.Labels{Shape: shape, Spacing: spacing, Unit: "um", Data: make([]uint8, shape[0]*shape[1]*shape[2])}
	for _, i := range set {
		l.Data[i] = 1
	}
	write(t, root, name, func(path string) error { return volume.WriteLabels(t.Context(), path, l, volume.WriteOptions{}) })
}

func write(t *testing.T, root, name string, f func(path string) error) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f(path); err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, root, name, content string) {
	t.Helper()
	write(t, root, name, func(path string) error { return os.WriteFile(path, []byte(content), 0o600) })
}

var shape = [3]int{8, 6, 4}

// minivess writes a folder in MiniVess's layout.
func minivess(t *testing.T, n int) string {
	t.Helper()
	root := t.TempDir()
	for i := range n {
		put(t, root, fmt.Sprintf("raw/mv%02d.nii.gz", i+1), shape, geometryMicro)
		putLabel(t, root, fmt.Sprintf("seg/mv%02d_y.nii.gz", i+1), shape, geometryMicro, 1, 2, 3)
		text(t, root, fmt.Sprintf("json/mv%02d.json", i+1), "{}")
	}
	return root
}

func TestImportMiniVess(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	root := minivess(t, 10)
	text(t, root, "raw/._mv01.nii.gz", "macOS leaves these")
	text(t, root, "raw/readme.txt", "not a volume")
	var seen []string
	d, err := c.Import(t.Context(), ImportRequest{Path: root, Name: "vessels", Progress: func(done, total int, id string) {
		seen = append(seen, fmt.Sprint(done, "/", total))
		_ = id
	}})
	if err != nil {
		t.Fatal(err)
	}
	if d.Layout != LayoutMiniVess || len(d.Volumes) != 10 || len(d.Skipped) != 0 || len(seen) != 10 || seen[9] != "10/10" {
		t.Errorf("%+v, progress %v", d, seen)
	}
	v := d.Volumes[0]
	if v.ID != "mv01" || v.Image != "raw/mv01.nii.gz" || v.Label != "seg/mv01_y.nii.gz" || v.Shape != shape || v.Spacing != geometryMicro ||
		v.Unit != "um" || v.Foreground != 3.0/192 || !slices.Equal(v.LabelValues, []int{0, 1}) || len(v.ImageSHA256) != 64 {
		t.Errorf("%+v", v)
	}
	train, val, test := d.Counts(0)
	if train != 6 || val != 2 || test != 2 {
		t.Errorf("split %d/%d/%d", train, val, test)
	}
	refs, err := d.Refs(1)
	if err != nil || len(refs) != 10 || refs[0].Image != filepath.Join(root, "raw", "mv01.nii.gz") {
		t.Errorf("%v, %v", refs, err)
	}
	got, err := c.Get("vessels")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, got); diff != "" {
		t.Errorf("the catalogue gives something else: %s", diff)
	}
	// The same again changes nothing.
	again, err := c.Import(t.Context(), ImportRequest{Path: root, Name: "vessels"})
	if err != nil || !again.Created.Equal(d.Created) {
		t.Errorf("imported again: %v, %v", again.Created, err)
	}
	if _, err := c.Import(t.Context(), ImportRequest{Path: minivess(t, 3), Name: "vessels"}); !errors.Is(err, ErrExists) {
		t.Errorf("another folder under the same name: %v", err)
	}
}

func TestDigestFollowsContentNotPlace(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	a, err := c.Import(t.Context(), ImportRequest{Path: minivess(t, 3), Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Import(t.Context(), ImportRequest{Path: minivess(t, 3), Name: "b"})
	if err != nil {
		t.Fatal(err)
	}
	root := minivess(t, 3)
	putLabel(t, root, "seg/mv02_y.nii.gz", shape, geometryMicro, 1, 2)
	other, err := c.Import(t.Context(), ImportRequest{Path: root, Name: "c"})
	if err != nil {
		t.Fatal(err)
	}
	if a.Digest != b.Digest || a.Digest == other.Digest {
		t.Errorf("digests %s, %s, %s", a.Digest, b.Digest, other.Digest)
	}
}

func TestImportSynthetic(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := synthetic.Request{Name: "toy", Dir: dir, Volumes: 4, Shape: [3]int{32, 32, 16}, Seed: 1}
	if err := synthetic.Generate(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	d, err := catalogue(t).Import(t.Context(), ImportRequest{Path: r.Folder()})
	if err != nil || d.Name != "toy" || d.Layout != LayoutMiniVess || len(d.Volumes) != 4 {
		t.Fatalf("%+v, %v", d, err)
	}
	report, err := d.Validate(t.Context(), ValidateOptions{})
	if err != nil || !report.OK() {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestImportPairs(t *testing.T) {
	t.Parallel()
	tests := []struct{ images, labels, image, label string }{
		{"images", "labels", "case_a.nii", "case_a.nii"},
		{"imagesTr", "labelsTr", "case_a_0000.nii.gz", "case_a.nii.gz"},
		{"Images", "Masks", "case_a.nii.gz", "case_a_mask.nii"},
		{"img", "gt", "case_a.hdr", "case_a_gt.nii.gz"},
	}
	for _, test := range tests {
		root := t.TempDir()
		put(t, root, test.images+"/"+test.image, shape, geometryMicro)
		putLabel(t, root, test.labels+"/"+test.label, shape, geometryMicro, 5)
		put(t, root, test.images+"/lonely.nii.gz", shape, geometryMicro)
		d, err := catalogue(t).Import(t.Context(), ImportRequest{Path: root, Name: "pairs"})
		if err != nil {
			t.Fatal(err)
		}
		if d.Layout != LayoutPairs || len(d.Volumes) != 1 || d.Volumes[0].ID != "case_a" {
			t.Errorf("%s: %+v", test.images, d)
		}
		if diff := cmp.Diff([]Skipped{{"lonely", "the image has no label"}}, d.Skipped); diff != "" {
			t.Error(diff)
		}
	}
}

func TestPatients(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, id := range []string{"sub-1_ses-1", "sub-1_ses-2", "sub-2_ses-1", "other"} {
		put(t, root, "images/"+id+".nii.gz", shape, geometryMicro)
		putLabel(t, root, "labels/"+id+".nii.gz", shape, geometryMicro, 5)
	}
	patients := func(pattern string) []string {
		d, err := catalogue(t).Import(t.Context(), ImportRequest{Path: root, Name: "p", PatientPattern: pattern})
		if err != nil {
			t.Fatal(err)
		}
		var p []string
		for _, v := range d.Volumes {
			p = append(p, v.Patient)
		}
		return p
	}
	if d := cmp.Diff([]string{"other", "sub-1", "sub-1", "sub-2"}, patients("")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"other", "ses-1", "ses-2", "ses-1"}, patients("_(ses-[0-9])")); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{"(", "x", "(a)(b)"} {
		if _, err := catalogue(t).Import(t.Context(), ImportRequest{Path: root, Name: "p", PatientPattern: bad}); err == nil {
			t.Errorf("pattern %q is taken", bad)
		}
	}
}

func TestMismatch(t *testing.T) {
	t.Parallel()
	root := minivess(t, 5)
	putLabel(t, root, "seg/mv03_y.nii.gz", [3]int{8, 6, 3}, geometryMicro, 1)
	c := catalogue(t)
	_, err := c.Import(t.Context(), ImportRequest{Path: root, Name: "x"})
	want := `label does not match its image
  image  raw/mv03.nii.gz    8×6×4  0.50×0.50×1.00 µm
  label  seg/mv03_y.nii.gz  8×6×3  0.50×0.50×1.00 µm
  The label has 1 slice less than the image. Fix the file, or import with --skip-mismatched (1 of 5 would be left out).`
	if !errors.Is(err, ErrMismatch) || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if list, err := c.List(); err != nil || len(list) != 0 {
		t.Errorf("a refused import left %v, %v", list, err)
	}
	d, err := c.Import(t.Context(), ImportRequest{Path: root, Name: "x", SkipMismatched: true})
	if err != nil || len(d.Volumes) != 4 || len(d.Skipped) != 1 || d.Skipped[0].ID != "mv03" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestMismatchReasons(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		shape   [3]int
		spacing [3]float64
		says    string // empty: accepted
	}{
		{"same", shape, geometryMicro, ""},
		{"nothing stated", shape, [3]float64{1, 1, 1}, ""},
		{"spacing", shape, [3]float64{0.5, 0.5, 1.1}, "The voxel sizes differ."},
		{"two slices", [3]int{8, 6, 6}, geometryMicro, "2 slices more than the image"},
		{"swapped", [3]int{6, 8, 4}, geometryMicro, "x and y seem to be swapped"},
		{"other", [3]int{9, 6, 4}, geometryMicro, "The shapes differ."},
	}
	for _, test := range tests {
		root := t.TempDir()
		put(t, root, "raw/mv01.nii.gz", shape, geometryMicro)
		putLabel(t, root, "seg/mv01.nii.gz", test.shape, test.spacing, 1)
		_, err := catalogue(t).Import(t.Context(), ImportRequest{Path: root, Name: "x"})
		if test.says == "" {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	root := t.TempDir()
	put(t, root, "raw/mv01.nii.gz", shape, geometryMicro)
	write(t, root, "seg/mv01.nii.gz", func(path string) error {
		l := &volume.Labels{Shape: shape, Spacing: geometryMicro, Unit: "um", Data: make([]uint8, 192)}
		l.Affine = [4][4]float64{{0.5, 0, 0, 3}, {0, 0.5, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}
		return volume.WriteLabels(t.Context(), path, l, volume.WriteOptions{})
	})
	_, err := catalogue(t).Import(t.Context(), ImportRequest{Path: root, Name: "x"})
	if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "6.0 voxels beside the image") {
		t.Errorf("moved: %v", err)
	}
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	empty := t.TempDir()
	truncated := minivess(t, 2)
	path := filepath.Join(truncated, "raw", "mv02.nii.gz")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b[:len(b)-20], 0o600); err != nil {
		t.Fatal(err)
	}
	escape := minivess(t, 1)
	put(t, escape, "raw/mv\x1b[31m9.nii.gz", shape, geometryMicro)
	double := minivess(t, 1)
	put(t, double, "raw/mv01.nii", shape, geometryMicro)
	channels := t.TempDir()
	put(t, channels, "images/a_0001.nii.gz", shape, geometryMicro)
	putLabel(t, channels, "labels/a.nii.gz", shape, geometryMicro, 1)
	unlabelled := t.TempDir()
	put(t, unlabelled, "raw/mv01.nii.gz", shape, geometryMicro)
	if err := os.Mkdir(filepath.Join(unlabelled, "seg"), 0o700); err != nil {
		t.Fatal(err)
	}
	imageAsLabel := minivess(t, 1)
	put(t, imageAsLabel, "seg/mv01_y.nii.gz", shape, geometryMicro)
	write(t, imageAsLabel, "seg/mv01_y.nii.gz", func(path string) error {
		v := &volume.Volume{Shape: shape, Spacing: geometryMicro, Data: make([]float32, 192)}
		v.Data[9] = 300
		return volume.Write(t.Context(), path, v, volume.WriteOptions{})
	})
	tests := []struct {
		name string
		r    ImportRequest
		kind error
		says string
	}{
		{"missing", ImportRequest{Path: filepath.Join(empty, "none"), Name: "x"}, os.ErrNotExist, "none"},
		{"empty", ImportRequest{Path: empty, Name: "x"}, ErrLayout, "neither raw/ and seg/"},
		{"no seg", ImportRequest{Path: empty, Name: "x", Layout: LayoutMiniVess}, ErrLayout, "no folder raw/"},
		{"no pairs", ImportRequest{Path: empty, Name: "x", Layout: LayoutPairs}, ErrLayout, "images/"},
		{"layout", ImportRequest{Path: empty, Name: "x", Layout: "dicom"}, ErrLayout, "minivess, pairs and decathlon"},
		{"file", ImportRequest{Path: path, Name: "x"}, ErrLayout, "is a file"},
		{"name", ImportRequest{Path: empty, Name: "../x"}, ErrName, "letters, digits"},
		{"truncated", ImportRequest{Path: truncated, Name: "x"}, volume.ErrTruncated, "volume mv02"},
		{"escape", ImportRequest{Path: escape, Name: "x"}, ErrPath, `mv\x1b[31m9`},
		{"double", ImportRequest{Path: double, Name: "x"}, ErrLayout, "are both volume"},
		{"channels", ImportRequest{Path: channels, Name: "x"}, ErrLayout, "further channel"},
		{"unlabelled", ImportRequest{Path: unlabelled, Name: "x"}, ErrEmpty, "no image with a label"},
		{"image as label", ImportRequest{Path: imageAsLabel, Name: "x"}, volume.ErrNotLabels, "is 300"},
	}
	for _, test := range tests {
		_, err := c.Import(t.Context(), test.r)
		if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v; want %v that says %q", test.name, err, test.kind, test.says)
		}
	}
	if list, err := c.List(); err != nil || len(list) != 0 {
		t.Errorf("refused imports left %v, %v", list, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Import(ctx, ImportRequest{Path: minivess(t, 2), Name: "x"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestUnknownDataset(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	if _, err := c.Get("x"); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "there is no dataset yet") {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"beta", "alpha"} {
		if _, err := c.Import(t.Context(), ImportRequest{Path: minivess(t, 1), Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.Get("alfa")
	var missing *NotFoundError
	if !errors.As(err, &missing) || !slices.Equal(missing.Candidates, []string{"alpha", "beta"}) {
		t.Errorf("%v", err)
	}
	if _, err := c.Split(t.Context(), "alfa", SplitRequest{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("split: %v", err)
	}
	if _, err := c.Validate(t.Context(), "alfa", ValidateOptions{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("validate: %v", err)
	}
}

func TestSplitIsKept(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	if _, err := c.Import(t.Context(), ImportRequest{Path: minivess(t, 6), Name: "x"}); err != nil {
		t.Fatal(err)
	}
	none := 0.0
	d, err := c.Split(t.Context(), "x", SplitRequest{Folds: 3, TestFraction: &none, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Get("x")
	if err != nil || cmp.Diff(d, got) != "" || len(got.Split.Folds) != 3 || len(got.Split.Test) != 0 {
		t.Errorf("%+v, %v", got.Split, err)
	}
}

// Several processes may use one catalogue: nothing is lost, and a name is
// taken once.
func TestConcurrentAdds(t *testing.T) {
	t.Parallel()
	ws, err := workspace.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for i := range 8 {
		wg.Go(func() {
			c := Open(ws)
			if _, err := c.Add(t.Context(), Dataset{Name: fmt.Sprint("own-", i), Digest: "d"}); err != nil {
				t.Error(err)
			}
			_, err := c.Add(t.Context(), Dataset{Name: "same", Digest: fmt.Sprint(i)})
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				refused++
				if !errors.Is(err, ErrExists) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	list, err := Open(ws).List()
	if err != nil || len(list) != 9 || refused != 7 {
		t.Errorf("%d datasets, %d refused, %v", len(list), refused, err)
	}
}
