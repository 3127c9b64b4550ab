package planner

import (
	"fmt"
	"slices"
)

// choice maps words to the value of an argument with few values.
type choice struct {
	param string
	value string
	words []string
}

func choices() []choice {
	return []choice{
		{"optimizer", "adamw", []string{"adamw"}},
		{"optimizer", "adam", []string{"adam"}},
		{"optimizer", "sgd", []string{"sgd"}},
		{"precision", "bfloat16", []string{"bf16", "bfloat16", "bfloat", "fp16"}},
		{"precision", "float32", []string{"fp32", "float32", "f32"}},
		{"executor", "slurm", []string{"slurm", "cluster"}},
		{"executor", "local", []string{"local", "locally"}},
		{"strategy", "random", []string{"random", "random_search", "randomly"}},
		{"strategy", "tpe", []string{"tpe", "bayesian", "optuna", "bayes"}},
		{"strategy", "grid", []string{"grid_search", "grid", "exhaustive"}},
		{"method", "greedy_soup", []string{"soup", "souping", "greedy"}},
		{"method", "weighted", []string{"weighting"}},
		{"method", "vote", []string{"majority"}},
		{"method", "mean", []string{"average", "averaging"}},
		{"method", "temperature", []string{"temperature_scaling", "temperature_scale"}},
		{"method", "crc", []string{"risk"}},
		{"method", "ks", []string{"kolmogorov", "kolmogorov-smirnov"}},
		{"method", "js", []string{"jensen", "jensen-shannon"}},
		{"method", "wasserstein", []string{"earth-mover"}},
		{"method", "integrated_gradients", []string{"ig"}},
		{"layout", "decathlon", []string{"decathlon", "msd"}},
		{"layout", "pairs", []string{"pair"}},
		{"layout", "minivess", []string{"minivess"}},
	}
}

// chosenAll finds every value of an argument by its words, in their order.
func chosenAll(items []item, param string) (v value, ok bool) {
	for i := range items {
		for _, c := range choices() {
			if c.param != param || items[i].used || !items[i].anyWord(c.words...) || i > 0 && items[i-1].anyWord("no", "not", "without", "instead_of") || slices.Contains(v.list, any(c.value)) {
				continue
			}
			if !ok {
				v, ok = value{v: c.value, from: i, to: i + 1, rule: "word for " + param}, true
			}
			v.claimed = append(v.claimed, i, i+1)
			v.list, v.at = append(v.list, c.value), append(v.at, i)
		}
	}
	return v, ok
}

// chosen finds an argument's value by its words.
func chosen(items []item, param string) (value, bool) {
	for _, c := range choices() {
		if c.param != param {
			continue
		}
		for i := range items {
			if !items[i].used && items[i].anyWord(c.words...) {
				return value{v: c.value, from: i, to: i + 1, rule: "word for " + param}, true
			}
		}
	}
	return value{}, false
}

// patchSize reads a patch size or several: triples, or single numbers after
// "patch".
func patchSize(items []item) (value, bool) {
	var out value
	for _, i := range triples(items) {
		t := wholeTriple(items[i].tok.triple)
		if t == nil || out.to > 0 && !sideBySideSizes(items[out.end():i]) {
			continue
		}
		if v := (value{v: t, from: i, to: i + 1, rule: "three sizes"}); out.to == 0 {
			out = v
		} else {
			out.claimed = append(out.claimed, v.from, v.to)
			out.list = append(out.list, v.v)
		}
	}
	if out.to > 0 {
		if len(out.list) > 0 {
			out.list = append([]any{out.v}, out.list...)
		}
		return out, true
	}
	v, ok := number(items, slot{param: "patch_size", whole: true, leads: []string{"patch_size", "patch", "patches", "crop"}, units: []string{"patch", "crop"}, low: 4, high: 4096})
	if !ok {
		return value{}, false
	}
	v.v, v.rule = []any{v.v, v.v, v.v}, "a cube of that edge"
	for i, edge := range v.list {
		v.list[i] = []any{edge, edge, edge}
	}
	return v, true
}

// sideBySideSizes tells whether only words of a list, and for sizes, stand
// between two sizes.
func sideBySideSizes(between []item) bool {
	return len(between) > 0 && !slices.ContainsFunc(between, func(it item) bool {
		return !besides(it) && !it.anyWord("patch", "patch_size", "patches", "crop", "size")
	})
}

// overrideValues gathers key=value words that are no arguments of the tool and
// settings said in words ("weight decay 1e-5").
func overrideValues(items []item, info toolInfo) (out []value) {
	for _, o := range overrides() {
		v, ok := number(items, slot{param: o.key, whole: false, leads: o.leads, units: o.units})
		if !ok {
			continue
		}
		use(items, v)
		v.v = fmt.Sprintf("%s=%v", o.key, v.v)
		out = append(out, v)
	}
	for _, i := range all(items, cAssign) {
		if _, isArgument := info.params[argumentName(items[i].tok.word, info)]; isArgument {
			continue
		}
		v := value{v: clean(items[i].tok.word + "=" + items[i].tok.text), from: i, to: i + 1, rule: "setting"}
		use(items, v)
		out = append(out, v)
	}
	return out
}
