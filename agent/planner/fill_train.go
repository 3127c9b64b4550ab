package planner

import (
	"fmt"
	"math"
	"path"
	"reflect"
	"slices"
	"strings"
)

// fillTrain reads everything that a training takes; several models, datasets,
// seeds or folds make several launches.
func fillTrain(r *reader, d *draft, items []item, info toolInfo) bool {
	named := r.fillModel(d, items, info)
	if !r.fillTrainData(d, items) {
		return false
	}
	if !named {
		r.question(d.tool, "model", Question{Text: "Which model shall I train?", Choices: info.params["model"].choices()})
		return false
	}
	if v, ok := lossValue(items); ok {
		r.set(d, "loss", v, items)
	}
	for _, p := range []string{"optimizer", "precision", "executor"} {
		v, ok := chosenAll(items, p)
		r.setIf(d, p, v, ok, items)
	}
	r.trainSwitches(d, items)
	r.trainNumbers(d, items)
	if v, ok := patchSize(items); ok {
		r.set(d, "patch_size", v, items)
	}
	r.fillSeeds(d, items)
	if i, ok := first(items, cName); ok {
		r.set(d, "name", mentioned(items, i), items)
	}
	r.fillTags(d, items)
	r.fillFiles(d, items)
	r.fillStart(d, items)
	r.fillFreeze(d, items)
	r.fillOverrides(d, items, info)
	return len(r.out.Questions) == 0
}

// fillTags reads the tags.
func (r *reader) fillTags(d *draft, items []item) {
	var tags []any
	for _, i := range all(items, cTag) {
		tags = append(tags, items[i].mention.text)
		r.set(d, "tags", value{v: tags, from: i, to: i + 1, rule: "tag"}, items)
	}
}

// fillFiles reads the experiment's file, and that of a TorchScript network.
func (r *reader) fillFiles(d *draft, items []item) {
	for _, i := range all(items, cPath) {
		v := pathValue(items, i)
		if isExperiment(items[i].tok.text) {
			r.set(d, "config", v, items)
			continue
		}
		switch strings.ToLower(path.Ext(items[i].tok.text)) {
		case ".ts", ".pt", ".pth":
			if d.network == "torchscript" && d.args["overrides"] == nil {
				v.v = []any{fmt.Sprint("model.options.path=", v.v)}
				r.set(d, "overrides", v, items)
			}
		}
	}
}

// isExperiment tells whether a path is that of an experiment's file.
func isExperiment(p string) bool {
	ext := strings.ToLower(path.Ext(p))
	return ext == ".yaml" || ext == ".yml"
}

// fillOverrides reads the settings that are no arguments of their own, beside
// those that are there.
func (r *reader) fillOverrides(d *draft, items []item, info toolInfo) {
	have, _ := d.args["overrides"].([]any)
	for _, v := range append(r.networkOptions(d, items), overrideValues(items, info)...) {
		r.set(d, "overrides", v, items)
		have = mergeOverrides(have, []any{v.v})
	}
	if len(have) > 0 {
		d.args["overrides"] = have
	}
}

// trainNumbers reads the numeric arguments.
func (r *reader) trainNumbers(d *draft, items []item) {
	gain, ok := noGain(items)
	r.setIf(d, "patience", gain, ok, items)
	times, ok := passes(items)
	r.setIf(d, "epochs", times, ok, items)
	each, ok := perBatch(items)
	r.setIf(d, "batch_size", each, ok, items)
	for _, p := range []string{"learning_rate", "batch_size", "patience", "epochs", "max_steps"} {
		if v, ok := r.numeric(items, p); ok && (p != "batch_size" || !has(d.args, p)) && (!has(d.args, p) || p != "patience" && p != "epochs") {
			r.set(d, p, v, items)
		}
	}
	if v, ok := neverEarly(items); ok && !has(d.args, "patience") {
		r.set(d, "patience", v, items)
	}
	if v, ok := rateAlone(items); ok && !has(d.args, "learning_rate") && !slices.ContainsFunc(d.fan, func(f fan) bool { return f.param == "learning_rate" }) {
		r.set(d, "learning_rate", v, items)
	}
}

// perBatch reads "one sample per batch" and "2 crops in each batch".
func perBatch(items []item) (value, bool) {
	for i := range items {
		n := items[i].tok.num
		if !items[i].is(cNumber) || items[i].used || n < 1 || n != math.Trunc(n) {
			continue
		}
		for j := i + 1; j < len(items) && j <= i+4; j++ {
			if j > i+1 && (items[j].anyWord("batch") || items[j].anyWord("step", "update", "iteration") && countsPatches(items[i+1:j])) && items[j-1].anyWord("per", "a", "each", "every", "one", "the") {
				return value{v: int64(n), from: i, to: j + 1, rule: "as many in a batch"}, true
			}
			if items[j].is(cNumber) && !items[j].anyWord("one") || items[j].anyWord(",", "epoch", "step") {
				break
			}
		}
	}
	return value{}, false
}

