package probability

import (
	"context"
	"fmt"
	"math"

	"github.com/minivess/minivess/engine/metrics/internal/rows"
)

// part is the sums over one stretch of voxels. Stretches depend on the number
// of voxels alone and are added in their order, so that results do not depend
// on how many goroutines there are.
type part struct {
	squares, logs float64
	labels        [256]int64
	bins          []bin
}

type bin struct {
	voxels               int64
	confidence, accurate float64
}

// stretches bounds the number of parts, and with it the memory for their bins.
const stretches = 256

// pointwise checks every voxel and computes what is a mean over voxels.
func (e *evaluation) pointwise(ctx context.Context) error {
	n := len(e.reference)
	size := max(1<<14, (n+stretches-1)/stretches)
	parts := make([]part, (n+size-1)/size)
	err := rows.Each(ctx, n, size, e.threads, func(from, to int) error {
		p := &parts[from/size]
		p.bins = make([]bin, e.bins)
		if e.several {
			return e.sumClasses(p, from, to)
		}
		return e.sumBinary(p, from, to)
	})
	if err != nil {
		return err
	}
	total := part{bins: make([]bin, e.bins)}
	for i := range parts {
		total.add(&parts[i])
	}
	return e.settle(&total)
}

func (p *part) add(q *part) {
	p.squares += q.squares
	p.logs += q.logs
	for l, n := range q.labels {
		p.labels[l] += n
	}
	for i, b := range q.bins {
		p.bins[i].voxels += b.voxels
		p.bins[i].confidence += b.confidence
		p.bins[i].accurate += b.accurate
	}
}

func (e *evaluation) sumBinary(p *part, from, to int) error {
	wantsLogs, wantsBins := e.wants(NLL), e.wants(ECE, MCE)
	probabilities := e.probabilities[0][from:to]
	for i, label := range e.reference[from:to] {
		v := probabilities[i]
		p.labels[label]++
		if int(label) == e.ignore {
			continue
		}
		if !(v >= 0 && v <= 1) {
			return e.improbable(from+i, 0, v)
		}
		if label > 1 {
			return fmt.Errorf("%w: the reference holds %d at voxel %d; choose the label to judge so that voxels are 0 or 1", ErrLabel, label, from+i)
		}
		y := float64(label)
		d := float64(v) - y
		p.squares += d * d
		if wantsLogs || wantsBins {
			c := clip(v)
			if wantsLogs {
				p.logs -= math.Log(1 - math.Abs(c-y))
			}
			if wantsBins {
				p.confide(c, y)
			}
		}
	}
	return nil
}

func (e *evaluation) sumClasses(p *part, from, to int) error {
	for i := from; i < to; i++ {
		label := int(e.reference[i])
		p.labels[label]++
		if label == e.ignore {
			continue
		}
		if label >= e.classes {
			return fmt.Errorf("%w: the reference holds %d at voxel %d but there are probabilities of %d classes", ErrLabel, label, i, e.classes)
		}
		var sum, squares float64
		for c, probabilities := range e.probabilities {
			v := probabilities[i]
			if !(v >= 0 && v <= 1) {
				return e.improbable(i, c, v)
			}
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
		if math.Abs(sum-1) > SumTolerance {
			return fmt.Errorf("%w: those of voxel %d add up to %g; give them after softmax", ErrProbability, i, sum)
		}
		own := float64(e.probabilities[label][i])
		p.squares += squares + 1 - 2*own
		p.logs -= math.Log(clip(e.probabilities[label][i]))
		best := e.likeliest(i)
		right := 0.0
		if best == label {
			right = 1
		}
		p.confide(clip(e.probabilities[best][i]), right)
	}
	return nil
}

// likeliest is the first of the classes with a voxel's greatest probability.
func (e *evaluation) likeliest(voxel int) int {
	best := 0
	for c := 1; c < e.classes; c++ {
		if e.probabilities[c][voxel] > e.probabilities[best][voxel] {
			best = c
		}
	}
	return best
}

func (e *evaluation) improbable(voxel, class int, v float32) error {
	of := ""
	if e.several {
		of = fmt.Sprintf(" of class %d", class)
	}
	return fmt.Errorf("%w: %g%s at voxel %d; probabilities lie in [0, 1], so apply sigmoid or softmax to logits and look for NaN in the network's output",
		ErrProbability, v, of, voxel)
}

func clip(v float32) float64 { return min(max(float64(v), Epsilon), 1-Epsilon) }

// confide counts a voxel in its bin. Edges are k·(1/bins), rounded, and belong
// to the bin above.
func (p *part) confide(confidence, accurate float64) {
	n := len(p.bins)
	width := 1 / float64(n)
	k := min(int(confidence*float64(n)), n-1)
	if k > 0 && confidence < float64(k)*width {
		k--
	} else if k+1 < n && confidence >= float64(k+1)*width {
		k++
	}
	b := &p.bins[k]
	b.voxels++
	b.confidence += confidence
	b.accurate += accurate
}

// settle turns the sums into values.
func (e *evaluation) settle(p *part) error {
	r := &e.result
	for label, n := range p.labels {
		if label == e.ignore {
			r.Ignored = n
			p.labels[label] = 0
			continue
		}
		r.Voxels += n
	}
	r.Labels = append([]int64(nil), p.labels[:e.classes]...)
	if r.Voxels == 0 {
		return fmt.Errorf("%w: every voxel of the reference is %d, which is to be ignored; there is nothing to judge", ErrLabel, e.ignore)
	}
	n := float64(r.Voxels)
	e.set(Brier, p.squares/n)
	e.set(NLL, p.logs/n)
	if e.wants(ECE, MCE) {
		e.calibrate(p.bins)
	}
	return nil
}

func (e *evaluation) calibrate(bins []bin) {
	var mean, worst float64
	width := 1 / float64(len(bins))
	for k, b := range bins {
		out := Bin{Low: float64(k) * width, High: float64(k+1) * width, Voxels: b.voxels}
		if k+1 == len(bins) {
			out.High = 1
		}
		if b.voxels > 0 {
			out.Confidence = b.confidence / float64(b.voxels)
			out.Accuracy = b.accurate / float64(b.voxels)
			gap := math.Abs(out.Accuracy - out.Confidence)
			mean += gap * float64(b.voxels) / float64(e.result.Voxels)
			worst = max(worst, gap)
		}
		e.result.Bins = append(e.result.Bins, out)
	}
	e.set(ECE, mean)
	e.set(MCE, worst)
}
