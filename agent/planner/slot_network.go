package planner

import (
	"fmt"
	"slices"
	"strings"
)

// networkOptions reads settings of the network itself: its width, its levels,
// deep supervision, normalisation, and any option by its name.
func (r *reader) networkOptions(d *draft, items []item) []value {
	n, _ := networkOf(d.network)
	var out []value
	add := func(v value, key, val string) {
		v.v = key + "=" + val
		use(items, v)
		out = append(out, v)
	}
	if v, ok := number(items, slot{param: "feature_size", whole: true, leads: []string{"feature_size", "feature", "init_filters", "filter", "width"}, units: []string{"feature", "filter", "channel", "init_filters"}}); ok {
		key := "model.init_filters"
		if slices.ContainsFunc(items[v.from:v.to], func(it item) bool { return it.anyWord("feature", "feature_size") }) && n.option("feature_size") != "" {
			key = "model.options.feature_size"
		}
		add(v, key, fmt.Sprint(v.v))
	}
	if v, ok := number(items, slot{param: "levels", whole: true, leads: []string{"level", "stage"}, units: []string{"level", "stage"}}); ok {
		if count, _ := v.v.(int64); count >= 2 && count <= 8 {
			if key, val := n.levels(int(count)); key != "" {
				add(v, "model.options."+key, val)
			}
		}
	}
	if v, ok := r.deepSupervision(d, n, items); ok {
		key, val, _ := strings.Cut(fmt.Sprint(v.v), "=")
		add(v, key, val)
	}
	for i := range items {
		kind, _, ok := strings.Cut(items[i].word(), "_norm")
		if !ok || items[i].used || !items[i].anyWord("batch_norm", "instance_norm", "group_norm") {
			continue
		}
		if key := n.option("norm", "norm_name", "norm_op"); key != "" {
			add(value{from: i, to: i + 1, rule: "normalisation"}, "model.options."+key, kind)
		} else {
			r.lacks(d, "choice of normalisation", withOption("norm", "norm_name", "norm_op"))
		}
	}
	for i := range items {
		if items[i].anyWord("v2") && !items[i].used && n.option("use_v2") != "" && (i == 0 || !items[i-1].anyWord("patch_merging")) {
			add(value{from: i, to: i + 1, rule: "version of the network"}, "model.options.use_v2", "true")
		}
		if v, ok := namedOption(items, i); ok {
			use(items, v)
			out = append(out, v)
		}
	}
	return out
}

// levels is the option that gives the network so many levels, "" where none
// follows from the number alone.
func (n network) levels(count int) (key, val string) {
	halving := strings.Repeat(",2", count-1)
	switch n.name {
	case "plainunet":
		return "n_stages", fmt.Sprint(count)
	case "dynunet":
		return "strides", "[1" + halving + "]"
	case "unet":
		return "strides", "[" + halving[1:] + "]"
	}
	return "", ""
}

// deepSupervision reads "with deep supervision" and "without". A network that
// has none is asked about.
func (r *reader) deepSupervision(d *draft, n network, items []item) (value, bool) {
	i := slices.IndexFunc(items, func(it item) bool { return it.anyWord("deep_supervision") && !it.used })
	if i < 0 || i+1 < len(items) && items[i+1].is(cNumber) {
		return value{}, false
	}
	on := i == 0 || !items[i-1].anyWord("without", "no", "not", "don't")
	v := value{from: i, to: i + 1, rule: "switch"}
	switch {
	case n.option("deep_supervision") != "":
		v.v = fmt.Sprintf("model.options.deep_supervision=%t", on)
	case n.option("dsdepth") != "" && on:
		v.v = "model.options.dsdepth=2"
	case n.option("dsdepth") != "":
		v.v = "model.options.dsdepth=1"
	case on:
		items[i].used = true
		r.lacks(d, "deep supervision", withOption("deep_supervision", "dsdepth"))
		return value{}, false
	default:
		return value{}, false
	}
	return v, true
}

// lacks asks for another network where the one named has no such setting.
func (r *reader) lacks(d *draft, what string, have []string) {
	offered := r.cat.tools[d.tool].params["model"].choices()
	have = slices.DeleteFunc(have, func(name string) bool { return len(offered) > 0 && !slices.Contains(offered, name) })
	r.question(d.tool, "model", Question{Text: fmt.Sprintf("%s has no %s. Which network shall I train?", orElse(d.network, "That network"), what), Choices: have})
}

// namedOption reads an option said by its name: "upsample_mode deconv", "with
// num_res_units of 3", "use_v2".
func namedOption(items []item, i int) (value, bool) {
	it := items[i]
	name := it.word()
	if it.used || it.tok.kind != tWord || !strings.Contains(name, "_") || !isOption(name) {
		return value{}, false
	}
	j := i + 1
	for j < len(items) && items[j].anyWord("of", "to", "=", "is", "at", ":", "set", "as") {
		j++
	}
	v := value{from: i, to: j + 1, rule: "option of the network"}
	key := "model.options." + name + "="
	if name == "init_filters" {
		key = "model.init_filters="
	}
	switch val := optionValue(items, j); {
	case val != "":
		v.v = key + val
	case isSwitch(name):
		v.v, v.to = fmt.Sprintf("%s%t", key, i == 0 || !items[i-1].anyWord("without", "no", "not")), i+1
	default:
		return value{}, false
	}
	return v, true
}

// isSwitch tells whether an option is true or false wherever it exists.
func isSwitch(name string) bool {
	return slices.ContainsFunc(networks(), func(n network) bool { marked, _ := n.has(name); return marked })
}

// optionValue is the value of an option at items[j], or "".
func optionValue(items []item, j int) string {
	if j >= len(items) || items[j].used || items[j].mention != nil {
		return ""
	}
	switch t := items[j].tok; t.kind {
	case tNumber:
		return plainNumber(t.num)
	case tTriple:
		return fmt.Sprintf("[%s,%s,%s]", plainNumber(t.triple[0]), plainNumber(t.triple[1]), plainNumber(t.triple[2]))
	case tQuoted:
		return clean(t.text)
	case tWord:
		if t.word == "true" || t.word == "false" || isOptionWord(t.word) {
			return t.word
		}
	case tAssign, tPath, tSQL, tPunct:
	}
	return ""
}

// isOptionWord lists the words that options of the networks take.
func isOptionWord(w string) bool {
	switch w {
	case "deconv", "deconvgroup", "nontrainable", "trilinear", "pixelshuffle", "legacy", "fixed", "v2", "instance", "batch", "group", "xyz", "zyx",
		"relu", "leakyrelu", "prelu", "elu", "selu", "gelu", "swish", "mish":
		return true
	}
	return false
}

// sameKey tells whether two overrides set the same thing.
func sameKey(a, b any) bool {
	x, _, _ := strings.Cut(fmt.Sprint(a), "=")
	y, _, _ := strings.Cut(fmt.Sprint(b), "=")
	return x == y
}

// mergeOverrides adds overrides to those there are; the later of two of one
// key counts.
func mergeOverrides(have, add []any) []any {
	out := slices.DeleteFunc(slices.Clone(have), func(old any) bool {
		return slices.ContainsFunc(add, func(n any) bool { return sameKey(old, n) })
	})
	return append(out, add...)
}
