package plan

import (
	"slices"

	"github.com/minivess/minivess/engine/models/dynunet"
	"github.com/minivess/minivess/engine/models/plainunet"
)

// levels are the options of a U-Net that a topology decides.
type levels struct {
	strides, kernels, count string // names of options; no count when ""
	least                   int    // levels that the network must have
	first                   int    // channels of the first level
}

// levelKeys are the options of a U-Net that fix its levels; none for other
// networks.
func levelKeys(model string) []string {
	switch model {
	case dynunet.Name:
		return []string{"strides", "kernel_size", "upsample_kernel_size", "filters", "deep_supervision"}
	case plainunet.Name:
		return []string{"strides", "kernel_sizes", "n_stages", "features_per_stage", "n_conv_per_stage", "n_conv_per_stage_decoder", "axes"}
	default:
		return nil
	}
}

// levelsOf gives the levels that a plan may choose: those of a U-Net whose
// options leave them open, else nil.
func levelsOf(model string, options map[string]any) *levels {
	var l levels
	switch model {
	case dynunet.Name:
		l = levels{strides: "strides", kernels: "kernel_size", least: 3}
	case plainunet.Name:
		l = levels{strides: "strides", kernels: "kernel_sizes", count: "n_stages", least: 2}
	default:
		return nil
	}
	if slices.ContainsFunc(levelKeys(model), func(key string) bool { _, chosen := options[key]; return chosen }) {
		return nil
	}
	l.first = firstFeatures
	switch n := options["init_filters"].(type) {
	case int:
		l.first = n
	case float64:
		l.first = int(n)
	}
	return &l
}

// options are the network's for a layout.
func (l *levels) options(of layout) map[string]any {
	o := map[string]any{l.strides: of.Strides, l.kernels: of.Kernels}
	if l.count != "" {
		o[l.count] = len(of.Strides)
	}
	return o
}

// widths are the channels of each level.
func (l *levels) widths(count int) []int {
	out := make([]int, count)
	for i := range out {
		out[i] = min(mostFeatures, l.first<<i)
	}
	return out
}
