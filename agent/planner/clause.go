package planner

import "slices"

// clause is a part of the sentence that asks for one thing.
type clause struct {
	toks        []token
	negated     bool
	conditional bool
	condition   bool // the words after "if" themselves
	advice      bool // "should I …?"
	leads       bool // a colon follows
	follows     bool // after "then": what came before is to be done first
	waits       bool // after "when that is done"
	so          bool // after "so": what came before is the reason
	variant     bool // the clause before with other settings
	repeats     bool // the step before once more, with other settings
	aside       bool // it says how things are beside a wish
	mood        mood
	only        []token // the condition that stands at the clause's own end
}

// clauses cuts a sentence at "then", semicolons, full stops, and at commas and
// "and" where a new verb, question or subject follows.
func (lex *lexicon) clauses(toks []token) []clause {
	c := cutter{lex: lex}
	for i := range toks {
		c.take(toks, i)
	}
	c.flush()
	return lex.asides(reorder(notedDown(c.out)))
}

// cutter holds the clauses that are cut so far, and the words of the next.
type cutter struct {
	lex     *lexicon
	out     []clause
	cur     []token
	follows bool // the next clause comes after "then"
	again   bool // the next clause asks for the step before once more
}

// flush ends a clause.
func (c *cutter) flush() {
	if made := c.lex.shape(c.cur); len(made) > 0 && (len(c.out) == 0 || !isPurpose(c.cur)) {
		made[0].follows, made[0].repeats = made[0].follows || c.follows, c.again
		c.out, c.follows, c.again = append(c.out, made...), false, false
	}
	c.cur = nil
}

// take adds toks[i] to the clause, or ends it there.
func (c *cutter) take(toks []token, i int) {
	t := toks[i]
	switch {
	case t.word == ":" && t.kind == tPunct && len(c.cur) > 0 && (leadsName(c.cur[len(c.cur)-1]) || !c.lex.startsClause(toks, i+1)):
		if !leadsName(c.cur[len(c.cur)-1]) {
			c.cur = append(c.cur, token{kind: tPunct, text: ",", word: ",", start: t.start, end: t.end})
		}
	case isStop(t):
		c.flush()
		c.follows = false
		if n := len(c.out); t.word == ":" && n > 0 {
			c.out[n-1].leads = true
		}
	case isThen(toks, i):
		if !c.lex.listsMetrics(toks, i) {
			c.flush()
			c.follows = true
		}
	case isJoint(t):
		c.joint(toks, i)
	case len(c.cur) > 0 && (leadsVerb(toks, i) || c.lex.turns(c.cur, toks[i:])):
		c.flush()
		c.cur = append(c.cur, t)
	default:
		c.cur = append(c.cur, t)
	}
}

// joint ends the clause at a comma or an "and" if another begins there.
func (c *cutter) joint(toks []token, i int) {
	rest, inside := toks[i+1:], len(c.cur) > 0
	switch {
	case inside && onlyTemporal(c.cur):
		c.cur = append(c.cur, toks[i])
	case inside && ownPart(c.cur, rest):
		c.flush()
	case anotherWith(toks[i:]) > 0 && !waysFollow(c.cur, toks[i:]):
		c.flush()
		c.again = true
	case c.lex.startsClause(toks, i+1) || wishes(rest) || wantsAlso(rest) || inside && opening(c.cur) != openAsks && !pairsRuns(c.cur, rest) && c.lex.declares(rest):
		c.flush()
	case inside && (leadsVerb(toks, i) || c.lex.turns(c.cur, toks[i:])):
		c.flush()
		c.cur = append(c.cur, toks[i])
	default:
		c.cur = append(c.cur, toks[i])
	}
}

// pairsRuns tells whether a joint stands between two runs: "x and y were tests".
func pairsRuns(before, rest []token) bool {
	return len(rest) > 0 && isRunID(before[len(before)-1].word) && isRunID(rest[0].word)
}

