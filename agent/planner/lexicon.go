package planner

import (
	"maps"
	"slices"
	"strings"

	"github.com/minivess/minivess/tools"
)

// The intents that are no single tool of the catalogue.
const (
	intentBest       = "?best"
	intentQuality    = "?quality"
	intentVolumes    = "?volumes"
	intentCount      = "?count"
	intentDuration   = "?duration"
	intentAverage    = "?average"
	intentFilter     = "?filter"
	intentGreet      = "?greet"
	intentThanks     = "?thanks"
	intentBye        = "?bye"
	intentHelp       = "?help"
	intentWho        = "?who"
	intentDefine     = "?define"
	intentModels     = "?models"
	intentMetrics    = "?metrics"
	intentSettings   = "?settings"
	intentRegistered = "?registered"
	intentNever      = "?never"
	intentNumbers    = "?numbers" // what an inquiry asks for
	intentNothing    = "?nothing" // what no tool is for
)

// threshold is the score below which a clause is not understood.
const threshold = 4

// lexicon is the planner's fixed knowledge of language, compiled once.
type lexicon struct {
	frames   []compiledFrame
	models   map[string]string
	metrics  map[string]string
	phrases  map[string][]phrase // by first word
	vocab    map[string]bool     // words the planner knows: never names, targets of corrections
	mendable []string            // the longer words of vocab, sorted, for typos
	everyday []string            // the longer ones of common, sorted, for typos that are no wish
	common   map[string]bool     // everyday words that are neither names nor typos
	starters map[string]bool     // words that begin a clause of their own
	glossary map[string]entry
	evidence func() *evidence // counted when it is first needed
}

type compiledFrame struct {
	intent   string
	matchers []matcher
}

// newLexicon compiles the tables, and frames for tools that only their
// examples explain.
func newLexicon(descriptors, unbuilt []tools.Descriptor) *lexicon {
	lex := &lexicon{
		models: modelAliases(), metrics: metricAliases(), phrases: map[string][]phrase{},
		vocab: map[string]bool{}, common: map[string]bool{}, starters: map[string]bool{}, glossary: glossary(),
	}
	var frames []frame
	for _, table := range [][]frame{
		dataFrames(), trainFrames(), jobFrames(), goOnFrames(), evaluateFrames(), queryFrames(), questionFrames(), serveFrames(), laterFrames(), chatFrames(), {settingsFrame()},
	} {
		frames = append(frames, table...)
	}
	frames = append(frames, exampleFrames(descriptors, frames)...)
	for _, f := range frames {
		lex.add(f)
	}
	for _, p := range phrases() {
		first, _, _ := strings.Cut(p.words, " ")
		lex.phrases[first] = append(lex.phrases[first], p)
		lex.vocab[p.as] = true
		for w := range strings.FieldsSeq(p.words) {
			lex.vocab[w] = true
		}
	}
	for w := range strings.FieldsSeq(commonWords()) {
		lex.common[w] = true
	}
	for w := range strings.FieldsSeq(starterWords()) {
		lex.starters[w] = true
		lex.vocab[w] = true
	}
	for w := range strings.FieldsSeq("how_many how_long how_good how_well how_bad how_accurate how_far how_big") {
		lex.starters[w] = true
	}
	for w := range strings.FieldsSeq(slotWords()) {
		lex.vocab[w] = true
	}
	for _, n := range networks() {
		for o := range strings.FieldsSeq(n.options) {
			lex.vocab[strings.TrimSuffix(o, "?")] = true
		}
	}
	for _, s := range slots() {
		for _, w := range slices.Concat(s.leads, s.units) {
			lex.vocab[w] = true
		}
	}
	for _, c := range choices() {
		for _, w := range c.words {
			lex.vocab[w] = lex.vocab[w] || c.param != "layout" // which is named like a dataset
		}
	}
	for _, d := range slices.Concat(descriptors, unbuilt) {
		lex.learn(d)
	}
	for w := range strings.FieldsSeq("alias roll back staging called named tagged titled percent micron microns before after without encoder decoder deconv trilinear pixelshuffle") {
		lex.vocab[w] = true
	}
	lex.collectMendable()
	return lex
}

// learn takes in the names of a tool's arguments and the words that its schema
// lists as choices: they are no names of anything else.
func (lex *lexicon) learn(d tools.Descriptor) {
	if d.Input == nil {
		return
	}
	if p := d.Input.Properties["metrics"]; p != nil {
		lex.learnMetrics(p.Description)
	}
	for name, p := range d.Input.Properties {
		for part := range strings.SplitSeq(name, "_") {
			lex.vocab[part] = true
		}
		if name == "model" || name == "layout" {
			continue
		}
		for _, e := range p.Enum {
			if s, ok := e.(string); ok {
				lex.vocab[strings.ToLower(s)] = true
				lex.vocab[strings.ReplaceAll(strings.ToLower(s), "_", "-")] = true
				lex.vocab[strings.ReplaceAll(strings.ToLower(s), "_", "")] = true
				for part := range strings.SplitSeq(strings.ToLower(s), "_") {
					lex.vocab[part] = true
				}
			}
		}
	}
}

// learnMetrics takes in the metrics that a description lists in brackets after
// the names of their families, unless a word of that name means more.
func (lex *lexicon) learnMetrics(description string) {
	_, families, _ := strings.Cut(description, "Families: ")
	for part := range strings.SplitSeq(families, "(") {
		list, _, closed := strings.Cut(part, ")")
		if !closed {
			continue
		}
		for name := range strings.SplitSeq(list, ", ") {
			if len(name) < 3 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_0123456789") != "" || lex.vocab[name] || lex.metrics[name] != "" {
				continue
			}
			lex.metrics[name] = name
			for _, words := range spokenMetric(name) {
				first, _, _ := strings.Cut(words, " ")
				lex.phrases[first] = append(lex.phrases[first], phrase{words: words, as: name})
			}
		}
	}
}

