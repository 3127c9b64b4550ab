package planner

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// covered tells whether a clause asks only for what the step before gives
// anyway: "list the datasets and how many volumes each has", "are its files
// fine? check them".
func (r *reader) covered(c clause, items []item) bool {
	if len(r.last) != 1 || slices.ContainsFunc(items, func(it item) bool {
		return it.mention != nil && !it.is(cRef) && !it.is(cSplit) || it.is(cPath)
	}) {
		return false
	}
	refers := slices.ContainsFunc(items, func(it item) bool { return it.is(cRef) || it.anyWord("each", "they", "them") })
	switch r.lastTool() {
	case "dataset_list", "model_list", "serve_status":
		if c.mood == moodQuestion && refers {
			return true
		}
	}
	again := r.asked == moodQuestion && c.mood == moodOrder && len(items) <= 3 && refers
	return again && items[0].anyWord("verify", "check", "test", "show", "see", "find", "look", "tell", "do", "list", "count", "inspect")
}

// absorbs puts what a draft says into the step before, where a question and the
// wish after it come to the same: "did the loss of x go down? show its curve".
func (r *reader) absorbs(d *draft) bool {
	if r.asked != moodQuestion || len(r.last) != 1 || len(d.fan) > 0 || d.tool == "train_launch" {
		return false
	}
	s := &r.out.Steps[r.last[0]]
	if s.Tool != d.tool || r.last[0] != len(r.out.Steps)-1 {
		return false
	}
	args := maps.Clone(d.args)
	for p, v := range s.Args {
		now, ok := args[p]
		was, isText := v.(string)
		if more, _ := now.(string); ok && !reflect.DeepEqual(now, v) && (!isText || !strings.HasSuffix(was, "/"+more)) {
			return false
		}
	}
	maps.Copy(args, s.Args)
	s.Args = args
	r.wire(s)
	return true
}

// evaluatesAsked gives an evaluation what the question before it named: "how
// well does x do on cortex? evaluate it there".
func (r *reader) evaluatesAsked(d *draft) {
	n := len(r.out.goals)
	if r.asked != moodQuestion || n == 0 {
		return
	}
	g := r.out.goals[n-1]
	if g.kind != goalQuality || len(g.runs) != 1 || d.args["run"] != g.runs[0] {
		return
	}
	for p, v := range map[string]string{"dataset": g.dataset, "split": g.split} {
		if v != "" && !has(d.args, p) {
			r.set(d, p, value{v: v, rule: "what was asked"}, nil)
		}
	}
}

// comparesHere tells whether a question for the best is about runs that this
// plan trains or evaluates, which then are compared.
func (r *reader) comparesHere(intent string, items []item) bool {
	if intent != intentBest && intent != intentQuality || !r.cat.has("compare_runs") || hasNamedRun(items) && len(all(items, cRun)) < 2 {
		return false
	}
	if len(r.trained) < 2 && len(r.judged) < 2 && len(all(items, cRun)) < 2 {
		return false
	}
	return slices.ContainsFunc(items, func(it item) bool {
		return it.anyWord("better", "best", "wins", "win", "ahead", "winner", "superior", "stronger", "worse", "higher") || it.is(cBest)
	})
}

// several are the runs that this plan is about, if they are more than one.
func (r *reader) several() []string {
	if len(r.acted) < 2 {
		return nil
	}
	return r.acted
}

// splitThere reads "compare them there": the split of the evaluations before.
func (r *reader) splitThere(d *draft, items []item) {
	i := slices.IndexFunc(items, func(it item) bool { return it.anyWord("there") })
	if i < 0 {
		i = slices.IndexFunc(items, func(it item) bool { return it.anyWord("same", "those", "these") })
		if i < 1 || !items[i-1].anyWord("on", "over") && !items[i-1].anyWord("the") {
			return
		}
	}
	if has(d.args, "split") || len(r.out.Steps) == 0 {
		return
	}
	if last := r.out.Steps[len(r.out.Steps)-1]; last.Tool == "evaluate_run" && last.Args["split"] != nil {
		r.set(d, "split", value{v: last.Args["split"], from: i, to: i + 1, rule: "reference"}, items)
	}
}

// byThat reads "compare them by it": the metric of the evaluation before.
func (r *reader) byThat(d *draft, items []item) {
	for i := 1; i < len(items); i++ {
		if !items[i].is(cRef) || !items[i-1].anyWord("by", "in", "on", "with") || has(d.args, "metric") || len(r.last) == 0 {
			continue
		}
		if list, ok := r.out.Steps[r.last[0]].Args["metrics"].([]any); ok && len(list) == 1 {
			r.set(d, "metric", value{v: list[0], from: i, to: i + 1, rule: "reference"}, items)
		}
	}
}

// certain leaves out references to nothing that was spoken of, where runs are
// named: "put a and b in a report and save it".
func certain(picks []picked) []picked {
	if !slices.ContainsFunc(picks, func(p picked) bool { return !p.guessed }) {
		return picks
	}
	return slices.DeleteFunc(picks, func(p picked) bool { return p.guessed })
}
