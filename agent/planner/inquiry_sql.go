package planner

import (
	"fmt"
	"slices"
	"strings"
)

// tableSQL writes the statement of an inquiry: a source of values with the
// run of each, and what is made of them.
func (g goal) tableSQL() string {
	q := *g.inquiry
	switch {
	case q.gap && len(g.runs) == 2:
		return g.gapSQL(q)
	case q.of == ofScore && g.overRuns(q):
		return g.madeSQL(q, g.perRun(q), "runs")
	case q.of == ofScore && q.split(g) == "":
		return g.madeSQL(q, g.curves(q), "values")
	case q.of == ofScore:
		return g.madeSQL(q, g.cases(q), "volumes")
	case q.of == ofSetting:
		return g.madeSQL(q, g.chosen(q), "runs")
	case q.of == ofBytes:
		return g.madeSQL(q, source{"a.bytes", "bytes", "from artifacts a join runs r on r.run_id = a.run_id", g.meant(q)}, "files")
	case q.judged && q.of == ofSeconds:
		g.anyKind = true
		return g.madeSQL(q, source{"r.seconds / 3600.0", "hours", "from runs r", "r.kind = 'evaluate' and " + g.meant(q) + " and r.seconds is not null"}, "evaluations")
	case q.judged && len(q.limits) == 0:
		g.anyKind = true
		for i := range q.groups {
			q.groups[i] = map[bool]string{true: "parent", false: q.groups[i]}[q.groups[i] == "run_id"]
		}
		return g.madeSQL(q, source{"", "", "from runs r", "r.kind = 'evaluate' and " + g.meant(q)}, "evaluations")
	case q.of == ofCount || q.of == ofNothing:
		return g.madeSQL(q, source{"", "", "from runs r", g.meant(q)}, "runs")
	}
	expression, name := "r."+string(q.of), string(q.of)
	if q.of == ofSeconds {
		expression, name = "r.seconds / 3600.0", "hours"
	}
	return g.madeSQL(q, source{expression, name, "from runs r", g.meant(q) + " and r." + string(q.of) + " is not null"}, "runs")
}

// source is where values come from: the expression of a value, the name of
// its column, and the from and where of the statement, in which r is the run.
type source struct{ value, name, from, where string }

// split is the split that scores are of; "" means those of the training.
func (q inquiry) split(g goal) string {
	extreme := len(q.stats) > 0 && !q.aggregated() && g.split == "val" && !q.cases
	if len(q.names) == 1 && (q.names[0] == "loss" || extreme) {
		return ""
	}
	return orElse(g.split, "test")
}

// overRuns tells whether runs, not volumes, have the values: their mean over
// the volumes.
func (g goal) overRuns(q inquiry) bool {
	if q.split(g) == "" || q.cases || len(q.volumes) > 0 || slices.Contains(q.groups, "volume") {
		return false
	}
	if len(q.stats) > 0 && !q.aggregated() && len(q.names) == 1 {
		return !slices.Contains(q.groups, "run_id")
	}
	return q.counts || q.share || len(q.stats) == 0 && !slices.Contains(q.groups, "run_id")
}

// cases are the scores of volumes.
func (g goal) cases(q inquiry) source {
	if q.names == nil {
		q.names = []string{"dice"}
	}
	g.split = q.split(g)
	where := "c.name in (" + quoteAll(q.names) + ") and isfinite(c.value) and c.split = " +
		quote(g.split) + " and " + newest + " and " + g.meant(q)
	if len(q.volumes) > 0 {
		where += " and c.volume in (" + quoteAll(q.volumes) + ")"
	}
	name := "score"
	if len(q.names) == 1 {
		name = column(q.names[0])
	}
	return source{"c.value", name, "from case_metrics c join runs r on r.run_id = c.run_id", where}
}

