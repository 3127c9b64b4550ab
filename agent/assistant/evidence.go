package assistant

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"unicode"
)

// roundingTolerance is how far, relative to the true value, a number may be
// off although it was rounded to the digits shown: 0.86 is not "1".
const roundingTolerance = 0.05

// dimension is what a number measures, as far as its unit or its key tells.
type dimension int

const (
	plainNumber dimension = iota
	inTime                // base: seconds
	inBytes               // base: bytes
	inLength              // base: micrometres
	inPercent             // base: per cent
)

// A known number stands in a tool result.
type known struct {
	value     float64 // as written
	base      float64 // in the dimension's base unit
	dimension dimension
	whole     bool     // written without a fraction
	count     bool     // how many entries a list has
	about     []string // the runs that its row or its step is about; empty: any
	metrics   []string // the metrics that it is a value of; empty: not known
}

// unitOf reads a unit: its dimension, and its factors to the base unit. A GB
// may be a thousand or 1,024 MB.
func unitOf(unit string) (dimension, []float64) {
	switch unit {
	case "%":
		return inPercent, []float64{1}
	case "ms", "millisecond", "milliseconds":
		return inTime, []float64{1e-3}
	case "s", "sec", "second", "seconds":
		return inTime, []float64{1}
	case "min", "minute", "minutes":
		return inTime, []float64{60}
	case "h", "hour", "hours":
		return inTime, []float64{3600}
	case "day", "days":
		return inTime, []float64{86400}
	case "B", "byte", "bytes":
		return inBytes, []float64{1}
	case "kB", "KB", "KiB":
		return inBytes, []float64{1e3, 1 << 10}
	case "MB", "MiB":
		return inBytes, []float64{1e6, 1 << 20}
	case "GB", "GiB":
		return inBytes, []float64{1e9, 1 << 30}
	case "TB", "TiB":
		return inBytes, []float64{1e12, 1 << 40}
	case "nm":
		return inLength, []float64{1e-3}
	case "µm", "μm", "um", "micrometre", "micrometres", "micron", "microns":
		return inLength, []float64{1}
	case "mm", "millimetre", "millimetres":
		return inLength, []float64{1e3}
	case "cm":
		return inLength, []float64{1e4}
	}
	return plainNumber, []float64{1}
}

// multiplier is what a word after a number multiplies it by.
func multiplier(unit string) float64 {
	switch unit {
	case "k", "K", "thousand":
		return 1e3
	case "M", "million":
		return 1e6
	case "G", "billion":
		return 1e9
	}
	return 1
}

// dimensionOfKey guesses what a field measures by its name.
func dimensionOfKey(key string) (dimension, float64) {
	key = strings.ToLower(key)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(key, p) })
	}
	switch {
	case has("bytes", "memory", "disk"):
		return inBytes, 1
	case has("second", "duration", "elapsed"):
		return inTime, 1
	case has("percent", "pct"):
		return inPercent, 1
	case strings.HasSuffix(key, "_um"):
		return inLength, 1
	case strings.HasSuffix(key, "_mm"):
		return inLength, 1e3
	}
	return plainNumber, 1
}

// metricNames are the scores that people speak of, as they are spelt in one
// word. A name within another comes after it.
func metricNames() []string {
	return []string{"cldice", "dice", "hd95", "nsd", "assd", "masd", "iou", "jaccard", "sensitivity", "specificity", "recall", "accuracy", "loss", "ece"}
}

// metricsIn lists the metrics that a text names, in order.
func metricsIn(text string) []string {
	var found []string
	for w := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		for _, m := range metricNames() {
			if w == m {
				found = append(found, m)
			}
		}
	}
	return found
}

// stands says whether the figure is the number, exactly or rounded to the
// digits shown, units taken into account.
func (f figure) stands(k known) bool {
	if f.foreign {
		return false
	}
	half := 0.5 * math.Pow(10, -float64(f.digits))
	near := func(truth, said, half float64) bool {
		off := math.Abs(truth - said)
		return off <= half*(1+1e-9) && off <= roundingTolerance*math.Abs(truth)+1e-12
	}
	dim, factors := unitOf(f.unit)
	switch {
	case dim == inPercent && k.dimension == plainNumber:
		if math.Abs(k.value) <= 1 && !k.whole {
			return near(k.value*100, f.value, half)
		}
		return near(k.value, f.value, half)
	case dim == plainNumber && k.dimension == inPercent:
		return near(k.value, f.value, half) || near(k.value/100, f.value, half)
	case dim == plainNumber:
		m := multiplier(f.unit)
		return near(k.value, f.value*m, half*m) || near(k.base, f.value*m, half*m)
	case k.dimension == plainNumber:
		return near(k.value, f.value, half)
	case dim != k.dimension:
		return false
	}
	return slices.ContainsFunc(factors, func(factor float64) bool { return near(k.base, f.value*factor, half*factor) })
}

