package assistant

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// evidence is one step of the thread with the numbers that its result has.
type evidence struct {
	turn    int
	step    *Step
	beside  int // how many steps its plan has
	read    bool
	numbers []known
}

// look reads the numbers, once. Of a long thread most steps are never looked
// at, because what an answer says mostly stands in the latest.
func (e *evidence) look(names map[string]bool) []known {
	if !e.read {
		steps := float64(e.beside)
		e.read, e.numbers = true, append(e.step.numbers(names), known{value: steps, base: steps, whole: true, count: true})
	}
	return e.numbers
}

// trace finds for each number of an answer the tool results that have it.
// Sources are the results that numbers came from; unverified are the numbers
// that came from nowhere, or that a result has of another run or another metric
// than the answer says. A number that the user stated may be repeated, as the
// user's own.
func (s *state) trace(read *readings, turn int, text string) (sources []Source, unverified []string) {
	all := s.evidence()
	names := s.runNames(read)
	said, asked := s.userNumbers(turn)
	found := make([][]string, len(all))
	var mentioned []string // by the sentence before
	for sentence := range sentencesOf(text) {
		about := mentions(sentence, names)
		if len(about) == 0 && refersBack(sentence) {
			about = mentioned
		}
		mentioned = about
		for _, f := range figures(sentence) {
			ok := f.trivial() || f.repeats(said) || f.quotes(asked, sentence) || f.example(sentence)
			for i := range all {
				if f.standsIn(all[i].look(names), about) {
					ok = true
					found[i] = union(found[i], []string{f.text})
					break
				}
			}
			if !ok && !slices.Contains(unverified, f.text) {
				unverified = append(unverified, f.text)
			}
		}
	}
	for i, e := range all {
		named := e.step.Run != "" && strings.Contains(text, e.step.Run)
		queried := e.step.Result != nil && e.step.Result.Query != ""
		if len(found[i]) > 0 || e.turn == turn && (named || queried) {
			sources = append(sources, e.step.source(found[i]))
		}
	}
	return sources, unverified
}

// standsIn says whether one of the numbers is the figure, of one of the runs
// that the sentence is about and of the metric that it speaks of.
func (f figure) standsIn(numbers []known, about []string) bool {
	var metric string
	if m := metricsIn(clause(f.before)); len(m) > 0 {
		metric = m[len(m)-1]
	}
	return slices.ContainsFunc(numbers, func(k known) bool {
		switch {
		case !f.stands(k):
			return false
		case len(about) > 0 && len(k.about) > 0 && !slices.ContainsFunc(k.about, func(run string) bool { return slices.Contains(about, run) }):
			return false
		case metric != "" && f.decimal && len(k.metrics) > 0 && !slices.Contains(k.metrics, metric):
			return false
		case metric != "" && f.decimal && k.count:
			return false
		}
		return true
	})
}

// repeats says whether the figure is a whole number that the user stated.
func (f figure) repeats(said []known) bool {
	return !f.decimal && slices.ContainsFunc(said, f.stands)
}

// example says whether the figure is a whole number in something that the user
// might say, which the sentence quotes as an example.
func (f figure) example(sentence string) bool {
	return !f.decimal && f.quoted() && strings.Contains(strings.ToLower(sentence), "for example")
}

func (f figure) quoted() bool {
	return strings.Count(f.before, `"`)%2 == 1 || strings.LastIndex(f.before, "“") > strings.LastIndex(f.before, "”")
}

// quotes says whether the sentence gives the figure as the user's own words:
// between quotation marks, or as what "you" said.
func (f figure) quotes(asked []known, sentence string) bool {
	if !slices.ContainsFunc(asked, f.stands) {
		return false
	}
	if f.quoted() {
		return true
	}
	low := " " + strings.ToLower(sentence)
	return slices.ContainsFunc([]string{" you said", " you asked", " you wanted", " you gave", " you named", " you prefer", " your ", " you want"}, func(w string) bool {
		return strings.Contains(low, w)
	})
}

// userNumbers are the numbers in the user's own words of a turn: those that
// were stated, and all, with those that were only asked about.
func (s *state) userNumbers(turn int) (stated, all []known) {
	for i := range s.Messages {
		m := &s.Messages[i]
		if m.Turn != turn || m.Role != RoleUser {
			continue
		}
		for _, text := range append([]string{m.Text}, m.Notes...) {
			numbers := append(knownIn(text), wordNumbers(text)...)
			all = append(all, numbers...)
			if !strings.HasSuffix(strings.TrimSpace(text), "?") {
				stated = append(stated, numbers...)
			}
		}
	}
	return stated, all
}

// wordNumbers are the numbers that a text has in words.
func wordNumbers(text string) []known {
	var out []known
	for _, f := range figures(text) {
		if f.word {
			out = append(out, known{value: f.value, base: f.value, whole: true})
		}
	}
	return out
}

// sentencesOf splits a text into sentences.
func sentencesOf(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for line := range strings.SplitSeq(text, "\n") {
			for {
				i := strings.Index(line, ". ")
				if i < 0 {
					break
				}
				// "1. first" is the numbering of a list.
				if strings.TrimLeft(line[:i], "0123456789 ") == "" {
					if j := strings.Index(line[i+2:], ". "); j >= 0 {
						i += 2 + j
					} else {
						break
					}
				}
				if !yield(line[:i+1]) {
					return
				}
				line = line[i+2:]
			}
			if !yield(line) {
				return
			}
		}
	}
}

