package planner

import (
	"slices"
	"strings"
)

// measured reads what the question measures.
func (p *parse) measured() {
	q := &p.q
	q.rivals = p.rivals()
	q.tried = p.has("use", "used", "try", "tried", "been", "tested", "different", "distinct", "ever") && (p.has("which", "what", "all", "list", "show", "values", "value", "every", "table", "overview") || q.several && !p.has("how_many"))
	refers := 0
	for i, it := range p.items {
		switch {
		case it.is(cRun) && !generic(p.items, i):
			q.runs++
		case it.is(cRef) && it.tok.word != "each":
			refers = 1
		default:
			p.named(i)
		}
	}
	q.runs = max(q.runs, refers)
	if w := p.precisionOrRecall(); w != "" && (q.of == ofNothing || q.of == ofScore) {
		q.of = ofScore
		q.names = appendNew(q.names, w)
	}
	for _, l := range q.limits {
		if l.of == ofScore && q.of == ofNothing {
			q.of = ofScore
			q.names = appendNew(q.names, l.name)
		}
	}
	if q.of == ofNothing {
		q.of = p.ofRuns()
	}
	if q.of == ofNothing {
		p.ofSettings()
	}
}

// named takes in the network, volume or metric that the item at i names.
func (p *parse) named(i int) {
	q, it := &p.q, p.items[i]
	switch {
	case it.is(cModel):
		q.models = appendNew(q.models, it.mention.text)
	case it.is(cVolume) && it.mention == nil:
		q.volumes = appendNew(q.volumes, it.tok.word)
	case it.is(cDataset) && guessedVolume(it.mention):
		q.volumes = appendNew(q.volumes, it.mention.text)
	case p.taken[i]:
	case it.is(cMetric):
		q.of = ofScore
		q.names = appendNew(q.names, it.mention.text)
	case it.anyWord("volume", "case", "image", "scan"):
		q.cases = true
	case it.is(cSplit):
		q.cases = q.cases || it.mention.plural
	}
}

// guessedVolume tells whether a word was taken for a dataset only for where it
// stands, and has the shape of a volume's name.
func guessedVolume(m *mention) bool {
	return strings.HasPrefix(m.rule, "name after ") && m.rule != "name after dataset" && volumeName.MatchString(m.text)
}

// rivals tells whether runs are set against each other.
func (p *parse) rivals() bool {
	against := p.has("vs", "versus", "against", "better", "worse", "win", "wins", "won", "winner", "compare", "compared", "diff", "significant", "significantly", "beat", "beats", "outperform",
		"superior", "inferior", "beside", "alongside", "differ", "difference", "ahead") || p.has("next") && p.has("put", "to")
	return against && !slices.ContainsFunc(p.items, func(it item) bool { return it.word() == "report" || it.is(cPath) })
}

// ofSettings reads the settings whose values are asked for.
func (p *parse) ofSettings() {
	for i, it := range p.items {
		if name := settingName(it); name != "" && !p.taken[i] && !it.is(cMetric) {
			p.q.of = ofSetting
			p.q.names = appendNew(p.q.names, name)
		} else if it.anyWord("loss") && it.mention == nil && p.word(i+1) == "function" && !p.taken[i] {
			p.q.of = ofSetting
			p.q.names = appendNew(p.q.names, "loss")
		}
	}
}

// precisionOrRecall reads the metric that is named like the precision of the
// arithmetic, where volumes are judged.
func (p *parse) precisionOrRecall() string {
	for i, it := range p.items {
		if it.anyWord("precision") && !p.taken[i] && (slices.ContainsFunc(p.q.limits, func(l limit) bool {
			f, number := l.value.(float64)
			return number && f < 1 && (l.of == ofNothing || l.name == "precision")
		}) || p.has("recall") || p.has("volume", "case", "average", "mean", "median")) {
			for k := range p.q.limits {
				if p.q.limits[k].name == "precision" {
					p.q.limits[k].of = ofScore
				}
			}
			return "precision"
		}
	}
	return ""
}

// ofRuns reads the quantities that every run has.
func (p *parse) ofRuns() quantity {
	for i, it := range p.items {
		switch {
		case p.taken[i]:
		case p.saysBytes(it):
			return ofBytes
		case it.anyWord("attempt", "restart", "restarted", "retry"):
			return ofTries
		case it.anyWord("fastest", "slowest", "quickest", "longest", "shortest", "faster", "slower") && p.has("average", "mean", "median", "avg", "typically"):
			return ofSeconds
		}
	}
	for i, it := range p.items {
		switch {
		case p.taken[i]:
		case p.saysTime(it):
			return ofSeconds
		case i > 0 && p.items[i-1].is(cNumber):
		case it.anyWord("epoch"):
			return ofEpoch
		case it.anyWord("step", "iteration"):
			return ofStep
		}
	}
	return ofNothing
}

