package planner

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// amendMany makes several steps of the only one, where a change asks for
// several: "use 3 seeds".
func (r *reader) amendMany(items []item) bool {
	if len(r.out.Steps) != 1 || r.out.Steps[0].Tool != "train_launch" {
		return false
	}
	s := r.out.Steps[0]
	d := &draft{tool: s.Tool, args: map[string]any{}, needs: s.Needs}
	mine := cloneItems(items)
	for _, p := range []string{"seed", "fold"} {
		if v, ok := counted(mine, p); ok {
			r.set(d, p, v, mine)
		} else if v, ok := r.numeric(mine, p); ok && len(v.list) > 1 {
			r.set(d, p, v, mine)
		}
	}
	if vals, v := r.otherModels(mine); len(vals) > 1 {
		v.list = vals
		r.set(d, "model", v, mine)
	}
	if len(d.fan) == 0 {
		return false
	}
	maps.Copy(d.args, s.Args)
	for _, f := range d.fan {
		delete(d.args, f.param)
	}
	r.out.Steps = nil
	r.emit(d)
	return true
}

// otherModels lists the networks of "and the same for dynunet and unet"; where
// one takes the place of another, there are none.
func (r *reader) otherModels(items []item) (vals []any, v value) {
	if slices.ContainsFunc(items, func(it item) bool {
		return it.anyWord("swap", "replace", "switch", "exchange", "instead", "instead_of", "not", "from", "no", "rather", "meant")
	}) {
		return nil, v
	}
	for _, i := range all(items, cModel) {
		if name := items[i].mention.text; !slices.Contains(vals, any(name)) {
			vals, v = append(vals, name), mentioned(items, i)
		}
	}
	return vals, v
}

// amend changes arguments of steps that are planned already.
func (r *reader) amend(steps []int, items []item) bool {
	changed := false
	for _, k := range steps {
		s := &r.out.Steps[k]
		info := r.cat.tools[s.Tool]
		before, _ := s.Args["model"].(string)
		d := &draft{tool: s.Tool, network: before, args: map[string]any{}}
		r.amendments(d, cloneItems(items), info)
		for p, v := range d.args {
			if _, ok := info.params[p]; !ok || p == "name" && len(steps) > 1 && s.Tool != "train_launch" {
				continue
			}
			if have, ok := s.Args[p].(string); ok && strings.HasPrefix(have, "@") {
				continue
			}
			if p == "dataset" && s.Tool != "train_launch" && !has(s.Args, p) {
				continue
			}
			if have, ok := s.Args[p].([]any); ok && p == "overrides" {
				if add, isList := v.([]any); isList {
					v = mergeOverrides(have, add)
				}
			}
			s.Args[p], changed = v, true
		}
		if s.Tool == "train_launch" && before != d.network {
			r.refit(s, d)
		}
		for _, why := range d.why {
			why.Step = s.ID
			r.out.Explanation.Reasons = append(r.out.Explanation.Reasons, why)
		}
	}
	return changed
}

// refit drops what a training says of a network that it no longer trains: its
// options, names of its parameters, and weights that would not fit.
func (r *reader) refit(s *Step, d *draft) {
	n, _ := networkOf(d.network)
	drop := func(what string) {
		r.note(fmt.Sprintf("I leave out %s, which was meant for the network before.", what))
	}
	if have, ok := s.Args["overrides"].([]any); ok {
		added, _ := d.args["overrides"].([]any)
		kept := slices.DeleteFunc(slices.Clone(have), func(o any) bool {
			key, _, _ := strings.Cut(fmt.Sprint(o), "=")
			option, own := strings.CutPrefix(key, "model.options.")
			foreign := !slices.Contains(added, o) && (own && n.option(option) == "" || key == "init.ignore")
			if foreign {
				drop(fmt.Sprint(o))
			}
			return foreign
		})
		if s.Args["overrides"] = kept; len(kept) == 0 {
			delete(s.Args, "overrides")
		}
	}
	for _, p := range []string{"freeze", "init_from"} {
		if has(s.Args, p) && !has(d.args, p) {
			drop(strings.ReplaceAll(p, "_", " ") + " " + fmt.Sprint(s.Args[p]))
			delete(s.Args, p)
		}
	}
}

func has(args map[string]any, p string) bool {
	_, ok := args[p]
	return ok
}

func cloneItems(items []item) []item {
	out := slices.Clone(items)
	for i := range out {
		out[i].used = false
	}
	return out
}

