package swinunetr

import (
	"strconv"
	"strings"
)

// RenameSelfSupervised maps the name of a tensor in a file of self-supervised
// weights to this network's, and reports false for what is not the
// transformer's. These spellings are known, each with or without a leading
// "module.":
//
//	layers1.0.blocks.0.mlp.fc1.weight          model_swinvit.pt of MONAI's research-contributions
//	swinViT.layers1.0.blocks.0.…, swin_vit.…   its SSLHead, and SSLHead before 2022-08
//	encoder.layers1.0.0.blocks.0.…             Disruptive Autoencoders (MONAI's filter_swinunetr)
//
// The perceptron's layers are linear1 and linear2, or fc1 and fc2. Heads, mask
// tokens and the last normalisation of a stand-alone transformer have no place
// in this network.
func RenameSelfSupervised(name string) (string, bool) {
	name = strings.TrimPrefix(name, "module.")
	extra := false // layersN.0.0: one list more than MONAI's network has
	for _, prefix := range []string{"swinViT.", "swin_vit.", "encoder."} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			name, extra = rest, prefix == "encoder."
			break
		}
	}
	if rest, ok := strings.CutPrefix(name, "patch_embed.proj."); ok {
		return "swinViT.patch_embed.proj." + rest, rest == "weight" || rest == "bias"
	}
	stage, rest, _ := strings.Cut(name, ".0.")
	if extra {
		var ok bool
		if rest, ok = strings.CutPrefix(rest, "0."); !ok {
			return "", false
		}
	}
	number, ok := strings.CutPrefix(strings.TrimSuffix(stage, "c"), "layers")
	if n, err := strconv.Atoi(number); !ok || err != nil || n < 1 || n > stages || !within(rest) {
		return "", false
	}
	rest = strings.NewReplacer("mlp.fc1.", "mlp.linear1.", "mlp.fc2.", "mlp.linear2.").Replace(rest)
	return "swinViT." + stage + ".0." + rest, true
}

// within reports whether a name is that of a part of a stage.
func within(name string) bool {
	part, _, _ := strings.Cut(name, ".")
	return part == "blocks" || part == "downsample" || part == "layer"
}

// Rename returns this network's name of a tensor of self-supervised weights, and
// any other name as it is.
func (m *Model) Rename(name string) string {
	if ours, ok := RenameSelfSupervised(name); ok {
		return ours
	}
	return name
}
