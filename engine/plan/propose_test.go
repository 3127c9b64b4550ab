package plan_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn/cost"
	"github.com/minivess/minivess/engine/plan"
)

// vessels are volumes like MiniVess's: wide, of few and thick slices.
func vessels(count int) dataset.Fingerprint {
	f := dataset.Fingerprint{RelativeSize: 1, Unit: "um"}
	for i := range count {
		f.Shapes = append(f.Shapes, [3]int{512, 512, 5 + 7*(i%16)})
		f.Spacings = append(f.Spacings, [3]float64{0.5, 0.5, 1.5 + 0.1*float64(i%5)})
	}
	return f
}

func propose(t *testing.T, r plan.Request) plan.Proposal {
	t.Helper()
	p, err := plan.Propose(t.Context(), r)
	if err != nil {
		t.Fatalf("%s: %v", r.Model, err)
	}
	return p
}

// TestProposalsFit: for every model and any memory, what is proposed is a
// network and a patch that it takes, stays within the memory by the cost model,
// is the same when asked again, and explains itself in sentences.
func TestProposalsFit(t *testing.T) {
	t.Parallel()
	for i, model := range models.Names() {
		for k, memory := range []int64{1.5e9, 6e9} {
			proposalFits(t, plan.Request{
				Fingerprint: vessels(1 + 9*i), Model: model, Memory: memory, Training: (i+k)%4 != 3,
				Precision: []string{cost.Float32, cost.BFloat16}[i%2], Speed: 40e9, StepSeconds: []float64{0, 5, 60}[i%3],
			})
		}
	}
}

func proposalFits(t *testing.T, r plan.Request) {
	t.Helper()
	p, again := propose(t, r), propose(t, r)
	if diff := cmp.Diff(p, again); diff != "" {
		t.Fatalf("the second time: %s", diff)
	}
	net, err := models.New(p.Model, p.Options)
	if err != nil {
		t.Fatal(err)
	}
	c, err := cost.Of(net, cost.Request{Batch: p.Batch, Patch: p.Patch, Precision: r.Precision, Training: r.Training, Auxiliary: true})
	if err != nil {
		t.Fatal(err)
	}
	if c != p.Cost || c.PeakBytes > r.Memory {
		t.Errorf("%s: %v in %d bytes costs %+v, and %+v was said", r.Model, p.Patch, r.Memory, c, p.Cost)
	}
	if r.Training && p.Batch < 2 {
		t.Errorf("%s: a batch of %d", r.Model, p.Batch)
	}
	for _, reason := range p.Reasons {
		if !strings.HasSuffix(reason, ".") || strings.ToUpper(reason[:1]) != reason[:1] || strings.Contains(reason, "%!") {
			t.Errorf("%q is no sentence", reason)
		}
	}
}

// TestMoreMemoryMeansMore: patch and batch together never shrink as memory grows.
func TestMoreMemoryMeansMore(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"segresnet", "dynunet", "plainunet"} {
		last := 0
		for _, gigabytes := range []int64{1, 2, 4, 8, 24} {
			p := propose(t, plan.Request{Fingerprint: vessels(40), Model: model, Options: map[string]any{"init_filters": 16}, Memory: gigabytes * 1e9, Training: true})
			voxels := p.Batch * p.Patch[0] * p.Patch[1] * p.Patch[2]
			if voxels < last {
				t.Errorf("%s in %d GB: %d × %v, which is less than before", model, gigabytes, p.Batch, p.Patch)
			}
			last = voxels
		}
	}
}

// TestLevelsFollowTheVoxels: thick slices are not halved with the others, nor
// reached across by the first kernels.
func TestLevelsFollowTheVoxels(t *testing.T) {
	t.Parallel()
	p := propose(t, plan.Request{Fingerprint: vessels(40), Model: "dynunet", Memory: 8e9, Training: true})
	if p.Topology == nil || p.Topology.Kernels[0] != [3]int{3, 3, 1} || p.Topology.Pools[2] >= p.Topology.Pools[0] || p.Topology.Features[0] != 32 {
		t.Errorf("the levels are %+v", p.Topology)
	}
	if diff := cmp.Diff(p.Topology.Strides, p.Options["strides"]); diff != "" {
		t.Errorf("levels and options: %s", diff)
	}
	narrow := propose(t, plan.Request{Fingerprint: vessels(40), Model: "dynunet", Memory: 16e9, Training: true, StepSeconds: 5, Speed: 120e9})
	if narrow.Topology == nil || narrow.Topology.Features[0] != 8 || len(narrow.Topology.Features) != len(narrow.Topology.Strides) {
		t.Errorf("the levels of a narrow network are %+v", narrow.Topology)
	}
	fixed := propose(t, plan.Request{Fingerprint: vessels(40), Model: "dynunet", Options: map[string]any{"strides": []int{1, 2, 2}}, Memory: 8e9, Training: true})
	if fixed.Topology != nil || fixed.Patch[2]%4 != 0 {
		t.Errorf("with strides that were chosen: %+v", fixed)
	}
}

