package metrics_test

import (
	"testing"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/topology"
	"github.com/minivess/minivess/engine/metrics/vessels"
)

// BenchmarkShape times what scripts/peers/metrics_shape_bench.py times of the
// peers, on the same masks.
func BenchmarkShape(b *testing.B) {
	shape := [3]int{512, 512, 64}
	ref, pred := tubes(shape, 0), tubes(shape, 1)
	for name, list := range map[string][]string{
		"cldice": {metrics.ClDice},
		"betti":  {metrics.Betti0Error, metrics.Betti1Error, metrics.Betti2Error},
		"pieces": {metrics.LesionF1, metrics.PanopticQuality},
	} {
		b.Run(name, func(b *testing.B) {
			o := metrics.Options{Spacing: [3]float64{1, 1, 2}, Metrics: list, Threads: 2}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := metrics.Evaluate(b.Context(), ref, pred, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("skeletons", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := vessels.Trace(b.Context(), ref.Data, pred.Data, shape, 2); err != nil {
				b.Fatal(err)
			}
		}
	})
	small := [3]int{128, 128, 64}
	corner := make([]uint8, 0, small[0]*small[1]*small[2])
	for z := range small[2] {
		for y := range small[1] {
			at := shape[0] * (192 + y + shape[1]*z)
			corner = append(corner, ref.Data[at+192:at+192+small[0]]...)
		}
	}
	b.Run("betti of 128x128x64", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := topology.Count(b.Context(), corner, small); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("vessels", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := vessels.Measure(b.Context(), ref.Data, shape, [3]float64{1, 1, 2}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
