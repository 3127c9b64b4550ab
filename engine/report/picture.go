package report

import (
	"cmp"
	"context"
	"fmt"
	"math"
)

// The bounds of PictureOptions.MaxSide.
const (
	leastPicture    = 16
	greatestPicture = 4096
)

// Picture draws the views of a scene that tell most: the slice with the
// greatest area of error, the slice through the largest missed or false piece
// where that is another one, a plane across the slices, and the projection of
// image and errors along z. Rows go down as y, or z, grows. Equal input gives
// equal bytes. It refuses shapes that do not fit, spacings that are not positive
// and options out of range; a scene without structures, with a constant image
// or with values that are not finite is drawn, and Notes say so. Beside the
// scene it needs about two bytes a voxel.
func Picture(ctx context.Context, s Scene, o PictureOptions) (Pictures, error) {
	if err := s.check(); err != nil {
		return Pictures{}, err
	}
	o, err := o.resolve()
	if err != nil {
		return Pictures{}, err
	}
	found, err := classify(ctx, s)
	if err != nil {
		return Pictures{}, err
	}
	p := painter{
		scene: s, found: found, low: o.Low, high: o.High, window: newWindow(s.Image, o.Low, o.High),
		shown: found.crop(o.Margin), side: o.MaxSide,
	}
	out := Pictures{Counts: found.counts, Notes: p.notes()}
	out.Views, err = p.views(ctx)
	return out, err
}

func (s Scene) check() error {
	n := 1
	for _, side := range s.Shape {
		if side < 1 || side > math.MaxInt/n {
			return fmt.Errorf("%w: no volume has the shape %v", ErrShape, s.Shape)
		}
		n *= side
	}
	if len(s.Image) != n || len(s.Reference) != n || len(s.Prediction) != n {
		return fmt.Errorf("%w: shape %v has %d voxels, but the image has %d, the reference %d and the prediction %d",
			ErrShape, s.Shape, n, len(s.Image), len(s.Reference), len(s.Prediction))
	}
	for a, v := range s.Spacing {
		if !(v > 0) || math.IsInf(v, 0) {
			return fmt.Errorf("%w: %g along %c; each must be a positive, finite length, check the file's header", ErrSpacing, v, "xyz"[a])
		}
	}
	return nil
}

func (o PictureOptions) resolve() (PictureOptions, error) {
	o.MaxSide, o.Margin = cmp.Or(o.MaxSide, DefaultMaxSide), cmp.Or(o.Margin, DefaultMargin)
	o.Low, o.High = cmp.Or(o.Low, DefaultLow), cmp.Or(o.High, DefaultHigh)
	if o.MaxSide < leastPicture || o.MaxSide > greatestPicture {
		return o, fmt.Errorf("%w: a longest side of %d pixels; choose from %d to %d", ErrOptions, o.MaxSide, leastPicture, greatestPicture)
	}
	if !(o.Low >= 0 && o.Low < o.High && o.High <= 100) {
		return o, fmt.Errorf("%w: percentiles %g and %g; they go up, from 0 to 100", ErrOptions, o.Low, o.High)
	}
	return o, nil
}

// notes says what the pictures cannot.
func (p *painter) notes() []string {
	var out []string
	if n := p.window.notFinite; n > 0 {
		out = append(out, fmt.Sprintf("voxels of the image that are not finite and drawn black: %d", n))
	}
	if p.window.constant {
		out = append(out, "the image is the same everywhere")
	}
	c := p.found.counts
	switch {
	case c.Agreed+c.Missed+c.False == 0:
		out = append(out, "neither reference nor prediction holds the structure")
	case c.Agreed+c.Missed == 0:
		out = append(out, "the reference is empty: all that is predicted is false")
	case c.Agreed+c.False == 0:
		out = append(out, "the prediction is empty: all is missed")
	}
	if n := p.found.confused; n > 0 {
		out = append(out, fmt.Sprintf("voxels that have one label in the reference and another in the prediction, drawn as agreeing: %d", n))
	}
	return out
}
