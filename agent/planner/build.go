package planner

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// draft is a step in the making: its arguments, those with several values
// (the step is then done for each), and which words gave them.
type draft struct {
	tool    string
	network string // the network whose training it is, if it is one
	args    map[string]any
	fan     []fan
	why     []Reason
	needs   []string
}

// tool plans one tool call, or several.
func (r *reader) tool(top scored, items []item) {
	if r.unwanted(top, items) || r.leads(top.intent, items) {
		return
	}
	d := &draft{tool: top.intent, args: map[string]any{}}
	info := r.cat.tools[top.intent]
	asked := len(r.out.Questions)
	fill := filler((*reader).generic)
	if own, ok := fillers()[top.intent]; ok {
		fill = own
	}
	if filled := fill(r, d, items, info); info.unbuilt {
		// Nobody is asked for details of what cannot be done.
		r.out.Questions, r.out.asks = r.out.Questions[:asked], r.out.asks[:asked]
		r.note(fmt.Sprintf("%s is not available in this version.", d.tool))
	} else if !filled {
		return
	}
	r.assigned(d, items, info)
	for param := range d.args {
		if _, ok := info.params[param]; !ok && len(info.params) > 0 {
			r.note(fmt.Sprintf("%s takes no %s in this version; I leave it out.", d.tool, strings.ReplaceAll(param, "_", " ")))
			delete(d.args, param)
		}
	}
	r.leftovers(items)
	if !r.repeats(d) && !r.absorbs(d) {
		r.emit(d)
	}
}

// unwanted tells whether what ends or removes something is said not to be done,
// anywhere before the word for it.
func (r *reader) unwanted(top scored, items []item) bool {
	if top.intent != "run_delete" && top.intent != "job_cancel" && top.intent != "serve_stop" {
		return false
	}
	for _, it := range items {
		if it.mention == nil && (slices.Contains(destructive(), it.tok.word) || slices.Contains(destructive(), it.tok.stem)) {
			return false
		}
		if it.anyWord("don't", "doesn't", "never", "not", "without", "nobody", "avoid", "rather_than", "instead_of") {
			r.note("As you said, nothing is ended or deleted.")
			return true
		}
	}
	return false
}

// repeats tells whether a draft is the step before once more: "look at the
// weights of x, diagnose them". Nothing that costs is ever left out.
func (r *reader) repeats(d *draft) bool {
	if len(r.out.Steps) == 0 || len(d.fan) > 0 {
		return false
	}
	before := r.out.Steps[len(r.out.Steps)-1]
	costs := before.Tool == "train_launch" || before.Tool == "dataset_create_synthetic"
	if costs || before.Tool != d.tool {
		return false
	}
	if d.tool != "evaluate_run" && d.tool != "compare_runs" {
		return reflect.DeepEqual(before.Args, d.args)
	}
	for p, v := range d.args { // "how well does x do on val? please evaluate it"
		if !reflect.DeepEqual(before.Args[p], v) {
			return false
		}
	}
	return true
}

// filler fills a tool's arguments; false means that there is nothing to plan
// (a question was asked, or rows must come first).
type filler func(r *reader, d *draft, items []item, info toolInfo) bool

// fillers lists the tools that need more than their schema.
func fillers() map[string]filler {
	return map[string]filler{
		"train_launch": fillTrain, "dataset_create_synthetic": fillSynthetic, "dataset_import": fillImport,
		"dataset_split": fillSplit, "dataset_list": fillNothing, "job_list": fillJobs, "runs_list": fillRuns,
		"runs_sql": fillSQL, "run_tag": fillTag, "compare_runs": fillCompare, "evaluate_run": fillEvaluate,
		"metric_history": fillHistory, "job_resume": fillResume, "model_list": fillNothing, "model_export": fillExport,
		"predict_volume": fillPredict, "sweep_launch": fillSweep, "model_promote": fillPromote, "dataset_drift": fillDrift,
	}
}

