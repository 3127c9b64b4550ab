package planner

import (
	"slices"
)

// gridded is the grid of a sweep in the making, with where its values stand.
type gridded struct {
	vals     map[string]any
	from, to int
}

// add puts the values of one setting into the grid.
func (g *gridded) add(items []item, setting string, v value) {
	if len(v.list) == 0 {
		v.list = []any{v.v}
	}
	use(items, v)
	g.vals[setting], g.from, g.to = v.list, min(g.from, v.from), max(g.to, v.to)
}

// fillSweep reads what is trained on what, and the values to try by setting.
func fillSweep(r *reader, d *draft, items []item, info toolInfo) bool {
	if vals, v := r.namedModels(items); len(vals) > 0 {
		r.set(d, "model", v, items)
	}
	r.optionalDataset(d, items)
	if i := rankedBy(items); i >= 0 {
		r.set(d, "metric", mentioned(items, i), items)
	}
	trials, ok := r.numeric(items, "trials")
	trials.list = nil
	r.setIf(d, "trials", trials, ok, items)
	g := gridded{vals: map[string]any{}, from: len(items)}
	r.fillGrid(&g, items)
	if len(g.vals) > 0 {
		r.set(d, "grid", value{v: g.vals, from: g.from, to: g.to, rule: "settings with several values"}, items)
	}
	for _, p := range []string{"strategy", "executor"} {
		v, ok := chosen(items, p)
		r.setIf(d, p, v, ok, items)
	}
	if i, ok := first(items, cMetric); ok && !has(d.args, "metric") && g.vals["loss"] == nil && items[i].mention.text != "loss" {
		r.set(d, "metric", mentioned(items, i), items)
	}
	if i, ok := first(items, cName); ok {
		r.set(d, "name", mentioned(items, i), items)
	}
	return true
}

// fillGrid reads the values of every setting.
func (r *reader) fillGrid(g *gridded, items []item) {
	for _, i := range all(items, cAssign) {
		list := listOf(items[i].tok.text)
		key := argumentName(items[i].tok.word, r.cat.tools["train_launch"])
		if len(list) == 0 || items[i].used {
			continue
		}
		v := value{from: i, to: i + 1}
		for _, n := range list {
			v.list = append(v.list, numeric(n, false))
		}
		g.add(items, key, v)
	}
	for _, p := range []string{"learning_rate", "batch_size", "patience", "epochs", "max_steps", "seed", "fold"} {
		if v, ok := r.numeric(items, p); ok {
			g.add(items, p, v)
		}
	}
	if v, ok := patchSize(items); ok {
		g.add(items, "patch_size", v)
	}
	for _, o := range overrides() {
		if v, ok := number(items, slot{param: o.key, leads: o.leads, units: o.units}); ok {
			g.add(items, o.key, v)
		}
	}
	for _, p := range []string{"optimizer", "precision"} {
		if v, ok := chosenAll(items, p); ok {
			g.add(items, p, v)
		}
	}
	if v, ok := sweptLosses(items); ok {
		g.add(items, "loss", v)
	}
	if at := unclaimedNumber(items); at >= 0 {
		for i := range items {
			name := settingName(items[i])
			if _, have := g.vals[name]; name == "" || have {
				continue
			}
			if v := numberList(items, at, at, slot{}); len(v.list) > 1 {
				v.from = min(v.from, i)
				g.add(items, name, v)
			}
			break
		}
	}
}

// unclaimedNumber is the first number that no argument has taken, or -1.
func unclaimedNumber(items []item) int {
	return slices.IndexFunc(items, func(it item) bool { return it.is(cNumber) && !it.used && !it.tok.weak })
}

// rankedBy is the metric that the results of a sweep are ranked by, or -1.
func rankedBy(items []item) int {
	for i := 1; i < len(items); i++ {
		if !items[i].is(cMetric) || items[i].used {
			continue
		}
		for j := i - 1; j >= 0 && j >= i-3; j-- {
			if items[j].anyWord("by", "rank", "maximise", "maximize", "best", "highest", "according", "judge", "score", "on", "for", "objective", "metric") && !items[j].is(cModel) {
				return i
			}
			if !items[j].anyWord("the", "mean", "to", "validation", "val", "test", "=", ":", "is", "of", "our") {
				break
			}
		}
	}
	return -1
}

// sweptLosses reads the losses that a sweep tries: all that are named, if a loss
// is what varies or several are named.
func sweptLosses(items []item) (v value, ok bool) {
	word := slices.ContainsFunc(items, isLossWord)
	for i := range items {
		name := lossOf([]string{lossPart(items[i])})
		if name == "" || slices.Contains(v.list, any(name)) {
			continue
		}
		if len(v.list) == 0 {
			v.from, v.v = i, name
		}
		v.claimed = append(v.claimed, i, i+1)
		v.list, v.to, v.rule = append(v.list, name), v.from+1, "loss"
	}
	return v, word && len(v.list) > 0 || len(v.list) > 1
}
