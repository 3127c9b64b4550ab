package planner

import (
	"fmt"
	"math"
	"slices"
)

// fillResume reads run and epochs. The tool takes the new total, so "ten more"
// has to be asked back.
func fillResume(r *reader, d *draft, items []item, _ toolInfo) bool {
	v, ok := totalEpochs(items)
	fill, answered := r.fills["epochs"]
	switch {
	case answered:
		use(items, v)
		d.args["epochs"] = fill
	case ok && moreOf(items, v):
		use(items, v)
		r.question(d.tool, "epochs", Question{Text: fmt.Sprintf("job_resume takes the new total: how many epochs shall the run have in all, with the %v more?", v.v)})
	case ok:
		r.set(d, "epochs", v, items)
	}
	return r.fillRun(d, items)
}

// totalEpochs finds the number of epochs that a run is to have, and passes over
// how many it had: "it finished after 50 epochs, go on to 120".
func totalEpochs(items []item) (best value, ok bool) {
	most := 0
	units := []string{"epoch", "ep"}
	for i := range items {
		n := items[i].tok.num
		if !items[i].is(cNumber) || items[i].used || items[i].tok.weak || n < 1 || n != math.Trunc(n) {
			continue
		}
		v, weight := value{v: int64(n), from: i, to: i + 1, rule: "as many epochs in all"}, 0
		if end, unit := unitAfter(items, i, units); unit {
			v.to, weight = end, 2
		} else if start, lead := leadBefore(items, i, units); lead {
			v.from, weight = start, 2
		}
		if slices.ContainsFunc(items[max(0, i-2):i], func(it item) bool { return it.anyWord("to", "until", "till", "up", "reach", "total") }) {
			weight += 2
		}
		if slices.ContainsFunc(items[i+1:min(len(items), v.to+4)], func(it item) bool { return it.anyWord("total", "overall", "altogether") }) {
			weight += 3
		}
		if stoppedAt(items, v) {
			items[i].used = true
			weight -= 5
		}
		if weight > 0 && weight >= most {
			best, most, ok = v, weight, true
		}
	}
	return best, ok
}

// stoppedAt tells whether a number says where a run ended, not how far it is to
// go: "it stopped at epoch 12".
func stoppedAt(items []item, v value) bool {
	for i := v.from - 1; i >= 0 && i >= v.from-5; i-- {
		if items[i].is(cState) || items[i].anyWord("stop", "crash", "die", "fail", "end", "interrupt", "left", "done", "finish", "finished", "reached", "completed", "break") {
			return true
		}
		if items[i].anyWord(",", "to", "until", "till", "resume", "continue", "on", "up", "let", "train", "run") {
			return false
		}
	}
	return false
}

// moreOf tells whether a number is said to come on top.
func moreOf(items []item, v value) bool {
	return slices.ContainsFunc(items[max(v.from-1, 0):min(v.to+1, len(items))], func(it item) bool {
		return it.anyWord("more", "another", "additional", "further", "extra")
	})
}

// fillJobs reads the state.
func fillJobs(r *reader, d *draft, items []item, _ toolInfo) bool {
	if i, ok := first(items, cState); ok {
		r.set(d, "state", mentioned(items, i), items)
		return true
	}
	for i := range items {
		if items[i].is(cRuns) && items[i].mention.state != "" {
			r.set(d, "state", value{v: items[i].mention.state, from: i, to: i + 1, rule: "state"}, items)
			return true
		}
		if s := stateName(items[i].word()); s != "" && !items[i].anyWord("do") {
			r.set(d, "state", value{v: s, from: i, to: i + 1, rule: "state"}, items)
			return true
		}
		if s := stateSaid(items, i); s != "" {
			r.set(d, "state", value{v: s, from: i, to: i + 1, rule: "state"}, items)
			return true
		}
	}
	return true
}

// stateSaid is the state that the words from items[i] on describe, or "".
func stateSaid(items []item, i int) string {
	before, next := item{}, item{}
	if i > 0 {
		before = items[i-1]
	}
	if i+1 < len(items) {
		next = items[i+1]
	}
	it := items[i]
	switch {
	case it.anyWord("fail", "crash", "die", "dead", "errored", "diverge") || it.anyWord("go", "went", "gone") && next.anyWord("wrong") || it.anyWord("blow", "blew") && next.anyWord("up"):
		return "failed"
	case it.anyWord("abort", "kill", "cancel") || it.anyWord("called") && next.anyWord("off"):
		return "cancelled"
	case saysWaiting(items[:i+1]):
		return "queued"
	case it.anyWord("through", "succeed", "complete") || it.anyWord("over") && before.anyWord("is", "are"):
		return "finished"
	case it.anyWord("progress", "execution", "flight") && before.anyWord("in") || it.anyWord("underway", "alive", "busy") || it.anyWord("way") && before.anyWord("under"):
		return "running"
	}
	return ""
}

// saysWaiting tells whether words end with one for jobs that have not begun.
func saysWaiting(items []item) bool {
	n := len(items) - 1
	it, before := items[n], item{}
	if n > 0 {
		before = items[n-1]
	}
	switch {
	case it.anyWord("queue", "line") && before.anyWord("the", "in"):
		return slices.ContainsFunc(items[:n], func(o item) bool { return o.anyWord("still", "yet", "wait") })
	case it.anyWord("wait", "queue"):
		return it.tok.word != it.tok.stem
	}
	return it.anyWord("begun", "started", "begin", "start") && before.anyWord("not", "yet", "hasn't", "haven't")
}
