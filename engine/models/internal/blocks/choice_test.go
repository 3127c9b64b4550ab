package blocks_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/models/internal/blocks"
)

func TestNormInJSON(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	for text, want := range map[string]blocks.Norm{
		`"batch"`:                          {Name: "batch"},
		`"INSTANCE"`:                       {Name: "instance"},
		`["Group", {"num_groups": 4}]`:     {Name: "group", Groups: 4},
		`["instance", {"affine": true}]`:   {Name: "instance", Affine: &yes},
		`["instance_nvfuser"]`:             {Name: "instance"},
		`["SYNCBATCH", {"affine": false}]`: {Name: "batch", Affine: &no},
		`["batch", {"eps": 0.1, "momentum": 0.5, "track_running_stats": true}]`: {Name: "batch", Eps: 0.1, Momentum: 0.5},
	} {
		var got blocks.Norm
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", text, d)
		}
	}
}

func TestNonsenseInJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`3`, `{}`, `[]`, `["batch", {}, {}]`, `[["batch"]]`, `["batch", 3]`, `["batch", {"epsilon": 1}]`, `["batch", {"eps": "x"}]`} {
		var n blocks.Norm
		var a blocks.Activation
		if err := json.Unmarshal([]byte(text), &n); err == nil || !strings.HasPrefix(err.Error(), "norm ") {
			t.Errorf("norm %s: %v", text, err)
		}
		if err := json.Unmarshal([]byte(text), &a); err == nil || !strings.HasPrefix(err.Error(), "act ") {
			t.Errorf("act %s: %v", text, err)
		}
	}
}

// Whatever is read is written so that it reads the same.
func FuzzNorm(f *testing.F) {
	for _, seed := range []string{`"group"`, `["batch", {"momentum": 0.25, "eps": 1e-4}]`, `["GROUP", {"num_groups": 4, "affine": false}]`, `[]`, `["x", null]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var first, second blocks.Norm
		again(t, text, &first, &second)
		if first.Check(8) == nil {
			var d blocks.Declaration
			first.Declare(&d, "norm", 8)
		}
	})
}

func FuzzActivation(f *testing.F) {
	for _, seed := range []string{`"relu"`, `["LeakyReLU", {"inplace": true, "negative_slope": 0.2}]`, `["prelu", {"num_parameters": 1, "init": 0.1}]`, `["elu", {"alpha": -0.0}]`, `[null]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var first, second blocks.Activation
		again(t, text, &first, &second)
	})
}

// again reads the text, and what the first result is written as.
func again[T any](t *testing.T, text string, first, second *T) {
	t.Helper()
	if json.Unmarshal([]byte(text), first) != nil {
		return
	}
	out, err := json.Marshal(*first)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, second); err != nil {
		t.Fatalf("%s was written as %s: %v", text, out, err)
	}
	if d := cmp.Diff(*first, *second); d != "" {
		t.Errorf("%s was written as %s:\n%s", text, out, d)
	}
}
