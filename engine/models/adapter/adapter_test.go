package adapter_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/safetensors"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"init_filters", "in_channels", "dropout"}
	for given, want := range map[string]string{
		"init_filter": "init_filters", "Dropout": "dropout", "in_chanels": "in_channels", "": "", "learning_rate": "", "dropuot": "dropout",
	} {
		if got := adapter.Nearest(given, names); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

func state(t *testing.T, size int) *nn.State {
	t.Helper()
	x, err := nn.FloatTensor("w", nn.Shape{size}, make([]float32, size))
	if err != nil {
		t.Fatal(err)
	}
	s := &nn.State{}
	if err := s.Add(x); err != nil {
		t.Fatal(err)
	}
	return s
}

// A checkpoint carries the model's name and options, whatever the caller adds,
// and a mismatch quotes them.
func TestCheckpointMetadata(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.safetensors")
	config := adapter.Config{Name: "net", Options: map[string]any{"width": 3}}
	params := []nn.Param{{Name: "w", Shape: nn.Shape{3}}}
	meta := map[string]string{"run": "brisk-otter", "model": "a lie"}
	if err := adapter.SaveCheckpoint(path, config, params, state(t, 3), meta); err != nil {
		t.Fatal(err)
	}
	if meta["model"] != "a lie" {
		t.Error("the caller's metadata were changed")
	}
	_, stored, err := safetensors.Read(path)
	if err != nil || stored["model"] != "net" || stored["options"] != `{"width":3}` || stored["run"] != "brisk-otter" {
		t.Errorf("metadata %v: %v", stored, err)
	}
	for what, c := range map[string]struct {
		config adapter.Config
		size   int
		says   string
	}{
		"another width": {config, 4, `"w" wants F32 4, found F32 3); 0 matched; the file was saved with options "{\"width\":3}"`},
		"another model": {adapter.Config{Name: "other"}, 3, `it was saved from "net", this is "other"`},
	} {
		_, err := adapter.LoadCheckpoint(path, c.config, []nn.Param{{Name: "w", Shape: nn.Shape{c.size}}})
		if !errors.Is(err, adapter.ErrCheckpoint) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want it to say %q", what, err, c.says)
		}
	}
}
