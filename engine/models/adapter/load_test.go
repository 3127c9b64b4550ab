package adapter_test

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/weights"
)

// foreign are PyTorch's own files; see scripts/peers/weights_fixture.py. Their
// network is Conv3d(1, 2, 3), BatchNorm3d(2), Conv3d(2, 1, 1).
const foreign = "../../nn/weights/testdata"

func declared() []nn.Param {
	buffer := func(name string) nn.Param { return nn.Param{Name: name, Shape: nn.Shape{2}, Buffer: true} }
	return []nn.Param{
		{Name: "0.weight", Shape: nn.Shape{2, 1, 3, 3, 3}},
		{Name: "0.bias", Shape: nn.Shape{2}},
		{Name: "1.weight", Shape: nn.Shape{2}},
		{Name: "1.bias", Shape: nn.Shape{2}},
		buffer("1.running_mean"),
		buffer("1.running_var"),
		{Name: "1.num_batches_tracked", Buffer: true, DType: nn.I64},
		{Name: "2.weight", Shape: nn.Shape{1, 2, 1, 1, 1}},
		{Name: "2.bias", Shape: nn.Shape{1}},
	}
}

func config() adapter.Config { return adapter.Config{Name: "net"} }

// A network's weights load from every kind of file that people have.
func TestLoadCheckpointFromPyTorch(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"nested-protocol2.pt", "nested-protocol4.pt", "nested-legacy.pt", "nnunet.pth", "compiled.pt", "ema.pt", "deep.pt", "script.pt",
	} {
		s, err := adapter.LoadCheckpoint(filepath.Join(foreign, name), config(), declared())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := nn.Compare(declared(), s).Err(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// stored writes tensors of one element each.
func stored(t *testing.T, values map[string]float32, meta map[string]string) string {
	t.Helper()
	s := &nn.State{}
	for _, name := range []string{"module.a", "module.b", "module.c", "a", "b", "c"} {
		v, ok := values[name]
		if !ok {
			continue
		}
		x, err := nn.FloatTensor(name, nn.Shape{1}, []float32{v})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := weights.Write(path, weights.Safetensors, s, meta); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	t.Parallel()
	params := []nn.Param{{Name: "a", Shape: nn.Shape{1}}, {Name: "b", Shape: nn.Shape{1}}}
	ab := map[string]float32{"a": 1, "b": 2}
	for name, c := range map[string]struct {
		values map[string]float32
		params []nn.Param
		o      adapter.LoadOptions
		want   map[string]float32
		report nn.KeyReport
		says   []string // of the error, none when nil
	}{
		"whole": {ab, params, adapter.LoadOptions{Strict: true}, ab, nn.KeyReport{Matched: []string{"a", "b"}}, nil},
		"missing": {
			map[string]float32{"a": 1},
			params,
			adapter.LoadOptions{},
			map[string]float32{"a": 1},
			nn.KeyReport{Matched: []string{"a"}, Missing: []string{"b"}},
			nil,
		},
		"missing, strict": {
			map[string]float32{"a": 1},
			params,
			adapter.LoadOptions{Strict: true},
			nil,
			nn.KeyReport{Matched: []string{"a"}, Missing: []string{"b"}},
			[]string{`1 missing ("b")`, "1 matched", "load in part"},
		},
		"missing, ignored": {
			map[string]float32{"a": 1},
			params,
			adapter.LoadOptions{Strict: true, Ignore: []string{"b*"}},
			map[string]float32{"a": 1},
			nn.KeyReport{Matched: []string{"a"}},
			nil,
		},
		"unexpected, ignored": {
			ab, params[:1],
			adapter.LoadOptions{Strict: true, Ignore: []string{"[b-z]"}},
			map[string]float32{"a": 1},
			nn.KeyReport{Matched: []string{"a"}},
			nil,
		},
		"unexpected, strict": {
			ab, params[:1],
			adapter.LoadOptions{Strict: true},
			nil,
			nn.KeyReport{Matched: []string{"a"}, Unexpected: []string{"b"}},
			[]string{`1 unexpected ("b")`},
		},
		"nothing fits": {
			map[string]float32{"c": 1},
			params,
			adapter.LoadOptions{},
			nil,
			nn.KeyReport{Missing: []string{"a", "b"}, Unexpected: []string{"c"}},
			[]string{`2 missing ("a", "b")`, "0 matched", "inspect the file"},
		},
		"prefixed": {
			map[string]float32{"module.a": 1, "module.b": 2},
			params,
			adapter.LoadOptions{Strict: true},
			ab,
			nn.KeyReport{Matched: []string{"a", "b"}},
			nil,
		},
		"renamed": {
			map[string]float32{"module.a": 1, "module.b": 2, "module.c": 3},
			params,
			adapter.LoadOptions{Strict: true, Rename: func(name string) string {
				return map[string]string{"a": "b", "b": "a"}[name]
			}},
			map[string]float32{"a": 2, "b": 1},
			nn.KeyReport{Matched: []string{"a", "b"}},
			nil,
		},
		"renamed alike": {
			ab, params[:1],
			adapter.LoadOptions{Rename: func(string) string { return "a" }},
			nil,
			nn.KeyReport{},
			[]string{`"a" and "b" would both be "a"`},
		},
		"a bad pattern": {ab, params, adapter.LoadOptions{Ignore: []string{"[a"}}, nil, nn.KeyReport{}, []string{`ignore pattern "[a"`}},
		"not finite": {
			map[string]float32{"a": 1, "b": float32(math.NaN())},
			params,
			adapter.LoadOptions{Strict: true},
			nil,
			nn.KeyReport{Matched: []string{"a", "b"}},
			[]string{`tensor "b" is NaN at element 0`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, report, err := adapter.Load(stored(t, c.values, nil), config(), c.params, c.o)
			if (err != nil) != (c.says != nil) {
				t.Fatalf("error %v", err)
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\ndoes not say %s", err, want)
				}
			}
			if d := cmp.Diff(c.report, report); d != "" {
				t.Errorf("report: %s", d)
			}
			if c.says != nil {
				return
			}
			got := make(map[string]float32)
			for x := range s.All() {
				v, err := x.Float32()
				if err != nil {
					t.Fatal(err)
				}
				got[x.Name] = v[0]
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// Shapes that differ are reported, with both.
func TestLoadMismatched(t *testing.T) {
	t.Parallel()
	params := declared()
	params[0].Shape = nn.Shape{4, 1, 3, 3, 3}
	s, report, err := adapter.Load(filepath.Join(foreign, "nnunet.pth"), config(), params, adapter.LoadOptions{})
	if err != nil || s.Len() != len(params)-1 {
		t.Fatalf("%v: %v", s, err)
	}
	want := []nn.Mismatch{{
		Name: "0.weight", Want: nn.Shape{4, 1, 3, 3, 3}, Got: nn.Shape{2, 1, 3, 3, 3}, WantType: nn.F32, GotType: nn.F32,
	}}
	if d := cmp.Diff(want, report.Mismatched); d != "" {
		t.Error(d)
	}
	_, _, err = adapter.Load(filepath.Join(foreign, "nnunet.pth"), config(), params, adapter.LoadOptions{Strict: true})
	if !errors.Is(err, adapter.ErrCheckpoint) || !errors.Is(err, nn.ErrState) ||
		!strings.Contains(err.Error(), `"0.weight" wants F32 4×1×3×3×3, found F32 2×1×3×3×3`) ||
		!strings.Contains(err.Error(), `found under "network_weights"`) {
		t.Error(err)
	}
}

// A file of minivess that says it is another model's is refused when strict;
// values that are not finite may be allowed; a branch may be chosen.
func TestLoadOptions(t *testing.T) {
	t.Parallel()
	params := []nn.Param{{Name: "a", Shape: nn.Shape{1}}}
	other := stored(t, map[string]float32{"a": 1}, map[string]string{"model": "other"})
	if _, _, err := adapter.Load(other, config(), params, adapter.LoadOptions{Strict: true}); !errors.Is(err, adapter.ErrCheckpoint) {
		t.Errorf("another model's: %v", err)
	}
	if _, _, err := adapter.Load(other, config(), params, adapter.LoadOptions{}); err != nil {
		t.Errorf("another model's, in part: %v", err)
	}
	sick := stored(t, map[string]float32{"a": float32(math.Inf(1))}, nil)
	if _, _, err := adapter.Load(sick, config(), params, adapter.LoadOptions{AllowNonFinite: true}); err != nil {
		t.Errorf("infinite: %v", err)
	}
	first := func(o adapter.LoadOptions) float32 {
		s, _, err := adapter.Load(filepath.Join(foreign, "ema.pt"), config(), declared(), o)
		if err != nil {
			t.Fatal(err)
		}
		x, _ := s.Get("1.bias")
		v, err := x.Float32()
		if err != nil {
			t.Fatal(err)
		}
		return v[0]
	}
	if model, ema := first(adapter.LoadOptions{Strict: true}), first(adapter.LoadOptions{Strict: true, Branch: "ema"}); ema != model+1 {
		t.Errorf("the average is %v, the model %v", ema, model)
	}
}
