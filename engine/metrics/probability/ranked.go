package probability

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/minivess/minivess/engine/metrics/internal/rows"
)

// ranked computes what depends on the order of the voxels.
func (e *evaluation) ranked(ctx context.Context) error {
	if e.wants(AUROC, AveragePrecision) {
		if err := e.separation(ctx); err != nil {
			return err
		}
	}
	if e.wants(UncertaintyAUROC, UncertaintySpearman) {
		if err := e.checkUncertainty(ctx); err != nil {
			return err
		}
		return e.hindsight(ctx)
	}
	return nil
}

// separation computes how well probabilities tell classes apart.
func (e *evaluation) separation(ctx context.Context) error {
	var area, precision, judged float64
	var left []string
	for c, probabilities := range e.probabilities {
		positive := c
		if !e.several {
			positive = 1
		}
		if p := e.result.Labels[positive]; p == 0 || p == e.result.Voxels {
			left = append(left, fmt.Sprint(positive))
			continue
		}
		r, err := rank(ctx, len(e.reference), e.threads, e.classKeys(probabilities, positive), false)
		if err != nil {
			return err
		}
		area += r.auroc()
		precision += r.precision / float64(r.positives)
		judged++
	}
	if judged == 0 {
		e.set(AUROC, math.NaN())
		e.set(AveragePrecision, math.NaN())
		e.exclude("undefined: every voxel of the reference is of one class", AUROC, AveragePrecision)
		return nil
	}
	e.set(AUROC, area/judged)
	e.set(AveragePrecision, precision/judged)
	if len(left) > 0 {
		e.exclude("without the classes that the reference lacks: "+strings.Join(left, ", "), AUROC, AveragePrecision)
	}
	return nil
}

// hindsight computes whether voxels are uncertain where they are wrong.
func (e *evaluation) hindsight(ctx context.Context) error {
	r, err := rank(ctx, len(e.reference), e.threads, e.doubtKeys(), e.wants(UncertaintySpearman))
	if err != nil {
		return err
	}
	e.set(UncertaintyAUROC, math.NaN())
	e.set(UncertaintySpearman, math.NaN())
	switch {
	case r.positives == 0:
		e.exclude("undefined: every voxel is right", UncertaintyAUROC, UncertaintySpearman)
		return nil
	case r.negatives == 0:
		e.exclude("undefined: every voxel is wrong", UncertaintyAUROC, UncertaintySpearman)
		return nil
	}
	e.set(UncertaintyAUROC, r.auroc())
	if !e.wants(UncertaintySpearman) {
		return nil
	}
	rho := r.spearman()
	e.set(UncertaintySpearman, rho)
	if math.IsNaN(rho) {
		e.exclude("undefined: every voxel is as uncertain as the others", UncertaintySpearman)
	}
	return nil
}

// classKeys orders voxels by a class's probability; those of the class are the
// positives.
func (e *evaluation) classKeys(probabilities []float32, class int) keys {
	return func(from, to int, out []uint32) int {
		n := 0
		of := probabilities[from:to]
		for i, label := range e.reference[from:to] {
			if int(label) != e.ignore {
				out[n] = key(of[i], int(label) == class)
				n++
			}
		}
		return n
	}
}

// doubtKeys orders voxels by uncertainty; those that are wrong are the
// positives.
func (e *evaluation) doubtKeys() keys {
	return func(from, to int, out []uint32) int {
		n := 0
		for i, label := range e.reference[from:to] {
			if int(label) != e.ignore {
				out[n] = key(e.doubt(from+i), e.wrong(from+i, label))
				n++
			}
		}
		return n
	}
}

// doubt is a voxel's uncertainty. For two classes the lesser probability stands
// in for the entropy, which orders voxels alike but, computed, makes some equal
// that are not.
func (e *evaluation) doubt(voxel int) float32 {
	switch {
	case e.uncertainty != nil:
		return e.uncertainty[voxel]
	case !e.several:
		p := e.probabilities[0][voxel]
		if p > 0.5 {
			return 1 - p
		}
		return p
	}
	var entropy float64
	for _, probabilities := range e.probabilities {
		if p := float64(probabilities[voxel]); p > 0 {
			entropy -= p * math.Log(p)
		}
	}
	return float32(entropy)
}

func (e *evaluation) wrong(voxel int, label uint8) bool {
	if e.several {
		return e.likeliest(voxel) != int(label)
	}
	return (e.probabilities[0][voxel] >= 0.5) != (label == 1)
}

func (e *evaluation) checkUncertainty(ctx context.Context) error {
	return rows.Each(ctx, len(e.uncertainty), 1<<16, e.threads, func(from, to int) error {
		for i, u := range e.uncertainty[from:to] {
			if int(e.reference[from+i]) != e.ignore && !(u >= 0 && u <= math.MaxFloat32) {
				return fmt.Errorf("%w: uncertainty %g at voxel %d; it is at least 0 and finite", ErrUncertainty, u, from+i)
			}
		}
		return nil
	})
}

func (r ranks) auroc() float64 {
	return float64(r.twiceArea) / 2 / float64(r.positives) / float64(r.negatives)
}

// spearman is the correlation of mid-ranks with the truth, NaN when all values
// are equal. With a truth of only two values it follows from the same count of
// pairs as the AUROC, and from the ties.
func (r ranks) spearman() float64 {
	if r.groups == 1 {
		return math.NaN()
	}
	n, p := float64(r.positives+r.negatives), float64(r.positives)
	share := p / n
	covariance := share * (float64(r.twiceArea)/2/p + (p-n)/2)
	variance := (n*n - 1 - r.ties/n) / 12
	return covariance / math.Sqrt(variance*share*(1-share))
}
