package planner

import (
	"maps"
	"slices"
)

// ahead keeps what is said of a training before it is named: "freeze the
// encoder and train …", "load the weights from net.pt, then train …".
func (r *reader) ahead(c clause, items []item, ranked []scored) bool {
	if len(r.out.Steps) > 0 || !r.followed {
		return false
	}
	if r.prefaces(c, items) {
		r.carry = append(r.carry, c.toks...)
		return true
	}
	settings := trainSetting(items)
	spoken := slices.ContainsFunc(items, func(it item) bool {
		return it.anyWord("weight", "checkpoint", "pretrained", "bundle", "init_from")
	})
	weights := spoken && (startFile(items, true) >= 0 || startRun(items, true) >= 0) || slices.ContainsFunc(items, item.experiment)
	begins := weights && r.trainsLater() && !trains(items) && slices.ContainsFunc(items, func(it item) bool {
		return it.anyWord("init_from", "use", "take", "load") || it.experiment()
	})
	understood := !begins && len(ranked) > 0 && ranked[0].score >= threshold+1 && (ranked[0].intent != "train_launch" || trains(items))
	if understood && (ranked[0].intent != "dataset_import" || !weights) || !settings && !weights {
		return false
	}
	r.carry = append(r.carry, c.toks...)
	return true
}

// experiment tells whether an item is the path of an experiment's file.
func (it item) experiment() bool { return it.is(cPath) && isExperiment(it.tok.text) }

// prefaces tells whether a clause only says which fold or how many steps a
// training that is asked for later is to have.
func (r *reader) prefaces(c clause, items []item) bool {
	if _, model := first(items, cModel); !model && c.mood == moodStatement && r.saysHow(items, c.toks) {
		return true
	}
	return r.trainsLater() && !trains(items) && holdsOut(items)
}

// trainSetting tells whether a clause names what only a training is done with.
func trainSetting(items []item) bool {
	return slices.ContainsFunc(items, func(it item) bool {
		return it.anyWord("init_from", "freeze", "initialise", "initialize", "fit_memory", "gradient_checkpointing", "early_stop", "bf16", "bfloat16", "fp32", "float32", "sgd", "adamw", "deep_supervision")
	})
}

// holdsOut tells whether a clause only says which fold a training validates on:
// "hold out fold 2 for validation".
func holdsOut(items []item) bool {
	return slices.ContainsFunc(items, func(it item) bool {
		return it.anyWord("hold", "holdout", "leave", "keep", "validate", "validation", "held-out", "use", "reserve", "set") || it.is(cSplit)
	}) &&
		slices.IndexFunc(items, func(it item) bool { return it.tok.word == "fold" }) >= 0 && foldNumber(items)
}

// foldNumber tells whether one fold is named by its number: "fold 2".
func foldNumber(items []item) bool {
	for i := 0; i+1 < len(items); i++ {
		if items[i].tok.word == "fold" && items[i+1].is(cNumber) {
			return true
		}
	}
	return false
}

// trainsLater tells whether a later clause of this message asks for a training.
func (r *reader) trainsLater() bool {
	return slices.ContainsFunc(r.rest, func(c clause) bool {
		return c.plain() && slices.ContainsFunc(c.toks, func(t token) bool {
			return r.lex.models[t.word] != "" || t.stem == "train" || t.word == "finetune" || t.word == "fit"
		})
	})
}

// trains tells whether a clause names what is trained on which data.
func trains(items []item) bool {
	_, model := first(items, cModel)
	_, data := first(items, cDataset)
	return model && data || slices.ContainsFunc(items, func(it item) bool { return it.anyWord("train", "fit", "retrain") })
}

// placed handles a clause that says where the file of the step before goes:
// "… and save the labels in out/", "… and overwrite it".
func (r *reader) placed(items []item) bool {
	if len(r.last) == 0 || len(items) == 0 || !items[0].anyWord("save", "store", "write", "written", "put", "overwrite", "replace", "output", "result", "out", "label", "dump", "into", "to") {
		return false
	}
	s := &r.out.Steps[r.last[0]]
	place := map[string]string{"model_export": "path", "predict_volume": "output", "report_write": "path", "model_card": "path"}[s.Tool]
	_, named := first(items, cRun)
	_, other := exportFormat(items, nil)
	if place == "" || named || other && place == "path" {
		return false
	}
	info := r.cat.tools[s.Tool]
	d := &draft{tool: s.Tool, args: map[string]any{}}
	if at := outputAt(items); at >= 0 && place == "output" {
		r.set(d, place, folderValue(items, at, "where the labels go"), items)
	} else if at, ok := first(items, cPath); ok {
		r.set(d, place, pathValue(items, at), items)
	}
	if place == "output" {
		r.predictSettings(d, items, info)
	} else {
		r.overwrites(d, items)
	}
	for _, k := range r.last {
		maps.Copy(r.out.Steps[k].Args, d.args)
	}
	for i := range d.why {
		d.why[i].Step = s.ID
	}
	r.out.Explanation.Reasons = append(r.out.Explanation.Reasons, d.why...)
	return len(d.args) > 0
}

// likewise handles "… and the same with swinunetr": the step before once more,
// with what is different.
func (r *reader) likewise(items []item, more bool) bool {
	more = more || len(items) > 1 && (items[0].anyWord("another", "one") || items[0].is(cNumber) && items[0].tok.word == "one")
	if len(r.last) != 1 || !more && !slices.ContainsFunc(items, func(it item) bool { return it.anyWord("same", "likewise") }) {
		return false
	}
	before := r.out.Steps[r.last[0]]
	args := maps.Clone(before.Args)
	switch before.Tool {
	case "train_launch":
		delete(args, "name")
	case "evaluate_run", "predict_volume", "model_export", "dataset_validate", "dataset_show", "job_status", "run_show", "metric_history":
		return r.alsoFor(before.Tool, args, items)
	default:
		return false
	}
	last, group, trained, reasons := r.last, r.group, r.trained, len(r.out.Explanation.Reasons)
	r.emit(&draft{tool: before.Tool, args: args})
	if r.amend(r.last, items) {
		return true
	}
	r.last, r.group, r.trained = last, group, trained
	r.out.Steps, r.out.Explanation.Reasons = r.out.Steps[:len(r.out.Steps)-1], r.out.Explanation.Reasons[:reasons]
	return false
}

// alsoFor reads "… and also on cortex", "the same on the validation volumes",
// "and also with brisk-otter": a step once more for something else.
func (r *reader) alsoFor(tool string, args map[string]any, items []item) bool {
	changed := false
	for _, c := range []class{cDataset, cSplit, cRun} {
		i, ok := first(items, c)
		if _, takes := r.cat.tools[tool].params[string(c)]; ok && takes {
			args[string(c)], changed = items[i].mention.text, true
		}
	}
	if tool == "predict_volume" {
		if v, ok := r.volumeValue(items); ok {
			args["input"], changed = v.v, true
		}
	}
	if changed {
		r.emit(&draft{tool: tool, args: args})
	}
	return changed
}

// keeps reads "…, but don't train the encoder" as what is frozen.
func (r *reader) keeps(c clause) bool {
	if len(r.last) == 0 || len(c.toks) < 2 || !slices.Contains([]string{"train", "update", "touch", "change"}, c.toks[0].stem) {
		return false
	}
	if !slices.ContainsFunc(c.toks, func(t token) bool { return partName(t.word) != "" || isPattern(t) }) {
		return false
	}
	verb := wordToken("freeze", c.toks[0].start, c.toks[0].end)
	return r.amend(r.last, r.lex.recognise(append([]token{verb}, c.toks[1:]...), r.known))
}