// set puts a value into the draft and explains it.
func (r *reader) set(d *draft, param string, v value, items []item) {
	if len(v.list) > 1 {
		d.fan = append(d.fan, fan{param, v.list, v.at})
	} else {
		d.args[param] = v.v
	}
	use(items, v)
	shown := fmt.Sprint(v.v)
	if len(v.list) > 1 {
		shown = fmt.Sprint(v.list...)
	}
	start, end := byteRange(items, v.from, v.to)
	d.why = append(d.why, Reason{
		Tool: d.tool, Argument: param, Value: clean(shown), Words: clean(r.slice(start, end)), Rule: v.rule, Start: start, End: end,
	})
}

// setIf is set for what may not have been found.
func (r *reader) setIf(d *draft, param string, v value, ok bool, items []item) {
	if ok {
		r.set(d, param, v, items)
	}
}

// assigned takes key=value words that name an argument.
func (r *reader) assigned(d *draft, items []item, info toolInfo) {
	for _, i := range all(items, cAssign) {
		name := argumentName(items[i].tok.word, info)
		p, ok := info.params[name]
		if !ok {
			continue
		}
		v := value{v: typedAs(name, items[i].tok.text, p), from: i, to: i + 1, rule: "key=value"}
		if list := listOf(items[i].tok.text); len(list) > 1 && (p.Type == "integer" || p.Type == "number") {
			for _, n := range list {
				v.list = append(v.list, numeric(n, p.Type == "integer"))
			}
		}
		r.set(d, name, v, items)
	}
}

// argumentName maps the short names of settings to those of arguments.
func argumentName(key string, info toolInfo) string {
	if _, own := info.params[key]; own {
		return key
	}
	if _, own := info.params[strings.TrimSuffix(key, "s")]; own {
		return strings.TrimSuffix(key, "s")
	}
	for _, other := range otherNames(key) {
		if _, ok := info.params[other]; ok {
			return other
		}
	}
	switch key {
	case "lr", "rate", "lrs":
		return "learning_rate"
	case "bs", "batch", "batches", "batchsize":
		return "batch_size"
	case "steps":
		return "max_steps"
	case "epoch":
		return "epochs"
	case "patch":
		return "patch_size"
	}
	return key
}

// otherNames lists the arguments that a short key may stand for; a tool has one
// of them at most.
func otherNames(key string) []string {
	switch key {
	case "n", "count", "num", "vols":
		return []string{"volumes", "limit", "trials"}
	case "size", "dim", "dims":
		return []string{"shape", "patch_size", "window"}
	case "voxel", "voxels", "res", "resolution":
		return []string{"spacing"}
	case "test", "holdout":
		return []string{"test_fraction"}
	case "k":
		return []string{"folds"}
	}
	return nil
}

// typedAs is typed, with one number for all three axes of a size.
func typedAs(name, s string, p param) any {
	if v, _, ok := parseNumber(s); ok && p.Type == "array" && slices.Contains([]string{"patch_size", "shape", "spacing", "window"}, name) {
		edge := numeric(v, false)
		return []any{edge, edge, edge}
	}
	return typed(s, p)
}

// typed converts a word to the type that the schema wants.
func typed(s string, p param) any {
	switch p.Type {
	case "integer", "number":
		if v, _, ok := parseNumber(s); ok {
			return numeric(v, p.Type == "integer")
		}
	case "boolean":
		if b, err := strconv.ParseBool(s); err == nil {
			return b
		}
	case "array":
		if t, _, ok := parseTriple(s); ok {
			return []any{numeric(t[0], false), numeric(t[1], false), numeric(t[2], false)}
		}
		var list []any
		for part := range strings.SplitSeq(strings.Trim(s, "[]"), ",") {
			list = append(list, clean(part))
		}
		return list
	}
	return clean(s)
}

