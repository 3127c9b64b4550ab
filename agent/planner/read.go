package planner

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxSteps is the largest plan that the planner makes without asking back.
const maxSteps = 32

// reading is what a sentence was understood as.
type reading struct {
	Outcome
	goals []goal     // numbers that the answer must give
	later []deferred // steps that wait for the rows of a look-up
	asks  []ask      // what is missing, parallel to Questions
	empty bool       // nothing was understood
}

// ask is a missing argument.
type ask struct{ tool, param string }

// reader reads one sentence.
type reader struct {
	lex   *lexicon
	cat   *catalogue
	known Names
	mem   memory
	fills map[string]any // answers to earlier questions
	text  string
	now   func() time.Time

	out       reading
	group     []string // the runs that "it" and "them" mean: "@1.run" or ids
	trained   []string // every run launched by this plan
	judged    map[string]string
	dataset   string            // the dataset that "it" means
	makers    map[string]string // dataset → the step that makes it
	skipped   []string          // clauses that were understood as nothing
	chat      string
	heard     int      // clauses with content
	given     string   // the condition that the next clause hangs on
	condition []token  // its words
	open      []item   // what the clause before named, if nothing was planned for it
	acted     []string // every run that a step of this plan is about
	last      []int    // the steps that the clause before made
	after     []string // the steps that this clause hangs on
	asked     mood     // the mood of the clause before
	waits     bool     // this clause waits for all of them to be done
	prior     []int    // the steps that this clause says it comes after
	followed  bool     // another clause comes after this one
	rest      []clause // the clauses after this one
	asking    bool     // this clause begins with a verb or a question word
	carried   []token  // such words that were taken in
	ordered   []string // the tools that clauses plainly ordered
	parted    bool     // two things to be shown were told apart
	carry     []token  // words about a training that is named only later
}

// read understands one sentence.
func (r *reader) read() reading {
	r.judged, r.makers = map[string]string{}, map[string]string{}
	toks := r.lex.unslash(tokenise(r.text), r.known.Datasets)
	mended := r.lex.mend(toks, append(slices.Clone(r.known.Datasets), r.mem.names()...))
	if fill, ok := r.fills[paramSuspect].(bool); ok && fill {
		replaceWord(toks, mended.wrote, mended.suspect)
		mended.suspect = ""
	}
	if len(mended.notes) > 0 {
		toks = joinTriples(joinNumbers(toks))
	}
	r.note(mended.notes...)
	if mended.suspect != "" {
		r.question("", paramSuspect, Question{Text: fmt.Sprintf("Did you mean %s by %q?", mended.suspect, clean(mended.wrote)), Choices: []string{"yes", "no"}})
		return r.finish()
	}
	clauses := r.cut(r.lex.plainly(toks))
	r.clauses(clauses)
	if slices.ContainsFunc(clauses, func(c clause) bool { return c.aside }) && r.nothing() {
		for i := range clauses {
			clauses[i].aside = false // what is said is all that there is to go by
		}
		r.clauses(clauses)
	}
	return r.finish()
}

// nothing tells whether no clause so far led to anything.
func (r *reader) nothing() bool {
	return len(r.out.Steps)+len(r.out.goals)+len(r.out.later)+len(r.out.Questions) == 0 && r.chat == ""
}

// clauses plans one clause after the other.
func (r *reader) clauses(clauses []clause) {
	r.skipped, r.open = nil, nil
	for i, c := range clauses {
		r.followed, r.rest = i+1 < len(clauses), clauses[i+1:]
		r.clause(c)
		if !c.aside {
			r.asked = c.mood
		}
		if r.tooMany() {
			break
		}
	}
}

// cut makes clauses of the words.
func (r *reader) cut(toks []token) []clause {
	toks = pairs(r.lex.retract(r.lex.lasting(r.lex.contrast(r.lex.merge(steady(present(toks))), r.known.Datasets)), r.known.Datasets))
	return r.coordinated(variants(joinTopic(joinOne(r.lex.listed(r.gathered(r.lex.severalSets(shareObjects(r.lex.clauses(toks), r.lex))))))))
}