// amendments reads the arguments that words on their own may give a tool.
func (r *reader) amendments(d *draft, items []item, info toolInfo) {
	if d.tool == "train_launch" {
		gain, ok := noGain(items)
		r.setIf(d, "patience", gain, ok, items)
		times, ok := passes(items)
		r.setIf(d, "epochs", times, ok, items)
	}
	for _, p := range info.names {
		if (p == "patience" || p == "epochs") && has(d.args, p) {
			continue
		}
		switch p {
		case NeedsKey, "run", "runs", "key", "value", "query":
			continue
		case "model":
			r.amendModel(d, items)
			continue
		case "init_from", "freeze", "overrides", "config":
			continue
		case "input", "output":
			if d.tool == "predict_volume" {
				continue
			}
		case "dataset", "split", "metric":
			if i, ok := first(items, class(p)); ok {
				r.set(d, p, mentioned(items, i), items)
			}
			continue
		case "state":
			r.amendState(d, items)
			continue
		case "patch_size":
			if v, ok := patchSize(items); ok {
				r.set(d, p, v, items)
			}
			continue
		case "name":
			if i, ok := first(items, cName); ok {
				r.set(d, p, mentioned(items, i), items)
			}
			continue
		case "tags":
			r.fillTags(d, items)
			continue
		case "loss":
			v, ok := lossValue(items)
			r.setIf(d, p, v, ok, items)
			continue
		}
		r.genericParam(d, items, p, info.params[p])
	}
	r.ownAmendments(d, items, info)
	r.assigned(d, items, info)
}

// amendState reads the state that a list is limited to.
func (r *reader) amendState(d *draft, items []item) {
	i := slices.IndexFunc(items, func(it item) bool { return it.is(cState) || stateName(it.word()) != "" && !it.anyWord("do") })
	if i >= 0 {
		r.set(d, "state", value{v: orElse(stateName(items[i].word()), nameOf(items[i])), from: i, to: i + 1, rule: "state"}, items)
	}
}

// ownAmendments reads what only one tool's words may change.
func (r *reader) ownAmendments(d *draft, items []item, info toolInfo) {
	switch d.tool {
	case "runs_list":
		if by, descending, ordered := orderBy(items); ordered {
			r.set(d, "order_by", by, items)
			r.setIf(d, "descending", descending, descending.v != nil, items)
		}
	case "dataset_import":
		v, ok := leavesOut(items)
		r.setIf(d, "skip_mismatched", v, ok, items)
	case "predict_volume":
		if at := outputAt(items); at >= 0 {
			r.set(d, "output", folderValue(items, at, "where the labels go"), items)
		}
		if at := inputAt(r.lex, items); at >= 0 {
			r.set(d, "input", folderValue(items, at, "what is predicted"), items)
		}
		r.predictSettings(d, items, info)
	case "evaluate_run":
		r.measures(d, items)
		v, ok := ignoredLabel(items)
		r.setIf(d, "ignore_label", v, ok, items)
	case "dataset_create_synthetic":
		r.fillSizes(d, items)
	case "dataset_split":
		v, ok := testFraction(items)
		v.list = nil
		r.setIf(d, "test_fraction", v, ok, items)
	case "model_export":
		r.lex.mendFormats(items)
		if v, ok := exportFormat(items, info.params["format"].choices()); ok && v.v != "" {
			r.set(d, "format", v, items)
		}
	case "train_launch":
		r.trainSwitches(d, items)
		if v, ok := neverEarly(items); ok && !has(d.args, "patience") {
			r.set(d, "patience", v, items)
		}
		if v, ok := rateAlone(items); ok && !has(d.args, "learning_rate") {
			r.set(d, "learning_rate", v, items)
		}
		r.fillFiles(d, items)
		r.fillStart(d, items)
		r.fillFreeze(d, items)
		r.fillOverrides(d, items, info)
	}
}

// amendModel reads the network to take instead: of several that are named the
// last that is not the one taken before ("swap segresnet for dynunet").
func (r *reader) amendModel(d *draft, items []item) {
	found := all(items, cModel)
	if len(found) == 0 {
		return
	}
	at := found[len(found)-1]
	offered := r.cat.tools[d.tool].params["model"].choices()
	for _, i := range found {
		if items[i].mention.text != d.network {
			at = i
		}
	}
	for _, i := range found {
		items[i].used = true
	}
	name := items[at].mention.text
	if d.tool == "train_launch" && len(offered) > 0 && !slices.Contains(offered, name) {
		r.question(d.tool, "", Question{Text: name + " is not available in this version. Which model shall I train?", Choices: offered})
		return
	}
	r.set(d, "model", mentioned(items, at), items)
	d.network = name
}
