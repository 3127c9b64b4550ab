package bundle

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// network is a bundle's network: MONAI's class and its arguments. Those that
// could not be resolved are in failed.
type network struct {
	target string
	args   map[string]any
	failed map[string]error
}

// network finds the definition, under the names that bundles use.
func (c *config) network() (network, error) {
	for _, key := range []string{"network_def", "network", "net", "model", "model_def"} {
		v, ok := c.get(key)
		if !ok {
			continue
		}
		if s, text := v.(string); text {
			if inner, _, moved := strings.Cut(s, ".to("); moved {
				s = strings.TrimPrefix(inner, "$")
			}
			if !isReference(s) {
				return network{}, fmt.Errorf("%s: %w: %q is Python code, which is never run; use its weights with a model and options of your own choice",
					key, ErrUnsupported, s)
			}
			if v, ok = c.get(s[1:]); !ok {
				return network{}, fmt.Errorf("%s: %w: %q refers to nothing", key, ErrFormat, s)
			}
		}
		d, ok := v.(map[string]any)
		target, named := d["_target_"].(string)
		if !ok || !named {
			return network{}, fmt.Errorf("%s: %w: it names no class (_target_)", key, ErrFormat)
		}
		return c.arguments(target, d)
	}
	return network{}, fmt.Errorf("%w: there is no network_def in it", ErrFormat)
}

func (c *config) arguments(target string, d map[string]any) (network, error) {
	n := network{target: target, args: make(map[string]any), failed: make(map[string]error)}
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if strings.HasPrefix(name, "_") && strings.HasSuffix(name, "_") {
			continue // _target_, _desc_ and the like
		}
		v, err := c.resolve(d[name], 0)
		switch {
		case errors.Is(err, ErrUnsupported):
			n.failed[name] = err
		case err != nil:
			return n, fmt.Errorf("%s: %w", name, err)
		case v != nil: // None is every argument's "not given"
			n.args[name] = v
		}
	}
	return n, nil
}

// rule says how a class of MONAI's becomes a model of ours.
type rule struct {
	model string
	// names maps arguments to options; same lists those that are called alike.
	names map[string]string
	same  []string
	// ignored are arguments that do not change what the network computes.
	ignored []string
	// only are arguments that must have one value, MONAI's default.
	only map[string]any
	// defaults are options that MONAI has another default for than we.
	defaults map[string]any
	// finish, where it is set, does what no table can.
	finish func(m *model, meta metadata) error
}

// rules are by the class's name, without its module.
func rules() map[string]rule {
	three := map[string]any{"spatial_dims": 3.0}
	segresnet := rule{
		model: "segresnet",
		names: map[string]string{"dropout_prob": "dropout", "norm_name": "norm"},
		same: []string{
			"in_channels", "out_channels", "init_filters", "blocks_down", "blocks_up", "act", "norm", "num_groups",
			"upsample_mode", "use_conv_final",
		},
		only: three,
	}
	segresnetds := rule{
		model: "segresnetds",
		same: []string{
			"in_channels", "out_channels", "init_filters", "blocks_down", "blocks_up", "act", "norm", "dsdepth",
			"upsample_mode", "resolution",
		},
		only: three,
	}
	swin := rule{
		model: "swinunetr",
		same: []string{
			"in_channels", "out_channels", "feature_size", "depths", "num_heads", "norm_name", "drop_rate",
			"attn_drop_rate", "dropout_path_rate", "normalize", "use_v2", "downsample",
		},
		ignored: []string{"img_size", "use_checkpoint"},
		only:    map[string]any{"spatial_dims": 3.0, "patch_size": 2.0, "window_size": 7.0, "qkv_bias": true, "mlp_ratio": 4.0},
		finish:  chooseMerging,
	}
	dynunet := rule{
		model: "dynunet",
		same: []string{
			"in_channels", "out_channels", "kernel_size", "strides", "upsample_kernel_size", "filters", "dropout",
			"norm_name", "act_name", "deep_supervision", "deep_supr_num", "res_block", "trans_bias",
		},
		only: three,
	}
	unet := rule{
		model: "unet",
		same: []string{
			"in_channels", "out_channels", "channels", "strides", "num_res_units", "act", "norm", "dropout", "bias",
		},
		only:     map[string]any{"spatial_dims": 3.0, "dimensions": 3.0, "kernel_size": 3.0, "up_kernel_size": 3.0, "adn_ordering": "NDA"},
		defaults: map[string]any{"num_res_units": 0.0},
	}
	basic := rule{
		model:  "basicunet",
		same:   []string{"in_channels", "out_channels", "dropout", "features"},
		only:   map[string]any{"spatial_dims": 3.0, "bias": true, "upsample": "deconv"},
		finish: halveFeatures,
	}
	return map[string]rule{
		"SegResNet": segresnet, "SegResNetDS": segresnetds, "SwinUNETR": swin, "DynUNet": dynunet, "DynUnet": dynunet, "Dynunet": dynunet,
		"UNet": unet, "Unet": unet, "BasicUNet": basic, "BasicUnet": basic, "Basicunet": basic,
	}
}

// model is a network in our terms.
type model struct {
	name, target string
	options      map[string]any
	notes        []string
}

