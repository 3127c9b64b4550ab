// Package report shows how well segmentations agree with their references:
// pictures of a volume with both outlines and the errors, and HTML files that
// hold everything a reader needs, open without a network and say no more than
// so many volumes allow. How a volume is scored belongs to engine/metrics, what
// the scores of several allow to say to engine/metrics/cases; which files a run
// left, and where, to engine/report/collect.
package report

import "errors"

// What can be wrong with the input of Picture, WriteHTML and WriteComparison.
var (
	ErrShape   = errors.New("report: the volume and its masks do not fit together")
	ErrSpacing = errors.New("report: unusable spacing")
	ErrOptions = errors.New("report: unusable options")
	ErrEmpty   = errors.New("report: there is nothing to report")
)
