// Package collect reads what an evaluation left in its run folder (the
// journal, the predicted volumes, and the images that they are of) into what
// package report shows. It computes no scores and writes nothing.
package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/report"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
)

var (
	// ErrNoScores says that a run has not been evaluated, or that its evaluation
	// has no scores yet.
	ErrNoScores = errors.New("the run has no scores of single volumes")
	// ErrNotEvaluation says that a run is of another kind.
	ErrNotEvaluation = errors.New("the run is no evaluation")
)

// Options tunes Evaluation; the zero value draws no pictures.
type Options struct {
	// Pictures is for how many of the worst volumes pictures are drawn.
	Pictures int
	Picture  report.PictureOptions
	// Progress, if not nil, is told how many of the pictures are drawn.
	Progress func(done, total int)
}

// Evaluation reads the evaluation job, a run of runs.KindEvaluate, which may
// still be at work: whatever its journal says so far is taken. A picture that
// cannot be drawn, because a file is gone or has changed since, is a note and
// no error. The error wraps ErrNoScores, ErrNotEvaluation or that of the
// journal, unless ctx ended.
func Evaluation(ctx context.Context, ws *workspace.Workspace, job runs.Run, o Options) (report.Evaluation, error) {
	if job.Spec.Kind != runs.KindEvaluate || job.Spec.Evaluate == nil {
		return report.Evaluation{}, fmt.Errorf("%w: %s is of the kind %q", ErrNotEvaluation, job.ID(), job.Spec.Kind)
	}
	found, err := read(job)
	if err != nil {
		return report.Evaluation{}, err
	}
	e := about(ws, job)
	found.fill(&e, job.Spec)
	return e, found.illustrate(ctx, &e, job, o)
}

// about says what was judged, by what and when.
func about(ws *workspace.Workspace, job runs.Run) report.Evaluation {
	asked := *job.Spec.Evaluate
	e := report.Evaluation{
		Run: asked.Run, Job: job.ID(), Model: job.Spec.Model,
		Dataset: job.Spec.Dataset.Name, DatasetDigest: job.Spec.Dataset.Digest, Split: cmp.Or(asked.Split, "test"),
		Checkpoint: filepath.Base(asked.Checkpoint), Step: max(job.LastStep, job.Worker.Step), Epoch: job.Epoch, Made: job.Seen,
	}
	if !job.Ended.IsZero() {
		e.Made = job.Ended
	}
	trained, err := runs.Load(ws, asked.Run)
	if err != nil {
		e.Notes = append(e.Notes, fmt.Sprintf("The run that was judged cannot be read any more: %v", err))
		return e
	}
	e.Name, e.Model = trained.Spec.Name, cmp.Or(trained.Spec.Model, e.Model)
	for _, c := range trained.Checkpoints {
		// One of another step was written over the one that was judged.
		if filepath.Join(trained.Dir, filepath.FromSlash(c.Path)) == filepath.Clean(asked.Checkpoint) && c.Step == e.Step {
			e.Checkpoint, e.CheckpointDigest, e.Epoch = c.Path, c.SHA256, c.Epoch
		}
	}
	return e
}

// record is what a journal says of one volume.
type record struct {
	scores     runs.Case
	prediction runs.Artifact // without a path when none was saved
}

// records are those of all volumes, in the journal's order.
type records struct {
	order []string
	of    map[string]record
}

