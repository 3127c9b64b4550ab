package dynunet_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/models/dynunet"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/safetensors"
	"github.com/minivess/minivess/engine/nn/weights"
)

// small makes a network with weights.
func small(t *testing.T) (*dynunet.Model, *nn.State) {
	t.Helper()
	m, err := dynunet.New(map[string]any{"filters": []int{2, 3, 4}, "deep_supervision": true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := nntest.Weights(m.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	return m, s
}

// What is exported has exactly the tensors of MONAI's state_dict, whose
// load_state_dict is strict unless told otherwise.
func TestExportedTensorsAreMONAIs(t *testing.T) {
	t.Parallel()
	m, err := dynunet.New(keyed()["options"])
	if err != nil {
		t.Fatal(err)
	}
	s, err := nntest.Weights(m.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "c.safetensors")
	if err := adapter.Export(path, weights.Safetensors, m, s, nil); err != nil {
		t.Fatal(err)
	}
	saved, _, err := safetensors.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/keys/options.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	var want, got []string
	for _, line := range lines[:len(lines)-1] {
		name, _, _ := strings.Cut(line, " ")
		want = append(want, name)
		mine, _ := s.Get(m.Rename(name))
		if their, ok := saved.Get(name); !ok || !bytes.Equal(their.Data, mine.Data) {
			t.Errorf("%s was not written as it is", name)
		}
	}
	for x := range saved.All() {
		got = append(got, x.Name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d tensors exported, MONAI has %d", len(got), len(want))
	}
}

// A tensor may be in a file under any of its names or under all of them.
func TestRepeatedTensors(t *testing.T) {
	t.Parallel()
	m, s := small(t)
	path := filepath.Join(t.TempDir(), "all.safetensors")
	if err := adapter.Export(path, weights.Safetensors, m, s, nil); err != nil {
		t.Fatal(err)
	}
	whole, _, err := safetensors.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	const first, second = "upsamples.0.conv_block.norm1.bias", "skip_layers.next_layer.upsample.conv_block.norm1.bias"
	for what, c := range map[string]struct {
		change func(x nn.Tensor) (nn.Tensor, bool)
		says   string
	}{
		"all names":           {func(x nn.Tensor) (nn.Tensor, bool) { return x, true }, ""},
		"declared names":      {func(x nn.Tensor) (nn.Tensor, bool) { return x, m.Rename(x.Name) == x.Name }, ""},
		"one by its second":   {func(x nn.Tensor) (nn.Tensor, bool) { return x, x.Name != first }, ""},
		"one by neither":      {func(x nn.Tensor) (nn.Tensor, bool) { return x, m.Rename(x.Name) != first }, `1 missing ("` + first},
		"one foreign":         {renamed(second, "skip_layers.another"), `1 unexpected ("skip_layers.another"`},
		"one differs":         {changed(second, func(x *nn.Tensor) { x.Data = append([]byte{1}, x.Data[1:]...) }), "would both be \"" + first + "\": their values differ"},
		"one differs in size": {changed(second, func(x *nn.Tensor) { x.Shape, x.Data = nn.Shape{2}, x.Data[:8] }), "one is F32 3, the other F32 2"},
	} {
		part := &nn.State{}
		for x := range whole.All() {
			if x, ok := c.change(x); ok {
				if err := part.Add(x); err != nil {
					t.Fatal(err)
				}
			}
		}
		path := filepath.Join(t.TempDir(), "part.safetensors")
		if err := safetensors.Write(path, part, nil); err != nil {
			t.Fatal(err)
		}
		got, err := m.LoadCheckpoint(path)
		if c.says != "" {
			if !errors.Is(err, adapter.ErrCheckpoint) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: got %v, want it to say %q", what, err, c.says)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if err := nn.Compare(m.TrainableParameters(), got).Err(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		for x := range s.All() {
			if y, _ := got.Get(x.Name); !bytes.Equal(x.Data, y.Data) {
				t.Errorf("%s: %s came back different", what, x.Name)
			}
		}
		shapes := make(map[string]nn.Shape)
		for x := range part.All() {
			shapes[x.Name] = x.Shape
		}
		if _, ok := dynunet.Recognise(shapes); !ok {
			t.Errorf("%s: not recognised", what)
		}
	}
}

func changed(name string, change func(*nn.Tensor)) func(nn.Tensor) (nn.Tensor, bool) {
	return func(x nn.Tensor) (nn.Tensor, bool) {
		if x.Name == name {
			change(&x)
		}
		return x, true
	}
}

func renamed(name, to string) func(nn.Tensor) (nn.Tensor, bool) {
	return changed(name, func(x *nn.Tensor) { x.Name = to })
}
