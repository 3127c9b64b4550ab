package blocks

import (
	"fmt"

	"github.com/minivess/minivess/engine/nn"
)

// Fits reports whether the declared parameters have exactly these names and
// shapes.
func Fits(params []nn.Param, shapes map[string]nn.Shape) bool {
	if len(params) != len(shapes) {
		return false
	}
	for _, p := range params {
		if s, ok := shapes[p.Name]; !ok || !s.Equal(p.Shape) {
			return false
		}
	}
	return true
}

// Count returns how many of the names that the format makes of first, first+1, …
// are there before one that is not.
func Count(shapes map[string]nn.Shape, format string, first int) int {
	for n := first; ; n++ {
		if _, ok := shapes[fmt.Sprintf(format, n)]; !ok {
			return n - first
		}
	}
}

// RecogniseNorm tells the normalisation from the names below a prefix: NormBatch
// by its running statistics, NormInstance by having no weights. Weights alone
// are taken for NormGroup's.
func RecogniseNorm(shapes map[string]nn.Shape, prefix string) string {
	if _, ok := shapes[prefix+".running_mean"]; ok {
		return NormBatch
	}
	if _, ok := shapes[prefix+".weight"]; ok {
		return NormGroup
	}
	return NormInstance
}

// RecogniseUpsample tells the way of enlarging from the names below a prefix:
// NonTrainable when there is no convolution of another's.
func RecogniseUpsample(shapes map[string]nn.Shape, prefix string) string {
	for _, mode := range []string{Deconv, DeconvGroup} {
		if _, ok := shapes[prefix+"."+mode+".weight"]; ok {
			return mode
		}
	}
	if _, ok := shapes[prefix+".pixelshuffle.conv_block.weight"]; ok {
		return PixelShuffle
	}
	return NonTrainable
}