// shape finishes a clause: words that carry nothing go, "don't" and "if" are
// noted.
func (lex *lexicon) shape(toks []token) []clause {
	toks = trimThanks(toks)
	polite := courtesy(toks)
	toks = activeVoice(toks[polite:])
	if i := lateNegation(lex, toks); i > 0 {
		return append(lex.shape(toks[:i]), lex.shape(toks[i:])...)
	}
	said := toks
	advice := len(toks) > 2 && (toks[0].word == "should" || toks[0].word == "shall") && (toks[1].word == "i" || toks[1].word == "we")
	toks = lex.trimLead(toks)
	if len(toks) == 0 {
		return nil
	}
	c := clause{toks: toks, advice: advice, mood: lex.moodOf(said), follows: saysAfter(said), waits: saysDone(said), so: said[0].word == "so"}
	if polite > 0 {
		c.mood = moodOrder
	}
	switch toks[0].word {
	case "don't", "never", "without", "instead_of", "skip", "no":
		c.negate()
	case "if", "unless", "provided", "assuming":
		return lex.splitCondition(toks)
	}
	for i := 1; i < len(c.toks); i++ {
		if w := c.toks[i].word; (w == "if" || w == "unless") && !politeIf(c.toks[i:]) && !asksWhether(c.toks[i-1]) {
			if gives(c.toks) {
				break
			}
			if w == "if" && overwritesIf(c.toks[:i], c.toks[i:]) {
				c.toks = c.toks[:i]
				break
			}
			c.conditional, c.only = true, c.toks[i+1:]
			if w == "unless" {
				c.only = nil
			}
			c.toks = c.toks[:i]
			break
		}
	}
	return []clause{c}
}

// negate notes that a clause says what not to do: "don't train", "no
// training", but neither "don't forget to …" nor "skip what does not match".
func (c *clause) negate() {
	toks := c.toks
	if toks[0].word == "skip" && slices.ContainsFunc(toks, func(t token) bool { return t.stem == "fit" || t.stem == "match" || t.stem == "mismatch" }) {
		return
	}
	if len(toks) > 1 && switchedOff(toks[1:]) {
		return // a setting of a training
	}
	forget := len(toks) > 1 && (toks[1].word == "forget" || toks[1].word == "hesitate" || toks[1].word == "you")
	c.negated = !forget && (toks[0].word != "no" || len(toks) > 1 && isVerbForm(toks[1]))
	switch {
	case forget:
		c.toks = toks[2:]
	case toks[0].word != "no" || c.negated || len(toks) < 2 || toks[1].kind == tPunct:
		c.toks = toks[1:]
	}
}

// notedDown joins "…, note that down" with the statement before it.
func notedDown(cs []clause) []clause {
	for i := 1; i < len(cs); i++ {
		toks := cs[i].toks
		if len(toks) == 0 {
			continue
		}
		verb := toks[0].word
		if verb != "note" && verb != "remember" && verb != "record" && verb != "write" || len(toks) > 4 || len(toks) > 1 && !isRefWord(toks[1].word) && toks[1].word != "down" {
			continue
		}
		if is := slices.IndexFunc(cs[i-1].toks, func(t token) bool { return t.word == "is" }); is > 0 && cs[i-1].plain() {
			cs[i].toks = append(slices.Clone(toks[:1]), cs[i-1].toks...)
			cs = slices.Delete(cs, i-1, i)
			i--
		}
	}
	return cs
}

// leadsName tells whether a colon after this word only leads to a name.
func leadsName(t token) bool { return t.word == "name" || t.word == "tag" || t.word == "tags" }

// leadsVerb tells whether "without training", "before evaluating" and the like
// begin at toks[i].
func leadsVerb(toks []token, i int) bool {
	return i+1 < len(toks) && slices.Contains([]string{"without", "instead_of", "after", "before"}, toks[i].word) && isVerbForm(toks[i+1])
}

// gives tells whether a clause says when a training shall give up, which is one
// of its settings: "stop if nothing improves for 6 validations".
func gives(toks []token) bool {
	if !slices.ContainsFunc(toks, func(t token) bool {
		switch t.stem {
		case "stop", "give", "end", "quit", "halt", "abort", "train", "stopped", "halted", "ended":
			return true
		}
		return false
	}) {
		return false
	}
	return slices.ContainsFunc(toks, func(t token) bool {
		return t.stem == "improve" || t.stem == "improvement" || t.word == "better" || t.stem == "gain" || t.stem == "progress" || t.stem == "plateau" || t.stem == "stall"
	})
}

// overwritesIf tells whether the condition after "overwrite it" is only that
// there is something to overwrite: "if it is there already", "if it exists".
func overwritesIf(before, condition []token) bool {
	if len(condition) > 7 || !slices.ContainsFunc(before, func(t token) bool { return t.stem == "overwrite" || t.stem == "replace" }) {
		return false
	}
	return slices.ContainsFunc(condition, func(t token) bool {
		return t.word == "exists" || t.word == "exist" || t.word == "there" || t.word == "already" || t.word == "present" || t.word == "needed" || t.word == "necessary"
	})
}

// wishes recognises "I just want …" and "we would like …".
func wishes(toks []token) bool {
	if len(toks) < 3 || toks[0].word != "i" && toks[0].word != "we" {
		return false
	}
	for _, t := range toks[1:min(4, len(toks))] {
		switch t.word {
		case "want", "need", "like":
			return true
		case "just", "only", "would", "really", "simply":
		default:
			return false
		}
	}
	return false
}

