package weights_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/weights"
)

// expected is a tensor as Python holds it.
type expected struct {
	Name  string   `json:"name"`
	DType string   `json:"dtype"`
	Shape nn.Shape `json:"shape"`
	Hex   string   `json:"hex"`
}

// types maps PyTorch's and NumPy's names.
func types() map[string]nn.DType {
	return map[string]nn.DType{
		"float64": nn.F64, "float32": nn.F32, "float16": nn.F16, "bfloat16": nn.BF16, "int64": nn.I64, "int32": nn.I32,
		"int16": nn.I16, "int8": nn.I8, "uint8": nn.U8, "bool": nn.Bool,
		"<f8": nn.F64, "<f4": nn.F32, "<f2": nn.F16, "<i8": nn.I64, "<i4": nn.I32, "<i2": nn.I16, "|i1": nn.I8, "|u1": nn.U8, "|b1": nn.Bool,
	}
}

// python reads what scripts/peers/weights_fixture.py noted about its files.
func python(t *testing.T) map[string][]expected {
	t.Helper()
	text, err := os.ReadFile("testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string][]expected
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// Every file that Python wrote gives the tensors that Python wrote: names,
// types, shapes and every bit.
func TestSameAsPython(t *testing.T) {
	t.Parallel()
	all := python(t)
	const fewest = 18
	if len(all) < fewest {
		t.Fatalf("only %d files are expected", len(all))
	}
	for name, want := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := weights.Open(filepath.Join("testdata", name), weights.Options{AllowNonFinite: true})
			if err != nil {
				t.Fatal(err)
			}
			s, err := f.State()
			if err != nil {
				t.Fatal(err)
			}
			if s.Len() != len(want) || len(f.Tensors()) != len(want) {
				t.Errorf("%d tensors, want %d", s.Len(), len(want))
			}
			for i, w := range want {
				got, ok := s.Get(w.Name)
				if !ok {
					t.Errorf("%q is missing", w.Name)
					continue
				}
				if got.DType != types()[w.DType] || !got.Shape.Equal(w.Shape) || hex.EncodeToString(got.Data) != w.Hex {
					t.Errorf("%q is %s %v %x, want %s %v %s", w.Name, got.DType, got.Shape, got.Data, w.DType, w.Shape, w.Hex)
				}
				if info := f.Tensors()[i]; info.Name != w.Name || info.Bytes != int64(len(w.Hex)/2) || !info.Shape.Equal(w.Shape) {
					t.Errorf("tensor %d is listed as %+v, want %q", i, info, w.Name)
				}
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			for x := range s.All() { // the state outlives the file
				if err := x.Check(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// What was done to find the weights is said.
func TestNotesAndMetadata(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		format, prefix string
		notes          []string
		metadata       map[string]string
	}{
		"types.pt":         {weights.PyTorch, "", nil, map[string]string{}},
		"types-legacy.pth": {weights.PyTorchLegacy, "", nil, map[string]string{}},
		"nested-protocol2.pt": {
			weights.PyTorch, "module.",
			[]string{
				`"optimizer" is the state of an optimiser: it was left out`, `the weights were found under "state_dict"`,
				`the prefix "module." was taken off all names`,
			},
			map[string]string{
				"epoch": "12", "best_metric": "0.8125", "best_epoch": "7", "half": "0.5", "flag": "true", "name": "café",
				"done": "true", "small": "-3",
			},
		},
		"nnunet.pth": {
			weights.PyTorch, "",
			[]string{`"optimizer_state" is the state of an optimiser: it was left out`, `the weights were found under "network_weights"`},
			map[string]string{"_best_ema": "0.9", "current_epoch": "3", "trainer_name": "nnUNetTrainer"},
		},
		"compiled.pt": {
			weights.PyTorch, "_orig_mod.module.",
			[]string{`the weights were found under "model"`, `the prefix "_orig_mod.module." was taken off all names`},
			map[string]string{},
		},
		"ema.pt": {
			weights.PyTorch, "",
			[]string{`"ema" holds 9 tensors too; choose it with the branch option`, `the weights were found under "model"`},
			map[string]string{},
		},
		"deep.pt": {weights.PyTorch, "", []string{`the weights were found under "checkpoint.model.state_dict"`}, map[string]string{}},
		"script.pt": {
			weights.TorchScript, "",
			[]string{`a TorchScript program of class "torch.nn.modules.container.Sequential": its weights were taken, its code was not run`},
			map[string]string{},
		},
		"numpy.npz": {weights.NPZ, "", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := weights.Open(filepath.Join("testdata", name), weights.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}()
			if f.Format() != c.format || f.Prefix() != c.prefix {
				t.Errorf("format %q, prefix %q", f.Format(), f.Prefix())
			}
			if d := cmp.Diff(c.notes, f.Notes()); d != "" {
				t.Errorf("notes: %s", d)
			}
			if d := cmp.Diff(c.metadata, f.Metadata()); d != "" {
				t.Errorf("metadata: %s", d)
			}
		})
	}
}

// Checkpoints that are refused say what was found and what to do.
func TestRefused(t *testing.T) {
	t.Parallel()
	const advice = `torch.save(model.state_dict(), "weights.pt")`
	for name, says := range map[string][]string{
		"module.pt":         {"a whole Python object", `"torch.nn.modules.container.Sequential"`, advice},
		"module-inside.pt":  {"a whole Python object", `"torch.nn.modules.container.Sequential"`, advice},
		"hostile.pt":        {`"posix.system"`, "nothing was executed"},
		"hostile-legacy.pt": {`"posix.system"`, "nothing was executed"},
		"two.pt":            {`"encoder" (9 tensors), "decoder" (9 tensors)`, "branch option"},
		"no-weights.pt":     {"no dictionary of tensors", advice},
		"single.pt":         {"a single tensor of 2"},
		"quantised.pt":      {`tensor "w" is quantised`, advice},
		"sparse.pt":         {`tensor "w" is sparse`, advice},
		"complex.pt":        {`tensor "w" is of element type ComplexFloat`, advice},
		"objects.npz":       {`array "x.npy"`, `"|O"`},
		"records.npz":       {`array "x.npy"`, "structured array"},
		"unsigned.npz":      {`array "x.npy"`, `"<u4"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("testdata", name)
			_, err := weights.Open(path, weights.Options{})
			if !weights.BadFile(err) {
				t.Fatalf("it was not refused: %v", err)
			}
			for _, want := range append(says, path) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\ndoes not say %s", err, want)
				}
			}
		})
	}
	// Python would have run touch on this name.
	if _, err := os.Stat("hostile-was-here"); err == nil {
		t.Error("a pickle was executed")
	}
}
