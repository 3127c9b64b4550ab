package folder_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/folder"
	"github.com/minivess/minivess/engine/metrics/probability"
	"github.com/minivess/minivess/engine/volume"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func stem(path string) string {
	s, _ := volume.Stem(path)
	return s
}

// volumes is a file that scripts/peers/metrics_input_fixture.py wrote.
func volumes(name string) string { return filepath.Join("testdata/volumes", name+".nii.gz") }

// oraclePairs are the pairs that published packages were asked about.
func oraclePairs(t *testing.T) []folder.Pair {
	t.Helper()
	files, err := filepath.Glob("../testdata/oracle/*.reference.nii.gz")
	if err != nil || len(files) != 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	pairs := make([]folder.Pair, len(files))
	for i, path := range files {
		pairs[i] = folder.Pair{
			Case: strings.TrimSuffix(stem(path), ".reference"), Reference: path,
			Prediction: strings.Replace(path, ".reference.", ".prediction.", 1),
		}
	}
	return pairs
}

// TestFilesScoreAsPublished holds what comes of files to expected.json, every
// number of every definition.
func TestFilesScoreAsPublished(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../testdata/oracle/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var expected map[string]map[string]json.RawMessage
	if err := json.Unmarshal(b, &expected); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, p := range oraclePairs(t) {
		var tolerance float64
		if err := json.Unmarshal(expected[p.Case]["tolerance"], &tolerance); err != nil {
			t.Fatal(err)
		}
		c, err := folder.Score(t.Context(), p, folder.Options{Mask: metrics.Options{Tolerance: tolerance}, Definitions: metrics.Definitions()})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range c.Structures[0].Results {
			key := strings.ReplaceAll(r.Definition, "-", "_")
			if r.Definition == metrics.Minivess {
				key = "metrics_reloaded"
			}
			var want map[string]any
			if err := json.Unmarshal(expected[p.Case][key], &want); err != nil {
				t.Fatal(err)
			}
			for theirs, w := range want {
				name := theirs
				if n, ok := map[string]string{"nsd_voxel": metrics.NSD, "asd_symmetric": metrics.ASSD}[theirs]; ok {
					name = n
				}
				number, isNumber := w.(float64)
				got, there := r.Values[name]
				switch {
				case isNumber && (!there || math.Abs(got-number) > 1e-5):
					t.Errorf("%s: %s %s = %v, want %v", p.Case, r.Definition, name, got, w)
				case w == "inf" && !math.IsInf(got, 1), !isNumber && w != "inf" && r.Definition != metrics.Minivess && !math.IsNaN(got):
					t.Errorf("%s: %s %s = %v, want %v", p.Case, r.Definition, name, got, w)
				}
				compared++
			}
		}
	}
	if compared < 200 {
		t.Errorf("only %d numbers were compared", compared)
	}
}

// TestManyAtATimeScoreAsOneByOne holds a run with threads and little memory to
// scoring every pair on its own, with pairs that fail among them.
func TestManyAtATimeScoreAsOneByOne(t *testing.T) {
	t.Parallel()
	pairs := oraclePairs(t)[2:6]
	broken := folder.Pair{Case: "broken", Reference: pairs[0].Reference, Prediction: "folder_test.go"}
	apart := folder.Pair{Case: "apart", Reference: volumes("mask"), Prediction: volumes("shifted")}
	pairs = slices.Insert(pairs, 3, broken, apart)
	o := folder.Options{
		Mask:        metrics.Options{Tolerance: 1, Metrics: []string{metrics.Dice, metrics.NSD, metrics.LesionF1}},
		Definitions: []string{metrics.Minivess}, Vessels: folder.VesselNames(),
	}
	var want []folder.Case
	var most int64
	for _, p := range pairs {
		if need, err := folder.Need(p, o); err == nil {
			most = max(most, need)
		}
		if c, err := folder.Score(t.Context(), p, o); err == nil {
			want = append(want, c)
		}
	}
	for _, memory := range []int64{0, most, 3 * most} {
		o.Memory, o.Threads = memory, 4
		seen := map[string]int{}
		last := folder.Progress{}
		got, err := folder.Run(t.Context(), pairs, o, func(p folder.Progress) {
			seen[p.Case]++
			if p.Done != last.Done+1 || p.Share < last.Share || p.Total != len(pairs) || (p.Err != nil) != (p.Case == "broken" || p.Case == "apart") {
				t.Errorf("after %+v: %+v", last, p)
			}
			last = p
		})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got.Cases, cmpopts.EquateNaNs()); d != "" {
			t.Errorf("memory %d: %s", memory, d)
		}
		if len(got.Failed) != 2 || !errors.Is(got.Failed[0].Err, volume.ErrName) || !errors.Is(got.Failed[1].Err, folder.ErrGrid) {
			t.Errorf("failures %v", got.Failed)
		}
		if len(seen) != len(pairs) || last.Share < 0.999 {
			t.Errorf("progress of %v, last %+v", seen, last)
		}
	}
}

