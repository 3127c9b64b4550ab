package dataset

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/volume"
)

func codes(r Report) []string {
	var c []string
	for _, f := range r.Findings {
		c = append(c, f.Code+" "+f.Volume)
	}
	return c
}

func TestValidateFindsNothingWrong(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	if _, err := c.Import(t.Context(), ImportRequest{Path: minivess(t, 6), Name: "x"}); err != nil {
		t.Fatal(err)
	}
	r, err := c.Validate(t.Context(), "x", ValidateOptions{PatchSize: shape})
	if err != nil || !r.OK() || len(r.Findings) != 0 || r.Volumes != 6 || math.Abs(r.Foreground[1]-3.0/192) > 1e-12 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestValidateFindsPlantedFaults(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	root := minivess(t, 9)
	// Known at import.
	putLabel(t, root, "seg/mv01_y.nii.gz", shape, geometryMicro)
	put(t, root, "raw/mv02.nii.gz", shape, [3]float64{0.5, 0.5, 5})
	putLabel(t, root, "seg/mv02_y.nii.gz", shape, [3]float64{0.5, 0.5, 5}, 1)
	write(t, root, "raw/mv03.nii.gz", func(path string) error {
		v := &volume.Volume{Shape: shape, Spacing: geometryMicro, Data: make([]float32, 192)}
		return volume.Write(t.Context(), path, v, volume.WriteOptions{})
	})
	write(t, root, "seg/mv04_y.nii.gz", func(path string) error {
		l := &volume.Labels{Shape: shape, Spacing: geometryMicro, Unit: "um", Data: make([]uint8, 192)}
		for i := range l.Data {
			l.Data[i] = 2
		}
		return volume.WriteLabels(t.Context(), path, l, volume.WriteOptions{})
	})
	write(t, root, "raw/mv05.nii.gz", func(path string) error {
		v := &volume.Volume{Shape: shape, Spacing: geometryMicro, Unit: "um", Data: make([]float32, 192)}
		v.Data[0], v.Data[1] = float32(math.NaN()), 1
		return volume.Write(t.Context(), path, v, volume.WriteOptions{})
	})
	put(t, root, "raw/lonely.nii.gz", shape, geometryMicro)
	if _, err := c.Import(t.Context(), ImportRequest{Path: root, Name: "x"}); err != nil {
		t.Fatal(err)
	}
	// Changed since.
	put(t, root, "raw/mv06.nii.gz", [3]int{8, 6, 5}, geometryMicro)
	text(t, root, "raw/mv07.nii.gz", "garbage")
	r, err := c.Validate(t.Context(), "x", ValidateOptions{PatchSize: [3]int{8, 8, 4}})
	if err != nil {
		t.Fatal(err)
	}
	got := codes(r)
	for _, want := range []string{
		"no_foreground mv01", "spacing_outlier mv02", "constant_image mv03", "no_unit mv03",
		"foreground_fraction mv04", "label_values mv04", "non_finite mv05",
		"changed_since_import mv06", "label_mismatch mv06", "changed_since_import mv07", "unreadable mv07",
		"smaller_than_patch mv08", "left_out lonely",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q was not found; got %v", want, got)
		}
	}
	if r.OK() {
		t.Error("a dataset with errors passes")
	}
	for _, f := range r.Findings {
		if f.Volume == "mv09" && f.Code != FindingSmall {
			t.Errorf("mv09 has nothing wrong but its size: %+v", f)
		}
	}
	sorted := slices.IsSortedFunc(r.Findings, func(a, b Finding) int { return strings.Compare(string(a.Severity), string(b.Severity)) })
	if !sorted {
		t.Errorf("errors should come first: %v", got)
	}
}

func TestValidateFindsLeaksAndDuplicates(t *testing.T) {
	t.Parallel()
	d := Dataset{Name: "x", Root: filepath.Join(t.TempDir(), "gone"), Volumes: numbered(3)}
	d.Volumes[1].ImageSHA256 = d.Volumes[0].ImageSHA256
	d.Volumes[2].Patient = d.Volumes[0].Patient
	d.Split = &Split{Test: []string{"mv01"}, Folds: [][]string{{"mv03"}}}
	r, err := d.Validate(t.Context(), ValidateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := codes(r)
	for _, want := range []string{"duplicate_image mv02", "split_leak mv02", "split_leak mv03", "few_volumes ", "unreadable mv01"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q was not found; got %v", want, got)
		}
	}
}
