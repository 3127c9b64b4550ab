package planner

import (
	"slices"
	"strings"
)

// network is what the language of the planner has to know of one network: the
// options that can be named, and which patterns of parameter names are the
// parts that people speak of. A part whose parameters no pattern tells from
// the others is left empty, and is asked for.
type network struct {
	name                   string
	options                string // separated by spaces; a ? marks those that are true or false
	encoder, decoder, head []string
}

// networks lists the networks; the test beside it holds them against the real
// ones.
func networks() []network {
	return []network{
		{
			name:    "segresnet",
			options: "init_filters blocks_down blocks_up dropout norm num_groups act upsample_mode use_conv_final?",
			encoder: []string{"convInit.*", "down_layers.*"}, decoder: []string{"up_layers.*", "up_samples.*"}, head: []string{"conv_final.2.*"},
		},
		{
			name:    "swinunetr",
			options: "feature_size depths num_heads norm_name drop_rate attn_drop_rate dropout_path_rate normalize? use_v2? patch_merging",
			encoder: []string{"swinViT.*"}, decoder: []string{"decoder*"}, head: []string{"out.*"},
		},
		{
			name:    "segresnetds",
			options: "init_filters blocks_down blocks_up dsdepth resolution dropout norm num_groups act upsample_mode",
			encoder: []string{"encoder.*"}, decoder: []string{"up_layers.*"}, head: []string{"up_layers.*.head.*"},
		},
		{
			name: "dynunet",
			options: "init_filters filters strides kernel_size upsample_kernel_size dropout norm_name act_name deep_supervision? deep_supr_num " +
				"res_block? trans_bias?",
			encoder: []string{"input_block.*", "downsamples.*", "bottleneck.*"}, decoder: []string{"upsamples.*"}, head: []string{"output_block.*"},
		},
		{
			name: "plainunet",
			options: "init_filters axes n_stages features_per_stage kernel_sizes strides n_conv_per_stage n_conv_per_stage_decoder conv_bias? " +
				"norm_op dropout nonlin nonlin_first? deep_supervision?",
			encoder: []string{"encoder.*"}, decoder: []string{"decoder.*"}, head: []string{"decoder.seg_layers.*"},
		},
		{name: "unet", options: "init_filters channels strides num_res_units norm act dropout bias?"},
		{
			name: "basicunet", options: "init_filters dropout",
			encoder: []string{"conv_0.*", "down_*"}, decoder: []string{"upcat_*"}, head: []string{"final_conv.*"},
		},
	}
}

// networkOf finds a network by name.
func networkOf(name string) (network, bool) {
	all := networks()
	i := slices.IndexFunc(all, func(n network) bool { return n.name == name })
	if i < 0 {
		return network{}, false
	}
	return all[i], true
}

// has tells whether the network has an option, and whether that is true or
// false.
func (n network) has(option string) (isSwitch, ok bool) {
	for o := range strings.FieldsSeq(n.options) {
		if name, marked := strings.CutSuffix(o, "?"); name == option {
			return marked, true
		}
	}
	return false, false
}

// option is the first of the names that the network has an option of.
func (n network) option(names ...string) string {
	for _, name := range names {
		if _, ok := n.has(name); ok {
			return name
		}
	}
	return ""
}

// part is the patterns of a part of the network.
func (n network) part(name string) []string {
	switch name {
	case "encoder":
		return n.encoder
	case "transformer":
		if n.name == "swinunetr" {
			return n.encoder
		}
	case "decoder":
		return n.decoder
	case "head":
		return n.head
	}
	return nil
}

// partName maps a word to the part of a network that it stands for.
func partName(w string) string {
	switch w {
	case "encoder", "encoders", "backbone":
		return "encoder"
	case "transformer", "swinvit":
		return "transformer"
	case "decoder", "decoders":
		return "decoder"
	case "head":
		return "head"
	}
	return ""
}

// isOption tells whether any network has an option of that name.
func isOption(name string) bool {
	return slices.ContainsFunc(networks(), func(n network) bool { _, ok := n.has(name); return ok })
}

// withOption lists the networks that have one of the options.
func withOption(names ...string) []string {
	var out []string
	for _, n := range networks() {
		if n.option(names...) != "" {
			out = append(out, n.name)
		}
	}
	return out
}
