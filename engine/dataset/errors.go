package dataset

import (
	"errors"
	"fmt"
	"strings"
)

// The kinds of failure, for errors.Is.
var (
	// ErrNotFound means that the catalogue has no dataset of that name.
	ErrNotFound = errors.New("unknown dataset")
	// ErrExists means that the name is taken by other contents.
	ErrExists = errors.New("dataset exists")
	// ErrName means a name that cannot be one.
	ErrName = errors.New("invalid dataset name")
	// ErrLayout means that the folder is not laid out as it should be.
	ErrLayout = errors.New("unknown dataset layout")
	// ErrPath means a path that leaves the dataset's folder.
	ErrPath = errors.New("path leaves the dataset")
	// ErrMismatch means that a label does not match its image.
	ErrMismatch = errors.New("label does not match its image")
	// ErrEmpty means that no volume is left.
	ErrEmpty = errors.New("dataset has no volumes")
	// ErrSplit means a split that cannot be made.
	ErrSplit = errors.New("split is not possible")
)

// NotFoundError says which names there are instead.
type NotFoundError struct {
	Name       string
	Candidates []string // all names of the catalogue, sorted
}

// Error names the dataset and what could have been meant.
func (e *NotFoundError) Error() string {
	if len(e.Candidates) == 0 {
		return fmt.Sprintf("%v %q: there is no dataset yet; import one or make a synthetic one", ErrNotFound, e.Name)
	}
	return fmt.Sprintf("%v %q: there are %s", ErrNotFound, e.Name, strings.Join(e.Candidates, ", "))
}

// Unwrap makes errors.Is(err, ErrNotFound) hold.
func (e *NotFoundError) Unwrap() error { return ErrNotFound }

// MismatchError describes a label that does not match its image.
type MismatchError struct {
	Image, Label               string // relative to the dataset's root
	ImageShape, LabelShape     [3]int
	ImageSpacing, LabelSpacing [3]float64
	ImageUnit, LabelUnit       string
	Reason                     string // a sentence
	Mismatched, Total          int    // how many of the dataset's volumes
}

// Error puts the two files side by side and says what to do.
func (e *MismatchError) Error() string {
	image, label := shown(e.Image), shown(e.Label)
	width := max(len(image), len(label))
	return fmt.Sprintf("%v\n  image  %-*s  %s\n  label  %-*s  %s\n  %s Fix the file, or import with --skip-mismatched (%d of %d would be left out).",
		ErrMismatch,
		width, image, geometry(e.ImageShape, e.ImageSpacing, e.ImageUnit),
		width, label, geometry(e.LabelShape, e.LabelSpacing, e.LabelUnit),
		e.Reason, e.Mismatched, e.Total)
}

// Unwrap makes errors.Is(err, ErrMismatch) hold.
func (e *MismatchError) Unwrap() error { return ErrMismatch }

func geometry(shape [3]int, spacing [3]float64, unit string) string {
	return formatShape(shape) + "  " + formatSpacing(spacing, unit)
}

func formatShape(s [3]int) string {
	return fmt.Sprintf("%d×%d×%d", s[0], s[1], s[2])
}

func formatSpacing(s [3]float64, unit string) string {
	if unit == "um" {
		unit = "µm"
	}
	return strings.TrimSpace(fmt.Sprintf("%.2f×%.2f×%.2f %s", s[0], s[1], s[2], unit))
}

// shown gives a name as it can be printed: quoted if it holds anything that a
// terminal would act on.
func shown(name string) string {
	if q := fmt.Sprintf("%q", name); q != `"`+name+`"` {
		return q
	}
	return name
}
