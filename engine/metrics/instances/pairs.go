package instances

import (
	"cmp"
	"slices"

	"github.com/minivess/minivess/engine/metrics/topology"
)

// touching lists the pairs of pieces that share voxels, in the order of the
// reference's pieces and then of the prediction's.
func touching(ref, pred *topology.Pieces) []Pair {
	sizes := [2][]int{make([]int, ref.Number+1), make([]int, pred.Number+1)}
	shared := map[[2]int]int{}
	a, b := ref.Cursor(), pred.Cursor()
	p, okA := a.Next()
	q, okB := b.Next()
	for okA || okB {
		if okA && okB {
			if n := min(p.To, q.To) - max(p.From, q.From); n > 0 {
				shared[[2]int{p.Piece, q.Piece}] += n
			}
		}
		if okA && (!okB || p.To <= q.To) {
			sizes[0][p.Piece] += p.To - p.From
			p, okA = a.Next()
		} else {
			sizes[1][q.Piece] += q.To - q.From
			q, okB = b.Next()
		}
	}
	pairs := make([]Pair, 0, len(shared))
	for who, n := range shared {
		union := sizes[0][who[0]] + sizes[1][who[1]] - n
		pairs = append(pairs, Pair{Reference: who[0], Prediction: who[1], Voxels: n, IoU: float64(n) / float64(union)})
	}
	slices.SortFunc(pairs, byPiece)
	return pairs
}

func byPiece(a, b Pair) int {
	return cmp.Or(cmp.Compare(a.Reference, b.Reference), cmp.Compare(a.Prediction, b.Prediction))
}

// greedy keeps the best pair, then the best of pieces not yet taken, and so
// on. Of equal pairs the prediction's first piece comes first, then the
// reference's.
func greedy(pairs []Pair, threshold float64) []Pair {
	slices.SortFunc(pairs, func(a, b Pair) int {
		return cmp.Or(cmp.Compare(b.IoU, a.IoU), cmp.Compare(a.Prediction, b.Prediction), cmp.Compare(a.Reference, b.Reference))
	})
	takenRef, takenPred := map[int]bool{}, map[int]bool{}
	kept := pairs[:0]
	for _, p := range pairs {
		if p.IoU < threshold {
			break
		}
		if takenRef[p.Reference] || takenPred[p.Prediction] {
			continue
		}
		takenRef[p.Reference], takenPred[p.Prediction] = true, true
		kept = append(kept, p)
	}
	slices.SortFunc(kept, byPiece)
	return kept
}