// knownIn collects the numbers of a text.
func knownIn(text string) []known {
	var out []known
	for _, f := range figures(text) {
		if f.foreign || f.word {
			continue
		}
		dim, factors := unitOf(f.unit)
		k := known{value: f.value * multiplier(f.unit), dimension: dim, whole: !f.decimal}
		if m := metricsIn(clause(f.before)); len(m) > 0 {
			k.metrics = m[len(m)-1:]
		}
		for _, factor := range factors {
			k.base = f.value * multiplier(f.unit) * factor
			out = append(out, k)
		}
	}
	return out
}

// clause is the end of a line that belongs to what follows it.
func clause(before string) string {
	if i := strings.LastIndexAny(before, ";:!?"); i >= 0 && !strings.HasSuffix(before, ": ") {
		before = before[i+1:]
	}
	if i := strings.LastIndex(before, ". "); i >= 0 {
		before = before[i+2:]
	}
	return before
}

// gatherer goes through a JSON value.
type gatherer struct {
	names map[string]bool // of runs
	out   []known
}

// place is what is known of where a value stands.
type place struct {
	key     string
	about   []string
	metrics []string
}

// gather collects the numbers of a value: numbers, those within its texts, and
// the lengths of its lists. A row, be it an object or a list, is about the runs
// that stand in it by name, and its numbers are values of the metrics that it names.
func (g *gatherer) gather(v any, at place) {
	switch v := v.(type) {
	case json.Number:
		g.number(v, at)
	case string:
		for _, k := range knownIn(v) {
			k.about = at.about
			if len(k.metrics) == 0 {
				k.metrics = at.metrics
			}
			g.out = append(g.out, k)
		}
	case []any:
		g.out = append(g.out, known{value: float64(len(v)), base: float64(len(v)), whole: true, count: true})
		here := g.within(at, v)
		for _, e := range v {
			g.gather(e, here)
		}
	case map[string]any:
		g.object(v, at)
	}
}

func (g *gatherer) number(n json.Number, at place) {
	f, err := n.Float64()
	if err != nil {
		return
	}
	dim, factor := dimensionOfKey(at.key)
	g.out = append(g.out, known{
		value: f, base: f * factor, dimension: dim, whole: !strings.ContainsAny(n.String(), ".eE"), about: at.about, metrics: at.metrics,
	})
}

func (g *gatherer) object(v map[string]any, at place) {
	if columns, rows, ok := table(v); ok {
		g.table(columns, rows, at)
	}
	values := make([]any, 0, len(v))
	for _, e := range v {
		values = append(values, e)
	}
	here := g.within(at, values)
	for key, e := range v {
		if _, _, ok := table(v); ok && key == "rows" {
			g.out = append(g.out, known{value: float64(listLength(e)), base: float64(listLength(e)), whole: true, count: true})
			continue
		}
		inner := here
		inner.key = key
		if m := metricsIn(key); len(m) > 0 {
			inner.metrics = m
		}
		g.gather(e, inner)
	}
}

func listLength(v any) int {
	list, _ := v.([]any)
	return len(list)
}

// table finds columns and rows in an object.
func table(v map[string]any) (columns []string, rows []any, ok bool) {
	names, isList := v["columns"].([]any)
	rows, hasRows := v["rows"].([]any)
	if !isList || !hasRows {
		return nil, nil, false
	}
	for _, n := range names {
		name, isText := n.(string)
		if !isText {
			return nil, nil, false
		}
		columns = append(columns, name)
	}
	return columns, rows, true
}

func (g *gatherer) table(columns []string, rows []any, at place) {
	for _, r := range rows {
		row, ok := r.([]any)
		if !ok {
			g.gather(r, at)
			continue
		}
		here := g.within(at, row)
		for i, cell := range row {
			inner := here
			if i < len(columns) {
				inner.key = columns[i]
				if m := metricsIn(columns[i]); len(m) > 0 {
					inner.metrics = m
				}
			}
			g.gather(cell, inner)
		}
	}
}

// within narrows a place by the texts that stand side by side in a row.
func (g *gatherer) within(at place, values []any) place {
	var about, metrics []string
	for _, v := range values {
		text, ok := v.(string)
		if !ok {
			continue
		}
		if g.names[text] {
			about = append(about, text)
		}
		if m := metricsIn(text); len(m) == 1 && len(text) < 40 {
			metrics = union(metrics, m)
		}
	}
	if len(about) > 0 {
		at.about = about
	}
	if len(metrics) > 0 {
		at.metrics = metrics
	}
	return at
}

// runNames collects what runs are called in a value: what stands under a key,
// or in a column, that names runs.
func runNames(v any, key string, into map[string]bool) {
	switch v := v.(type) {
	case string:
		if namesRun(key) && len(v) > 2 {
			into[v] = true
		}
	case []any:
		for _, e := range v {
			runNames(e, key, into)
		}
	case map[string]any:
		if columns, rows, ok := table(v); ok {
			for _, r := range rows {
				row, _ := r.([]any)
				for i := range min(len(row), len(columns)) {
					runNames(row[i], columns[i], into)
				}
			}
		}
		for key, e := range v {
			runNames(e, key, into)
		}
	}
}

func namesRun(key string) bool {
	switch key {
	case "run", "run_id", "runs", "id", "judges", "judged", "best", "run_name", "a", "b", "deleted":
		return true
	}
	return false
}
