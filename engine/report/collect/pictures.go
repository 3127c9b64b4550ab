package collect

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/report"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/volume"
)

// errChanged says that a file is not the one that was judged.
var errChanged = errors.New("the file has changed since it was judged")

// illustrate draws the worst volumes. Those without a prediction are passed
// over, and the next ones drawn.
func (r records) illustrate(ctx context.Context, e *report.Evaluation, job runs.Run, o Options) error {
	var chosen []int
	for _, i := range e.WorstFirst() {
		if len(chosen) < o.Pictures && r.of[e.Cases[i].Volume].prediction.Path != "" && e.Cases[i].Failure == "" {
			chosen = append(chosen, i)
		}
	}
	for done, i := range chosen {
		c := &e.Cases[i]
		p, err := r.draw(ctx, *e, *c, job, o.Picture)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			e.Notes = append(e.Notes, fmt.Sprintf("There are no pictures of %s: %v", c.Volume, err))
		} else {
			c.Pictures = &p
		}
		if o.Progress != nil {
			o.Progress(done+1, len(chosen))
		}
	}
	return nil
}

// draw reads what was judged and draws it.
func (r records) draw(ctx context.Context, e report.Evaluation, c report.Case, job runs.Run, o report.PictureOptions) (report.Pictures, error) {
	ref, ok := volumeOf(job.Spec, c.Volume)
	if !ok {
		return report.Pictures{}, fmt.Errorf("the evaluation's specification has no volume %q", c.Volume)
	}
	prediction := r.of[c.Volume].prediction
	file := filepath.Join(job.Dir, filepath.FromSlash(prediction.Path))
	if !filepath.IsLocal(filepath.FromSlash(prediction.Path)) {
		return report.Pictures{}, fmt.Errorf("%q is no file of the run", prediction.Path)
	}
	for _, pinned := range [][2]string{{file, prediction.SHA256}, {ref.Image, ref.ImageSHA256}, {ref.Label, ref.LabelSHA256}} {
		if err := unchanged(pinned[0], pinned[1]); err != nil {
			return report.Pictures{}, err
		}
	}
	predicted, err := volume.ReadLabels(ctx, file, volume.Limits{})
	if err != nil {
		return report.Pictures{}, err
	}
	truth, err := volume.ReadLabels(ctx, ref.Label, volume.Limits{})
	if err != nil {
		return report.Pictures{}, err
	}
	image, err := volume.Read(ctx, ref.Image, volume.Limits{NonFinite: volume.NonFiniteKeep})
	if err != nil {
		return report.Pictures{}, err
	}
	s := report.Scene{
		Shape: image.Shape, Spacing: image.Spacing, Unit: image.Unit, Image: image.Data,
		Reference: truth.Data, Prediction: predicted.Data, Label: worstLabel(e, c),
	}
	if truth.Shape != image.Shape || predicted.Shape != image.Shape {
		return report.Pictures{}, fmt.Errorf("%w: image %v, reference %v, prediction %v", report.ErrShape, image.Shape, truth.Shape, predicted.Shape)
	}
	leftOut := ignore(s, job.Spec.Evaluate.Ignore)
	p, err := report.Picture(ctx, s, o)
	if s.Label != 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("pictured is label %d, the worst of %d", s.Label, len(c.Labels)))
	}
	if leftOut > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("voxels whose label is not judged, drawn as background: %d", leftOut))
	}
	return p, err
}

// unchanged compares a file with its digest, where there is one.
func unchanged(path, sum string) error {
	if sum == "" {
		return nil
	}
	now, _, err := runs.Digest(path)
	if err != nil {
		return err
	}
	if now != sum {
		return fmt.Errorf("%q: %w", path, errChanged)
	}
	return nil
}

// worstLabel is, of several, the one with the worst value of the first metric,
// and 0 of one.
func worstLabel(e report.Evaluation, c report.Case) uint8 {
	if len(c.Labels) < 2 || len(e.Metrics) == 0 {
		return 0
	}
	metric := e.Metrics[0]
	worst := -1
	for i, l := range c.Labels {
		v, ok := l.Values[metric]
		if !ok {
			continue
		}
		if worst < 0 || (v < c.Labels[worst].Values[metric]) == metrics.HigherIsBetter(metric) && v != c.Labels[worst].Values[metric] {
			worst = i
		}
	}
	if worst < 0 {
		return 0
	}
	return uint8(c.Labels[worst].Label)
}

// ignore makes background of the voxels that are not judged, and counts them.
func ignore(s report.Scene, label *uint8) int {
	n := 0
	for i, v := range s.Reference {
		if label != nil && v == *label {
			s.Reference[i], s.Prediction[i] = 0, 0
			n++
		}
	}
	return n
}