// leftovers says which numbers were not understood.
func (r *reader) leftovers(items []item) {
	for i := range items {
		if items[i].used || !items[i].is(cNumber) || items[i].tok.weak {
			continue
		}
		end := i + 1
		if end < len(items) && items[end].mention == nil && items[end].tok.kind == tWord {
			end++
		}
		start, stop := byteRange(items, i, end)
		r.note(fmt.Sprintf("I made nothing of %q.", clean(r.slice(start, stop))))
		items[i].used = true
	}
}

// emit turns a draft into steps, one for each combination of its fans.
func (r *reader) emit(d *draft) {
	combos := d.combinations()
	r.last = nil
	var made []string
	for _, args := range combos {
		id := strconv.Itoa(len(r.out.Steps) + 1)
		s := Step{ID: id, Tool: d.tool, Args: args, Needs: slices.Concat(d.needs, r.after, r.before(d.tool, args)), Unavailable: r.cat.tools[d.tool].unbuilt}
		r.wire(&s)
		r.last = append(r.last, len(r.out.Steps))
		r.out.Steps = append(r.out.Steps, s)
		for _, why := range d.why {
			why.Step = id
			r.out.Explanation.Reasons = append(r.out.Explanation.Reasons, why)
		}
		if d.tool == "train_launch" || d.tool == "job_resume" || d.tool == "ensemble_build" {
			made = append(made, "@"+id+".run")
		}
		r.made(s)
	}
	if len(made) > 0 {
		r.group, r.trained = made, append(r.trained, made...)
	}
}

// made remembers what a step brings about for the clauses that follow.
func (r *reader) made(s Step) {
	if run, ok := s.Args["run"].(string); ok && !slices.Contains(r.acted, run) && !isPath(run) {
		r.acted = append(r.acted, run)
	}
	if list, ok := s.Args["runs"].([]any); ok {
		for _, v := range list {
			if run, isText := v.(string); isText && !slices.Contains(r.acted, run) && !strings.HasPrefix(run, "all") {
				r.acted = append(r.acted, run)
			}
		}
	}
	switch s.Tool {
	case "dataset_create_synthetic", "dataset_import":
		if name, ok := s.Args["name"].(string); ok {
			r.dataset, r.makers[name] = name, s.ID
		}
	case "dataset_split":
		if name, ok := s.Args["dataset"].(string); ok {
			r.dataset, r.makers[name] = name, s.ID
		}
	case "evaluate_run":
		if run, ok := s.Args["run"].(string); ok {
			r.judged[run] = s.ID
			if !slices.Contains(r.group, run) {
				r.group = []string{run}
			}
		}
	default:
		if name, ok := s.Args["dataset"].(string); ok {
			r.dataset = name
		}
		if run, ok := s.Args["run"].(string); ok && !slices.Contains(r.group, run) && !isPath(run) {
			r.group = []string{run}
		}
	}
}

// wire finds what a step must wait for: references in its arguments, and the
// step that makes its dataset.
func (r *reader) wire(s *Step) {
	if name, ok := s.Args["dataset"].(string); ok && r.makers[name] != "" {
		s.Needs = append(s.Needs, r.makers[name])
	}
	s.Needs = append(s.Needs, refs(s.Args)...)
	s.Needs = sortIDs(s.Needs)
}

// refs lists the steps that arguments refer to.
func refs(args map[string]any) []string {
	var out []string
	visit := func(v any) {
		if s, ok := v.(string); ok && strings.HasPrefix(s, "@") {
			if id, _, found := strings.Cut(s[1:], "."); found {
				out = append(out, id)
			}
		}
	}
	for _, v := range args {
		visit(v)
		if list, ok := v.([]any); ok {
			for _, e := range list {
				visit(e)
			}
		}
	}
	return out
}

// sortIDs orders step ids by number and drops doubles.
func sortIDs(ids []string) []string {
	slices.SortFunc(ids, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	})
	return slices.Compact(ids)
}

// silentNeeds lists the needs that no argument shows.
func (s Step) silentNeeds() []string {
	shown := refs(s.Args)
	var out []string
	for _, id := range s.Needs {
		if !slices.Contains(shown, id) {
			out = append(out, id)
		}
	}
	return out
}