// tooMany asks back where a message would lead to more steps than anybody would
// review.
func (r *reader) tooMany() bool {
	n := len(r.out.Steps)
	if n <= maxSteps {
		return false
	}
	r.out.Steps, r.out.goals, r.out.later = nil, nil, nil
	r.question("", "", Question{Text: fmt.Sprintf("That would be more than %d steps (%d so far). Which part shall I plan first?", maxSteps, n)})
	return true
}

// finish puts the words together.
func (r *reader) finish() reading {
	r.impliedGoals()
	r.unnamed()
	if len(r.out.Questions) > 0 {
		r.out.Steps, r.out.goals, r.out.later = nil, nil, nil
	}
	r.queries()
	r.out.Reply = r.words()
	return r.out
}

// words is the text beside a plan, or the reply when there is none.
func (r *reader) words() string {
	var parts []string
	if len(r.out.Questions) > 0 {
		for _, q := range r.out.Questions {
			parts = append(parts, q.ask())
		}
		return strings.Join(append(r.out.Assumptions, parts...), " ")
	}
	parts = append(parts, r.out.Assumptions...)
	if r.chat != "" && len(r.out.Steps) == 0 {
		parts = append(parts, r.chat)
	}
	for _, s := range r.skipped {
		if len(r.out.Steps) > 0 || r.chat != "" {
			parts = append(parts, fmt.Sprintf("I made nothing of %q.", s))
		}
	}
	if len(parts) == 0 && len(r.out.Steps) == 0 {
		if r.heard == 0 {
			return "Nothing is waiting for an answer here. " + abilities(r.cat)
		}
		r.out.empty = true
		return outOfScope(r.cat)
	}
	return strings.Join(parts, " ")
}

// ask renders a question with its choices.
func (q Question) ask() string {
	if len(q.Choices) == 0 {
		return q.Text
	}
	return strings.TrimRight(q.Text, "?") + ": " + strings.Join(q.Choices, ", ") + "?"
}

// plan acts on the reading of a clause that was chosen.
func (r *reader) plan(items []item, top scored, ranked []scored, said string, toks ...token) {
	if top.intent == "train_launch" && len(r.carry) > 0 {
		items = r.lex.recognise(slices.Concat(toks, r.carry), r.known)
		r.carry, r.carried = nil, r.carry
	}
	if m, ok := first(items, cModel); ok && top.intent == "train_launch" && likelyOnly(top) {
		r.note(fmt.Sprintf("I read this as: train %s.", items[m].mention.text))
	}
	if top.intent == intentModels && r.cat.has("model_list") {
		top.intent = "model_list"
	}
	r.why("", top.intent, "", "", items, top.hits)
	switch {
	case top.intent == intentDefine || isChat(top.intent):
		r.talk(top.intent, items, said, ranked)
	case strings.HasPrefix(top.intent, "?"):
		r.ask(top.intent, items)
	case !r.cat.knows(top.intent):
		r.note(fmt.Sprintf("%s is not available in this version.", top.intent))
		if len(r.out.Steps) == 0 && r.chat == "" {
			r.chat = abilities(r.cat)
		}
	default:
		r.tool(top, items)
	}
}

// likelyOnly tells whether an intent was chosen for what is named and by likeness,
// without a word for it.
func likelyOnly(top scored) bool {
	return !slices.ContainsFunc(top.hits, func(h hit) bool {
		return strings.Trim(h.pattern, "^ ") != "" && !strings.HasPrefix(strings.Trim(h.pattern, "^ "), "{") && h.pattern != "epoch"
	})
}

func isChat(intent string) bool {
	switch intent {
	case intentGreet, intentThanks, intentBye, intentHelp, intentWho, intentModels, intentMetrics, intentRegistered, intentNever:
		return true
	}
	return false
}

