package toolstest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/engine/volume"
	"github.com/minivess/minivess/engine/workspace"
)

// Dataset adds a dataset of n volumes of the given shape to the catalogue.
// Volume i has one labelled voxel, unless i is among empty.
func Dataset(t *testing.T, ws *workspace.Workspace, name string, n int, shape [3]int, empty ...int) dataset.Dataset {
	t.Helper()
	root := t.TempDir()
	for _, sub := range []string{"raw", "seg"} {
		if err := os.Mkdir(filepath.Join(root, sub), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		file := fmt.Sprintf("mv%02d.nii.gz", i+1)
		image := make([]float32, shape[0]*shape[1]*shape[2])
		for j := range image {
			image[j] = float32((j*7 + i) % 11)
		}
		label := make([]uint8, len(image))
		label[3] = 1
		for _, e := range empty {
			if e == i {
				label[3] = 0
			}
		}
		spacing := [3]float64{0.5, 0.5, 2}
		v := &volume.Volume{Shape: shape, Spacing: spacing, Unit: "um", Data: image}
		if err := volume.Write(t.Context(), filepath.Join(root, "raw", file), v, volume.WriteOptions{Datatype: volume.Int16}); err != nil {
			t.Fatal(err)
		}
		l := &volume.Labels{Shape: shape, Spacing: spacing, Unit: "um", Data: label}
		if err := volume.WriteLabels(t.Context(), filepath.Join(root, "seg", file), l, volume.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	d, err := dataset.Open(ws).Import(t.Context(), dataset.ImportRequest{Path: root, Name: name, Layout: dataset.LayoutMiniVess})
	if err != nil {
		t.Fatal(err)
	}
	return d
}