// TestTinyVolumes: every model has a patch for volumes that are smaller than it
// would like; they are padded.
func TestTinyVolumes(t *testing.T) {
	t.Parallel()
	f := dataset.Fingerprint{Shapes: [][3]int{{5, 6, 3}}, Spacings: [][3]float64{{1, 1, 4}}}
	for _, model := range models.Names() {
		p := propose(t, plan.Request{Fingerprint: f, Model: model, Training: true})
		if p.Patch[0] < 5 || p.Patch[1] < 6 || p.Patch[2] < 3 || p.Batch != 2 {
			t.Errorf("%s: %d × %v", model, p.Batch, p.Patch)
		}
	}
}

// TestWhatIsBoundIsSaid: each bound shapes the plan, and is the reason given.
func TestWhatIsBoundIsSaid(t *testing.T) {
	t.Parallel()
	base := plan.Request{Fingerprint: vessels(40), Model: "segresnet", Options: map[string]any{"init_filters": 8}, Training: true}
	for name, c := range map[string]struct {
		change func(*plan.Request)
		want   string
	}{
		"nothing": {func(*plan.Request) {}, "as much of a volume as is useful"},
		"memory":  {func(r *plan.Request) { r.Memory = 2e9 }, "largest that fits the memory"},
		"time":    {func(r *plan.Request) { r.StepSeconds, r.Speed = 3, 40e9 }, "takes no more than 3 seconds"},
		"patch":   {func(r *plan.Request) { r.Patch = [3]int{64, 64, 16} }, "The patch of 64 × 64 × 16 voxels was given"},
		"batch":   {func(r *plan.Request) { r.Batch, r.Memory = 3, 2e9 }, "The batch of 3 was given"},
		"CT":      {func(r *plan.Request) { r.Modality = "CT" }, "same scale in every volume"},
		"predict": {func(r *plan.Request) { r.Training, r.Memory = false, 4e9 }, "at a time"},
		"narrow":  {func(r *plan.Request) { r.Model, r.Options, r.Memory = "swinunetr", nil, 1.2e9 }, "small configuration"},
	} {
		r := base
		c.change(&r)
		p := propose(t, r)
		if all := strings.Join(p.Reasons, "\n"); !strings.Contains(all, c.want) {
			t.Errorf("%s: %d × %v because\n%s\nwant %q", name, p.Batch, p.Patch, all, c.want)
		}
		if r.StepSeconds > 0 && float64(p.Cost.FLOPs)/r.Speed > r.StepSeconds {
			t.Errorf("%s: a step of %g s", name, float64(p.Cost.FLOPs)/r.Speed)
		}
		if wantCT := r.Modality == "CT"; wantCT != (p.Normalise == "percentile") {
			t.Errorf("%s: normalise %q", name, p.Normalise)
		}
	}
}

func TestProposeRefuses(t *testing.T) {
	t.Parallel()
	good := plan.Request{Fingerprint: vessels(5), Model: "segresnet", Memory: 2e9, Training: true}
	for name, c := range map[string]struct {
		change func(*plan.Request)
		want   error
		says   string
	}{
		"no volumes":    {func(r *plan.Request) { r.Fingerprint = dataset.Fingerprint{} }, plan.ErrRequest, "no volumes"},
		"no model":      {func(r *plan.Request) { r.Model = "nobody" }, models.ErrUnknown, "nobody"},
		"negative":      {func(r *plan.Request) { r.Batch = -1 }, plan.ErrRequest, "negative"},
		"no memory":     {func(r *plan.Request) { r.Memory = 1e6 }, plan.ErrMemory, "smallest patch"},
		"patch between": {func(r *plan.Request) { r.Patch = [3]int{30, 32, 8} }, plan.ErrRequest, "32 × 32 × 8 would fit"},
		"patch too big": {func(r *plan.Request) { r.Patch = [3]int{512, 512, 64} }, plan.ErrMemory, "would fit"},
		"precision":     {func(r *plan.Request) { r.Precision = "float8" }, cost.ErrRequest, "float8"},
	} {
		r := good
		c.change(&r)
		if _, err := plan.Propose(t.Context(), r); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := plan.Propose(ctx, good); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