// talk answers what needs no tool.
func (r *reader) talk(intent string, items []item, said string, ranked []scored) {
	if intent == intentDefine {
		if text := r.definitions(items); text != "" {
			r.chat = strings.TrimSpace(r.chat + " " + text)
			return
		}
		for _, s := range ranked {
			if s.intent != intentDefine && !isChat(s.intent) && s.score >= threshold+1 && !strings.HasPrefix(s.intent, "?") && r.cat.has(s.intent) {
				r.tool(s, items)
				return
			}
		}
		r.skipped = append(r.skipped, clean(said))
		return
	}
	if reply := r.lex.chatReply(intent, r.cat); reply != "" && (intent != intentGreet || r.chat == "") {
		r.chat = strings.TrimSpace(r.chat + " " + reply)
	}
}

// definitions answers "what is X" and "what is the difference between X and Y".
func (r *reader) definitions(items []item) string {
	e, ok := r.define(items)
	if !ok {
		return ""
	}
	for i := range items {
		if !items[i].anyWord("difference", "differ") {
			continue
		}
		for j := i; j < len(items); j++ {
			if other, found := r.define(items[j:]); found && other.text != e.text {
				return e.text + " " + other.text
			}
		}
	}
	return e.text
}

// define finds the term that a definition is asked of.
func (r *reader) define(items []item) (entry, bool) {
	for _, it := range items {
		for _, w := range []string{nameOf(it), it.tok.word, it.tok.stem} {
			if e, ok := r.lex.glossary[w]; ok && w != "" {
				return e, true
			}
		}
	}
	return entry{}, false
}

// onMade tells whether "on it" means a dataset of this plan.
func (r *reader) onMade(items []item) bool {
	for i := 1; i < len(items); i++ {
		ref := items[i].is(cRef) || items[i].is(cDataRef) || items[i].anyWord("that", "this")
		if ref && items[i-1].anyWord("on", "with", "using", "for") && r.makers[r.dataset] != "" {
			return true
		}
	}
	return false
}

// hasContent tells whether a clause says anything beyond everyday words.
func hasContent(lex *lexicon, items []item) bool {
	for _, it := range items {
		if it.mention != nil || it.tok.kind != tPunct && (it.tok.kind != tWord || !lex.common[it.tok.word]) {
			return true
		}
	}
	return false
}

// lateName handles a clause that only names what was just made: "call it
// demo".
func (r *reader) lateName(items []item) bool {
	if len(items) != 1 || !items[0].is(cName) || len(r.last) == 0 {
		return false
	}
	return r.amend(r.last, items)
}

// point marks references that may mean a dataset, because a dataset is what
// was spoken of last.
func (r *reader) point(items []item) {
	data := r.mem.aboutData
	if n := len(r.out.Steps); n == 0 && r.dataset != "" && !slices.ContainsFunc(r.open, func(it item) bool { return it.is(cRun) }) {
		data = true
	} else if n > 0 {
		data = strings.HasPrefix(r.out.Steps[n-1].Tool, "dataset_")
	}
	for i := range items {
		if items[i].is(cRef) && !items[i].mention.plural {
			items[i].mention.data = data
		}
	}
}

// note adds assumptions to state.
func (r *reader) note(notes ...string) {
	for _, n := range notes {
		if n != "" && !slices.Contains(r.out.Assumptions, n) {
			r.out.Assumptions = append(r.out.Assumptions, n)
		}
	}
}

// question adds something that has to be known first.
func (r *reader) question(tool, param string, q Question) {
	for _, have := range r.out.Questions {
		if have.Text == q.Text {
			return
		}
	}
	r.out.Questions = append(r.out.Questions, q)
	r.out.asks = append(r.out.asks, ask{tool, param})
}

// why records which words led to what.
func (r *reader) why(step, tool, argument, val string, items []item, hits []hit) {
	for _, h := range hits {
		start, end := byteRange(items, h.from, h.to)
		r.out.Explanation.Reasons = append(r.out.Explanation.Reasons, Reason{
			Step: step, Tool: tool, Argument: argument, Value: val,
			Words: clean(r.slice(start, end)), Rule: h.pattern, Start: start, End: end,
		})
	}
}

