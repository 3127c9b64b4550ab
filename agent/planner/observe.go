package planner

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxRounds is how many batches of calls one turn may take before it is
// answered with what there is.
const maxRounds = 4

// observe looks at what came back and decides: look something up, plan the
// steps that waited for it, or answer.
func (r *reader) observe(first reading, rounds []round) Outcome {
	out := Outcome{Explanation: first.Explanation}
	last := rounds[len(rounds)-1]
	broken := failed(last)
	if len(rounds) < maxRounds && !broken {
		if steps, words := r.nextSteps(first, rounds); len(steps) > 0 {
			out.Steps, out.Reply = steps, words
			return out
		}
	}
	out.Reply = r.answer(first, rounds)
	return out
}

// failed tells whether any call of a round went wrong or was turned down.
func failed(rd round) bool {
	return slices.ContainsFunc(rd.calls, func(c call) bool { return c.result != nil && c.result.failure() != "" })
}

// nextSteps plans what had to wait: steps whose runs a look-up found, then the
// queries whose numbers are wanted.
func (r *reader) nextSteps(first reading, rounds []round) ([]Step, string) {
	if len(first.later) > 0 && len(rounds) == 1 {
		if steps, words := r.expand(first, rounds[0]); len(steps) > 0 {
			return steps, words
		}
		return nil, ""
	}
	var steps []Step
	asked := queries(rounds)
	for i := range first.goals {
		g := &first.goals[i]
		if g.step {
			continue
		}
		sql := g.resolve(rounds).statement(g.jobs(rounds))
		if slices.ContainsFunc(asked, func(c call) bool { return c.args["query"] == sql }) {
			continue
		}
		if len(g.judged) > 0 && len(g.jobs(rounds)) == 0 {
			continue
		}
		steps = append(steps, Step{ID: strconv.Itoa(len(steps) + 1), Tool: "runs_sql", Args: map[string]any{"query": sql}})
	}
	return steps, ""
}

// queries lists the runs_sql calls of a turn, in order.
func queries(rounds []round) []call {
	var out []call
	for _, rd := range rounds {
		for _, c := range rd.calls {
			if c.tool == "runs_sql" {
				out = append(out, c)
			}
		}
	}
	return out
}

// jobs are the evaluation runs that the goal's steps started.
func (g goal) jobs(rounds []round) []string {
	var out []string
	for _, id := range g.judged {
		if c := stepCall(rounds[0], id); c != nil && c.result != nil && c.result.Run != "" {
			out = append(out, c.result.Run)
		}
	}
	return out
}

// resolve replaces "@1.run" by the run that step 1 launched.
func (g goal) resolve(rounds []round) goal {
	var runs []string
	for _, run := range g.runs {
		if id, _, ok := strings.Cut(strings.TrimPrefix(run, "@"), "."); ok && strings.HasPrefix(run, "@") {
			if c := stepCall(rounds[0], id); c != nil && c.result != nil && c.result.Run != "" {
				runs = append(runs, c.result.Run)
			}
			continue
		}
		runs = append(runs, run)
	}
	g.runs = runs
	return g
}

// stepCall finds the call of step id: by its id, or by its place in the plan.
func stepCall(rd round, id string) *call {
	for i := range rd.calls {
		if rd.calls[i].id == id {
			return &rd.calls[i]
		}
	}
	if n, err := strconv.Atoi(id); err == nil && n >= 1 && n <= len(rd.calls) {
		return &rd.calls[n-1]
	}
	return nil
}

// expand plans the steps that waited for a look-up.
func (r *reader) expand(first reading, rd round) ([]Step, string) {
	var steps []Step
	var words []string
	asked := queries([]round{rd})
	for _, l := range first.later {
		k := lookupIndex(first.goals, l.goal)
		if k < 0 || k >= len(asked) {
			continue
		}
		t := asked[k].table()
		var ids []any
		for row := range t.Rows {
			if id := t.cell(row, "run_id"); id != "" {
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 {
			continue
		}
		if ids = ids[:min(len(ids), maxSteps)]; first.goals[l.goal].count == 1 {
			ids = ids[:1]
		}
		words = append(words, describeLookup(first.goals[l.goal], t, k+1))
		steps = append(steps, l.steps(ids, len(steps))...)
	}
	return steps, strings.Join(words, " ")
}

// steps makes the calls of a deferred step.
func (l deferred) steps(ids []any, from int) []Step {
	with := func(n int, param string, v any) Step {
		args := map[string]any{param: v}
		maps.Copy(args, l.args)
		return Step{ID: strconv.Itoa(from + n), Tool: l.tool, Args: args}
	}
	if l.list {
		return []Step{with(1, "runs", ids)}
	}
	out := make([]Step, len(ids))
	for i, id := range ids {
		out[i] = with(i+1, "run", id)
	}
	return out
}

// lookupIndex is the place of a goal among the queries of the first plan.
func lookupIndex(goals []goal, i int) int {
	if i >= len(goals) || !goals[i].step {
		return -1
	}
	n := 0
	for _, g := range goals[:i] {
		if g.step {
			n++
		}
	}
	return n
}
