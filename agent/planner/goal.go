package planner

import (
	"slices"
	"strings"
)

// goalKind says what numbers an answer must give.
type goalKind int

// The kinds of goal.
const (
	goalQuality  goalKind = iota // how good a run is
	goalBest                     // which run is best, or worst
	goalVolumes                  // scores volume by volume
	goalCount                    // how many runs
	goalDuration                 // how long runs took
	goalFilter                   // runs whose metric is above or below a bound
	goalRuns                     // a set of runs, for a step that comes later
	goalSQL                      // a statement that the user wrote
	goalSettings                 // settings of runs
	goalTable                    // what an inquiry asks for
)

// goal is a question about numbers. Its SQL can be written at once when it
// depends on no step of the plan, else when the steps are done.
type goal struct {
	kind    goalKind
	metric  string
	split   string
	runs    []string // selectors, or "@1.run"
	judged  []string // ids of the steps that evaluate, in this plan
	model   string
	dataset string
	state   string
	tag     string
	count   int
	low     bool // worst instead of best
	above   bool // for filters
	bound   float64
	fast    int // for durations: 1 fastest first, -1 slowest first
	silent  bool
	terms   bool // how good it is in terms of the metric alone
	anyKind bool // evaluations too
	live    bool // queued or running
	step    bool // its query is a step of the plan already
	sql     string

	since    string   // a time in UTC before which nothing counts
	settings []string // the settings that are asked for
	stat     string   // median or stddev, where not the mean is asked for
	having   any      // the value that the one setting asked for must have
	things   string   // for counts: what is counted, if not runs
	inquiry  *inquiry // for tables
}

// deferred is a step that is planned when the rows of its goal are there.
type deferred struct {
	tool string
	args map[string]any
	list bool // all runs go into one call
	goal int
}

// ask notes a question about numbers.
func (r *reader) ask(intent string, items []item) {
	if !r.cat.has("runs_sql") {
		r.note("runs_sql is not available in this version, so I cannot look numbers up.")
		return
	}
	if i, ok := first(items, cMetric); ok && items[i].mention.text == "loss" && intent == intentQuality && r.cat.has("metric_history") {
		r.tool(scored{intent: "metric_history"}, items)
		return
	}
	if r.comparedAlready(intent, items) {
		return
	}
	if r.comparesHere(intent, items) {
		r.tool(scored{intent: "compare_runs"}, items)
		return
	}
	var g goal
	r.askMentions(&g, items)
	g.stat = statistic(items)
	if q, ok := r.lex.inquire(items); ok {
		r.inquireOf(&g, q, items)
	} else {
		r.askKind(&g, intent, items)
	}
	if g.metric == "loss" && g.kind != goalDuration && g.kind != goalCount {
		g.split = orElse(g.split, "val")
	}
	if len(r.trained) == 0 && len(g.runs) > 0 {
		r.group = g.runs
	}
	r.dataset = orElse(g.dataset, r.dataset)
	if !r.sameBest(g) {
		r.out.goals = append(r.out.goals, g)
	}
}

// comparedAlready tells whether who is best is asked of the runs that the step
// before compares: "…, and tell me who wins on hd95".
func (r *reader) comparedAlready(intent string, items []item) bool {
	n := len(r.out.Steps)
	asked := intent == intentBest || intent == intentQuality && slices.ContainsFunc(items, func(it item) bool {
		return it.anyWord("win", "wins", "winner", "won", "better", "ahead", "lead", "leads", "stronger", "beat", "beats", "superior", "who")
	})
	if !asked || n == 0 || r.out.Steps[n-1].Tool != "compare_runs" || hasRun(items) {
		return false
	}
	if i, ok := first(items, cMetric); ok {
		r.out.Steps[n-1].Args["metric"] = items[i].mention.text
	}
	return true
}

// askKind reads what kind of numbers are asked for.
func (r *reader) askKind(g *goal, intent string, items []item) {
	switch intent {
	case intentBest:
		r.askBest(g, items)
	case intentQuality:
		r.askQuality(g, items)
	case intentVolumes:
		r.askVolumes(g, items)
	case intentCount:
		g.kind = goalCount
		askState(g, items)
		askThings(g, items)
	case intentDuration:
		r.askDuration(g, items)
	case intentAverage:
		if _, one := first(items, cRun); one {
			r.askQuality(g, items)
			break
		}
		r.inquireOf(g, inquiry{of: ofScore, names: []string{orElse(g.metric, "dice")}, stats: []string{"avg"}, groups: []string{"model"}}, items)
	case intentFilter:
		askFilter(g, items)
	case intentSettings:
		r.askSettings(g, items)
	}
}

