package inspect_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/models/inspect"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/weights"
)

// foreign are PyTorch's own files; see scripts/peers/weights_fixture.py.
const foreign = "../../nn/weights/testdata"

func TestFile(t *testing.T) {
	t.Parallel()
	var asked map[string]nn.Shape
	recognise := func(shapes map[string]nn.Shape) []inspect.Guess {
		asked = shapes
		return []inspect.Guess{{Model: "net", Options: map[string]any{"width": 2}}}
	}
	r, err := inspect.File(filepath.Join(foreign, "nested-protocol2.pt"), recognise, inspect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(asked) != 9 || !asked["0.weight"].Equal(nn.Shape{2, 1, 3, 3, 3}) {
		t.Errorf("asked about %v", asked)
	}
	if r.Format != weights.PyTorch || r.FileBytes < r.Bytes || len(r.Tensors) != 9 || r.Parameters != 67 || r.Bytes != 276 ||
		r.Metadata["epoch"] != "12" || len(r.Notes) != 3 || len(r.Warnings) != 0 || r.SHA256 != "" {
		t.Errorf("%+v", r)
	}
	if d := cmp.Diff(map[nn.DType]int{nn.F32: 8, nn.I64: 1}, r.Types); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]inspect.Guess{{Model: "net", Options: map[string]any{"width": 2}}}, r.Guesses); d != "" {
		t.Error(d)
	}
	text, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(text), `{"name":"1.num_batches_tracked","dtype":"I64","shape":[],"bytes":8}`) {
		t.Errorf("%s: %v", text, err)
	}
}

// A network whose own names begin with what looks like a wrapper is recognised.
func TestPrefixesAreTriedBack(t *testing.T) {
	t.Parallel()
	s := &nn.State{}
	x, err := nn.FloatTensor("module.model.0.weight", nn.Shape{1}, []float32{1})
	if err == nil {
		err = s.Add(x)
	}
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err = errors.Join(err, weights.Write(path, weights.Safetensors, s, nil)); err != nil {
		t.Fatal(err)
	}
	var asked []string
	r, err := inspect.File(path, func(shapes map[string]nn.Shape) []inspect.Guess {
		for name := range shapes {
			asked = append(asked, name)
		}
		if _, ok := shapes["model.0.weight"]; ok {
			return []inspect.Guess{{Model: "unet"}}
		}
		return nil
	}, inspect.Options{})
	if err != nil || len(r.Guesses) != 1 || !slices.Equal(asked, []string{"0.weight", "model.0.weight"}) {
		t.Errorf("asked %q, guessed %v: %v", asked, r.Guesses, err)
	}
}

// What takes reading the file is done when asked for.
func TestOptions(t *testing.T) {
	t.Parallel()
	s := &nn.State{}
	for name, values := range map[string][]float32{"good": {1, 2}, "sick": {1, float32(math.NaN())}, "dead": {0, 0}} {
		x, err := nn.FloatTensor(name, nn.Shape{2, 1}, values)
		if err == nil {
			err = s.Add(x)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Add(nn.Tensor{Name: "n", DType: nn.I64, Data: binary.LittleEndian.AppendUint64(nil, 0)}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := weights.Write(path, weights.Safetensors, s, nil); err != nil {
		t.Fatal(err)
	}
	r, err := inspect.File(path, nil, inspect.Options{Values: true, Digests: true})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(r.Warnings)
	want := []string{`tensor "dead" is all zeros`, `tensor "sick" is NaN or infinite, first at element 1`}
	if d := cmp.Diff(want, r.Warnings); d != "" {
		t.Error(d)
	}
	if len(r.SHA256) != 64 || len(r.Tensors[0].SHA256) != 64 {
		t.Errorf("digests %q and %q", r.SHA256, r.Tensors[0].SHA256)
	}
	if _, err := inspect.File(path, nil, inspect.Options{Branch: "x"}); !errors.Is(err, weights.ErrBranch) {
		t.Errorf("a branch that is not there: %v", err)
	}
	if _, err := inspect.File(path+"x", nil, inspect.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