// perRun is the mean over the volumes of each run that was evaluated.
func (g goal) perRun(q inquiry) source {
	bare := q
	bare.limits = slices.DeleteFunc(slices.Clone(q.limits), func(l limit) bool { return l.of == ofScore || l.of == ofNothing })
	cases := g.cases(bare)
	inner := "select c.run_id, c.name, avg(c.value) as value " + cases.from + " where " + cases.where + " group by all"
	return source{"c.value", cases.name, "from (" + inner + ") c join runs r on r.run_id = c.run_id", "true"}
}

// curves are the values that were measured during training.
func (g goal) curves(q inquiry) source {
	return source{"m.value", column(q.names[0]), "from metrics m join runs r on r.run_id = m.run_id and m.job_id = m.run_id", "m.name in (" + quoteAll(q.names) +
		") and m.split = " + quote(orElse(g.split, "val")) + " and isfinite(m.value) and " + g.meant(q)}
}

// settings are the values of settings.
func (g goal) chosen(q inquiry) source {
	keys := make([]string, len(q.names))
	for i, name := range q.names {
		keys[i] = settingKey("p.key", name)
	}
	value := "p.value"
	if len(q.stats) > 0 {
		value = "try_cast(p.value as double)"
	}
	return source{value, "value", "from params p join runs r on r.run_id = p.run_id", "(" + strings.Join(keys, " or ") + ") and " + g.meant(q)}
}

// settingKey is the condition that a key of params is that of a setting.
func settingKey(key, name string) string {
	return fmt.Sprintf("(%s = %s or ends_with(%s, %s))", key, quote(name), key, quote("."+name))
}

// meant is the condition that a run (r) is among those that are meant.
func (g goal) meant(q inquiry) string {
	limits := []string{g.where("r")}
	if g.count > 0 && (len(q.stats) > 0 || q.counts || len(q.groups) > 0) {
		limits = []string{fmt.Sprintf("r.run_id in (select run_id from runs where %s order by created desc limit %d)", g.where("runs"), g.count)}
	}
	if len(q.models) > 1 {
		limits = append(limits, "r.model in ("+quoteAll(q.models)+")")
	}
	for _, l := range q.limits {
		switch l.of {
		case ofSetting:
			if q.own(l) {
				continue
			}
			value := "s.value"
			if _, text := l.value.(string); !text {
				value = "try_cast(s.value as double)"
			}
			limits = append(limits, "r.run_id in (select s.run_id from params s where "+settingKey("s.key", l.name)+" and "+value+" "+l.op+" "+literal(l.value)+")")
		case ofSeconds, ofStep, ofEpoch, ofTries:
			limits = append(limits, "r."+string(l.of)+" "+l.op+" "+literal(l.value))
		case ofNothing:
			if column := string(q.of); l.name == "" && (q.of == ofStep || q.of == ofEpoch || q.of == ofTries) {
				limits = append(limits, "r."+column+" "+l.op+" "+literal(l.value))
			}
		case ofScore, ofBytes, ofCount:
		}
	}
	return strings.Join(limits, " and ")
}

// literal writes a value as SQL does.
func literal(v any) string {
	if f, ok := v.(float64); ok {
		return plainNumber(f)
	}
	return quote(fmt.Sprint(v))
}

// own tells whether a limit is one of the very setting that is measured.
func (q inquiry) own(l limit) bool {
	return q.of == ofSetting && l.of == ofSetting && len(q.names) == 1 && q.names[0] == l.name
}

// matching is the condition that a value meets the bounds that are its own; ""
// if there are none.
func (q inquiry) matching(rel source) string {
	var out []string
	for _, l := range q.limits {
		switch {
		case l.of == ofNothing && l.name != "":
			out = append(out, "r."+l.name+" "+l.op+" "+literal(l.value))
		case q.of == ofScore && l.of == ofScore && len(q.names) > 1:
			out = append(out, "(c.name <> "+quote(l.name)+" or "+rel.value+" "+l.op+" "+literal(l.value)+")")
		case q.of == ofScore && (l.of == ofScore || l.of == ofNothing):
			out = append(out, rel.value+" "+l.op+" "+literal(l.value))
		case q.own(l):
			value := "p.value"
			if _, text := l.value.(string); !text {
				value = "try_cast(p.value as double)"
			}
			out = append(out, value+" "+l.op+" "+literal(l.value))
		case q.of == ofBytes && (l.of == ofNothing || l.of == ofBytes):
			out = append(out, rel.value+" "+l.op+" "+literal(l.value))
		}
	}
	return strings.Join(out, " and ")
}

