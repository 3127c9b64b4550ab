package planner

import (
	"fmt"
	"strings"
)

// statement writes the SQL of a goal. Jobs are the ids of evaluations of this
// turn, which are asked about directly.
func (g goal) statement(jobs []string) string {
	switch g.kind {
	case goalSQL:
		return g.sql
	case goalQuality:
		return g.qualitySQL(jobs)
	case goalVolumes:
		return g.volumesSQL(jobs)
	case goalBest:
		return g.bestSQL("")
	case goalFilter:
		return g.bestSQL(fmt.Sprintf("%s %s %s", column(g.metric), g.comparison(), plainNumber(g.bound)))
	case goalCount:
		return g.countSQL()
	case goalDuration:
		return g.durationSQL()
	case goalSettings:
		return g.settingsSQL()
	case goalTable:
		return g.tableSQL()
	case goalRuns:
		if g.metric != "" {
			return g.bestSQL("")
		}
		return fmt.Sprintf("select run_id, name, model, dataset, state, created from runs where %s order by created desc limit %d",
			g.where("runs"), g.limit(maxSteps))
	}
	return ""
}

func (g goal) comparison() string {
	if g.above {
		return ">="
	}
	return "<="
}

func (g goal) limit(otherwise int) int {
	if g.count > 0 && g.count < 1000 {
		return g.count
	}
	return otherwise
}

// quote writes a text as a SQL literal.
func quote(s string) string { return "'" + strings.ReplaceAll(clean(s), "'", "''") + "'" }

func quoteAll(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = quote(s)
	}
	return strings.Join(quoted, ", ")
}

// column is a metric's name as a column.
func column(metric string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return -1
	}, metric)
	if name == "" {
		return "dice"
	}
	return name
}

// where limits training runs by what the goal says of them. Alias is the name
// of the runs table in the statement.
func (g goal) where(alias string) string {
	var limits []string
	if !g.anyKind {
		limits = append(limits, alias+".kind = 'train'")
	}
	if g.live {
		limits = append(limits, alias+".state in ('queued', 'running')")
	}
	for _, l := range [][2]string{{"model", g.model}, {"dataset", g.dataset}, {"state", g.state}} {
		if l[1] != "" {
			limits = append(limits, alias+"."+l[0]+" = "+quote(l[1]))
		}
	}
	if g.since != "" {
		limits = append(limits, alias+".created >= timestamp "+quote(g.since))
	}
	if key, value, pair := strings.Cut(g.tag, "="); key != "" {
		t := "select run_id from tags where key = " + quote(key)
		if pair {
			t += " and value = " + quote(value)
		}
		limits = append(limits, alias+".run_id in ("+t+")")
	}
	if len(g.runs) > 0 {
		limits = append(limits, "("+runCondition(alias+".run_id", g.runs)+")")
	}
	if len(limits) == 0 {
		return "true"
	}
	return strings.Join(limits, " and ")
}

// runCondition writes selectors as a condition on a run's id.
func runCondition(column string, selectors []string) string {
	var parts []string
	for _, s := range selectors {
		head, rest, _ := strings.Cut(s, ":")
		switch head {
		case "latest", "all":
			parts = append(parts, column+" in ("+latestSQL(head, rest)+")")
		case "best", "worst":
			parts = append(parts, column+" in (select run_id from ("+bestOf(head, rest)+"))")
		default:
			parts = append(parts, fmt.Sprintf("%s = %s or starts_with(%s, %s) or %s in (select run_id from runs where name = %s)",
				column, quote(s), column, quote(s), column, quote(s)))
		}
	}
	return strings.Join(parts, " or ")
}

// bestOf selects the best or worst run that meets a selector's conditions.
func bestOf(head, conditions string) string {
	metric, limits, _ := strings.Cut(conditions, ",")
	g := goal{kind: goalBest, metric: metric, low: head == "worst", count: 1}
	for part := range strings.SplitSeq(limits, ",") {
		switch key, value, _ := strings.Cut(part, "="); key {
		case "model":
			g.model = value
		case "dataset":
			g.dataset = value
		case "state":
			g.state = value
		case "tag":
			g.tag = value
		}
	}
	return g.statement(nil)
}

// latestSQL selects the newest run, or all, that meet a selector's conditions.
func latestSQL(head, conditions string) string {
	limits := []string{"kind = 'train'"}
	for part := range strings.SplitSeq(conditions, ",") {
		key, value, ok := strings.Cut(part, "=")
		switch {
		case !ok:
		case key == "kind":
			limits[0] = "kind = " + quote(value)
		case key == "model" || key == "dataset" || key == "state" || key == "name":
			limits = append(limits, key+" = "+quote(value))
		case key == "tag":
			k, v, pair := strings.Cut(value, "=")
			t := "run_id in (select run_id from tags where key = " + quote(k)
			if pair {
				t += " and value = " + quote(v)
			}
			limits = append(limits, t+")")
		}
	}
	q := "select run_id from runs where " + strings.Join(limits, " and ")
	if head == "latest" {
		q += " order by created desc limit 1"
	}
	return q
}

