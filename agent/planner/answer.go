package planner

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// answer composes the last words of a turn from tool results only.
func (r *reader) answer(first reading, rounds []round) string {
	var parts []string
	parts = append(parts, failures(rounds)...)
	asked := queries(rounds)
	for i, c := range asked {
		if c.result == nil || c.result.failure() != "" {
			continue
		}
		g, ok := goalOf(first.goals, rounds, c)
		if !ok {
			g = goal{kind: goalSQL}
		}
		if g.silent {
			continue
		}
		parts = append(parts, sourced(onlyOnce(g.words(c.table(), measureOf(rounds)), parts), i+1))
	}
	for i, rd := range rounds {
		parts = append(parts, r.reports(first, rd, i == len(rounds)-1, len(asked) > 0)...)
	}
	parts = append(parts, condolences(first, rounds)...)
	if len(parts) == 0 {
		return "Done."
	}
	return strings.Join(parts, "\n")
}

// onlyOnce leaves out a remark on the number of volumes that has been made
// before.
func onlyOnce(text string, before []string) string {
	for _, n := range []string{"1", "2", "3"} {
		remark := few(n)
		if slices.ContainsFunc(before, func(s string) bool { return strings.Contains(s, remark) }) {
			text = strings.Replace(text, remark, "", 1)
		}
	}
	return text
}

// why is the tool's reason for the run that it took, where a superlative left
// the choice to it.
func (c call) why() string {
	run, ok := c.args["run"].(string)
	if !ok || !strings.HasPrefix(run, "best:") {
		return ""
	}
	var v struct {
		Why string `json:"why"`
	}
	if json.Unmarshal(c.result.Value, &v) != nil {
		return ""
	}
	return clean(v.Why)
}

// sourced adds where the numbers come from.
func sourced(text string, n int) string {
	if strings.Contains(text, "\n") {
		return fmt.Sprintf("%s\nSource: query %d.", text, n)
	}
	return fmt.Sprintf("%s Source: query %d.", text, n)
}

// goalOf finds the goal that a query answers: by its statement.
func goalOf(goals []goal, rounds []round, c call) (goal, bool) {
	for _, g := range goals {
		if g.resolve(rounds).statement(g.jobs(rounds)) == c.args["query"] || g.statement(nil) == c.args["query"] {
			return g, true
		}
	}
	return goal{}, false
}

// failures tells what went wrong, and what was not done because of it.
func failures(rounds []round) []string {
	var out []string
	for _, rd := range rounds {
		for _, c := range rd.calls {
			if c.result == nil {
				continue
			}
			why := c.result.failure()
			switch {
			case why == "":
			case c.result.State == "rejected":
				out = appendNew(out, "Nothing was done: the plan was turned down.")
			case c.result.State == "skipped":
				out = appendNew(out, fmt.Sprintf("%s was not run, because a step before it did not succeed.", c.tool))
			default:
				out = appendNew(out, fmt.Sprintf("%s failed: %s", c.tool, strings.TrimRight(clean(strings.ReplaceAll(why, "\n", " ")), ".")+"."))
			}
		}
	}
	return out
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// condolences says why a look-up led to nothing.
func condolences(first reading, rounds []round) []string {
	if len(first.later) == 0 || len(rounds) > 1 || failed(rounds[0]) {
		return nil
	}
	return []string{"No run matches, so there is nothing to do."}
}

// reports tells what the steps that are no queries came to: for those that
// only changed something the tool's own line, for those that show something
// what they show.
func (r *reader) reports(first reading, rd round, latest, queried bool) []string {
	var out []string
	for _, c := range rd.calls {
		if c.tool == "runs_sql" || c.result == nil || c.result.failure() != "" {
			continue
		}
		line := clean(strings.TrimSpace(c.result.Summary))
		if why := c.why(); why != "" && line != "" {
			line = strings.TrimRight(line, ".") + " (" + why + ")"
		}
		if c.tool == "evaluate_run" && queried || line == "" {
			if line == "" {
				out = append(out, c.tool+" is done.")
			}
			continue
		}
		out = append(out, line)
		if shows(c.tool) {
			if more := c.details(r.lex, r.text); more != "" {
				out = append(out, more)
			}
		}
	}
	if !latest && queried {
		return shortReports(out)
	}
	return out
}

// shortReports keeps only the lines of launches and changes short when an
// answer with numbers stands above them.
func shortReports(lines []string) []string {
	if len(lines) > 6 {
		return append(lines[:6:6], fmt.Sprintf("and %d more steps done.", len(lines)-6))
	}
	return lines
}

// shows tells whether a tool's output is what was asked for.
func shows(tool string) bool {
	switch tool {
	case "dataset_list", "dataset_show", "dataset_validate", "job_list", "job_status", "job_logs", "runs_list", "run_show", "compare_runs", "model_list":
		return true
	}
	return false
}

// describeLookup says which run a look-up found, before the step that acts on
// it is reviewed.
func describeLookup(g goal, t table, n int) string {
	if g.kind == goalBest && len(t.Rows) > 0 {
		word := "best"
		if g.low {
			word = "worst"
		}
		metric := orElse(g.metric, "dice")
		return fmt.Sprintf("The %s run by %s is %s (%s %s on %s, query %d).", word, title(metric), t.cell(0, "run_id"),
			title(metric), score(t.cell(0, column(metric))), t.cell(0, "split"), n)
	}
	return fmt.Sprintf("Query %d found %s.", n, plural(len(t.Rows), "run"))
}

// plural writes a count with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// withoutNumbers drops the lines and sentences that have a number.
func withoutNumbers(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		var kept []string
		for sentence := range strings.SplitSeq(strings.TrimSpace(line), ". ") {
			if !strings.ContainsAny(sentence, "0123456789") {
				kept = append(kept, sentence)
			}
		}
		if len(kept) > 0 {
			lines = append(lines, strings.Join(kept, ". "))
		}
	}
	if len(lines) == 0 {
		return "I have no numbers to show for that."
	}
	return strings.Join(lines, "\n")
}