// madeSQL writes what is made of the values of a relation. Noun is what its
// rows are.
func (g goal) madeSQL(q inquiry, rel source, noun string) string {
	match := q.matching(rel)
	groups, join := q.columns(rel)
	if rel.from == "from runs r" && join == "" {
		for i := range groups {
			groups[i] = strings.TrimPrefix(groups[i], "r.")
		}
	}
	from := rel.from + join + " where " + rel.where
	groups = append(groups, g.keys(q, noun)...)
	made := q.columnsMade(rel, match, noun)
	if len(made) == 0 {
		if len(q.groups) == 0 || slices.Equal(q.groups, []string{"run_id"}) {
			groups = nil
		}
		return g.rowsSQL(q, rel, from, match, groups)
	}
	if q.lists() {
		groups = append(groups, rel.value+" as "+rel.name)
	}
	if match != "" && !q.share {
		from += " and " + match
	}
	statement := "select " + strings.Join(append(groups, made...), ", ") + " " + from
	if len(groups) > 0 {
		statement += " group by all order by " + g.orderOf(q, len(groups)+1, made[0])
	}
	return statement
}

// lists tells whether the different values of settings are asked for.
func (q inquiry) lists() bool {
	return q.of == ofSetting && q.tried && len(q.stats)+len(q.limits) == 0 && !slices.Contains(q.groups, "run_id")
}

// keys are the columns that tell the values of an aggregate apart, beside the
// groups that are asked for: which run, network, metric or setting they are of.
func (g goal) keys(q inquiry, noun string) (out []string) {
	ungrouped := len(q.groups) == 0
	switch {
	case len(g.runs) > 0 && ungrouped && len(q.stats) > 0 && !slices.Contains(q.stats, "sum"), q.share && q.of == ofScore && noun == "volumes" && ungrouped:
		out = append(out, "r.run_id", "r.model")
	case q.of == ofScore && len(q.models) > 1 && ungrouped:
		out = append(out, "r.model")
	}
	if q.of == ofScore && len(q.names) > 1 {
		out = append(out, "c.name as metric")
	}
	if q.of == ofSetting && (len(q.names) > 1 || len(q.stats) == 0) {
		out = append(out, "p.key")
	}
	return out
}

// columnsMade are the columns of what is made of values; none where the values
// themselves are asked for.
func (q inquiry) columnsMade(rel source, match, noun string) []string {
	switch {
	case q.share:
		match = orElse(match, "true")
		return []string{"avg(case when " + match + " then 1.0 else 0.0 end) as share", "count(*) filter (where " + match + ") as matching", "count(*) as " + noun}
	case len(q.stats) > 0:
		var made []string
		for _, s := range q.stats {
			made = append(made, fmt.Sprintf("%s(%s) as %s_%s", s, rel.value, s, rel.name))
		}
		made = append(made, "count(*) as "+noun)
		if noun != "runs" {
			made = append(made, "count(distinct r.run_id) as runs")
		}
		return made
	case q.lists():
		return []string{"count(*) as " + noun, "string_agg(r.run_id, ', ') as run_ids"}
	case q.counts && q.of != ofSetting || q.of == ofCount:
		return []string{"count(*) as " + noun}
	}
	return nil
}

// orderOf is the order of groups: the largest first where they are counted or
// summed up, else the best.
func (g goal) orderOf(q inquiry, at int, made string) string {
	order := orElse(q.order, "desc")
	if q.order == "" && q.of == ofScore && !q.counts && !q.share && len(q.names) == 1 && lowerIsBetter(q.names[0]) && !strings.HasPrefix(made, "std") {
		order = "asc"
	}
	return fmt.Sprintf("%d %s limit %d", at, order, maxGroups)
}