// trimThanks drops thanks and the like from the end of a clause.
func trimThanks(toks []token) []token {
	for len(toks) > 1 {
		switch t := toks[len(toks)-1]; {
		case isJoint(t), t.kind == tPunct:
		case t.word == "thanks" || t.word == "thx" || t.word == "cheers" || t.word == "thank":
		case t.word == "you" && len(toks) > 2 && toks[len(toks)-2].word == "thank":
		default:
			return toks
		}
		toks = toks[:len(toks)-1]
	}
	return toks
}

// isPurpose recognises what something is for, after it was asked for: "just to
// see that it runs".
func isPurpose(toks []token) bool {
	if enables(toks) || triesOut(toks) {
		return true
	}
	for len(toks) > 0 && (isJoint(toks[0]) || toks[0].kind == tPunct || toks[0].word == "just" || toks[0].word == "only" || toks[0].word == "simply" || toks[0].word == "so") {
		toks = toks[1:]
	}
	if len(toks) < 3 || toks[0].word != "to" {
		return false
	}
	switch toks[1].word {
	case "see", "check", "test", "make", "verify", "find", "know", "be", "get":
	default:
		return false
	}
	switch toks[2].word {
	case "that", "if", "whether", "how", "sure", "out", "it", "a", "what":
		return true
	}
	return false
}

// triesOut recognises "I just want to see if it runs", which what was asked for
// shows by itself.
func triesOut(toks []token) bool {
	n := len(toks)
	if n < 6 || n > 12 || !wisher(toks[:max(1, slices.IndexFunc(toks, func(t token) bool { return t.word == "want" || t.word == "need" || t.word == "like" }))]) {
		return false
	}
	switch toks[n-1].word {
	case "runs", "works", "helps", "fits", "converges", "learns", "trains", "starts", "crash", "crashes", "break", "fail", "explode":
		return slices.ContainsFunc(toks, func(t token) bool { return t.word == "if" || t.word == "whether" || t.word == "that" })
	}
	return false
}

// enables recognises "so (that) I can load them".
func enables(toks []token) bool {
	if len(toks) < 3 || toks[0].word != "so" {
		return false
	}
	for i := 1; i < len(toks) && i < 6; i++ {
		switch toks[i].word {
		case "can", "could", "may", "will", "don't", "able":
			return opening(toks[1:]) == openSubject || toks[1].word == "that"
		}
	}
	return false
}

// lateNegation is where "don't" or "never" stands before a verb inside a
// clause: from there on nothing is to be done. It is 0 if it stands nowhere.
func lateNegation(lex *lexicon, toks []token) int {
	for i := 1; i+1 < len(toks); i++ {
		if (toks[i].word == "don't" || toks[i].word == "never") && toks[i].kind == tWord && lex.starters[toks[i+1].word] && !isAuxiliary(toks[i+1].word) {
			return i
		}
	}
	return 0
}

// splitCondition handles "if it is fine, evaluate it": what depends on the
// condition is marked.
func (lex *lexicon) splitCondition(toks []token) []clause {
	if politeIf(toks) {
		for i, t := range toks {
			if isJoint(t) || i > 0 && lex.starters[t.word] {
				return lex.shape(toks[i:])
			}
		}
		return nil
	}
	for i := 2; i < len(toks); i++ {
		if lex.starters[toks[i].word] && !isAuxiliary(toks[i].word) && lex.startsClause(toks, i) {
			rest := lex.shape(toks[i:])
			return append([]clause{{toks: toks[1:i], conditional: true, condition: true}}, rest...)
		}
	}
	return []clause{{toks: toks[1:], conditional: true, condition: true}}
}

// isAuxiliary lists the words that begin a question, and nothing in the middle
// of a condition.
func isAuxiliary(w string) bool {
	switch w {
	case "is", "are", "do", "does", "did", "what", "which", "how", "who", "when", "why", "run", "test", "score", "label", "wait", "see", "train's", "plot", "list", "set", "tag":
		return true
	}
	return false
}

// asksWhether tells whether an "if" after this word means "whether".
func asksWhether(t token) bool {
	switch t.word {
	case "check", "see", "look", "tell", "me", "know", "out", "verify", "ask", "wonder":
		return true
	}
	return false
}

// politeIf recognises "if you can", "if possible".
func politeIf(toks []token) bool {
	return len(toks) > 1 && slices.Contains([]string{"you", "possible", "needed", "necessary", "so", "yes", "ok", "okay"}, toks[1].word)
}

