package train

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/infer"
	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/probability"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/train/patches"
	"github.com/minivess/minivess/engine/volume"
)

// judge scores predictions. It knows nothing of networks or files.
type judge struct {
	split         string
	first         string   // of what is asked for, by which volumes rank
	masks         []string // metrics of masks
	probabilities []string // metrics of probabilities
	tolerance     float64
	classes       int
	choice        metrics.LabelChoice
	ignore        *uint8
	threads       int
}

// predicted is a volume with what the network says of it; arrays are in C
// order.
type predicted struct {
	ref    runs.VolumeRef
	shape  [3]int
	header *volume.Header
	truth  []uint8
	labels []uint8
	// foreground is the probability of not being background, of two classes; of
	// more, classes has those of each. Both are nil unless they are to be judged.
	foreground []float32
	classes    [][]float32
}

// newJudge checks what is to be measured.
func newJudge(request runs.EvaluateSpec, e config.Experiment) (judge, error) {
	if len(request.Metrics) == 0 {
		request.Metrics = defaultMetrics()
	}
	names, err := metrics.Expand(request.Metrics...)
	if err != nil {
		return judge{}, fmt.Errorf("%w: %w", ErrBadSpec, err)
	}
	j := judge{
		split: request.Split, first: names[0], tolerance: cmp.Or(request.Tolerance, metrics.DefaultTolerance), classes: e.Model.OutChannels,
		ignore: request.Ignore, threads: e.Threads,
	}
	for _, name := range names {
		if metrics.OfProbabilities(name) {
			j.probabilities = append(j.probabilities, name)
		} else {
			j.masks = append(j.masks, name)
		}
	}
	if request.Ignore != nil {
		if *request.Ignore == 0 {
			return judge{}, fmt.Errorf("%w: evaluate.ignore is 0, the background; name the label of voxels that are not judged, 1 to 255", ErrBadSpec)
		}
		j.choice.Ignore = []uint8{*request.Ignore}
	}
	for class := 1; class < j.classes; class++ {
		if label := uint8(class); !slices.Contains(j.choice.Ignore, label) {
			j.choice.Labels = append(j.choice.Labels, label)
		}
	}
	if len(j.choice.Labels) == 0 {
		return judge{}, fmt.Errorf("%w: evaluate.ignore is %d, the network's only label: nothing is left to judge", ErrBadSpec, *request.Ignore)
	}
	return j, nil
}

// metrics lists what is measured.
func (j judge) metrics() []string { return slices.Concat(j.masks, j.probabilities) }

// memory is what a prediction takes from when it is made until it is scored.
func (j judge) memory(shape [3]int) int64 {
	return metrics.JudgingMemory(shape, j.classes, j.metrics(), metrics.Options{Tolerance: j.tolerance, Threads: j.threads})
}

// labels predicts a normalised image, once for labels and probabilities.
func (j judge) labels(ctx context.Context, p *predicted, image []float32, o infer.Options, net infer.Predictor) (err error) {
	switch {
	case len(j.probabilities) == 0:
		p.labels, err = infer.Labels(ctx, image, p.shape, o, j.classes, net)
	case j.classes == 2:
		p.labels, p.foreground, err = infer.Probabilities(ctx, image, p.shape, o, j.classes, net)
	default:
		var logits []float32
		if logits, err = infer.SlidingWindow(ctx, image, p.shape, o, j.classes, net); err == nil {
			p.labels, p.classes = softmax(logits, j.classes)
		}
	}
	return err
}

// softmax turns the logits of all classes, one after the other, into
// probabilities in their place, and gives each voxel's likeliest class, the
// lowest on a tie.
func softmax(logits []float32, classes int) (labels []uint8, probabilities [][]float32) {
	n := len(logits) / classes
	labels, probabilities = make([]uint8, n), make([][]float32, classes)
	for c := range probabilities {
		probabilities[c] = logits[c*n:][:n]
	}
	terms := make([]float64, classes)
	for i := range n {
		highest := logits[i]
		for c := 1; c < classes; c++ {
			if v := probabilities[c][i]; v > highest {
				highest, labels[i] = v, uint8(c)
			}
		}
		sum := 0.0
		for c := range terms {
			terms[c] = math.Exp(float64(probabilities[c][i] - highest))
			sum += terms[c]
		}
		for c, t := range terms {
			probabilities[c][i] = float32(t / sum)
		}
	}
	return labels, probabilities
}

