package train

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/nn/torch"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/volume"
)

func TestMain(m *testing.M) {
	if err := torch.Configure(1); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// notes is a Journal in memory. Each, if set, sees every record as it comes.
type notes struct {
	mu   sync.Mutex
	all  []journal.Record
	each func(kind string, data any)
	fail error
}

func (n *notes) Append(kind string, data any) (journal.Record, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fail != nil {
		return journal.Record{}, n.fail
	}
	b, err := json.Marshal(data)
	if err != nil {
		return journal.Record{}, err
	}
	n.all = append(n.all, journal.Record{Seq: int64(len(n.all) + 1), Kind: kind, Data: b})
	if n.each != nil {
		n.each(kind, data)
	}
	return n.all[len(n.all)-1], nil
}

// of decodes the records of a kind.
func of[T any](t *testing.T, n *notes, kind string) []T {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []T
	for _, r := range n.all {
		if r.Kind != kind {
			continue
		}
		var v T
		if err := r.Decode(&v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// losses gives the loss of every step, the last record of a step winning.
func losses(t *testing.T, journals ...*notes) map[int64]runs.Number {
	t.Helper()
	series := map[int64]runs.Number{}
	for _, n := range journals {
		for _, m := range of[runs.Metric](t, n, runs.EventMetric) {
			if m.Split == "train" {
				series[m.Step] = m.Values["loss"]
			}
		}
	}
	return series
}

// tiny is an experiment of a few seconds.
func tiny() config.Experiment {
	e := config.Default()
	e.Threads, e.Device, e.Seed = 1, "cpu", 3
	e.Train.PatchSize, e.Train.BatchSize, e.Train.PatchesPerVolume = [3]int{8, 8, 8}, 1, 2
	e.Train.Epochs, e.Train.WarmupSteps, e.Train.Patience = 2, 0, 0
	return e
}

// ball is the label of a ball in the middle of a volume.
func ball(shape [3]int) func(x, y, z int) uint8 {
	return func(x, y, z int) uint8 {
		dx, dy, dz := x-shape[0]/2, y-shape[1]/2, z-shape[2]/2
		if dx*dx+dy*dy+dz*dz < 16 {
			return 1
		}
		return 0
	}
}

func empty(int, int, int) uint8 { return 0 }

// save writes a volume that is bright where its label is set.
func save(t *testing.T, dir, id, split string, shape [3]int, mark func(x, y, z int) uint8) runs.VolumeRef {
	t.Helper()
	n := shape[0] * shape[1] * shape[2]
	spacing := [3]float64{0.5, 0.5, 2}
	affine := [4][4]float64{{0.5, 0, 0, 7}, {0, 0.5, 0, 8}, {0, 0, 2, 9}, {0, 0, 0, 1}}
	v := volume.Volume{Shape: shape, Spacing: spacing, Unit: "um", Affine: affine, Data: make([]float32, n)}
	l := volume.Labels{Shape: shape, Spacing: spacing, Unit: "um", Affine: affine, Data: make([]uint8, n)}
	for i := range n {
		l.Data[i] = mark(i%shape[0], i/shape[0]%shape[1], i/(shape[0]*shape[1]))
		v.Data[i] = 100*float32(l.Data[i]) + float32(i*7%23)
	}
	ref := runs.VolumeRef{
		ID: id, Split: split, Shape: shape, Spacing: spacing, Unit: "um",
		Image: filepath.Join(dir, id+".nii.gz"), Label: filepath.Join(dir, id+"_seg.nii.gz"),
	}
	if err := volume.Write(t.Context(), ref.Image, &v, volume.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := volume.WriteLabels(t.Context(), ref.Label, &l, volume.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	return ref
}

// balls is a dataset of two training volumes, one to validate and one to test.
func balls(t *testing.T) []runs.VolumeRef {
	t.Helper()
	dir := t.TempDir()
	a, b := [3]int{16, 12, 10}, [3]int{12, 16, 6}
	return []runs.VolumeRef{
		save(t, dir, "a", "train", a, ball(a)), save(t, dir, "b", "train", b, ball(b)),
		save(t, dir, "c", "val", a, ball(a)), save(t, dir, "d", "test", a, ball(a)),
	}
}

// folder makes a run folder for a training.
func folder(t *testing.T, e config.Experiment, volumes []runs.VolumeRef) string {
	t.Helper()
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return folderOf(t, runs.Spec{Kind: runs.KindTrain, Model: e.Model.Name, Experiment: b, Dataset: runs.DatasetRef{Name: "balls", Digest: "x", Volumes: volumes}})
}

func folderOf(t *testing.T, spec runs.Spec) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "calm-heron-0001")
	spec.Schema, spec.RunID = runs.SpecSchema, filepath.Base(dir)
	b, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, runs.SpecFile), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func deps(n *notes) Deps {
	return Deps{Journal: n, Logger: slog.New(slog.DiscardHandler), Tracer: noop.NewTracerProvider().Tracer(""), Version: "test"}
}

// run does the job in dir and gives its journal.
func run(ctx context.Context, dir string) (*notes, error) {
	n := &notes{}
	return n, Run(ctx, dir, deps(n))
}

// stopAt runs the job until it has made a step.
func stopAt(t *testing.T, dir string, step int64) (*notes, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := &notes{each: func(_ string, data any) {
		if m, ok := data.(runs.Metric); ok && m.Split == "train" && m.Step == step {
			cancel()
		}
	}}
	return n, Run(ctx, dir, deps(n))
}
