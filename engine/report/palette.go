package report

import "image/color"

// shades is how many greys a picture has: with four classes they fill a palette
// of a byte a pixel.
const shades = 64

// tints gives each class its colour and how much of it covers the grey: sky
// blue, vermillion and yellow of Okabe and Ito's palette, which differ in
// lightness too and are told apart with any kind of colour vision. The page's
// legend has the same.
func tints(opaque bool) [classCount]struct {
	colour color.RGBA
	cover  int // of 100
} {
	all := [classCount]struct {
		colour color.RGBA
		cover  int
	}{
		agreed: {color.RGBA{0x56, 0xb4, 0xe9, 0xff}, 50},
		missed: {color.RGBA{0xd5, 0x5e, 0x00, 0xff}, 75},
		wrong:  {color.RGBA{0xf0, 0xe4, 0x42, 0xff}, 75},
	}
	for k := range all {
		if opaque && byte(k) != none {
			all[k].cover = 100
		}
	}
	return all
}

// palette has the greys of every class, one class after the other.
func palette(opaque bool) color.Palette {
	out := make(color.Palette, 0, int(classCount)*shades)
	for _, t := range tints(opaque) {
		for g := range shades {
			grey := g * 255 / (shades - 1)
			mix := func(c uint8) uint8 { return uint8((grey*(100-t.cover) + int(c)*t.cover) / 100) }
			out = append(out, color.RGBA{mix(t.colour.R), mix(t.colour.G), mix(t.colour.B), 0xff})
		}
	}
	return out
}
