package report

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
)

// layers draws a plane in each of the kinds.
func (p *painter) layers(v View, pl plane, shades window, kinds []string) (View, error) {
	w, h, zoom := pl.size(p.side)
	scaled := pl.scaled(w, h)
	for _, kind := range kinds {
		b, err := scaled.png(kind, shades, zoom, &p.packing)
		if err != nil {
			return v, err
		}
		v.Layers = append(v.Layers, Layer{Kind: kind, Alt: alt(kind, v), Width: w, Height: h, PNG: b})
	}
	return v, nil
}

func alt(kind string, v View) string {
	where := fmt.Sprintf("%s plane, slice %d", v.Plane, v.Slice)
	if v.Slice < 0 {
		where = "projection along z"
	}
	switch kind {
	case LayerOutlines:
		return "outlines of reference and prediction, " + where
	case LayerErrors:
		return "what agrees, is missed and is false, " + where
	}
	return "image, " + where
}

// png draws one layer, columns to the right and rows downwards.
func (p plane) png(kind string, w window, zoom float64, packing *buffer) ([]byte, error) {
	out := image.NewPaletted(image.Rect(0, 0, p.w, p.h), palette(kind == LayerOutlines))
	classes := p.class
	switch kind {
	case LayerImage:
		classes = make([]byte, len(p.class))
	case LayerOutlines:
		classes = p.outlines(zoom)
	}
	for i, v := range p.grey {
		out.Pix[i] = classes[i]*shades + w.shade(v)
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression, BufferPool: packing}).Encode(&b, out); err != nil {
		return nil, fmt.Errorf("report: encode a picture: %w", err)
	}
	return b.Bytes(), nil
}

// buffer lets the pictures of a scene be packed one after the other in the same
// memory.
type buffer struct{ kept *png.EncoderBuffer }

// Get implements png.EncoderBufferPool.
func (b *buffer) Get() *png.EncoderBuffer { return b.kept }

// Put implements png.EncoderBufferPool.
func (b *buffer) Put(used *png.EncoderBuffer) { b.kept = used }

// thick is the zoom from which outlines are two pixels wide.
const thick = 4

// outlines marks the pixels along the inner border of each mask: agreed where
// both have one, missed where only the reference has, false where only the
// prediction has. The edge of the picture is no border.
func (p plane) outlines(zoom float64) []byte {
	width := 1
	if zoom >= thick {
		width = 2
	}
	inReference := func(k byte) bool { return k == agreed || k == missed }
	inPrediction := func(k byte) bool { return k == agreed || k == wrong }
	out := make([]byte, len(p.class))
	for y := range p.h {
		for x := range p.w {
			r, q := p.border(x, y, width, inReference), p.border(x, y, width, inPrediction)
			switch {
			case r && q:
				out[y*p.w+x] = agreed
			case r:
				out[y*p.w+x] = missed
			case q:
				out[y*p.w+x] = wrong
			}
		}
	}
	return out
}

// border reports whether a pixel of a mask lies within width of its outside.
func (p plane) border(x, y, width int, in func(byte) bool) bool {
	if !in(p.class[y*p.w+x]) {
		return false
	}
	for j := max(0, y-width); j <= min(p.h-1, y+width); j++ {
		for i := max(0, x-width); i <= min(p.w-1, x+width); i++ {
			if !in(p.class[j*p.w+i]) {
				return true
			}
		}
	}
	return false
}