func (r *reader) slice(start, end int) string {
	if start < 0 || end > len(r.text) || start >= end {
		return ""
	}
	return r.text[start:end]
}

func byteRange(items []item, from, to int) (start, end int) {
	if from >= len(items) || to <= from {
		return 0, 0
	}
	return items[from].start, items[min(to, len(items))-1].end
}

// span returns the text that tokens cover.
func (r *reader) span(toks []token) string {
	if len(toks) == 0 {
		return ""
	}
	return r.slice(toks[0].start, toks[len(toks)-1].end)
}

// replaceWord swaps a token's word for another.
func replaceWord(toks []token, wrote, by string) {
	for i := range toks {
		if toks[i].text == wrote {
			toks[i].word, toks[i].stem = by, stem(by)
		}
	}
}

// shareObjects gives a clause that is a bare verb the object of the next:
// "evaluate and compare brisk-otter and calm-heron".
func shareObjects(cs []clause, lex *lexicon) []clause {
	for i := 0; i+1 < len(cs); i++ {
		if shown := showsThem(cs[i], cs[i+1]); shown != nil {
			cs[i].toks, cs[i].mood, cs[i].aside = shown, moodOrder, false // "all failed runs, please show them"
			cs = slices.Delete(cs, i+1, i+2)
			continue
		}
		if group := groupFirst(cs[i], cs[i+1]); group != nil {
			cs[i].toks = slices.Concat(cs[i+1].toks, group) // "per dataset, how many runs?"
			cs = slices.Delete(cs, i+1, i+2)
			continue
		}
		if n := len(cs[i].toks); n > 0 && n <= 3 && len(cs[i+1].toks) > 0 && cs[i+1].plain() && cs[i].plain() && lex.bareVerb(cs[i].toks) && !groupsBy(cs[i+1].toks) && !lex.startsClause(cs[i+1].toks, 0) && !isChatWord(cs[i+1].toks[0]) {
			cs[i].toks = append(slices.Clone(cs[i].toks), cs[i+1].toks...) // "let's train! segresnet, toy"
			cs = slices.Delete(cs, i+1, i+2)
			continue
		}
		if len(cs[i].toks) == 1 && !cs[i].negated && lex.starters[cs[i].toks[0].word] && len(cs[i+1].toks) > 1 && lex.starters[cs[i+1].toks[0].word] && !cs[i+1].negated {
			cs[i].toks = append(slices.Clone(cs[i].toks), cs[i+1].toks[1:]...)
		}
	}
	return cs
}

// groupsBy recognises "per dataset" and "for each model" by themselves.
func groupsBy(toks []token) bool {
	return toks[0].word == "per" || toks[0].word == "by" && len(toks) == 2 ||
		len(toks) > 2 && (toks[0].word == "for" || toks[0].word == "of") && (toks[1].word == "each" || toks[1].word == "every")
}

// plain tells whether nothing but the wish itself is said.
func (c clause) plain() bool {
	return !c.negated && !c.conditional && !c.condition && !c.advice
}

// bareVerb tells whether a clause is a verb without an object, politeness
// aside. What ends or deletes something never waits for an object.
func (lex *lexicon) bareVerb(toks []token) bool {
	last := toks[len(toks)-1]
	switch last.stem {
	case "train", "evaluate", "export", "predict", "segment", "compare", "import", "split", "validate", "profile", "ensemble", "calibrate", "sweep":
	default:
		return false
	}
	return !slices.ContainsFunc(toks[:len(toks)-1], func(t token) bool {
		return lex.starters[t.word] && t.word != "let" && t.word != "is" || slices.Contains(destructive(), t.stem)
	})
}

// isChatWord lists words that begin small talk.
func isChatWord(t token) bool {
	switch t.word {
	case "thanks", "thank", "thx", "cheers", "hello", "hi", "bye", "great", "cool", "nice", "perfect":
		return true
	}
	return false
}