// countsPatches tells whether what a step takes are patches: "eight patches per
// step".
func countsPatches(between []item) bool {
	return slices.ContainsFunc(between, func(it item) bool { return it.anyWord("patch", "patches", "crop", "sample", "cube") })
}

// rateAlone reads a small number that nothing else says the meaning of, as only
// learning rates are: "at 2e-4".
func rateAlone(items []item) (v value, ok bool) {
	for i := range items {
		n := items[i].tok.num
		if items[i].used || !items[i].is(cNumber) || items[i].tok.unit != "" || n <= 0 || n > 0.02 || strings.HasSuffix(items[i].tok.text, "%") {
			continue
		}
		if i+1 < len(items) && (items[i+1].anyWord("weight_decay", "dropout", "decay") || items[i+1].mention != nil && items[i+1].is(cMetric)) || i > 0 && items[i-1].anyWord("weight_decay", "dropout", "decay") {
			continue
		}
		if _, other := leadBefore(items, i, []string{"weight_decay", "dropout", "warmup", "decay", "momentum"}); other {
			continue
		}
		one := value{v: numeric(n, false), from: i, to: i + 1, rule: "a number of the size of learning rates"}
		if !ok {
			v, ok = one, true
		} else {
			v = v.beside(one)
		}
	}
	return v, ok
}

// everyFold reads "on each fold" after a split of this plan.
func (r *reader) everyFold(d *draft, items []item) {
	at := slices.IndexFunc(items, func(it item) bool { return it.anyWord("fold") })
	if at < 1 || !items[at-1].anyWord("each", "every", "all", "these", "the") || items[at].tok.word == "fold" && items[at-1].anyWord("the") {
		return
	}
	for _, s := range r.out.Steps {
		if s.Tool != "dataset_split" || !reflect.DeepEqual(s.Args["dataset"], d.args["dataset"]) {
			continue
		}
		n, ok := s.Args["folds"].(int64)
		if !ok || n < 2 || n > maxSteps {
			continue
		}
		v := value{from: at - 1, to: at + 1, rule: "every fold of the split"}
		for k := range n {
			v.list = append(v.list, k)
		}
		r.set(d, "fold", v, items)
	}
}

// neverEarly reads "no early stopping" and "early stopping off" as a patience
// of 0.
func neverEarly(items []item) (value, bool) {
	for i := range items {
		if !items[i].anyWord("early_stop", "early-stopping") || items[i].used {
			continue
		}
		switch {
		case i > 0 && items[i-1].anyWord("no", "without", "disable", "don't", "never", "not"):
			return value{v: int64(0), from: i - 1, to: i + 1, rule: "switch"}, true
		case i+1 < len(items) && items[i+1].anyWord("off", "disabled"):
			return value{v: int64(0), from: i, to: i + 2, rule: "switch"}, true
		}
	}
	return value{}, false
}

// fillModel reads the model or models, and tells whether there is one.
func (r *reader) fillModel(d *draft, items []item, info toolInfo) bool {
	vals, v := r.namedModels(items)
	offered := info.params["model"].choices()
	for _, m := range vals {
		if name, _ := m.(string); len(offered) > 0 && !slices.Contains(offered, name) {
			r.question(d.tool, "model", Question{Text: name + " is not available in this version. Which model shall I train?", Choices: offered})
			return true
		}
	}
	stranger := r.strangeModel(items)
	fill, answered := r.fills["model"].(string)
	switch {
	case answered:
		v = value{v: fill, rule: "your answer"}
	case len(vals) == 0 && stranger.v != nil && len(offered) > 0:
		r.question(d.tool, "model", Question{Text: fmt.Sprintf("I know no model called %s. Which model shall I train?", stranger.v), Choices: offered})
		return true
	case len(vals) == 0 && stranger.v != nil:
		v = stranger
	case len(vals) == 0:
		before := orElse(r.modelHere(), r.mem.model)
		if before == "" {
			return false
		}
		v = value{v: before, rule: "the model spoken of before"}
		r.note(fmt.Sprintf("I take the model spoken of before, %s.", before))
	case len(vals) > 1:
		v.list = vals
	}
	if v.v == "segresnet" && len(v.list) == 0 {
		v.v = supervised(items, fmt.Sprint(v.v), offered)
	}
	r.set(d, "model", v, items)
	d.network, _ = d.args["model"].(string)
	return true
}

// compares tells whether a word makes a comparison of the number of times before
// it: "three times worse", "twice as long".
func compares(it item) bool {
	return it.anyWord("as", "the", "more", "less", "worse", "better", "than") || it.mention == nil && it.tok.kind == tWord && len(it.tok.word) > 4 && strings.HasSuffix(it.tok.word, "er") && !it.anyWord("over", "after", "under")
}

