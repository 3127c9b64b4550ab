package aliases_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/internal/aliases"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/safetensors"
)

// base is a network of two tensors, of which the first has two more names.
func base(t *testing.T) (*aliases.Base, *nn.State) {
	t.Helper()
	params := []nn.Param{{Name: "a.weight", Shape: nn.Shape{3}}, {Name: "b.weight", Shape: nn.Shape{2}}}
	b := aliases.NewBase(adapter.Config{Name: "net"}, params, func(name string) []string {
		if name == "a.weight" {
			return []string{"x.a.weight", "y.a.weight"}
		}
		return nil
	})
	s, err := nntest.Weights(params)
	if err != nil {
		t.Fatal(err)
	}
	return &b, s
}

func TestNames(t *testing.T) {
	t.Parallel()
	b, _ := base(t)
	for name, want := range map[string]string{"y.a.weight": "a.weight", "a.weight": "a.weight", "y.b.weight": "y.b.weight"} {
		if got := b.Rename(name); got != want {
			t.Errorf("%s is renamed %s, want %s", name, got, want)
		}
	}
	got, ok := b.Names.Shapes(map[string]nn.Shape{"x.a.weight": {3}, "y.a.weight": {3}, "b.weight": {2}, "c": {1}})
	if want := map[string]nn.Shape{"a.weight": {3}, "b.weight": {2}, "c": {1}}; !ok || !cmp.Equal(got, want) {
		t.Errorf("%v, %v", got, ok)
	}
	if got, ok := b.Names.Shapes(map[string]nn.Shape{"x.a.weight": {3}, "a.weight": {2}}); ok {
		t.Errorf("two shapes of one tensor become %v", got)
	}
}

// A checkpoint has every tensor once; what goes upstream has all names.
func TestCheckpointsAndExports(t *testing.T) {
	t.Parallel()
	b, s := base(t)
	once, all := filepath.Join(t.TempDir(), "once.safetensors"), filepath.Join(t.TempDir(), "all.safetensors")
	if err := b.SaveCheckpoint(once, s, nil); err != nil {
		t.Fatal(err)
	}
	if err := adapter.Export(all, "safetensors", b, s, map[string]string{"run": "r"}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{once: 2, all: 4} {
		stored, meta, err := safetensors.Read(path)
		if err != nil || stored.Len() != want || meta["model"] != "net" {
			t.Errorf("%s has %d tensors, want %d; %v, %v", path, stored.Len(), want, meta, err)
		}
		loaded, err := b.LoadCheckpoint(path)
		if err != nil {
			t.Fatal(err)
		}
		for x := range s.All() {
			if y, _ := loaded.Get(x.Name); loaded.Len() != 2 || !bytes.Equal(x.Data, y.Data) {
				t.Errorf("%s: %s came back different", path, x.Name)
			}
		}
	}
	// A renaming asked for comes before ours.
	got, report, err := b.Load(all, adapter.LoadOptions{Rename: func(name string) string {
		if name == "b.weight" {
			return "y.a.weight"
		}
		return ""
	}})
	if !errors.Is(err, adapter.ErrCheckpoint) || len(report.Mismatched) != 1 || report.Mismatched[0].Name != "a.weight" {
		t.Errorf("%v, %+v, %v", got, report, err)
	}
}

func TestUpstreamNeedsAllTensors(t *testing.T) {
	t.Parallel()
	b, _ := base(t)
	if s, err := b.Upstream(&nn.State{}); !errors.Is(err, nn.ErrState) {
		t.Errorf("%v, %v", s, err)
	}
	path := filepath.Join(t.TempDir(), "none.safetensors")
	if err := adapter.Export(path, "safetensors", b, &nn.State{}, nil); !errors.Is(err, nn.ErrState) {
		t.Errorf("weights of nothing were exported: %v", err)
	}
}