// read takes the last record of each volume; a prediction's stands before its
// scores.
func read(job runs.Run) (records, error) {
	out := records{of: map[string]record{}}
	var last runs.Artifact
	for rec, err := range journal.Read(filepath.Join(job.Dir, runs.EventsFile), 0) {
		if errors.Is(err, fs.ErrNotExist) {
			break // queued a moment ago
		}
		if err != nil {
			return out, fmt.Errorf("scores of evaluation %s: %w", job.ID(), err)
		}
		switch rec.Kind {
		case runs.EventArtifact:
			var a runs.Artifact
			if err := rec.Decode(&a); err != nil {
				return out, fmt.Errorf("scores of evaluation %s: event %d: %w", job.ID(), rec.Seq, err)
			}
			if a.Role == rolePrediction {
				last = a
			}
		case runs.EventCase:
			var c runs.Case
			if err := rec.Decode(&c); err != nil {
				return out, fmt.Errorf("scores of evaluation %s: event %d: %w", job.ID(), rec.Seq, err)
			}
			if _, known := out.of[c.Volume]; !known {
				out.order = append(out.order, c.Volume)
			}
			out.of[c.Volume] = record{c, last}
			last = runs.Artifact{}
		}
	}
	if len(out.order) == 0 {
		return out, fmt.Errorf("%w: evaluation %s is %s", ErrNoScores, job.ID(), job.State)
	}
	return out, nil
}

// rolePrediction is the role of a predicted label volume among the artifacts.
const rolePrediction = "prediction"

// fill takes the scores over, and says how they were computed and what is
// missing.
func (r records) fill(e *report.Evaluation, spec runs.Spec) {
	asked := *spec.Evaluate
	e.Scoring = report.Scoring{Definition: metrics.Minivess, Empty: string(metrics.EmptyPenalise), Tolerance: cmp.Or(asked.Tolerance, metrics.DefaultTolerance)}
	var units []string
	for _, volume := range r.order {
		found := r.of[volume].scores
		ref, _ := volumeOf(spec, volume)
		c := report.Case{Volume: volume, Shape: ref.Shape, Spacing: ref.Spacing, Scores: scores(found.Values, found.Excluded, found.ByPolicy)}
		for _, l := range found.Labels {
			c.Labels = append(c.Labels, report.LabelScores{Label: l.Label, Scores: scores(l.Values, l.Excluded, l.ByPolicy)})
		}
		if found.Failure != nil {
			c.Failure = found.Failure.Error
		}
		e.Cases = append(e.Cases, c)
		e.Scoring.Definition = cmp.Or(found.Definition, e.Scoring.Definition)
		e.Scoring.Tolerance = cmp.Or(found.Tolerance, e.Scoring.Tolerance)
		if unit := cmp.Or(found.Unit, ref.Unit); !slices.Contains(units, unit) {
			units = append(units, unit)
		}
	}
	if names, err := metrics.Expand(asked.Metrics...); err == nil { // else all that occur are shown
		e.Metrics = measured(names, e.Cases)
	}
	e.Scoring.Unit = units[0]
	if len(units) > 1 {
		e.Notes = append(e.Notes, fmt.Sprintf("The volumes' headers state lengths in different units (%q): distances are not comparable, nor is their mean.", units))
	}
	held := 0
	for _, ref := range spec.Dataset.Volumes {
		if ref.Split == e.Split {
			held++
		}
	}
	if n := held - len(e.Cases); n > 0 {
		e.Notes = append(e.Notes, fmt.Sprintf("The evaluation is not complete: %d of the split's %d volumes have no scores yet.", n, held))
	}
}

// measured keeps the metrics that occur; none are an invitation to show all
// that do.
func measured(names []string, all []report.Case) []string {
	return slices.DeleteFunc(names, func(name string) bool {
		return !slices.ContainsFunc(all, func(c report.Case) bool {
			_, has := c.Values[name]
			_, lacks := c.Excluded[name]
			return has || lacks
		})
	})
}

func scores(values map[string]runs.Number, excluded, byPolicy map[string]string) report.Scores {
	s := report.Scores{Values: make(map[string]float64, len(values)), Excluded: excluded, ByPolicy: byPolicy}
	for name, v := range values {
		s.Values[name] = float64(v)
	}
	return s
}

func volumeOf(spec runs.Spec, id string) (runs.VolumeRef, bool) {
	i := slices.IndexFunc(spec.Dataset.Volumes, func(v runs.VolumeRef) bool { return v.ID == id })
	if i < 0 {
		return runs.VolumeRef{ID: id}, false
	}
	return spec.Dataset.Volumes[i], true
}