// trimLead drops joints and polite or temporal filling at a clause's start.
func (lex *lexicon) trimLead(toks []token) []token {
	for len(toks) > 0 {
		t := toks[0]
		switch {
		case isJoint(t) || t.kind == tPunct:
			toks = toks[1:]
		case t.kind == tWord && isFiller(t.word):
			toks = toks[1:]
		case (t.kind == tWord || t.word == "once") && isTemporal(t.word):
			n := temporalLength(toks)
			if n == 0 {
				return toks
			}
			toks = toks[n:]
		default:
			return toks
		}
	}
	return toks
}

// isFiller lists words that may open a clause without meaning.
func isFiller(w string) bool {
	switch w {
	case "please", "just", "also", "now", "finally", "lastly", "could", "can", "would", "will", "you", "i", "we", "want", "like",
		"love", "need", "us", "let", "lets", "to", "kindly", "ok", "okay", "so", "well", "afterwards", "afterward", "then", "next",
		"simply", "only", "quickly", "maybe", "shall", "should", "hey", "go", "ahead", "first", "second", "secondly", "firstly", "third", "thirdly", "fourth", "pls", "plz",
		"actually", "instead", "again", "too", "yes", "minivess,":
		return true
	}
	return false
}

func isTemporal(w string) bool {
	switch w {
	case "once", "when", "after", "as", "afterwards", "whenever":
		return true
	}
	return false
}

// temporalLength measures "once it is done", "when the training has finished",
// "after that", "as soon as it's ready". 0 means it is none of these.
func temporalLength(toks []token) int {
	n := 1
	for n < len(toks) && isTemporalWord(toks[n].word) {
		n++
	}
	if toks[0].word == "after" && len(toks) > 2 && isVerbForm(toks[1]) && !isJoint(toks[2]) && !isTemporalWord(toks[2].word) {
		return 0
	}
	if n == 1 || n == len(toks) && toks[0].word == "when" {
		return 0
	}
	if n < len(toks) && !isJoint(toks[n]) && toks[0].word == "as" && toks[1].word != "soon" {
		return 0
	}
	return n
}

func isTemporalWord(w string) bool {
	switch w {
	case "it", "is", "they", "are", "that", "this", "training", "done", "finished", "complete", "completed", "ready", "over", "has",
		"have", "the", "job", "jobs", "run", "runs", "both", "all", "everything", "finishes", "soon", "as", "been", "ends", "completes", "you":
		return true
	}
	return false
}

// isStop tells whether a token ends a sentence.
func isStop(t token) bool {
	return t.kind == tPunct && (t.word == ";" || t.word == "." || t.word == "!" || t.word == "?" || t.word == ":")
}

func isJoint(t token) bool {
	return t.kind == tPunct && t.word == "," || t.kind == tWord && (t.word == "and" || t.word == "&" || t.word == "&&" || t.word == "but" || t.word == "plus" || t.word == "also")
}

// isThen tells whether "then" (or a like word) begins a new clause here.
func isThen(toks []token, i int) bool {
	switch toks[i].word {
	case "then", "afterwards", "subsequently", "thereafter":
		return toks[i].kind == tWord
	}
	return false
}

// listsMetrics tells whether a "then" only continues a list of metrics: "with dice
// first, then cldice".
func (lex *lexicon) listsMetrics(toks []token, i int) bool {
	if lex.metrics[at(toks, i+1)] == "" {
		return false
	}
	for j := i - 1; j >= 0 && j >= i-3; j-- {
		if lex.metrics[at(toks, j)] != "" {
			return true
		}
		if !isJoint(toks[j]) && at(toks, j) != "first" {
			return false
		}
	}
	return false
}

// reorder moves what is said to come before to the front: "evaluate it after
// training X" and "before evaluating it, train X".
func reorder(cs []clause) []clause {
	for i := range cs {
		if cs[i].condition && i+1 < len(cs) {
			cs[i+1].conditional = true
		}
		if len(cs[i].toks) < 2 {
			continue
		}
		switch lead := cs[i].toks[0].word; {
		case lead == "after" && isVerbForm(cs[i].toks[1]):
			cs[i].toks = cs[i].toks[1:]
			if i > 0 {
				cs[i-1], cs[i] = cs[i], cs[i-1]
			}
		case lead == "before" && (isVerbForm(cs[i].toks[1]) || cs[i].toks[1].word == "you" && len(cs[i].toks) > 3):
			if cs[i].toks = cs[i].toks[1:]; cs[i].toks[0].word == "you" {
				cs[i].toks, cs[i].mood = cs[i].toks[1:], moodOrder
			}
			cs[i].follows = i == 0 && len(cs) > 1
			if i == 0 && len(cs) > 1 {
				cs[0], cs[1] = cs[1], cs[0]
			}
		}
	}
	return cs
}
