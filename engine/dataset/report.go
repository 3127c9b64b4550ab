package dataset

import (
	"cmp"
	"slices"
)

// Severity says how bad a finding is.
type Severity string

// An error makes a result wrong or a run fail; a warning deserves a look.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// The codes of findings.
const (
	FindingUnreadable   = "unreadable"
	FindingChanged      = "changed_since_import"
	FindingMismatch     = "label_mismatch"
	FindingNonFinite    = "non_finite"
	FindingConstant     = "constant_image"
	FindingNoForeground = "no_foreground"
	FindingForeground   = "foreground_fraction"
	FindingLabelValues  = "label_values"
	FindingSmall        = "smaller_than_patch"
	FindingDuplicate    = "duplicate_image"
	FindingLeak         = "split_leak"
	FindingSpacing      = "spacing_outlier"
	FindingUnit         = "no_unit"
	FindingAffine       = "affine_disagrees"
	FindingSkipped      = "left_out"
	FindingFew          = "few_volumes"
)

// Finding is one thing that a validation found.
type Finding struct {
	Severity Severity `json:"severity"`
	Code     string   `json:"code"`
	Volume   string   `json:"volume,omitempty"` // ID; empty when it concerns the dataset
	Message  string   `json:"message"`
}

// Report is what Validate found. A dataset is fit when no finding is an error.
type Report struct {
	Dataset    string     `json:"dataset"`
	Digest     string     `json:"digest"`
	Volumes    int        `json:"volumes"`
	Foreground [3]float64 `json:"foreground"` // least, mean and greatest labelled fraction
	Findings   []Finding  `json:"findings"`   // errors first, then by volume and code
}

// OK tells whether nothing is wrong enough to be an error.
func (r Report) OK() bool {
	return !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity == SeverityError })
}

// sort puts errors first and otherwise keeps to volumes and codes.
func (r *Report) sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Volume, b.Volume), cmp.Compare(a.Code, b.Code))
	})
}