// mentions lists the runs that a sentence names.
func mentions(sentence string, names map[string]bool) []string {
	var out []string
	for name := range names {
		for rest := sentence; ; {
			i := strings.Index(rest, name)
			if i < 0 {
				break
			}
			if !inWord(rest, i-1) && !inWord(rest, i+len(name)) {
				out = append(out, name)
				break
			}
			rest = rest[i+len(name):]
		}
	}
	return out
}

// inWord says whether the byte at i goes on a name.
func inWord(s string, i int) bool {
	if i < 0 || i >= len(s) {
		return false
	}
	c := s[i]
	return c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// refersBack says whether a sentence goes on about what the one before named.
func refersBack(sentence string) bool {
	w := strings.ToLower(word(strings.TrimSpace(sentence), 0))
	return w == "it" || w == "its"
}

// evidence lists the done steps of the thread, the latest first.
func (s *state) evidence() []evidence {
	var all []evidence
	for _, m := range slices.Backward(s.Messages) {
		if m.Role != RolePlan || m.Plan == nil {
			continue
		}
		for j := len(m.Plan.Steps) - 1; j >= 0; j-- {
			if step := &m.Plan.Steps[j]; step.Result != nil || step.Outcome != nil || step.State == StepFailed {
				all = append(all, evidence{turn: m.Turn, step: step, beside: len(m.Plan.Steps)})
			}
		}
	}
	return all
}

// runNames are the names of runs in all results of the thread.
func (s *state) runNames(read *readings) map[string]bool {
	names := map[string]bool{}
	for i := range s.Messages {
		if p := s.Messages[i].Plan; p != nil {
			for _, name := range read.of(p).runs(p) {
				names[name] = true
			}
		}
	}
	return names
}

// runNames are the names of runs in the results of a plan.
func (p *Plan) runNames() []string {
	names := map[string]bool{}
	for i := range p.Steps {
		step := &p.Steps[i]
		if step.Run != "" {
			names[step.Run] = true
		}
		for _, raw := range step.values() {
			if v, err := decode(raw); err == nil {
				runNames(v, "", names)
			}
		}
	}
	return slices.Collect(maps.Keys(names))
}

// values are the JSON values of a step that may have numbers.
func (s *Step) values() []json.RawMessage {
	values := []json.RawMessage{s.Resolved}
	if s.Result != nil {
		values = append(values, s.Result.Value)
	}
	if s.Preview != nil {
		values = append(values, s.Preview.Args)
	}
	for _, a := range s.Attempts {
		values = append(values, a.Args)
	}
	return slices.DeleteFunc(values, func(raw json.RawMessage) bool { return len(raw) == 0 })
}

// texts are the sentences of a step that may have numbers.
func (s *Step) texts() []string {
	var texts []string
	if s.Result != nil {
		texts = append(texts, s.Result.Summary)
	}
	if s.Outcome != nil {
		texts = append(texts, s.Outcome.Summary, s.Outcome.Error)
	}
	if s.Error != nil {
		texts = append(texts, s.Error.String())
	}
	for _, a := range s.Attempts {
		if a.Error != nil {
			texts = append(texts, a.Error.String())
		}
		texts = append(texts, a.Remedy)
	}
	if s.Preview != nil {
		texts = append(texts, s.Preview.Summary)
	}
	return texts
}

// numbers collects what a step's result, its run's outcome and its arguments
// say. What stands in no row is about the runs of the whole step, and is a value
// of the one metric that the step asked for.
func (s *Step) numbers(names map[string]bool) []known {
	g := gatherer{names: names}
	whole := place{about: s.about(names)}
	asked := string(s.Resolved)
	if s.Result != nil {
		asked += " " + s.Result.Query
	}
	if m := union(nil, metricsIn(asked)); len(m) == 1 {
		whole.metrics = m
	}
	for _, raw := range s.values() {
		if v, err := decode(raw); err == nil {
			g.gather(v, whole)
		}
	}
	for _, text := range s.texts() {
		g.gather(text, whole)
	}
	return g.out
}

// about are the runs that a step launched or was asked about.
func (s *Step) about(names map[string]bool) []string {
	var out []string
	if s.Run != "" {
		out = append(out, s.Run)
	}
	asked := map[string]bool{}
	if v, err := decode(s.Resolved); err == nil {
		runNames(v, "", asked)
	}
	if s.Result != nil {
		if s.Result.Run != "" {
			asked[s.Result.Run] = true
		}
		var v struct {
			Run    string `json:"run"`
			Judges string `json:"judges"`
		}
		if json.Unmarshal(s.Result.Value, &v) == nil {
			asked[v.Run], asked[v.Judges] = true, true
		}
	}
	for name := range asked {
		if names[name] && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func (s *Step) source(numbers []string) Source {
	src := Source{Step: s.ID, Tool: s.Tool, Run: s.Run, Numbers: numbers}
	if s.Result != nil {
		src.Query, src.Summary = s.Result.Query, s.Result.Summary
		src.Run = cmp.Or(src.Run, s.Result.Run)
	}
	return src
}
