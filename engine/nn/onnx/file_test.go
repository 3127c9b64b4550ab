package onnx_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// thick has one large weight and a small one.
type thick struct{}

func (thick) Config() nn.Config {
	return nn.Config{Name: "thick", InChannels: 8, OutChannels: 8, Divisor: [3]int{1, 1, 1}}
}

func (thick) TrainableParameters() []nn.Param {
	return []nn.Param{{Name: "a", Shape: nn.Shape{8, 8, 5, 3, 3}}, {Name: "b", Shape: nn.Shape{8}}, {Name: "c", Shape: nn.Shape{8, 8, 3, 3, 3}}}
}

func (thick) Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
	one := [3]int{1, 1, 1}
	x := nn.Conv3d(g, in.Image, "a", "b", nn.Conv{Stride: one, Padding: [3]int{2, 1, 1}, Dilation: one, Groups: 1})
	x = nn.Conv3d(g, x, "c", "", nn.Conv{Stride: one, Padding: one, Dilation: one, Groups: 1})
	main := nn.ReLU(g, x)
	return nn.Outputs{Logits: main, Auxiliary: []nn.Value{nn.Conv3d(g, x, "c", "", nn.Conv{Stride: one, Dilation: one, Groups: 1})}}, nil
}

func weightsOf(t *testing.T, network onnx.Network) *nn.State {
	t.Helper()
	s, err := nntest.Weights(network.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// Large weights lie beside the model, each at a multiple of 4 KiB, found by a
// relative name; everything else is in the model, and what was announced is
// what is written.
func TestExternalData(t *testing.T) {
	t.Parallel()
	weights, spec := weightsOf(t, thick{}), onnx.Spec{Patch: [3]int{4, 4, 4}}
	dir := t.TempDir()
	path := filepath.Join(dir, "m.onnx")
	announced, err := onnx.Measure(path, thick{}, weights, spec, onnx.FileOptions{External: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); len(got) != 0 {
		t.Fatalf("measuring wrote %q", got)
	}
	w, err := onnx.ExportFile(path, thick{}, weights, spec, onnx.FileOptions{External: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"m.onnx", "m.onnx.data"}) || w != announced || w.Data != path+".data" {
		t.Errorf("wrote %q: %+v, announced %+v", got, w, announced)
	}
	model, data := read(t, path), read(t, w.Data)
	if int64(len(model)) != w.Bytes || int64(len(data)) != w.DataBytes || len(model) > 3000 {
		t.Errorf("%d and %d bytes, announced %+v", len(model), len(data), w)
	}
	found := 0
	for _, raw := range decode(t, decode(t, model)[7][0])[5] {
		tensor := decode(t, raw)
		name := string(tensor[8][0])
		original, _ := weights.Get(name)
		if len(original.Data) <= 1024 {
			continue
		}
		found++
		where := map[string]string{}
		for _, e := range tensor[13] {
			where[string(decode(t, e)[1][0])] = string(decode(t, e)[2][0])
		}
		offset, _ := strconv.Atoi(where["offset"])
		length, _ := strconv.Atoi(where["length"])
		if where["location"] != "m.onnx.data" || offset%4096 != 0 || varint(t, tensor[14][0]) != 1 || len(tensor[9]) != 0 ||
			!bytes.Equal(data[offset:][:length], original.Data) {
			t.Errorf("tensor %q lies at %v, which does not hold it", name, where)
		}
	}
	if found != 2 {
		t.Errorf("%d weights lie outside, want 2", found)
	}
	info, err := onnx.ReadInfo(path)
	if err != nil || info.WeightBytes < weights.Bytes() || !slices.Equal(info.External, []string{"m.onnx.data"}) || info.Opset != onnx.Opset {
		t.Errorf("%+v: %v", info, err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A file is replaced when that was asked for, whole, and otherwise left alone.
func TestOverwriting(t *testing.T) {
	t.Parallel()
	weights, spec := weightsOf(t, thick{}), onnx.Spec{Patch: [3]int{4, 4, 4}}
	for _, external := range []bool{false, true} {
		dir := t.TempDir()
		path := filepath.Join(dir, "m.onnx")
		for name := range map[string]bool{path: true, path + onnx.DataSuffix: external} {
			if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		o := onnx.FileOptions{External: external}
		if _, err := onnx.ExportFile(path, thick{}, weights, spec, o); !errors.Is(err, onnx.ErrExists) || !strings.Contains(err.Error(), "m.onnx") {
			t.Errorf("external %t: %v", external, err)
		}
		if got := read(t, path); string(got) != "old" {
			t.Errorf("external %t: the old file holds %d bytes now", external, len(got))
		}
		o.Overwrite = true
		if _, err := onnx.ExportFile(path, thick{}, weights, spec, o); err != nil {
			t.Error(err)
		}
		if _, err := onnx.ReadInfo(path); err != nil {
			t.Error(err)
		}
	}
}

// What cannot be written leaves nothing behind.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	weights, spec := weightsOf(t, thick{}), onnx.Spec{Patch: [3]int{4, 4, 4}}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.onnx"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{"none/m.onnx": fs.ErrNotExist, "file/m.onnx": syscall.ENOTDIR, "folder.onnx": onnx.ErrExists} {
		for _, external := range []bool{false, true} {
			_, err := onnx.ExportFile(filepath.Join(dir, path), thick{}, weights, spec, onnx.FileOptions{External: external, Overwrite: true})
			if !errors.Is(err, want) {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if got := names(t, dir); !slices.Equal(got, []string{"file", "folder.onnx"}) {
		t.Errorf("left behind: %q", got)
	}
}

// Weights that are missing, cut off or said to be somewhere else are noticed.
func TestExternalDataRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "m.onnx")
	w, err := onnx.ExportFile(path, thick{}, weightsOf(t, thick{}), onnx.Spec{Patch: [3]int{4, 4, 4}}, onnx.FileOptions{External: true})
	if err != nil {
		t.Fatal(err)
	}
	model := read(t, path)
	check := func(what, says string) {
		t.Helper()
		if _, err := onnx.ReadInfo(path); !errors.Is(err, onnx.ErrFormat) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v; want it to say %q", what, err, says)
		}
	}
	if err := os.Truncate(w.Data, w.DataBytes-1); err != nil {
		t.Fatal(err)
	}
	check("cut off", "was cut off or belongs to another model")
	if err := os.Remove(w.Data); err != nil {
		t.Fatal(err)
	}
	check("missing", "its weights are missing")
	for _, elsewhere := range []string{"../../etc/x", "/etc/passwd"} {
		if err := os.WriteFile(path, bytes.ReplaceAll(model, []byte("m.onnx.data"), []byte(elsewhere)), 0o600); err != nil {
			t.Fatal(err)
		}
		check("elsewhere", "which is not beside the model")
	}
	if err := os.WriteFile(w.Data, make([]byte, w.DataBytes), 0o600); err != nil {
		t.Fatal(err)
	}
	for offset, says := range map[string]string{"-1228": "a position in another file", "x2288": "a position in another file", "99999": "was cut off"} {
		if err := os.WriteFile(path, bytes.ReplaceAll(model, []byte("\x12\x0512288"), []byte("\x12\x05"+offset)), 0o600); err != nil {
			t.Fatal(err)
		}
		check("offset "+offset, says)
	}
}

// Auxiliary heads are for training: nothing of them is exported.
func TestAuxiliaryHeadsAreLeftOut(t *testing.T) {
	t.Parallel()
	graph := decode(t, decode(t, export(t, thick{}, onnx.Spec{Patch: [3]int{4, 4, 4}}))[7][0])
	if len(graph[12]) != 1 || len(graph[1]) != 4 {
		t.Errorf("%d outputs of %d operators, want 1 of 4", len(graph[12]), len(graph[1]))
	}
}