// maxGroups is how many groups a statement returns at most.
const maxGroups = 200

// rowsSQL asks for the values themselves, with the run that each is of.
func (g goal) rowsSQL(q inquiry, rel source, from, match string, groups []string) string {
	columns := []string{"r.run_id", "r.name", "r.model", "r.dataset"}
	for _, c := range groups {
		if !slices.Contains(columns, c) && c != "p.key" {
			columns = append(columns, c)
		}
	}
	if strings.Contains(rel.from, "case_metrics c") && !strings.Contains(rel.from, ") c join") {
		columns = append(columns, "c.volume")
		if len(q.names) > 1 && !slices.Contains(columns, "c.name as metric") {
			columns = append(columns, "c.name as metric")
		}
	}
	if q.of == ofSetting {
		columns = append(columns, "p.key")
	}
	if rel.value != "" {
		columns = append(columns, rel.value+" as "+rel.name)
	} else {
		columns = append(columns, "r.state", "r.created")
	}
	if match != "" {
		from += " and " + match
	}
	order := orElse(q.order, "asc")
	if q.order == "" && (rel.value == "" || q.of != ofScore) {
		order = "desc"
	}
	if q.of == ofScore && q.order == "" && len(q.names) > 0 && lowerIsBetter(q.names[0]) && len(q.limits) > 0 {
		order = "desc" // the worst first
	}
	limited := g
	if slices.Contains(columns, "c.volume") {
		limited.count = 0
	}
	return fmt.Sprintf("select %s %s order by %d %s limit %d", strings.Join(columns, ", "), from, len(columns), order, limited.limit(maxGroups))
}

// columns are what values are grouped by, and the joins that this takes.
func (q inquiry) columns(rel source) (out []string, join string) {
	for i, c := range q.groups {
		switch c {
		case "model", "dataset", "state", "device", "host", "run_id", "fold", "seed", "kind", "parent":
			out = append(out, "r."+c)
			if c == "run_id" {
				out = append(out, "r.model")
			}
		case "volume":
			if strings.Contains(rel.from, "case_metrics c") {
				out = append(out, "c.volume")
			}
		case "split":
			if strings.Contains(rel.from, "case_metrics c") {
				out = append(out, "c.split")
			}
		case "day", "date", "week", "month":
			out = append(out, "date_trunc("+quote(map[bool]string{true: "day", false: c}[c == "date"])+", r.created) as "+map[bool]string{true: "day", false: c}[c == "date"])
		default:
			alias := fmt.Sprintf("g%d", i)
			join += fmt.Sprintf(" join params %s on %s.run_id = r.run_id and %s", alias, alias, settingKey(alias+".key", c))
			out = append(out, alias+".value as "+column(c))
		}
	}
	return slices.Compact(out), join
}

// gapSQL asks how far two runs are apart, volume by volume.
func (g goal) gapSQL(q inquiry) string {
	one := func(run string) string {
		h := g
		h.runs = []string{run}
		bare := q
		bare.limits = nil
		of := h.cases(bare)
		return "select c.run_id, c.volume, c.name, c.value " + of.from + " where " + of.where
	}
	where := map[string]string{"asc": " where a.value < b.value", "desc": " where a.value > b.value"}[q.order]
	for _, l := range q.limits {
		if l.of == ofScore || l.of == ofNothing {
			apart := map[string]string{"asc": "b.value - a.value", "desc": "a.value - b.value", "": "abs(a.value - b.value)"}[q.order]
			where = " where " + apart + " " + l.op + " " + literal(l.value)
		}
	}
	return "select a.volume, a.name as metric, a.run_id as first_run, a.value as first_value, b.run_id as second_run, b.value as second_value, a.value - b.value as difference " +
		"from (" + one(g.runs[0]) + ") a join (" + one(g.runs[1]) + ") b on a.volume = b.volume and a.name = b.name" + where + fmt.Sprintf(" order by abs(a.value - b.value) desc limit %d", maxGroups)
}