func TestTooLittleMemoryFailsThePair(t *testing.T) {
	t.Parallel()
	pairs := oraclePairs(t)
	small := folder.Pair{Case: "small", Reference: volumes("mask"), Prediction: volumes("mask")}
	o := folder.Options{Definitions: []string{metrics.Minivess}}
	need, err := folder.Need(small, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Memory = need
	got, err := folder.Run(t.Context(), append(pairs, small), o, nil)
	if err != nil || len(got.Cases) != 1 || got.Cases[0].Case != "small" || len(got.Failed) != len(pairs) {
		t.Fatalf("%d cases, %d failures, %v", len(got.Cases), len(got.Failed), err)
	}
	for _, f := range got.Failed {
		if !errors.Is(f.Err, folder.ErrMemory) {
			t.Error(f.Err)
		}
	}
	if _, err := folder.Score(t.Context(), pairs[0], o); !errors.Is(err, folder.ErrMemory) {
		t.Errorf("on its own: %v", err)
	}
}

func TestCancellingStopsARun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var seen atomic.Int32
	o := folder.Options{Mask: metrics.Options{Tolerance: 1}, Definitions: []string{metrics.Minivess}, Threads: 1}
	out, err := folder.Run(ctx, oraclePairs(t), o, func(folder.Progress) {
		seen.Add(1)
		cancel()
	})
	if !errors.Is(err, context.Canceled) || seen.Load() != 1 || len(out.Cases) != 1 || len(out.Failed) != 0 {
		t.Errorf("%v after %d, %d cases and %d failures", err, seen.Load(), len(out.Cases), len(out.Failed))
	}
}

func TestMissingPredictionsCountAsEmpty(t *testing.T) {
	t.Parallel()
	p := folder.Pair{Case: "a", Reference: volumes("mask")}
	o := folder.Options{Mask: metrics.Options{Metrics: []string{metrics.Dice}}, Definitions: []string{metrics.Minivess}}
	c, err := folder.Score(t.Context(), p, o)
	if err != nil || !c.Missing {
		t.Fatalf("%+v, %v", c, err)
	}
	want := []folder.Row{{
		Case: "a", Label: 1, Metric: metrics.Dice, Definition: metrics.Minivess, Value: 0,
		Policy: "penalise: there is no prediction file; the prediction is empty and the reference is not",
	}}
	if d := cmp.Diff(want, c.Rows()); d != "" {
		t.Error(d)
	}
	o.Probabilities, o.Judged = true, []string{probability.Brier}
	if c, err = folder.Score(t.Context(), p, o); err != nil || c.Probability != nil {
		t.Errorf("%+v, %v: nothing was there to judge", c.Probability, err)
	}
}

