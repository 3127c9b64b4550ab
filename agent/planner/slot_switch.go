package planner

import "slices"

// trainSwitches reads what is either on or off in a training.
func (r *reader) trainSwitches(d *draft, items []item) {
	if v, ok := switched(items, "gradient_checkpointing"); ok {
		r.set(d, "gradient_checkpointing", v, items)
	}
	for _, find := range []func([]item) (value, bool){planSwitched, plansMemory, plansSizes} {
		if v, ok := find(items); ok && !has(d.args, "plan") {
			r.set(d, "plan", v, items)
		}
	}
}

// switched reads "with gradient checkpointing", "without" and "… off".
func switched(items []item, word string) (value, bool) {
	for i := range items {
		if items[i].anyWord(word) {
			off := i > 0 && items[i-1].anyWord("without", "no", "don't", "not", "disable") || i+1 < len(items) && items[i+1].anyWord("off", "disabled", "false")
			return value{v: !off, from: i, to: i + 1, rule: "switch"}, true
		}
	}
	return value{}, false
}

// planSwitched reads "with plan on", "planning enabled" and "plan mode off".
func planSwitched(items []item) (value, bool) {
	if v, ok := switched(items, "fit_memory"); ok {
		return v, ok
	}
	for i := range items {
		if items[i].used || !items[i].anyWord("plan", "planning", "planner", "auto-planning", "self-configuration") || items[i].is(cAssign) {
			continue
		}
		for j := max(0, i-3); j < min(len(items), i+4); j++ {
			if on := items[j].anyWord("on", "enabled", "enable", "true", "active", "activate", "activated", "yes"); on || items[j].anyWord("off", "disabled", "false") {
				if on && items[j].word() == "on" && j+1 < len(items) && items[j+1].mention != nil {
					continue // "plan … on cortex"
				}
				return value{v: on, from: i, to: i + 1, rule: "switch"}, true
			}
		}
	}
	return value{}, false
}

// plansMemory reads "planned for the memory of this box" and "choose patch and
// batch to fit the card": a word of planning near one for the machine.
func plansMemory(items []item) (value, bool) {
	for i := range items {
		if !items[i].anyWord("plan", "fit", "automatically", "size", "adapt", "tailor", "choose", "pick", "suit") || items[i].used || i == 0 && items[i].anyWord("fit") {
			continue
		}
		for j := i + 1; j < len(items); j++ {
			if items[j].anyWord("memory", "machine", "hardware", "card", "gpu", "box", "ram", "vram", "computer", "workstation", "node") && items[j-1].anyWord("this", "the", "my", "our", "available", "gpu", "its", "your") {
				return value{v: true, from: i, to: j + 1, rule: "planned for the machine"}, true
			}
		}
	}
	return value{}, false
}

// plansSizes reads "let it choose patch and batch by itself": a verb of choosing
// with the sizes that a plan chooses, none of which is given.
func plansSizes(items []item) (value, bool) {
	verb := slices.IndexFunc(items, func(it item) bool {
		return it.anyWord("choose", "pick", "derive", "determine", "figure", "decide", "select", "plan", "planned", "compute", "calculate", "follow", "automatic", "automatically", "configure", "deduce", "infer", "find")
	})
	patch := slices.IndexFunc(items, func(it item) bool { return it.anyWord("patch", "patch_size") })
	batch := slices.IndexFunc(items, func(it item) bool { return it.anyWord("batch", "batch_size", "levels") })
	if verb < 0 || patch < 0 || batch < 0 {
		return value{}, false
	}
	near := func(i int) bool {
		return slices.ContainsFunc(items[i:min(len(items), i+4)], func(it item) bool { return it.is(cNumber) && !it.tok.weak || it.is(cTriple) })
	}
	if near(patch) || near(batch) {
		return value{}, false
	}
	from, to := min(verb, patch, batch), max(verb, patch, batch)+1
	return value{v: true, from: from, to: to, rule: "sizes that follow from the data"}, true
}