// askDuration reads a question for how long runs took: which took longest, or
// those that are meant.
func (r *reader) askDuration(g *goal, items []item) {
	g.kind = goalDuration
	for i := range items {
		switch {
		case items[i].anyWord("longest", "slowest", "most"):
			g.fast = -1
		case items[i].anyWord("shortest", "fastest", "least"):
			g.fast = 1
		}
	}
	overall := g.fast != 0 || slices.ContainsFunc(items, func(it item) bool { return it.anyWord("spend", "spent", "all", "altogether", "total") })
	if len(g.runs) == 0 && !overall {
		g.runs = r.runsMeant(items)
	}
}

// sameBest tells whether a question for the best run repeats one asked before:
// "…, and which run got it?".
func (r *reader) sameBest(g goal) bool {
	return g.kind == goalBest && slices.ContainsFunc(r.out.goals, func(have goal) bool {
		return have.kind == goalBest && (g.metric == "" || g.metric == have.metric)
	})
}

// askVolumes reads a question for single volumes: the worst first, unless the
// best are wanted.
func (r *reader) askVolumes(g *goal, items []item) {
	g.kind, g.low = goalVolumes, !slices.ContainsFunc(items, func(it item) bool { return it.anyWord("best", "easiest") })
	g.runs = r.runsMeant(items)
	if v, ok := number(items, slot{param: "n", whole: true, leads: []string{"worst", "best", "top"}, units: []string{"volume", "case", "image", "scan"}}); ok {
		n, _ := v.v.(int64)
		g.count = int(n)
	}
}

// askMentions takes the limits that run mentions carry.
func (r *reader) askMentions(g *goal, items []item) {
	for c, into := range map[class]*string{cMetric: &g.metric, cSplit: &g.split, cModel: &g.model, cDataset: &g.dataset} {
		if i, ok := first(items, c); ok {
			*into = items[i].mention.text
		}
	}
	if i, ok := first(items, cSince); ok {
		g.since = r.instant(items[i].mention.text)
	}
	for i := range items {
		m := items[i].mention
		if m == nil || m.class != cRun && m.class != cRuns {
			continue
		}
		g.model, g.state, g.count = orElse(g.model, m.model), orElse(g.state, m.state), max(g.count, m.count)
		g.dataset = orElse(g.dataset, m.on)
		if m.metric != "" && (g.metric == "" || m.metric != "dice") {
			g.metric = m.metric
		}
		if strings.HasPrefix(m.text, "worst:") {
			g.low = true
		}
		if tag, ok := strings.CutPrefix(m.text, "all:tag="); ok {
			g.tag = tag
		}
	}
}

// askBest reads a question for the best or worst run, or the fastest.
func (r *reader) askBest(g *goal, items []item) {
	g.kind = goalBest
	lowest, highest := false, false
	for i := range items {
		switch {
		case items[i].anyWord("worst", "poorest", "weakest", "worse"):
			g.low = true
		case items[i].anyWord("lowest", "smallest", "minimum", "min"):
			lowest = true
		case items[i].anyWord("highest", "largest", "maximum", "max"):
			highest = true
		case items[i].anyWord("fastest", "shortest", "quickest"):
			g.kind, g.fast = goalDuration, 1
		case items[i].anyWord("slowest", "longest"):
			g.kind, g.fast = goalDuration, -1
		}
	}
	metric := orElse(g.metric, "dice")
	g.low = g.low || lowest && !lowerIsBetter(metric) || highest && lowerIsBetter(metric)
	if v, ok := number(items, slot{param: "n", whole: true, leads: []string{"top", "best", "worst", "highest", "lowest"}, units: []string{"run", "model", "best", "experiment"}}); ok && g.count == 0 {
		n, _ := v.v.(int64)
		g.count = int(n)
	}
	if g.kind == goalBest {
		g.runs = r.bestAmong(g, items)
	}
}

// bestAmong limits "which is best" to the runs referred to, if any are.
func (r *reader) bestAmong(g *goal, items []item) []string {
	for i := range items {
		if items[i].is(cRef) && items[i].mention.plural {
			if c := r.mem.listing(); c != nil && len(r.trained)+len(r.mem.runs) == 0 {
				g.like(c.args)
				return nil
			}
			return orGroup(r.trained, r.mem.runs)
		}
	}
	return nil
}

// askQuality reads a question for the scores of a run.
func (r *reader) askQuality(g *goal, items []item) {
	g.kind = goalQuality
	for i := range items {
		if items[i].is(cBest) {
			g.kind = goalBest
			return
		}
	}
	g.terms = slices.ContainsFunc(items, func(it item) bool { return it.anyWord("terms", "term", "judged", "measured", "according") })
	g.runs = r.runsMeant(items)
}

// runsMeant lists the runs that a question is about, as selectors.
func (r *reader) runsMeant(items []item) []string {
	marks := make([]bool, len(items))
	for i := range items {
		marks[i] = items[i].used
	}
	var out []string
	picks := r.pick(items, true)
	if len(picks) == 0 {
		picks = r.fallback(items, "runs_sql")
	}
	for _, p := range picks {
		r.note(p.note)
		if p.lookup == nil {
			out = append(out, p.selector)
		} else if p.lookup.low && p.lookup.count == 1 {
			out = append(out, selector("worst", p.lookup.metric, p.lookup.model, ""))
		}
	}
	if len(out) == 0 {
		r.note("You named no run; I take the latest.")
		out = []string{"latest"}
	}
	for i := range items {
		items[i].used = marks[i]
	}
	return out
}