func TestEveryLabelHasItsRows(t *testing.T) {
	t.Parallel()
	p := folder.Pair{Case: "a", Reference: volumes("labels"), Prediction: volumes("labels_shifted")}
	o := folder.Options{
		Mask: metrics.Options{Metrics: []string{metrics.HD95, metrics.Betti0Error}}, Vessels: []string{folder.BranchPointsError},
		Definitions: []string{metrics.Minivess, metrics.MedPy}, Labels: folder.Labels{All: true, Ignore: []uint8{255}},
	}
	c, err := folder.Score(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range c.Rows() {
		got = append(got, fmt.Sprintf("%d %s %s %v %s", r.Label, r.Definition, r.Metric, r.Value, r.Unit))
	}
	var want []string
	for label := 1; label <= 3; label++ {
		want = append(want,
			fmt.Sprintf("%d minivess hd95 0.5 um", label), fmt.Sprintf("%d minivess betti0_error 0 count", label),
			fmt.Sprintf("%d minivess branch_points_error 0 count", label), fmt.Sprintf("%d medpy hd95 0.5 um", label))
	}
	if d := cmp.Diff(want, got); d != "" || c.IgnoredVoxels != 8 {
		t.Errorf("%d ignored, %s", c.IgnoredVoxels, d)
	}
	o.Labels = folder.Labels{List: []uint8{9}}
	if c, err = folder.Score(t.Context(), p, o); err != nil || c.Rows()[0].Policy != "penalise: both masks are empty" {
		t.Errorf("a label that neither has: %+v, %v", c.Rows(), err)
	}
}

func TestWholeTreesAreCompared(t *testing.T) {
	t.Parallel()
	p := folder.Pair{Case: "a", Reference: "../testdata/oracle/half_missing.reference.nii.gz", Prediction: "../testdata/oracle/half_missing.prediction.nii.gz"}
	c, err := folder.Score(t.Context(), p, folder.Options{Vessels: folder.VesselNames()})
	if err != nil {
		t.Fatal(err)
	}
	var length, branches [2]float64
	for i, path := range []string{p.Reference, p.Prediction} {
		tables, err := folder.MeasureVessels(t.Context(), "a", path, folder.Labels{}, 0)
		if err != nil || len(tables) != 1 || tables[0].Unit != "um" {
			t.Fatalf("%+v, %v", tables, err)
		}
		for _, piece := range tables[0].Components {
			length[i] += piece.Length
			branches[i] += float64(piece.BranchPoints)
		}
	}
	got := c.Structures[0].Results[0]
	if v := got.Values[folder.VesselLengthError]; v < 1 || math.Abs(v-math.Abs(length[0]-length[1])) > 1e-9 {
		t.Errorf("length error %v of %v", v, length)
	}
	if v := got.Values[folder.BranchPointsError]; v != math.Abs(branches[0]-branches[1]) {
		t.Errorf("branch point error %v of %v", v, branches)
	}
	if v := got.Values[folder.TortuosityError]; !(v >= 0 && v < 5) {
		t.Errorf("tortuosity error %v", v)
	}
	c, err = folder.Score(t.Context(), folder.Pair{Case: "a", Reference: p.Reference}, folder.Options{Vessels: folder.VesselNames()})
	if err != nil || c.Structures[0].Results[0].Excluded[folder.TortuosityError] == "" || c.Structures[0].Results[0].Values[folder.VesselLengthError] != length[0] {
		t.Errorf("of an empty prediction: %+v, %v", c.Structures, err)
	}
}

func TestVesselsOfLabelsAreMeasured(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		choice folder.Labels
		want   []uint8
	}{
		{folder.Labels{All: true, Ignore: []uint8{255}}, []uint8{1, 2, 3}},
		{folder.Labels{List: []uint8{3, 9}}, []uint8{3, 9}},
	} {
		tables, err := folder.MeasureVessels(t.Context(), "a", volumes("labels"), c.choice, 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []uint8
		for _, table := range tables {
			got = append(got, table.Label)
			if pieces := len(table.Components); pieces != 1 && table.Label != 9 {
				t.Errorf("label %d has %d pieces", table.Label, pieces)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("labels %v, want %v", got, c.want)
		}
	}
	if _, err := folder.MeasureVessels(t.Context(), "a", volumes("labels"), folder.Labels{}, 0); !errors.Is(err, metrics.ErrNotBinary) {
		t.Errorf("labels as a mask: %v", err)
	}
	if tables, err := folder.MeasureVessels(t.Context(), "a", volumes("empty"), folder.Labels{}, 0); err != nil || len(tables) != 1 || len(tables[0].Components) != 0 {
		t.Errorf("%+v, %v", tables, err)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	p := folder.Pair{Case: "a", Reference: volumes("mask"), Prediction: volumes("mask")}
	ours := []string{metrics.Minivess}
	for name, c := range map[string]struct {
		options folder.Options
		want    error
	}{
		"threshold":            {folder.Options{Threshold: 2}, folder.ErrOption},
		"judged labels":        {folder.Options{Judged: []string{"brier"}}, folder.ErrOption},
		"many probabilities":   {folder.Options{Probabilities: true, Labels: folder.Labels{All: true}}, folder.ErrOption},
		"two to ignore":        {folder.Options{Probabilities: true, Labels: folder.Labels{Ignore: []uint8{2, 3}}}, folder.ErrOption},
		"bins":                 {folder.Options{Bins: -1}, folder.ErrOption},
		"memory":               {folder.Options{Memory: -1}, folder.ErrOption},
		"background":           {folder.Options{Labels: folder.Labels{List: []uint8{0}}}, metrics.ErrLabel},
		"twice":                {folder.Options{Labels: folder.Labels{List: []uint8{1, 1}}}, metrics.ErrLabel},
		"scored and ignored":   {folder.Options{Labels: folder.Labels{List: []uint8{1}, Ignore: []uint8{1}}}, metrics.ErrLabel},
		"vessels":              {folder.Options{Vessels: []string{"dice"}}, metrics.ErrMetric},
		"metric":               {folder.Options{Definitions: ours, Mask: metrics.Options{Metrics: []string{"dcie"}}}, metrics.ErrMetric},
		"definition":           {folder.Options{Definitions: []string{"nope"}}, metrics.ErrDefinition},
		"tolerance":            {folder.Options{Definitions: ours, Mask: metrics.Options{Tolerance: math.NaN()}}, metrics.ErrTolerance},
		"connectivity":         {folder.Options{Definitions: ours, Mask: metrics.Options{Connectivity: 7}}, metrics.ErrParameter},
		"probabilities judged": {folder.Options{Probabilities: true, Judged: []string{"dice"}}, probability.ErrMetric},
	} {
		if _, err := folder.Score(t.Context(), p, c.options); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if name == "probabilities judged" {
			continue // which is found with the first pair
		}
		if _, err := folder.Run(t.Context(), []folder.Pair{p}, c.options, nil); !errors.Is(err, c.want) {
			t.Errorf("%s, of folders: %v, want %v", name, err, c.want)
		}
	}
}