// newest is the condition that a row of case_metrics (c) belongs to the newest
// evaluation of its run on its split.
const newest = "c.job_id = (select k.run_id from runs k where k.run_id in (select d.job_id from case_metrics d where d.run_id = c.run_id and d.split = c.split) order by k.created desc limit 1)"

// scope limits rows of case_metrics (c) to the runs and evaluations meant.
func (g goal) scope(jobs []string) string {
	if len(jobs) > 0 {
		return "c.job_id in (" + quoteAll(jobs) + ")"
	}
	limits := []string{newest, "c.split = " + quote(orElse(g.split, "test"))}
	if len(g.runs) > 0 {
		limits = append(limits, "("+runCondition("c.run_id", g.runs)+")")
	}
	return strings.Join(limits, " and ")
}

// qualitySQL asks for mean, range and number of volumes of each metric.
func (g goal) qualitySQL(jobs []string) string {
	only := ""
	if g.metric != "" && g.stat+g.split != "" && len(jobs) == 0 {
		only = " and c.name = " + quote(g.metric)
	}
	wanted := ""
	if g.metric != "" {
		wanted = "bool_or(c.name = " + quote(g.metric) + ") desc, " // the one that was asked for first
	}
	return "select c.run_id, r.model, r.dataset, c.split, c.name as metric, avg(c.value) as mean, " + g.statColumn() + "min(c.value) as lowest, max(c.value) as highest, " +
		"count(c.value) as volumes from case_metrics c left join runs r on r.run_id = c.run_id where " + g.scope(jobs) + only +
		" and isfinite(c.value) group by all order by c.run_id, " + wanted + "metric"
}

// volumesSQL asks for one row a volume.
func (g goal) volumesSQL(jobs []string) string {
	metric := orElse(g.metric, "dice")
	order := "asc"
	if g.low == lowerIsBetter(metric) {
		order = "desc"
	}
	return fmt.Sprintf("select c.run_id, c.volume, c.split, c.value as %s from case_metrics c where c.name = %s and %s and isfinite(c.value) order by %s %s limit %d",
		column(metric), quote(metric), g.scope(jobs), column(metric), order, g.limit(maxRows))
}

// bestSQL ranks runs: by the newest test evaluation, and runs without one by
// their best validation value, after them.
func (g goal) bestSQL(having string) string {
	metric := orElse(g.metric, "dice")
	name := column(metric)
	down := g.low != lowerIsBetter(metric)
	order, best := "desc", "max"
	if down {
		order = "asc"
	}
	if lowerIsBetter(metric) {
		best = "min"
	}
	split := orElse(g.split, "test")
	judged := fmt.Sprintf("select c.run_id, c.split, avg(c.value) as %s, min(c.value) as lowest, max(c.value) as highest, count(c.value) as volumes "+
		"from case_metrics c where c.name = %s and c.split = %s and isfinite(c.value) and %s group by all", name, quote(metric), quote(split), newest)
	trained := fmt.Sprintf("select m.run_id, m.split, %s(m.value) as %s, null as lowest, null as highest, null as volumes from metrics m "+
		"where m.name = %s and m.split = 'val' and m.run_id = m.job_id and isfinite(m.value) and m.run_id not in (select run_id from judged) group by all",
		best, name, quote(metric))
	q := "with judged as (" + judged + "), trained as (" + trained + "), scores as (select * from judged union all select * from trained) " +
		fmt.Sprintf("select s.run_id, r.name, r.model, r.dataset, s.split, s.%s, s.lowest, s.highest, s.volumes from scores s join runs r on r.run_id = s.run_id where %s",
			name, g.where("r"))
	if having != "" {
		q += " and s." + having
	}
	limit := g.limit(5)
	if having != "" {
		limit = g.limit(100)
	}
	if g.silent {
		limit = g.limit(maxSteps)
	}
	return q + fmt.Sprintf(" order by (s.split = %s) desc, s.%s %s limit %d", quote(split), name, order, limit)
}

// countSQL counts runs, or what belongs to them.
func (g goal) countSQL() string {
	if g.things != "" {
		return g.thingsSQL()
	}
	return "select count(*) as runs from runs where " + g.where("runs")
}

// durationSQL asks how long runs took.
func (g goal) durationSQL() string {
	order := "created desc"
	switch g.fast {
	case 1:
		order = "seconds asc"
	case -1:
		order = "seconds desc"
	}
	finished := ""
	if g.fast != 0 {
		finished = " and state = 'finished' and seconds > 0"
	}
	return fmt.Sprintf("select run_id, name, model, dataset, state, seconds from runs where %s%s order by %s limit %d", g.where("runs"), finished, order, g.limit(5))
}
