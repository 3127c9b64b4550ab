package metrics_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/edt"
	"github.com/minivess/minivess/engine/metrics/topology"
)

// benchThreads is how many threads both sides of a comparison use.
const benchThreads = 2

// benchMasks reads masks of 512×512×64 that scripts/bench/metrics.py wrote into
// the folder MINIVESS_BENCH_MASKS, so that our peers see the same; without one
// it draws some.
func benchMasks(b *testing.B, name string) metrics.Mask {
	b.Helper()
	shape := [3]int{512, 512, 64}
	if folder := os.Getenv("MINIVESS_BENCH_MASKS"); folder != "" {
		data, err := os.ReadFile(filepath.Join(folder, name+".u8"))
		if err != nil {
			b.Fatal(err)
		}
		return metrics.Mask{Shape: shape, Data: data}
	}
	switch name {
	case "near.prediction":
		return tubes(shape, 1)
	case "half_missing.prediction":
		return halved(tubes(shape, 0))
	case "noise.reference":
		return specks(shape, 1)
	case "noise.prediction":
		return specks(shape, 2)
	default:
		return tubes(shape, 0)
	}
}

// writeValues writes what was measured beside the masks, for the script to compare.
func writeValues(b *testing.B, values map[string]float64) {
	b.Helper()
	folder := os.Getenv("MINIVESS_BENCH_MASKS")
	if folder == "" {
		return
	}
	text, err := json.Marshal(values)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "values.json"), text, 0o600); err != nil {
		b.Fatal(err)
	}
}

// specks is dense noise: balls of radius 6 at random.
func specks(shape [3]int, seed uint64) metrics.Mask {
	m := metrics.Mask{Shape: shape, Data: make([]uint8, shape[0]*shape[1]*shape[2])}
	for range 4000 {
		var at [3]int
		for axis, n := range shape {
			seed = seed*6364136223846793005 + 1442695040888963407
			at[axis] = int(seed>>33) % n
		}
		ball(m, at[0], at[1], at[2], 6)
	}
	return m
}

// BenchmarkDistances times HD95, NSD and ASSD together and reports them.
func BenchmarkDistances(b *testing.B) {
	benchPairs(b, []string{"hd95", "nsd", "assd"}, "near", "half_missing", "noise")
}

// BenchmarkCentreline times clDice.
func BenchmarkCentreline(b *testing.B) { benchPairs(b, []string{"cldice"}, "near") }

// BenchmarkLoad reads the masks and does nothing with them: the memory that this
// takes is not the metrics'.
func BenchmarkLoad(b *testing.B) { benchPairs(b, nil, "near", "half_missing", "noise") }

func benchPairs(b *testing.B, names []string, pairs ...string) {
	b.Helper()
	for _, pair := range pairs {
		b.Run(pair, func(b *testing.B) {
			ref, pred := benchMasks(b, pair+".reference"), benchMasks(b, pair+".prediction")
			o := metrics.Options{Spacing: [3]float64{1, 1, 2}, Tolerance: 2, Metrics: names, Threads: benchThreads}
			var last metrics.Result
			for b.Loop() {
				if names == nil {
					continue
				}
				r, err := metrics.Evaluate(b.Context(), ref, pred, o)
				if err != nil {
					b.Fatal(err)
				}
				last = r
			}
			writeValues(b, last.Values)
			runtime.KeepAlive(ref.Data[0] + pred.Data[0])
		})
	}
}

// BenchmarkTransform times the distance transform in single precision; as its
// floor, six passes over the array: three copies of it.
func BenchmarkTransform(b *testing.B) {
	ref, pred := benchMasks(b, "near.reference"), benchMasks(b, "near.prediction")
	dst := make([]float32, len(ref.Data))
	for i := range dst { // memory that was never written is not there yet
		dst[i] = 1
	}
	b.Run("float32", func(b *testing.B) {
		for b.Loop() {
			if err := edt.Squared(b.Context(), dst, ref.Data, ref.Shape, [3]float64{1, 1, 2}, benchThreads); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("floor", func(b *testing.B) {
		other := slices.Clone(dst)
		for b.Loop() {
			for range 3 {
				var copies sync.WaitGroup
				for k := range benchThreads {
					from, to := k*len(dst)/benchThreads, (k+1)*len(dst)/benchThreads
					copies.Go(func() { copy(other[from:to], dst[from:to]) })
				}
				copies.Wait()
			}
		}
	})
	runtime.KeepAlive(pred) // as in BenchmarkLoad, whose memory is subtracted
}

// BenchmarkBetti counts the pieces, loops and cavities of a part of 128×128×64.
func BenchmarkBetti(b *testing.B) {
	ref := benchMasks(b, "near.reference")
	small := [3]int{128, 128, 64}
	var part []uint8
	for z := range small[2] {
		for y := range small[1] {
			at := 192 + ref.Shape[0]*(192+y+ref.Shape[1]*z)
			part = append(part, ref.Data[at:at+small[0]]...)
		}
	}
	var last topology.Counts
	for b.Loop() {
		c, err := topology.Count(b.Context(), part, small)
		if err != nil {
			b.Fatal(err)
		}
		last = c
	}
	writeValues(b, map[string]float64{"b0": float64(last.Components), "b1": float64(last.Loops), "b2": float64(last.Cavities)})
}