// askState reads the state that runs are counted in.
func askState(g *goal, items []item) {
	for i := range items {
		g.state = orElse(stateOf(items[i]), g.state)
	}
}

// stateOf is the state that a word or a mention says runs are in, or "".
func stateOf(it item) string {
	switch {
	case it.is(cState):
		return it.mention.text
	case it.anyWord("fail", "crash", "die"):
		return "failed"
	case it.anyWord("finish", "complete", "succeed"):
		return "finished"
	case it.word() == "running":
		return "running"
	case it.anyWord("cancel"):
		return "cancelled"
	}
	return ""
}

// askFilter reads "above 0.8", "at least 0.8", "hd95 below 2".
func askFilter(g *goal, items []item) {
	g.kind, g.metric = goalFilter, orElse(g.metric, "dice")
	g.above = !lowerIsBetter(g.metric)
	for i := range items {
		switch {
		case items[i].is(cNumber):
			g.bound = items[i].tok.num
		case items[i].anyWord("above", "over", "exceed", "exceeding", "least", "more", "higher", "greater", "better", "beat", ">"):
			g.above = !items[i].anyWord("better") || !lowerIsBetter(g.metric)
		case items[i].anyWord("below", "under", "most", "less", "lower", "smaller", "worse", "<"):
			g.above = items[i].anyWord("worse") && lowerIsBetter(g.metric)
		}
	}
}

// impliedGoals adds what a plan implies: an evaluation's scores are told, and
// runs whose quality is asked for are evaluated first.
func (r *reader) impliedGoals() {
	if !r.cat.has("runs_sql") || len(r.out.Questions) > 0 {
		return
	}
	for i := range r.out.goals {
		g := &r.out.goals[i]
		if g.kind != goalQuality && g.kind != goalVolumes {
			continue
		}
		for _, run := range g.runs {
			if !strings.HasPrefix(run, "@") || !slices.Contains(r.trained, run) {
				continue
			}
			if r.judged[run] == "" && r.cat.has("evaluate_run") {
				var split any
				if g.split != "" {
					split = g.split
				}
				metric := ""
				if g.terms {
					metric = g.metric
				}
				r.emitEvaluation(run, split, metric)
				r.note("There are no scores without an evaluation, so I evaluate it first.")
			}
			if id := r.judged[run]; id != "" {
				g.judged = append(g.judged, id)
			}
		}
		r.judgedElsewhere(g)
	}
	r.evaluationsTold()
}

// judgedElsewhere links a question to an evaluation that the plan has of a run
// that was there before ("evaluate the latest run and tell me how good it is").
func (r *reader) judgedElsewhere(g *goal) {
	for _, run := range g.runs {
		if id := r.judged[run]; id != "" && !slices.Contains(g.judged, id) {
			g.judged = append(g.judged, id)
		}
	}
}

// evaluationsTold adds a goal for evaluations that nobody asked the numbers
// of: an answer without them would say nothing.
func (r *reader) evaluationsTold() {
	told := map[string]bool{}
	for _, g := range r.out.goals {
		for _, id := range g.judged {
			told[id] = true
		}
	}
	var rest []string
	compared := false
	for _, s := range r.out.Steps {
		switch {
		case s.Tool == "evaluate_run" && !told[s.ID]:
			rest = append(rest, s.ID)
		case s.Tool == "compare_runs":
			compared = true
		}
	}
	if len(rest) > 0 && !compared {
		r.out.goals = append([]goal{{kind: goalQuality, judged: rest}}, r.out.goals...)
		for i := range r.out.later {
			r.out.later[i].goal++
		}
	}
}

// queries plans the queries that depend on no step: those of a pure question.
func (r *reader) queries() {
	if len(r.out.Questions) > 0 || !r.cat.has("runs_sql") {
		return
	}
	pure := !slices.ContainsFunc(r.out.Steps, func(s Step) bool { return s.Tool != "runs_sql" })
	if !pure && len(r.out.later) == 0 {
		return
	}
	for i := range r.out.goals {
		g := &r.out.goals[i]
		if g.step || g.sql != "" && g.kind == goalSQL || len(g.judged) > 0 {
			continue
		}
		if !pure && !g.silent {
			continue
		}
		g.step = true
		query := g.statement(nil)
		r.emit(&draft{tool: "runs_sql", args: map[string]any{"query": query}, why: []Reason{{
			Tool: "runs_sql", Argument: "query", Value: query, Rule: "a question about numbers becomes SQL",
		}}})
	}
}