// spokenMetric lists how the name of a metric is said: "skeleton recall", and
// with a number in it "Betti-0 errors", "betti 0".
func spokenMetric(name string) []string {
	head, tail, ok := strings.Cut(name, "_")
	if !ok {
		return nil
	}
	tail = strings.ReplaceAll(tail, "_", " ")
	heads := []string{head}
	letters := strings.TrimRight(head, "0123456789")
	if digits := head[len(letters):]; digits != "" && letters != "" {
		heads = append(heads, letters+" "+digits, letters+"-"+digits)
	}
	var out []string
	for i, h := range heads {
		out = append(out, h+" "+tail, h+" "+tail+"s")
		if len(heads) > 1 && (i > 0 || tail == "error") {
			out = append(out, h)
		}
	}
	return out
}

// metricNames lists the metrics that the planner knows, in order.
func (lex *lexicon) metricNames() []string {
	return slices.Compact(slices.Sorted(maps.Values(lex.metrics)))
}

// add compiles one frame and learns its words.
func (lex *lexicon) add(f frame) {
	c := compiledFrame{intent: f.intent}
	for _, q := range f.cues {
		m := q.compile()
		m.words(func(w string) { lex.vocab[w] = true })
		c.matchers = append(c.matchers, m)
	}
	lex.frames = append(lex.frames, c)
}

// hit is a cue that matched.
type hit struct {
	pattern  string
	from, to int
}

// reading is a frame with its score for a clause.
type scored struct {
	intent string
	score  float64
	hits   []hit
}

// score ranks the frames for a clause, best first; equal scores keep the order
// of the tables. Only the heaviest two cues and half of the rest count, so
// that a long table does not win by its length.
func (lex *lexicon) score(items []item, skip func(intent string) bool) []scored {
	var out []scored
	for _, f := range lex.frames {
		if skip != nil && skip(f.intent) {
			continue
		}
		s := scored{intent: f.intent}
		top, second := 0.0, 0.0
		for _, m := range f.matchers {
			from, to, ok := m.match(items)
			if !ok {
				continue
			}
			s.hits = append(s.hits, hit{m.pattern, from, to})
			if m.weight > top {
				top, second = m.weight, top
			} else if m.weight > second {
				second = m.weight
			}
		}
		s.score = top + min(second, 3)/2 + 0.1*float64(len(s.hits))
		if len(s.hits) > 0 {
			out = append(out, s)
		}
	}
	out = lex.likened(lex.enquired(out, items), items)
	sortScored(out)
	return out
}

// enquired adds the reading as a question for numbers to those of a clause that
// can be taken apart as one.
func (lex *lexicon) enquired(out []scored, items []item) []scored {
	q, ok := lex.inquire(items)
	switch {
	case !q.gap && q.runs > 1 && q.rivals && lex.asks(items, q):
		out = raise(out, "compare_runs", numbersScore, len(items))
	case ok && lex.asks(items, q):
		out = raise(out, intentNumbers, numbersScore, len(items))
		if q.gap {
			out[len(out)-1].score += conviction // over words that compare whole runs
		}
	case q.plainList() && listsRuns(items) && lex.asks(items, q):
		out = raise(out, "runs_list", threshold+4, len(items))
	}
	return out
}

// raise gives an intent a score for how a clause is put together.
func raise(out []scored, intent string, score float64, n int) []scored {
	h := hit{"put together of parts", 0, n}
	for i := range out {
		if out[i].intent == intent {
			out[i].score, out[i].hits = max(out[i].score, score), append(out[i].hits, h)
			return out
		}
	}
	return append(out, scored{intent: intent, score: score, hits: []hit{h}})
}

// likened adds to scores what the words of the clause say by their likeness to
// what people are known to say. Nothing is ended or deleted by likeness alone.
func (lex *lexicon) likened(out []scored, items []item) []scored {
	for _, b := range lex.evidence().beliefs(items) {
		i := slices.IndexFunc(out, func(s scored) bool { return s.intent == b.intent })
		switch {
		case b.intent == intentSeveral:
		case i >= 0 && (!endsThings(b.intent) || out[i].score >= threshold):
			out[i].score += conviction * b.share
		case i < 0 && !endsThings(b.intent):
			out = append(out, scored{intent: b.intent, score: conviction * b.share})
		}
	}
	return out
}

// endsThings lists the tools that end or delete something.
func endsThings(intent string) bool {
	return intent == "run_delete" || intent == "job_cancel" || intent == "serve_stop"
}

// sortScored orders by score, stable and without allocation.
func sortScored(s []scored) {
	for i := 1; i < len(s); i++ {
		for j := i; j > 0 && s[j].score > s[j-1].score; j-- {
			s[j], s[j-1] = s[j-1], s[j]
		}
	}
}

// known tells whether a word belongs to the language rather than being a name.
func (lex *lexicon) known(t token) bool {
	if misinflected(t.word) && !lex.vocab[t.word] && !lex.common[t.word] {
		return false
	}
	return lex.vocab[t.word] || lex.vocab[t.stem] || lex.common[t.word] || lex.common[t.stem] ||
		lex.models[t.word] != "" || lex.metrics[t.word] != ""
}
