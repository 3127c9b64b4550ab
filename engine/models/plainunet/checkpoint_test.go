package plainunet_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/plainunet"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/weights"
)

const checkpoint = "testdata/checkpoint.pth"

// A checkpoint as nnU-Net writes it is recognised, and loads into the network
// recognised: its tensors, there two and four times, once each.
func TestNNUNetsCheckpoint(t *testing.T) {
	t.Parallel()
	f, err := weights.Open(checkpoint, weights.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	shapes := make(map[string]nn.Shape)
	for _, x := range f.Tensors() {
		shapes[x.Name] = x.Shape
	}
	options, ok := plainunet.Recognise(shapes)
	if !ok {
		t.Fatalf("not recognised: %v", shapes)
	}
	m, err := plainunet.New(options)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.Config().Divisor, [3]int{2, 2, 1}; got != want {
		t.Errorf("sizes must be multiples of %v, want %v: nnU-Net's axes are z, y, x", got, want)
	}
	want, err := nntest.Weights(m.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.LoadCheckpoint(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.Compare(m.TrainableParameters(), got).Err(); err != nil {
		t.Error(err)
	}
	if len(shapes) <= 2*got.Len() {
		t.Errorf("%d tensors in the file for %d parameters: it repeats too few to be nnU-Net's", len(shapes), got.Len())
	}
	for x := range want.All() {
		if y, _ := got.Get(x.Name); !bytes.Equal(x.Data, y.Data) {
			t.Errorf("%s is not what nnU-Net had", x.Name)
		}
	}
	// What is saved again has every tensor once.
	path := filepath.Join(t.TempDir(), "c.safetensors")
	if err := m.SaveCheckpoint(path, got, nil); err != nil {
		t.Fatal(err)
	}
	if again, err := m.LoadCheckpoint(path); err != nil || again.Len() != got.Len() || again.Bytes() != got.Bytes() {
		t.Errorf("%v came back: %v", again, err)
	}
}

// Another network is refused, and told what the file has.
func TestForeignCheckpointRefused(t *testing.T) {
	t.Parallel()
	m, err := plainunet.New(map[string]any{"features_per_stage": []int{2, 3}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.LoadCheckpoint(checkpoint)
	if !errors.Is(err, adapter.ErrCheckpoint) || !strings.Contains(err.Error(), "encoder.stages.0.0.convs.0.conv.weight") {
		t.Errorf("got %v", err)
	}
}
