package planner

import (
	"fmt"
	"slices"
	"strings"
)

// statistic reads which statistic of a metric is asked for, beside the mean.
func statistic(items []item) string {
	for i := range items {
		switch {
		case items[i].anyWord("median"):
			return "median"
		case items[i].anyWord("stddev", "spread", "variation"):
			return "stddev"
		case items[i].anyWord("variance"):
			return "variance"
		}
	}
	return ""
}

// column is the statistic as a column of a query over case_metrics (c).
func (g goal) statColumn() string {
	if g.stat == "" {
		return ""
	}
	return fmt.Sprintf("%s(c.value) as %s, ", g.stat, g.stat)
}

// askThings reads what is counted, if it is not trainings.
func askThings(g *goal, items []item) {
	distinct := slices.ContainsFunc(items, func(it item) bool {
		return it.anyWord("distinct", "different", "unique", "use", "try", "tried")
	})
	from := slices.IndexFunc(items, func(it item) bool { return it.anyWord("how_many", "count") })
	for i := max(from, 0); i < len(items) && i < from+5; i++ {
		name := settingName(items[i])
		switch {
		case items[i].anyWord("run", "runs", "job", "jobs", "training", "trainings", "experiment", "experiments") || items[i].is(cRuns):
			return
		case items[i].anyWord("evaluation", "evaluations"):
			g.things, g.anyKind = "evaluations", true
			for _, k := range all(items, cRun) {
				g.runs = append(g.runs, items[k].mention.text)
			}
			return
		case items[i].anyWord("checkpoint", "file", "artifact"):
			g.things = map[bool]string{true: "checkpoints", false: "files"}[items[i].anyWord("checkpoint")]
			for _, k := range all(items, cRun) {
				g.runs = append(g.runs, items[k].mention.text)
			}
			return
		case distinct && name != "":
			g.things = name
			return
		case distinct && items[i].anyWord("model", "models", "dataset", "datasets", "network", "architecture"):
			g.things = map[bool]string{true: "dataset", false: "model"}[items[i].anyWord("dataset", "datasets")]
			return
		}
	}
}

// thingsSQL counts what is no training: evaluations, files, or the different
// values of a setting.
func (g goal) thingsSQL() string {
	switch g.things {
	case "evaluations":
		of := ""
		if len(g.runs) > 0 {
			of = " and (" + runCondition("runs.parent", g.runs) + ")"
		}
		g.runs = nil
		return "select count(*) as evaluations from runs where runs.kind = 'evaluate' and " + g.where("runs") + of
	case "checkpoints", "files":
		limit := ""
		if g.things == "checkpoints" {
			limit = " and a.step is not null"
		}
		return "select count(*) as " + g.things + " from artifacts a join runs r on r.run_id = a.run_id where " + g.where("r") + limit
	case "model", "dataset", "seed", "fold":
		return fmt.Sprintf("select count(distinct r.%s) as %ss from runs r where %s", g.things, g.things, g.where("r"))
	}
	return fmt.Sprintf("select count(distinct p.value) as %s from params p join runs r on r.run_id = p.run_id where (p.key = %s or ends_with(p.key, %s)) and %s",
		strings.TrimSuffix(column(g.things), "s")+"s", quote(g.things), quote("."+g.things), g.where("r"))
}