// saysBytes tells whether a word asks how much room files take.
func (p *parse) saysBytes(it item) bool {
	if it.anyWord("space", "size", "big", "large", "how_big") {
		return p.has("artifact", "checkpoint", "file")
	}
	if !it.anyWord("byte", "gigabyte", "megabyte", "gb", "mb", "gib", "mib", "storage", "disk") || !p.has("much", "size", "total", "take", "used", "occupy", "average", "sum", "usage", "big", "biggest", "large", "largest", "smallest", "most", "footprint") {
		return false
	}
	return p.has("artifact", "checkpoint", "file", "run", "training", "model", "experiment") || hasRun(p.items)
}

// saysTime tells whether a word asks how long work took.
func (p *parse) saysTime(it item) bool {
	if it.word() == "times" || it.anyWord("compute", "time", "second") && p.has("remaining", "left", "start", "when") {
		return false
	}
	return it.anyWord("hour", "minute", "second", "time", "duration", "runtime", "wall_time", "training_time", "compute", "computing", "computation", "gpu-hours", "gpu-time", "how_long")
}

// counted reads what is counted: "how many volumes", "how often", "counted by".
func (p *parse) counted() {
	q := &p.q
	for i, it := range p.items {
		switch {
		case p.saysCount(i):
			q.counts = true
		case p.saysShare(i):
			q.share = true
		case it.anyWord("evaluation"), it.is(cRuns) && strings.HasSuffix(it.tok.word, "evaluations"):
			q.judged = q.counts || q.of == ofSeconds
		}
	}
	bare := q.of == ofNothing && q.runs == 0 && len(q.limits) == 0
	if q.share || q.cases && bare {
		q.counts = false
	}
	q.share = q.share && (len(q.limits) > 0 || p.saysState())
	if q.counts && q.cases && q.of == ofNothing && q.runs > 0 {
		q.of, q.names = ofScore, []string{"dice"}
	}
	if q.counts && p.countsRuns() || q.share && q.of != ofScore {
		q.of = ofCount
	}
}

// saysState tells whether a state limits the runs.
func (p *parse) saysState() bool {
	return slices.ContainsFunc(p.items, func(it item) bool { return stateOf(it) != "" || it.is(cRuns) && it.mention.state != "" })
}

// saysCount tells whether the word at i asks how many there are.
func (p *parse) saysCount(i int) bool {
	it := p.items[i]
	if it.anyWord("often") {
		return i > 0 && p.word(i-1) == "how"
	}
	return it.anyWord("how_many", "count", "tally", "counted", "counts", "times", "frequency", "frequently", "breakdown", "histogram") && !it.is(cNumber)
}

// saysShare tells whether the word at i asks which share meets a bound.
func (p *parse) saysShare(i int) bool {
	it := p.items[i]
	if it.word() == "part" || it.word() == "portion" {
		return p.word(i+1) == "of" && i > 0 && p.items[i-1].anyWord("what", "which", "a", "large", "small")
	}
	return it.anyWord("fraction", "share", "percentage", "proportion", "percent", "%") && !it.is(cNumber)
}

// countsRuns tells whether runs are what is counted.
func (p *parse) countsRuns() bool {
	q := &p.q
	switch q.of {
	case ofEpoch, ofStep, ofSeconds, ofBytes, ofTries:
		return false
	case ofScore:
		return !q.cases && !slices.ContainsFunc(q.limits, func(l limit) bool { return l.of == ofScore })
	case ofNothing, ofSetting, ofCount:
	}
	return true
}

// statOf is the aggregate that a word asks for.
func statOf(it item) string {
	switch {
	case it.anyWord("average", "mean", "avg", "averaged", "typical", "typically"):
		return "avg"
	case it.anyWord("median"):
		return "median"
	case it.anyWord("stddev", "spread", "variation", "sd", "vary", "scatter"):
		return "stddev"
	case it.anyWord("variance"):
		return "variance"
	case it.anyWord("total", "sum", "summed", "altogether", "cumulative", "cumulated", "combined", "overall", "totalled"):
		return "sum"
	case it.anyWord("highest", "largest", "maximum", "max", "biggest", "peak", "greatest", "longest"):
		return "max"
	case it.anyWord("lowest", "smallest", "minimum", "min", "shortest", "least"):
		return "min"
	}
	return ""
}

// made reads what is made of the values.
func (p *parse) made() {
	q := &p.q
	for i := range p.items {
		if p.taken[i] {
			continue
		}
		if i > 0 && p.items[i].anyWord("first", "order", "sort", "top", "bottom") && statOf(p.items[i-1]) != "" {
			q.dropExtremes()
		}
		if s := p.statAt(i); s != "" {
			q.stats = appendNew(q.stats, s)
		}
	}
	if len(q.stats) > 1 && q.aggregated() && p.adjacent() {
		q.dropExtremes()
	}
	if p.has("range") && q.of != ofNothing && !q.aggregated() {
		q.stats = []string{"min", "max"}
	}
	if q.of == ofBytes && !q.aggregated() {
		p.largest()
	}
	if len(q.stats) == 0 {
		p.unsaid()
	}
	p.apart()
}

