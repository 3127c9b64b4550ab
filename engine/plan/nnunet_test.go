package plan_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/engine/models/plainunet"
	"github.com/minivess/minivess/engine/plan"
)

// peer is what nnU-Net's own planner planned: testdata/nnunet.json, made by
// scripts/peers/nnunet_plan_fixture.py. Axes are z, y, x; those of plans,
// besides, transposed.
type peer struct {
	Name     string
	Spacings [][3]float64
	Shapes   [][3]int
	Channels int
	Classes  int
	Plans    []struct {
		Gigabytes float64    `json:"gigabytes"`
		Backward  [3]int     `json:"transpose_backward"`
		Patch     [3]int     `json:"patch_size"`
		Batch     int        `json:"batch_size"`
		Spacing   [3]float64 `json:"spacing"`
		Median    [3]float64 `json:"median"`
		Strides   [][3]int   `json:"strides"`
		Kernels   [][3]int   `json:"kernel_sizes"`
		Features  []int      `json:"features_per_stage"`
		Normalise string     `json:"normalization"`
	}
}

func peers(t *testing.T) []peer {
	t.Helper()
	b, err := os.ReadFile("testdata/nnunet.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct{ Cases []peer }
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	return f.Cases
}

// ours turns nnU-Net's axes into x, y, z.
func ours[T int | float64](v, backward [3]int, of [3]T) [3]T {
	return [3]T{of[backward[v[0]]], of[backward[v[1]]], of[backward[v[2]]]}
}

func rows(backward [3]int, of [][3]int) [][3]int {
	out := make([][3]int, len(of))
	for i, r := range of {
		out[i] = ours([3]int{2, 1, 0}, backward, r)
	}
	return out
}

func (p peer) fingerprint() dataset.Fingerprint {
	f := dataset.Fingerprint{RelativeSize: 1}
	plain := [3]int{0, 1, 2}
	for i := range p.Shapes {
		f.Shapes = append(f.Shapes, ours([3]int{2, 1, 0}, plain, p.Shapes[i]))
		f.Spacings = append(f.Spacings, ours([3]int{2, 1, 0}, plain, p.Spacings[i]))
	}
	return f
}

// TestNNUNetPlansTheSame holds our planner against nnU-Net v2's: everything it
// decides, for fourteen datasets and three sizes of GPU.
func TestNNUNetPlansTheSame(t *testing.T) {
	t.Parallel()
	for _, p := range peers(t) {
		for _, want := range p.Plans {
			modality := "other"
			if want.Normalise == "CTNormalization" {
				modality = "CT"
			}
			got, err := plan.NNUNet(p.fingerprint(), plan.NNUNetOptions{
				GPUMemoryGB: want.Gigabytes, Channels: p.Channels, Classes: p.Classes, Modality: modality,
			})
			if err != nil {
				t.Errorf("%s at %g GB: %v", p.Name, want.Gigabytes, err)
				continue
			}
			flip := [3]int{2, 1, 0}
			back := want.Backward
			type decided struct {
				Patch            [3]int
				Batch            int
				Strides, Kernels [][3]int
				Features         []int
			}
			if diff := cmp.Diff(
				decided{ours(flip, back, want.Patch), want.Batch, rows(back, want.Strides), rows(back, want.Kernels), want.Features},
				decided{got.Patch, got.Batch, got.Topology.Strides, got.Topology.Kernels, got.Topology.Features},
			); diff != "" {
				t.Errorf("%s at %g GB (-nnU-Net +ours):\n%s", p.Name, want.Gigabytes, diff)
			}
			spacing, median := ours(flip, back, want.Spacing), ours(flip, back, want.Median)
			for i := range 3 {
				if math.Abs(got.Spacing[i]-spacing[i]) > 1e-9 {
					t.Errorf("%s: spacing %v, want %v", p.Name, got.Spacing, spacing)
				}
				if got.MedianShape[i] != int(math.Round(median[i])) {
					t.Errorf("%s: median %v, want %v", p.Name, got.MedianShape, median)
				}
			}
			if wantCT := modality == "CT"; wantCT != (got.Normalise == "percentile") {
				t.Errorf("%s: normalise %q for %s", p.Name, got.Normalise, want.Normalise)
			}
			if net, err := plainunet.New(got.Options); err != nil {
				t.Errorf("%s: its options are refused: %v", p.Name, err)
			} else if d := net.Config().Divisor; got.Patch[0]%d[0]+got.Patch[1]%d[1]+got.Patch[2]%d[2] != 0 {
				t.Errorf("%s: the network does not take %v", p.Name, got.Patch)
			}
			if len(got.Reasons) == 0 {
				t.Errorf("%s: no reasons", p.Name)
			}
		}
	}
}

func TestNNUNetRefuses(t *testing.T) {
	t.Parallel()
	good := dataset.Fingerprint{Spacings: [][3]float64{{1, 1, 1}}, Shapes: [][3]int{{64, 64, 64}}}
	for name, c := range map[string]struct {
		f    dataset.Fingerprint
		o    plan.NNUNetOptions
		want error
	}{
		"no volumes":   {dataset.Fingerprint{}, plan.NNUNetOptions{Channels: 1, Classes: 2}, plan.ErrRequest},
		"no classes":   {good, plan.NNUNetOptions{Channels: 1}, plan.ErrRequest},
		"lost spacing": {dataset.Fingerprint{Shapes: good.Shapes}, plan.NNUNetOptions{Channels: 1, Classes: 2}, plan.ErrRequest},
		"no spacing":   {dataset.Fingerprint{Spacings: [][3]float64{{1, 0, 1}}, Shapes: good.Shapes}, plan.NNUNetOptions{Channels: 1, Classes: 2}, plan.ErrRequest},
		"NaN":          {dataset.Fingerprint{Spacings: [][3]float64{{1, math.NaN(), 1}}, Shapes: good.Shapes}, plan.NNUNetOptions{Channels: 1, Classes: 2}, plan.ErrRequest},
		"empty volume": {dataset.Fingerprint{Spacings: good.Spacings, Shapes: [][3]int{{64, 0, 64}}}, plan.NNUNetOptions{Channels: 1, Classes: 2}, plan.ErrRequest},
		"no memory":    {good, plan.NNUNetOptions{Channels: 1, Classes: 2, GPUMemoryGB: 1e-9}, plan.ErrMemory},
	} {
		if _, err := plan.NNUNet(c.f, c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