// supervised is the network that "a segresnet with deep supervision" means: the
// one of that family that is defined by it.
func supervised(items []item, name string, offered []string) string {
	i := slices.IndexFunc(items, func(it item) bool { return it.anyWord("deep_supervision") && !it.used })
	if i < 0 || i > 0 && items[i-1].anyWord("without", "no", "not", "don't") || len(offered) > 0 && !slices.Contains(offered, name+"ds") {
		return name
	}
	items[i].used = true
	return name + "ds"
}

// modelHere is the network that this plan trains last, or "".
func (r *reader) modelHere() string {
	for _, s := range slices.Backward(r.out.Steps) {
		if name, ok := s.Args["model"].(string); ok && s.Tool == "train_launch" {
			return name
		}
	}
	return ""
}

// namedModels finds the networks that are named, or that the weights to begin
// with belong to, and where the first stands.
func (r *reader) namedModels(items []item) (vals []any, v value) {
	for _, i := range all(items, cModel) {
		name := items[i].mention.text
		r.note(items[i].mention.note)
		if len(vals) == 0 {
			v = mentioned(items, i)
		}
		items[i].used = true
		if n := len(vals); n > 0 && items[i].tok.open && items[i-1].is(cModel) && strings.HasPrefix(name, fmt.Sprint(vals[n-1])) {
			vals[n-1], v.v = name, name // "a segresnet (segresnetds)"
			supervised(items, "", nil)
			continue
		}
		if !slices.Contains(vals, any(name)) {
			vals, v.at = append(vals, name), append(v.at, i)
		}
	}
	for i := range items {
		if m := items[i].mention; len(vals) == 0 && m != nil && m.class == cRuns && m.model != "" {
			vals, v = []any{m.model}, value{v: m.model, from: i, to: i + 1, rule: "the model of several runs"}
		}
	}
	if len(vals) == 0 {
		if name := r.startModel(items); name != "" {
			vals, v = []any{name}, value{v: name, rule: "the network of the weights to begin with"}
		}
	}
	return vals, v
}

// strangeModel finds a name that stands where a model would: "train a foonet".
func (r *reader) strangeModel(items []item) value {
	for i := 1; i < len(items); i++ {
		it := items[i]
		if it.mention != nil || it.used || isPattern(it.tok) || !items[i-1].anyWord("a", "an", "the", "another", "train", "fit", "retrain", "finetune", "new") {
			continue
		}
		if name := r.lex.nameAt([]token{it.tok}, 0); name != "" {
			items[i].used = true
			return value{v: name, from: i, to: i + 1, rule: "a name where a model stands"}
		}
	}
	return value{}
}

// fillTrainData reads the dataset or datasets.
func (r *reader) fillTrainData(d *draft, items []item) bool {
	found := all(items, cDataset)
	if len(found) < 2 {
		return r.needDataset(d, items)
	}
	v := mentioned(items, found[0])
	for _, i := range found {
		items[i].used = true
		if !slices.Contains(v.list, any(items[i].mention.text)) {
			v.list, v.at = append(v.list, items[i].mention.text), append(v.at, i)
		}
	}
	r.set(d, "dataset", v, items)
	return true
}

// fillSeeds reads seeds and folds: "seed 3", "seeds 0 to 4", "three seeds",
// "all 5 folds", "three segresnets", "twice".
func (r *reader) fillSeeds(d *draft, items []item) {
	r.everyFold(d, items)
	for _, p := range []string{"seed", "fold"} {
		if p == "fold" && slices.ContainsFunc(d.fan, func(f fan) bool { return f.param == p }) {
			continue
		}
		v, ok := counted(items, p)
		if !ok {
			v, ok = r.numeric(items, p)
		}
		r.setIf(d, p, v, ok, items)
	}
	for i := 0; i+1 < len(items); i++ {
		n := items[i].tok.num
		if items[i].used || !items[i].is(cNumber) || items[i].tok.weak && items[i].tok.word != "couple" || n < 2 || n > maxSteps || d.args["seed"] != nil {
			continue
		}
		if slices.ContainsFunc(d.fan, func(f fan) bool { return len(f.vals) == int(n) }) {
			items[i].used = true
			continue // "two of them, one with … and one with …"
		}
		if items[i+1].anyWord("time") && i+2 < len(items) && compares(items[i+2]) {
			continue // "three times worse"
		}
		if items[i+1].is(cModel) || items[i+1].anyWord("time", "run", "training", "model") {
			v := value{from: i, to: i + 1, rule: "as many seeds, counted from 0"}
			for s := range int64(n) {
				v.list = append(v.list, s)
			}
			r.note(fmt.Sprintf("I train with seeds 0 to %d.", int(n)-1))
			r.set(d, "seed", v, items)
		}
	}
}
