package onnx_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/onnx"
)

func TestReadInfo(t *testing.T) {
	t.Parallel()
	b := export(t, nntest.EveryOp{}, onnx.Spec{Patch: [3]int{4, 4, 4}, Metadata: map[string]string{"run": "r"}})
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := onnx.ReadInfo(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Nodes < 40 || got.Weights < 20 || got.WeightBytes < 1000 || got.WeightBytes > int64(len(b)) {
		t.Errorf("%d operators, %d tensors of %d bytes", got.Nodes, got.Weights, got.WeightBytes)
	}
	got.Nodes, got.Weights, got.WeightBytes = 0, 0, 0
	size := func(n int) onnx.Dim { return onnx.Dim{Size: n} }
	want := onnx.Info{
		IRVersion: 8, Opset: onnx.Opset, Producer: "minivess",
		Inputs:   []onnx.Port{{Name: "image", Type: "float32", Ranked: true, Dims: []onnx.Dim{{Name: "batch"}, size(2), size(4), size(4), size(4)}}},
		Outputs:  []onnx.Port{{Name: "logits", Type: "float32", Ranked: true, Dims: []onnx.Dim{{Name: "batch"}, size(12), size(8), size(6), size(8)}}},
		Metadata: map[string]string{"model": "everyop", "options": "null", "run": "r"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if s := got.Inputs[0].String(); s != `"image" float32 (batch, 2, 4, 4, 4)` {
		t.Error(s)
	}
}

// message builds protocol buffers for files that our own exporter would never
// write.
type build []byte

func (b build) text(field protowire.Number, v string) build {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func (b build) number(field protowire.Number, v uint64) build {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

// foreign is a model of an old exporter: weights are listed among the inputs
// too, a size has no name, an output has no shape.
func foreign() []byte {
	tensor := func(shape string) string { return string(build{}.text(1, string(build{}.number(1, 1))+shape)) }
	dims := build{}.text(1, string(build{}.text(2, "N"))).text(1, string(build{}.number(1, 3))).text(1, "")
	graph := build{}.
		text(11, string(build{}.text(1, "x").text(2, tensor(string(build{}.text(2, string(dims))))))).
		text(11, string(build{}.text(1, "w").text(2, tensor("")))).
		text(5, string(build{}.number(1, 2).number(2, 1).text(8, "w").text(4, "\x00\x00\x00\x00\x00\x00\x00\x00"))).
		text(12, string(build{}.text(1, "y").text(2, tensor("")))).
		text(12, string(build{}.text(1, "list").text(2, string(build{}.text(4, "")))))
	return build{}.number(1, 3).text(8, string(build{}.text(1, "com.microsoft").number(2, 1))).text(8, string(build{}.number(2, 9))).text(7, string(graph))
}

func TestForeignFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := os.WriteFile(path, foreign(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := onnx.ReadInfo(path)
	if err != nil {
		t.Fatal(err)
	}
	want := onnx.Info{
		IRVersion: 3, Opset: 9, Weights: 1, WeightBytes: 8, Metadata: map[string]string{},
		Inputs:  []onnx.Port{{Name: "x", Type: "float32", Ranked: true, Dims: []onnx.Dim{{Name: "N"}, {Size: 3}, {}}}},
		Outputs: []onnx.Port{{Name: "y", Type: "float32"}, {Name: "list"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if s := got.Inputs[0].String() + got.Outputs[0].String(); s != `"x" float32 (N, 3, ?)"y" float32` {
		t.Error(s)
	}
}

// Whatever the file holds, reading it ends, with an answer or with ErrFormat.
func FuzzReadInfo(f *testing.F) {
	whole := foreign()
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("\x08\x08\x3a\x00"))
	f.Add([]byte("\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"))
	f.Add([]byte(strings.Repeat("\x3a\x02", 100)))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "m.onnx")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		info, err := onnx.ReadInfo(path)
		if err != nil && (!errors.Is(err, onnx.ErrFormat) || errors.Is(err, io.EOF)) {
			t.Errorf("%v", err)
		}
		if info.WeightBytes < 0 || info.WeightBytes > int64(len(b)) {
			t.Errorf("%d bytes of weights in a file of %d", info.WeightBytes, len(b))
		}
	})
}
