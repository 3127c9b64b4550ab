package plainunet

import (
	"fmt"
	"strings"
)

// modules says where nnU-Net's block keeps its layers a second time: by number,
// in the order in which they run. A layer without parameters needs no number.
type modules struct{ norm, act int }

// conv is the number of the convolution, which always comes first.
const conv = 0

// further returns the other names of a declared tensor: those by number, and for
// the encoder all of them again under the decoder, which holds on to it.
func (m modules) further(name string) []string {
	var out []string
	for layer, number := range map[string]int{".conv.": conv, ".norm.": m.norm, ".nonlin.": m.act} {
		if block, rest, ok := strings.Cut(name, layer); ok && strings.Contains(block, ".convs.") {
			out = append(out, fmt.Sprintf("%s.all_modules.%d.%s", block, number, rest))
		}
	}
	if strings.HasPrefix(name, "encoder.") {
		for _, n := range append([]string{name}, out...) {
			out = append(out, "decoder."+n)
		}
	}
	return out
}

// declared returns the declared name of a tensor.
func (m modules) declared(name string) string {
	if rest, ok := strings.CutPrefix(name, "decoder."); ok && strings.HasPrefix(rest, "encoder.") {
		name = rest
	}
	for layer, number := range map[string]int{".conv.": conv, ".norm.": m.norm, ".nonlin.": m.act} {
		name = strings.Replace(name, fmt.Sprintf(".all_modules.%d.", number), layer, 1)
	}
	return name
}

// encoderBlock, decoderBlock and the like are the declared names. Stages of the
// decoder are counted from the deepest.
func encoderBlock(stage, i int) string { return fmt.Sprintf("encoder.stages.%d.0.convs.%d", stage, i) }

func decoderBlock(stage, i int) string { return fmt.Sprintf("decoder.stages.%d.convs.%d", stage, i) }

func upName(stage int) string { return fmt.Sprintf("decoder.transpconvs.%d", stage) }

func headName(stage int) string { return fmt.Sprintf("decoder.seg_layers.%d", stage) }
