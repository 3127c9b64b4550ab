package onnx_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/onnx"
)

var update = flag.Bool("update", false, "rewrite the golden model; check it with scripts/peers/everyop_fixture.py")

func export(t *testing.T, network onnx.Network, spec onnx.Spec) []byte {
	t.Helper()
	weights, err := nntest.Weights(network.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := onnx.Export(&b, network, weights, spec); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// onnx.checker accepted the golden model of every operation, and ONNX Runtime's
// logits agreed with PyTorch's, when scripts/peers/everyop_fixture.py was run
// on it. As long as the bytes are the same, that still holds.
func TestEveryOperationGolden(t *testing.T) {
	t.Parallel()
	const path = "testdata/everyop.onnx"
	got := export(t, nntest.EveryOp{Dropout: 0.5}, onnx.Spec{Patch: [3]int{4, 4, 4}})
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes written, the golden file has %d and they differ: %v", len(got), len(want), err)
	}
}

// message is a decoded protocol buffer: the raw values of each field.
type message map[protowire.Number][][]byte

func decode(t *testing.T, b []byte) message {
	t.Helper()
	m := message{}
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(field, kind, b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		value := b[:n]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(b)
		}
		m[field] = append(m[field], value)
		b = b[n:]
	}
	return m
}

func varint(t *testing.T, b []byte) uint64 {
	t.Helper()
	v, n := protowire.ConsumeVarint(b)
	if n < 0 {
		t.Fatal(protowire.ParseError(n))
	}
	return v
}

// The model is sound by itself: every name is made before it is used, once;
// tensors have the bytes that their sizes need; parameters keep their names.
func TestStructure(t *testing.T) {
	t.Parallel()
	net := nntest.EveryOp{}
	model := decode(t, export(t, net, onnx.Spec{Patch: [3]int{4, 4, 4}, Metadata: map[string]string{"run": "brisk-otter"}}))
	if v := varint(t, decode(t, model[8][0])[2][0]); v != onnx.Opset {
		t.Errorf("opset %d", v)
	}
	meta := map[string]string{}
	for _, e := range model[14] {
		m := decode(t, e)
		meta[string(m[1][0])] = string(m[2][0])
	}
	if d := cmp.Diff(map[string]string{"model": "everyop", "options": "null", "run": "brisk-otter"}, meta); d != "" {
		t.Errorf("metadata: %s", d)
	}
	graph := decode(t, model[7][0])
	made := map[string]bool{"": true, string(decode(t, graph[11][0])[1][0]): true}
	for _, raw := range graph[5] {
		tensor := decode(t, raw)
		name, bytesWanted := string(tensor[8][0]), uint64(4)
		if varint(t, tensor[2][0]) == 7 {
			bytesWanted = 8
		}
		for _, d := range tensor[1] {
			bytesWanted *= varint(t, d)
		}
		if made[name] || uint64(len(tensor[9][0])) != bytesWanted {
			t.Errorf("tensor %q has %d bytes, want %d, or is there twice", name, len(tensor[9][0]), bytesWanted)
		}
		made[name] = true
	}
	for _, p := range net.TrainableParameters() {
		if !made[p.Name] && p.Type().Float() {
			t.Errorf("parameter %q is missing", p.Name)
		}
	}
	for _, raw := range graph[1] {
		node := decode(t, raw)
		for _, in := range node[1] {
			if !made[string(in)] {
				t.Errorf("%s reads %q, which nobody made", node[4][0], in)
			}
		}
		for _, out := range node[2] {
			if made[string(out)] {
				t.Errorf("%q is made twice", out)
			}
			made[string(out)] = true
		}
	}
	if out := string(decode(t, graph[12][0])[1][0]); out != onnx.OutputName || !made[out] {
		t.Errorf("output %q", out)
	}
}

// fixed is a network that bakes a size into its description.
type fixed struct{ nntest.EveryOp }

func (fixed) Config() nn.Config               { return nn.Config{Name: "fixed", InChannels: 1} }
func (fixed) TrainableParameters() []nn.Param { return nil }
func (fixed) Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
	n := in.Image.Dim(0)
	return nn.Outputs{Logits: nn.View(g, nn.View(g, in.Image, n, -1), 0, 1, 2, 2, 2)}, nil
}

func TestRefused(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	err := onnx.Export(&b, fixed{}, &nn.State{}, onnx.Spec{Patch: [3]int{2, 2, 2}})
	if !errors.Is(err, onnx.ErrUnsupported) || !strings.Contains(err.Error(), "depends on the size of the batch") {
		t.Errorf("a network for one batch: %v", err)
	}
	err = onnx.Export(&b, nntest.EveryOp{}, &nn.State{}, onnx.Spec{Patch: [3]int{4, 4, 4}})
	if !errors.Is(err, nn.ErrState) {
		t.Errorf("no weights: %v", err)
	}
	weights, err := nntest.Weights(nntest.EveryOp{}.TrainableParameters())
	if err != nil {
		t.Fatal(err)
	}
	if err := onnx.Export(&b, nntest.EveryOp{}, weights, onnx.Spec{Patch: [3]int{4, 4, 5}}); !errors.Is(err, nn.ErrShape) {
		t.Errorf("a size that it cannot take: %v", err)
	}
	if b.Len() > 0 {
		t.Errorf("%d bytes were written before the refusal", b.Len())
	}
	if err := onnx.Export(broken{}, nntest.EveryOp{}, weights, onnx.Spec{Patch: [3]int{4, 4, 4}}); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
}

var errFull = errors.New("no space left")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errFull }