// translate turns a network of MONAI's into one of ours.
func translate(n network, meta metadata) (*model, error) {
	r, ok := rules()[lastPart(n.target)]
	if !ok || (strings.Contains(n.target, ".") && !strings.HasPrefix(n.target, "monai.networks.nets")) {
		return nil, fmt.Errorf("%w: the network is %q; known are %s of MONAI's",
			ErrUnsupported, n.target, strings.Join(slices.Sorted(maps.Keys(rules())), ", "))
	}
	m := &model{name: r.model, target: n.target, options: maps.Clone(r.defaults)}
	if m.options == nil {
		m.options = make(map[string]any)
	}
	if err := m.fallBack(n, r, meta); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(n.args)) {
		if err := m.take(r, name, n.args[name]); err != nil {
			return nil, fmt.Errorf("argument %q of %s: %w", name, lastPart(n.target), err)
		}
	}
	if r.finish != nil {
		if err := r.finish(m, meta); err != nil {
			return nil, fmt.Errorf("%s: %w", lastPart(n.target), err)
		}
	}
	return m, nil
}

// fallBack looks up channels in the metadata where the configuration computes
// them in Python; anything else that it computes is an error.
func (m *model) fallBack(n network, r rule, meta metadata) error {
	for _, name := range slices.Sorted(maps.Keys(n.failed)) {
		found := 0
		switch name {
		case "in_channels":
			found = meta.image().Channels
		case "out_channels":
			found = meta.prediction().Channels
		}
		switch {
		case slices.Contains(r.ignored, name):
		case name == "spatial_dims" && len(meta.image().Shape) == 3:
			m.note("spatial_dims is Python code in the configuration; metadata.json has three axes")
		case found > 0:
			m.options[name] = float64(found)
			m.note("%s is Python code in the configuration; metadata.json says %d", name, found)
		default:
			return fmt.Errorf("argument %q of %s: %w", name, lastPart(n.target), n.failed[name])
		}
	}
	return nil
}

// take sets one argument.
func (m *model) take(r rule, name string, value any) error {
	if wanted, ok := r.only[name]; ok {
		if !alike(value, wanted) {
			return fmt.Errorf("%w: it is %v, only %v is done here", ErrUnsupported, value, wanted)
		}
		return nil
	}
	switch {
	case slices.Contains(r.same, name):
		m.options[name] = plainLayer(value)
	case r.names[name] != "":
		m.options[r.names[name]] = plainLayer(value)
	case slices.Contains(r.ignored, name):
		m.note("%s was left out: it does not change what the network computes", name)
	default:
		return fmt.Errorf("%w: it has no counterpart here", ErrUnsupported)
	}
	return nil
}

// alike compares a value with the wanted one; a list of equal numbers is the
// number.
func alike(value, wanted any) bool {
	if list, ok := value.([]any); ok && len(list) > 0 {
		return !slices.ContainsFunc(list, func(v any) bool { return v != wanted })
	}
	if s, ok := value.(string); ok {
		w, text := wanted.(string)
		return text && strings.EqualFold(s, w)
	}
	return value == wanted
}

// plainLayer takes "inplace" off a layer's arguments, which is about memory.
func plainLayer(value any) any {
	pair, ok := value.([]any)
	if !ok || len(pair) != 2 {
		return value
	}
	name, named := pair[0].(string)
	args, ok := pair[1].(map[string]any)
	if !ok || !named {
		return value
	}
	args = maps.Clone(args)
	delete(args, "inplace")
	if len(args) == 0 {
		return name
	}
	return []any{name, args}
}

func (m *model) note(format string, args ...any) {
	m.notes = append(m.notes, fmt.Sprintf(format, args...))
}

// chooseMerging decides how Swin UNETR merges patches: "merging" meant something
// else before MONAI 1.5, under the same name.
func chooseMerging(m *model, meta metadata) error {
	downsample, _ := m.options["downsample"].(string)
	delete(m.options, "downsample")
	switch cmp.Or(downsample, "merging") {
	case "mergingv2":
		m.options["patch_merging"] = "v2"
	case "merging":
		if major, minor, ok := release(meta.MONAI); ok && (major < 1 || major == 1 && minor < 5) {
			m.options["patch_merging"] = "legacy"
			m.note("patch_merging is legacy: the bundle was made with MONAI %s, before 1.5 changed what merging means", meta.MONAI)
			return nil
		}
		m.note("the bundle names MONAI %q, which does not tell whether its weights were trained before 1.5 changed what merging means: "+
			"give patch_merging yourself", meta.MONAI)
	default:
		return fmt.Errorf("%w: downsample is %q", ErrUnsupported, downsample)
	}
	return nil
}

// release reads the first two numbers of a version.
func release(version string) (major, minor int, ok bool) {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err := strconv.Atoi(parts[0])
	minor, also := strconv.Atoi(parts[1])
	return major, minor, err == nil && also == nil
}

// halveFeatures turns a BasicUNet's widths into init_filters, which is possible
// when they double.
func halveFeatures(m *model, _ metadata) error {
	v, ok := m.options["features"]
	if !ok {
		return nil
	}
	delete(m.options, "features")
	list, _ := v.([]any)
	first := 0
	if len(list) == 6 {
		first = count(list[0])
	}
	for i, factor := range []int{1, 1, 2, 4, 8, 1} {
		if first == 0 || count(list[i]) != factor*first {
			return fmt.Errorf("%w: features are %v, only n, n, 2n, 4n, 8n, n are done here", ErrUnsupported, v)
		}
	}
	m.options["init_filters"] = float64(first)
	return nil
}
