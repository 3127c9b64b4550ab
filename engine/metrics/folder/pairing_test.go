package folder_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics/folder"
)

// touch makes a folder of empty files.
func touch(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFilesArePairedByName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reference, prediction []string
		pairs                 map[string]string // prediction by case
		missing, extra        []string
		want                  error
	}{
		"same names": {
			[]string{"a.nii.gz", "b.nii.gz"},
			[]string{"b.nii.gz", "a.nii.gz"},
			map[string]string{"a": "a.nii.gz", "b": "b.nii.gz"},
			nil, nil, nil,
		},
		"zipped or not": {[]string{"a.nii.gz"}, []string{"a.nii"}, map[string]string{"a": "a.nii"}, nil, nil, nil},
		"suffixes": {
			[]string{"mv01_seg.nii.gz", "mv02-GT.nii", "mv03_y.nii.gz", "mv04.reference.nii.gz"},
			[]string{"mv01_0000.nii.gz", "mv02_pred.nii.gz", "mv03_0000_pred.nii.gz", "mv04.prediction.nii.gz"},
			map[string]string{"mv01": "mv01_0000.nii.gz", "mv02": "mv02_pred.nii.gz", "mv03": "mv03_0000_pred.nii.gz", "mv04": "mv04.prediction.nii.gz"},
			nil, nil, nil,
		},
		"the same name first": {
			[]string{"a.nii", "a_seg.nii"},
			[]string{"a_seg.nii", "a_pred.nii"},
			map[string]string{"a_seg": "a_seg.nii", "a": "a_pred.nii"},
			nil, nil, nil,
		},
		"what is left over": {
			[]string{"a.nii", "b.nii"},
			[]string{"a.nii", "c.nii"},
			map[string]string{"a": "a.nii"},
			[]string{"b"},
			[]string{"c.nii"},
			nil,
		},
		"other files": {
			[]string{"a.nii", "notes.txt", ".hidden.nii", "deeper/b.nii"},
			[]string{"a.nii", "dataset.json"},
			map[string]string{"a": "a.nii"},
			nil, nil, nil,
		},
		"header and image":  {[]string{"a.hdr", "a.img"}, []string{"a.nii"}, map[string]string{"a": "a.nii"}, nil, nil, nil},
		"only a suffix":     {[]string{"_seg.nii"}, []string{"_seg.nii"}, map[string]string{"_seg": "_seg.nii"}, nil, nil, nil},
		"two of one name":   {[]string{"a.nii", "a.nii.gz"}, []string{"a.nii"}, nil, nil, nil, folder.ErrAmbiguous},
		"two for one case":  {[]string{"a.nii"}, []string{"a_pred.nii", "a_seg.nii"}, nil, nil, nil, folder.ErrAmbiguous},
		"nothing in common": {[]string{"a.nii"}, []string{"b.nii"}, nil, nil, nil, folder.ErrNoPairs},
		"empty folders":     {nil, nil, nil, nil, nil, folder.ErrNoPairs},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := folder.Match(touch(t, c.reference...), touch(t, c.prediction...))
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			pairs := map[string]string{}
			for _, pair := range p.Pairs {
				pairs[pair.Case] = filepath.Base(pair.Prediction)
			}
			if !maps.Equal(pairs, c.pairs) {
				t.Errorf("pairs %v, want %v", pairs, c.pairs)
			}
			var missing, extra []string
			for _, m := range p.Missing {
				missing = append(missing, m.Case)
			}
			for _, path := range p.Extra {
				extra = append(extra, filepath.Base(path))
			}
			if d := cmp.Diff([][]string{c.missing, c.extra}, [][]string{missing, extra}); d != "" {
				t.Error(d)
			}
		})
	}
	if _, err := folder.Match(t.TempDir(), filepath.Join(t.TempDir(), "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

// TestEveryFileIsSomewhere draws names and suffixes: no file may be lost, or
// used twice.
func TestEveryFileIsSomewhere(t *testing.T) {
	t.Parallel()
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "a_seg", "b_pred", "c_0000", "a_0000_seg", "d-mask"}), 0, 5, rapid.ID[string])
	rapid.Check(t, func(rt *rapid.T) {
		var left, right []string
		for _, n := range names.Draw(rt, "references") {
			left = append(left, n+".nii")
		}
		for _, n := range names.Draw(rt, "predictions") {
			right = append(right, n+".nii.gz")
		}
		p, err := folder.Match(touch(t, left...), touch(t, right...))
		if err != nil {
			if !errors.Is(err, folder.ErrAmbiguous) && !errors.Is(err, folder.ErrNoPairs) {
				rt.Fatal(err)
			}
			return
		}
		var gotLeft, gotRight []string
		for _, pair := range slices.Concat(p.Pairs, p.Missing) {
			gotLeft = append(gotLeft, filepath.Base(pair.Reference))
			if pair.Prediction != "" {
				gotRight = append(gotRight, filepath.Base(pair.Prediction))
			}
			if pair.Prediction != "" && folder.Reduce(stem(pair.Reference)) != folder.Reduce(stem(pair.Prediction)) {
				rt.Fatalf("%+v is no pair", pair)
			}
		}
		for _, path := range p.Extra {
			gotRight = append(gotRight, filepath.Base(path))
		}
		for i, lists := range [][2][]string{{left, gotLeft}, {right, gotRight}} {
			slices.Sort(lists[0])
			slices.Sort(lists[1])
			if !slices.Equal(lists[0], lists[1]) {
				rt.Fatalf("side %d: %v became %v", i, lists[0], lists[1])
			}
		}
	})
}

// FuzzReduce looks for names that come out longer, empty, or differently the
// second time.
func FuzzReduce(f *testing.F) {
	for _, seed := range []string{"mv01_0000_seg", "a-Pred.gt", "_seg", "", "ſ_seg", "x_seg_seg"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := folder.Reduce(name)
		if !strings.HasPrefix(name, got) || (got == "") != (name == "") || folder.Reduce(got) != got {
			t.Errorf("%q became %q", name, got)
		}
	})
}