// score compares a prediction with its reference; pred and truth are its label
// maps in the file's order.
func (j judge) score(ctx context.Context, p predicted, truth, pred []uint8) (runs.Case, error) {
	c := j.blank(p.ref)
	if len(j.masks) > 0 {
		o := metrics.Options{Spacing: p.header.Spacing(), Unit: p.header.Unit(), Tolerance: j.tolerance, Metrics: j.masks, Threads: j.threads}
		c.Unit = o.Unit
		r, err := metrics.EvaluateLabels(ctx, metrics.LabelMap{Shape: p.shape, Data: truth}, metrics.LabelMap{Shape: p.shape, Data: pred}, j.choice, o)
		if err != nil {
			return c, err
		}
		j.addLabels(&c, r)
	}
	if len(j.probabilities) == 0 {
		return c, nil
	}
	r, err := j.confidence(ctx, p)
	if err != nil {
		return c, err
	}
	for name, v := range r.Values {
		if finite(v) {
			c.Values[name] = runs.Number(v)
		} else {
			c.Excluded[name] = cmp.Or(r.Excluded[name], "undefined")
		}
	}
	return c, nil
}

// confidence scores the probabilities.
func (j judge) confidence(ctx context.Context, p predicted) (probability.Result, error) {
	o := probability.Options{Metrics: j.probabilities, Ignore: j.ignore, Threads: j.threads}
	if p.classes == nil {
		return probability.Evaluate(ctx, p.foreground, p.truth, o)
	}
	return probability.EvaluateClasses(ctx, p.classes, p.truth, o)
}

// blank is a case without scores.
func (j judge) blank(ref runs.VolumeRef) runs.Case {
	return runs.Case{
		Volume: ref.ID, Split: j.split, Definition: metrics.Minivess, Unit: ref.Unit, Tolerance: j.tolerance,
		Values: map[string]runs.Number{}, Excluded: map[string]string{}, ByPolicy: map[string]string{},
	}
}

// addLabels files the scores of labels and their means. A metric is excluded
// from the volume when no label has a value of it.
func (j judge) addLabels(c *runs.Case, r metrics.LabelResults) {
	c.IgnoredVoxels = r.IgnoredVoxels
	for name, v := range r.Mean {
		c.Values[name] = runs.Number(v)
	}
	for _, l := range r.Labels {
		scores := runs.CaseLabel{Label: int(l.Label), Values: map[string]runs.Number{}, Excluded: map[string]string{}, ByPolicy: l.Result.ByPolicy}
		for _, name := range j.masks {
			v, ok := l.Result.Values[name]
			if ok && finite(v) {
				scores.Values[name] = runs.Number(v)
				continue
			}
			scores.Excluded[name] = cmp.Or(l.Result.Excluded[name], "undefined")
			if _, some := r.Mean[name]; !some {
				c.Excluded[name] = j.joined(c.Excluded[name], l.Label, scores.Excluded[name])
			}
		}
		for name, why := range l.Result.ByPolicy {
			c.ByPolicy[name] = j.joined(c.ByPolicy[name], l.Label, why)
		}
		c.Labels = append(c.Labels, scores)
	}
}

// joined adds a label's reason to those before it.
func (j judge) joined(before string, label uint8, why string) string {
	if len(j.choice.Labels) == 1 {
		return why
	}
	return strings.TrimPrefix(fmt.Sprintf("%s; label %d: %s", before, label, why), "; ")
}

// failed is the case of a volume that could not be judged: every metric of it is
// excluded, so that no mean passes over it in silence.
func (j judge) failed(ref runs.VolumeRef, err error) runs.Case {
	f := explain(err)
	c := j.blank(ref)
	c.Failure = &runs.CaseFailure{Code: f.Code, Error: f.Error, Hint: f.Hint}
	why := "not judged: " + f.Error
	for _, name := range j.metrics() {
		c.Excluded[name] = why
	}
	for _, label := range j.choice.Labels {
		l := runs.CaseLabel{Label: int(label), Excluded: map[string]string{}}
		for _, name := range j.masks {
			l.Excluded[name] = why
		}
		c.Labels = append(c.Labels, l)
	}
	return c
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// inFileOrder copies a label map from C order to the file's order.
func inFileOrder(labels []uint8, shape [3]int) []uint8 {
	out := make([]uint8, len(labels))
	patches.FromC(out, labels, shape)
	return out
}
