package dynunet

import (
	"fmt"
	"strings"
)

// blockName is the name of the encoder's block at a level.
func blockName(level, deepest int) string {
	switch level {
	case 0:
		return "input_block"
	case deepest:
		return "bottleneck"
	default:
		return fmt.Sprintf("downsamples.%d", level-1)
	}
}

// upName is the name of the decoder's block at a level. The first one climbs out
// of the bottleneck.
func upName(level, deepest int) string { return fmt.Sprintf("upsamples.%d", deepest-1-level) }

// headName is the name of the head at a level; the one at the finest makes the
// logits.
func headName(level int) string {
	if level == 0 {
		return "output_block"
	}
	return fmt.Sprintf("deep_supervision_heads.%d", level-1)
}

// skipName is where MONAI keeps a level's modules a second time: nested, each
// level inside the one above it.
func skipName(level int) string { return "skip_layers" + strings.Repeat(".next_layer", level) }

// twin is a module with its second name.
type twin struct{ name, second string }

// twins lists the modules that MONAI keeps twice. Only the final head has one
// name.
func twins(deepest int) []twin {
	out := []twin{{blockName(deepest, deepest), skipName(deepest)}}
	for level := range deepest {
		out = append(out,
			twin{blockName(level, deepest), skipName(level) + ".downsample"},
			twin{upName(level, deepest), skipName(level) + ".upsample"})
		if level > 0 {
			out = append(out, twin{headName(level), skipName(level) + ".super_head"})
		}
	}
	return out
}

// further returns the other names of a declared tensor.
func further(name string, deepest int) []string {
	for _, t := range twins(deepest) {
		if rest, ok := strings.CutPrefix(name, t.name+"."); ok {
			return []string{t.second + "." + rest}
		}
	}
	return nil
}

// declared returns the declared name of a tensor.
func declared(name string, deepest int) string {
	for _, t := range twins(deepest) {
		if rest, ok := strings.CutPrefix(name, t.second+"."); ok && !strings.HasPrefix(rest, "next_layer.") {
			return t.name + "." + rest
		}
	}
	return name
}
