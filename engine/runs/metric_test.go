package runs_test

import (
	"encoding/json"
	"math"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/runs"
)

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func marshal(t fataler, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return b
}

// checkDecodeMetric wants what encoding/json gives. Input that JSON refuses
// may be taken only where it differs from JSON in how numbers are spelt.
func checkDecodeMetric(t fataler, b []byte) {
	t.Helper()
	got, gotErr := runs.DecodeMetric(b)
	var want runs.Metric
	if err := json.Unmarshal(b, &want); err != nil {
		return
	}
	if gotErr != nil {
		t.Fatalf("%s: %v", b, gotErr)
	}
	sameBits := cmp.Comparer(func(a, b runs.Number) bool {
		return a == b || math.IsNaN(float64(a)) && math.IsNaN(float64(b))
	})
	if diff := cmp.Diff(want, got, sameBits); diff != "" {
		t.Fatalf("%s: %s", b, diff)
	}
}
