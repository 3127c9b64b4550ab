// Package instances compares two masks piece by piece: which pieces (lesions,
// vessels, nuclei) of the reference were found, which of the prediction's are
// right, and how well the matched ones agree. Voxel-wise overlap belongs to the
// package metrics.
package instances

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/minivess/minivess/engine/metrics/topology"
)

// The errors of Match; an unusable mask is topology.ErrInput.
var (
	// ErrThreshold says that the threshold is not in (0, 1].
	ErrThreshold = errors.New("instances: unusable threshold")
	// ErrMatching says that there is no such way of matching.
	ErrMatching = errors.New("instances: unknown matching")
)

// Matching says which pieces count as the same.
type Matching string

// The ways of matching.
const (
	// Greedy pairs one to one, from the greatest IoU down, those whose IoU is at
	// least the threshold, as panoptica's NaiveThresholdMatching does. Above a
	// threshold of a half no piece has two candidates.
	Greedy Matching = "greedy"
	// Optimal pairs one to one so that the sum of IoUs is the greatest, among
	// pairs whose IoU is at least the threshold, as panoptica's
	// MaxBipartiteMatching does.
	Optimal Matching = "optimal"
	// Overlap counts a piece as found, or right, if it shares a voxel with any
	// piece of the other mask. Several pieces may share one; the threshold is
	// not looked at.
	Overlap Matching = "overlap"
)

// DefaultThreshold is the IoU from which pieces match, as in the definition of
// panoptic quality (Kirillov et al., CVPR 2019) and in panoptica.
const DefaultThreshold = 0.5

// Options says how pieces are matched. The zero value is panoptica's default,
// with pieces that may touch by a corner.
type Options struct {
	// Matching is the way of matching; "" means Greedy.
	Matching Matching
	// Threshold is the least IoU of a pair, in (0, 1]; 0 means DefaultThreshold.
	Threshold float64
	// Connectivity says which voxels belong to one piece; 0 means
	// topology.Corners, 26 neighbours.
	Connectivity topology.Connectivity
	// Threads bounds the goroutines used; 0 means GOMAXPROCS.
	Threads int
}

// Pair is a piece of the reference and one of the prediction that share
// voxels, both numbered from 1 in the order of their first voxels.
type Pair struct {
	Reference  int     `json:"reference"`
	Prediction int     `json:"prediction"`
	Voxels     int     `json:"voxels"` // in both
	IoU        float64 `json:"iou"`    // intersection over union
}

// Result says what was found and how well. Two masks without a piece agree
// perfectly: every share is 1. If one has none, every share is 0; so are shares
// of nothing, such as the precision of a prediction without pieces.
type Result struct {
	ReferencePieces  int `json:"reference_pieces"`
	PredictionPieces int `json:"prediction_pieces"`
	// Found is how many pieces of the reference are matched, Right how many of
	// the prediction; they are the same number but under Overlap.
	Found int `json:"found"`
	Right int `json:"right"`

	Precision float64 `json:"precision"` // Right / PredictionPieces
	Recall    float64 `json:"recall"`    // Found / ReferencePieces
	F1        float64 `json:"f1"`        // harmonic mean of the two: recognition quality (RQ)
	// Segmentation is the mean IoU of Pairs (SQ), Panoptic the product of it
	// with F1 (PQ).
	Segmentation float64 `json:"segmentation_quality"`
	Panoptic     float64 `json:"panoptic_quality"`

	// Pairs are the matched pairs, in the order of the reference's pieces and
	// then of the prediction's; under Overlap, all that share a voxel.
	Pairs []Pair `json:"pairs"`
}

// Match finds the connected pieces of both masks (0 or 1, shape (x, y, z),
// x fastest) and pairs them. Time is linear in the voxels, memory proportional
// to the runs of voxels along x and to the pieces that touch each other.
func Match(ctx context.Context, ref, pred []uint8, shape [3]int, o Options) (Result, error) {
	o, err := o.resolve()
	if err != nil {
		return Result{}, err
	}
	var a, b *topology.Pieces
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(o.Threads)
	group.Go(func() (err error) {
		a, err = topology.LabelBy(gctx, ref, shape, o.Connectivity)
		return wrap("reference", err)
	})
	group.Go(func() (err error) {
		b, err = topology.LabelBy(gctx, pred, shape, o.Connectivity)
		return wrap("prediction", err)
	})
	if err := group.Wait(); err != nil {
		return Result{}, err
	}
	pairs := touching(a, b)
	switch o.Matching {
	case Greedy:
		pairs = greedy(pairs, o.Threshold)
	case Optimal:
		pairs = optimal(pairs, o.Threshold)
	case Overlap: // all of them
	}
	return score(pairs, a.Number, b.Number), nil
}

func wrap(role string, err error) error {
	if err != nil {
		return fmt.Errorf("instances: the %s: %w", role, err)
	}
	return nil
}

func (o Options) resolve() (Options, error) {
	switch o.Matching {
	case "":
		o.Matching = Greedy
	case Greedy, Optimal, Overlap:
	default:
		return o, fmt.Errorf("%w %q; choose %s, %s or %s", ErrMatching, string(o.Matching), Greedy, Optimal, Overlap)
	}
	if o.Threshold == 0 {
		o.Threshold = DefaultThreshold
	}
	if !(o.Threshold > 0 && o.Threshold <= 1) {
		return o, fmt.Errorf("%w: an IoU of %g; it must be above 0 and at most 1", ErrThreshold, o.Threshold)
	}
	if o.Connectivity == 0 {
		o.Connectivity = topology.Corners
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	return o, nil
}

func score(pairs []Pair, references, predictions int) Result {
	r := Result{ReferencePieces: references, PredictionPieces: predictions, Pairs: pairs}
	if references+predictions == 0 {
		r.Precision, r.Recall, r.F1, r.Segmentation, r.Panoptic = 1, 1, 1, 1, 1
		return r
	}
	if len(pairs) == 0 {
		return r
	}
	found, right := map[int]bool{}, map[int]bool{}
	for _, p := range pairs {
		found[p.Reference], right[p.Prediction] = true, true
		r.Segmentation += p.IoU
	}
	r.Found, r.Right = len(found), len(right)
	r.Precision = float64(r.Right) / float64(predictions)
	r.Recall = float64(r.Found) / float64(references)
	r.F1 = 2 * r.Precision * r.Recall / (r.Precision + r.Recall)
	r.Segmentation /= float64(len(pairs))
	r.Panoptic = r.Segmentation * r.F1
	return r
}
