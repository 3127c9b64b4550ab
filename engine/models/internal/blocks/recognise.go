package blocks

import (
	"fmt"

	"github.com/minivess/minivess/engine/nn"
)

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
// by its running statistics, NormInstance by having neither those nor weights.
// Weights alone are taken for NormGroup's. The result is the value of a model's
// norm option, for a model whose normalisations have weights by default or, with
// plainInstance, all but NormInstance.
func RecogniseNorm(shapes map[string]nn.Shape, prefix string, plainInstance bool) (norm string, option any) {
	_, running := shapes[prefix+".running_mean"]
	_, affine := shapes[prefix+".weight"]
	switch {
	case running:
		norm = NormBatch
	case affine:
		norm = NormGroup
	default:
		norm = NormInstance
	}
	if affine || norm == NormInstance && plainInstance {
		return norm, norm
	}
	return norm, []any{norm, map[string]any{"affine": false}}
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
