package planner

import (
	"fmt"
	"slices"
	"strings"
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
		{"precision", "bfloat16", []string{"bf16", "bfloat16", "bfloat"}},
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

// lossValue reads the loss function: "dice_ce", "with clDice loss", "dice and
// ce loss".
func lossValue(items []item) (value, bool) {
	for i := range items {
		w := items[i].tok.word
		if items[i].used || items[i].tok.kind == tQuoted {
			continue
		}
		switch strings.NewReplacer("-", "_", "+", "_").Replace(w) {
		case "dice_ce", "dicece", "dice_ce_cldice", "cbdice_cldice":
			name := strings.NewReplacer("-", "_", "+", "_", "dicece", "dice_ce").Replace(w)
			return value{v: name, from: i, to: i + 1, rule: "loss"}, true
		}
		if w != "loss" {
			continue
		}
		if v, ok := lossParts(items, i); ok {
			return v, true
		}
	}
	for i := 1; i < len(items); i++ {
		paired := i+1 < len(items) && items[i+1].anyWord("and", "+", "plus", ",")
		if items[i].anyWord("ce") && !items[i].used && !paired && items[i-1].anyWord("with", "using", "use", "by", "only", "plain", "pure", "on") {
			return value{v: "ce", from: i, to: i + 1, rule: "loss"}, true
		}
	}
	return value{}, false
}

// lossParts reads the names around the word "loss" at items[i].
func lossParts(items []item, i int) (value, bool) {
	isPart := func(it item) bool {
		switch it.tok.word {
		case "dice", "ce", "cldice", "cbdice", "cl-dice":
			return true
		}
		return false
	}
	between := func(it item) bool {
		return it.anyWord("and", "+", "plus", "of", "=", ":", "function", "is", "to", "a", "the", "with", "as", "for", "only", "just", "plain", "pure", "simple", "training", "should", "be", "shall")
	}
	var parts []string
	from, to := i, i+1
	for j := i - 1; j >= 0 && (isPart(items[j]) || between(items[j])); j-- {
		if isPart(items[j]) {
			parts, from = append(parts, strings.ReplaceAll(items[j].tok.word, "-", "")), j
		}
	}
	if len(parts) == 0 {
		for j := i + 1; j < len(items) && (isPart(items[j]) || between(items[j])); j++ {
			if isPart(items[j]) {
				parts, to = append(parts, strings.ReplaceAll(items[j].tok.word, "-", "")), j+1
			}
		}
	}
	slices.Sort(parts)
	parts = slices.Compact(parts)
	name := map[string]string{
		"ce": "ce", "dice": "dice", "ce dice": "dice_ce", "cldice": "cldice", "cldice dice": "dice_ce_cldice",
		"ce cldice dice": "dice_ce_cldice", "ce cldice": "dice_ce_cldice", "cbdice": "cbdice_cldice", "cbdice cldice": "cbdice_cldice",
	}[strings.Join(parts, " ")]
	return value{v: name, from: from, to: to, rule: "loss"}, name != ""
}

// switched reads "with gradient checkpointing" and "without".
func switched(items []item, word string) (value, bool) {
	for i := range items {
		if items[i].anyWord(word) {
			off := i > 0 && items[i-1].anyWord("without", "no", "don't", "not")
			return value{v: !off, from: i, to: i + 1, rule: "switch"}, true
		}
	}
	return value{}, false
}

// patchSize reads a patch size: a triple, or one number after "patch".
func patchSize(items []item) (value, bool) {
	for _, i := range triples(items) {
		if t := wholeTriple(items[i].tok.triple); t != nil {
			return value{v: t, from: i, to: i + 1, rule: "three sizes"}, true
		}
	}
	if v, ok := number(items, slot{"patch_size", true, []string{"patch_size", "patch", "patches", "crop"}, []string{"patch", "crop"}}); ok {
		v.v, v.list, v.rule = []any{v.v, v.v, v.v}, nil, "a cube of that edge"
		return v, true
	}
	return value{}, false
}

// overrideValues gathers key=value words that are no arguments of the tool and
// settings said in words ("weight decay 1e-5").
func overrideValues(items []item, info toolInfo) (out []value) {
	for _, o := range overrides() {
		v, ok := number(items, slot{o.key, false, o.leads, o.units})
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