// statAt is the aggregate that the item at i asks for, or "".
func (p *parse) statAt(i int) string {
	q, it := &p.q, p.items[i]
	s := statOf(it)
	switch {
	case it.anyWord("together") && i > 0 && p.word(i-1) == "all":
		s = "sum"
	case it.anyWord("best", "worst") && q.of == ofScore && len(q.groups) > 0 && len(q.names) > 0:
		s = map[bool]string{true: "min", false: "max"}[lowerIsBetter(q.names[0]) == it.anyWord("best")]
	}
	if s == "min" && it.anyWord("least") || s == "sum" && (q.of == ofScore || q.of == ofCount || q.of == ofSetting) {
		return ""
	}
	return s
}

// dropExtremes leaves out the largest and the smallest, which only say how
// something is ordered.
func (q *inquiry) dropExtremes() {
	q.stats = slices.DeleteFunc(q.stats, func(s string) bool { return s == "max" || s == "min" })
}

// unsaid is what is made of values where no word says it: groups are averaged,
// room and what was spent are summed up.
func (p *parse) unsaid() {
	q := &p.q
	switch {
	case q.of == ofScore && len(q.groups) > 0 && !slices.Equal(q.groups, []string{"volume"}) && len(q.volumes)+len(q.limits) == 0 && !q.counts && !q.share:
		q.stats = []string{"avg"}
	case q.of == ofBytes && !q.counts, q.of == ofSeconds && p.spends():
		q.stats = []string{"sum"}
	}
}

// largest reads which run has the largest files: their sum by run.
func (p *parse) largest() {
	q := &p.q
	q.stats = nil
	if p.has("biggest", "largest", "smallest", "most", "least") && len(q.groups) == 0 && q.runs == 0 && !p.has("artifact", "checkpoint", "file") {
		p.group("run_id")
		q.order = map[bool]string{true: "asc", false: "desc"}[p.has("smallest", "least")]
	}
}

// adjacent tells whether the extreme of an average is meant: "the highest mean
// dice".
func (p *parse) adjacent() bool {
	for i := 1; i < len(p.items); i++ {
		a, b := statOf(p.items[i-1]), statOf(p.items[i])
		if (a == "max" || a == "min") && b != "" && b != "max" && b != "min" {
			p.q.order = map[bool]string{true: "desc", false: "asc"}[a == "max"]
			return true
		}
	}
	return false
}

// spends tells whether time is asked for as what was spent on something, not
// as what one run took.
func (p *parse) spends() bool {
	return p.has("spend", "spent", "burn", "burned", "burnt", "cost", "consume", "consumed", "went", "invest", "invested", "used", "sink", "sunk") &&
		!slices.ContainsFunc(p.items, func(it item) bool { return it.is(cRun) || it.is(cRef) }) && len(p.q.limits) == 0
}

// apart reads how far two runs are apart on volumes.
func (p *parse) apart() {
	q := &p.q
	differs := p.has("differ", "difference", "gap", "delta", "apart", "disagree", "deviate", "discrepancy")
	cases := q.cases || slices.Contains(q.groups, "volume")
	q.gap = q.runs == 2 && (differs && (cases || len(q.volumes) > 0) || cases && len(q.volumes) == 0 && p.has("better", "worse", "beat", "higher", "lower", "outperform"))
	if q.gap && q.of == ofNothing {
		q.of, q.names = ofScore, []string{"dice"}
	}
	if q.gap && !differs {
		up := p.has("better", "beat", "outperform") != lowerIsBetter(q.names[0]) && !p.has("worse", "lower") || p.has("higher")
		q.order = map[bool]string{true: "desc", false: "asc"}[up]
	}
}

// ordered reads "lowest first", "worst at the top", "descending".
func (p *parse) ordered() {
	for i, it := range p.items {
		lead := p.has("first", "top", "order", "sort", "start")
		switch {
		case it.anyWord("ascending"), it.anyWord("lowest", "smallest", "shortest", "fewest") && lead:
			p.q.order = "asc"
		case it.anyWord("descending"), it.anyWord("highest", "largest", "longest", "biggest") && lead:
			p.q.order = "desc"
		case it.anyWord("worst", "best") && (p.word(i+1) == "first" || lead) && len(p.q.names) > 0:
			p.q.order = map[bool]string{true: "asc", false: "desc"}[lowerIsBetter(p.q.names[0]) == it.anyWord("best")]
		}
	}
}
