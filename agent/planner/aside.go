package planner

import (
	"maps"
	"reflect"
	"slices"
)

// asides marks the clauses that say how things are beside a wish: what they
// name may be meant by the wish, but nothing is done for them.
func (lex *lexicon) asides(cs []clause) []clause {
	for i := range cs {
		c := &cs[i]
		if !c.plain() || len(c.toks) == 0 {
			continue
		}
		others := slices.Concat(cs[:i], cs[i+1:])
		switch {
		case c.mood == moodStatement:
			c.aside = slices.ContainsFunc(others, func(o clause) bool { return o.asks() })
		case c.mood == moodFragment && i+1 < len(cs) && cs[i+1].plain() && cs[i+1].mood == moodOrder && topic(cs[i+1].toks):
			c.aside = lex.named(c.toks)
		case i+1 < len(cs) && cs[i+1].so && cs[i+1].asks():
			c.aside = !lex.startsClause(c.toks, 0)
		case c.leads && i+1 < len(cs) && cs[i+1].asks():
			c.aside = c.mood == moodFragment && !lex.named(c.toks) || lex.wonders(c.toks)
		}
	}
	return cs
}

// topic tells whether a training takes up what was named before: "…, train it
// with sgd".
func topic(toks []token) bool {
	return len(toks) > 1 && isRefWord(toks[1].word) && slices.Contains([]string{"train", "fit", "launch", "run", "start", "optimise", "optimize"}, toks[0].word)
}

// wonders recognises "I want to know who wins …", which what follows a colon
// finds out.
func (lex *lexicon) wonders(toks []token) bool {
	return len(toks) > 2 && slices.Contains([]string{"know", "see", "learn", "understand", "find", "figure"}, toks[0].word)
}

// named tells whether words name a network.
func (lex *lexicon) named(toks []token) bool {
	return slices.ContainsFunc(toks, func(t token) bool { return lex.models[t.word] != "" })
}

// asks tells whether a clause wants something.
func (c clause) asks() bool {
	return (c.mood == moodOrder || c.mood == moodQuestion) && !c.condition && !c.advice
}

// told takes in what an aside says: how the step before is to be done, or what
// the wish after it is about.
func (r *reader) told(items []item, toks []token) {
	if r.lateName(items) || r.placed(items) || r.bounds(items) || r.chooses(items) || r.renames(items) || r.adds(items, toks) {
		return
	}
	if _, ok := first(items, cModel); ok && !hasNamedRun(items) && len(r.out.Steps) == 0 {
		r.carry = toks
	} else if r.saysHow(items, toks) {
		r.carry = append(r.carry, toks...)
	}
	open := r.open
	items = asLayout(items)
	r.spoken(items)
	for _, o := range open {
		if !slices.ContainsFunc(r.open, func(it item) bool { return kin(classOf(it)) == kin(classOf(o)) }) {
			r.open = append(r.open, o)
		}
	}
}

// saysHow tells whether an aside gives a training that is asked for later one of
// its numbers: "I pay for 12 epochs and not one more. Train …".
func (r *reader) saysHow(items []item, toks []token) bool {
	if len(r.out.Steps) > 0 || hasNamedRun(items) || !r.trainsLater() || toldPast(toks) {
		return false
	}
	return r.trainNumberIn(items)
}

// trainNumberIn tells whether items give one of the numbers of a training.
func (r *reader) trainNumberIn(items []item) bool {
	items = slices.Clone(items)
	return slices.ContainsFunc([]string{"epochs", "max_steps", "batch_size", "patience", "learning_rate"}, func(p string) bool {
		_, ok := r.numeric(items, p)
		return ok
	})
}

// toldPast tells whether words speak of what was.
func toldPast(toks []token) bool {
	return slices.ContainsFunc(toks, func(t token) bool {
		switch t.word {
		case "was", "were", "had", "took", "did", "used", "got", "stopped", "finished", "crashed", "died", "needed", "ran", "trained", "last", "yesterday", "already", "paper", "they", "he", "she":
			return true
		}
		return false
	})
}

// vague tells whether a clause says what it is about rather than what is to be
// done, by no more than a likeness, while a wish follows: "put a next to b and
// tell me who wins".
func (r *reader) vague(c clause, items []item, ranked []scored) bool {
	if c.mood == moodQuestion || len(ranked) == 0 || len(ranked[0].hits) > 0 || ranked[0].score >= threshold+2 || !slices.ContainsFunc(r.rest, clause.asks) || len(r.last) > 0 {
		return false
	}
	r.told(items, c.toks)
	return true
}

// adds lets a statement about how things are say what the step before leaves
// open: "he normalises by z-score and his window is 96³".
func (r *reader) adds(items []item, toks []token) bool {
	if len(r.last) != 1 || slices.ContainsFunc(toks, func(t token) bool {
		switch t.word {
		case "was", "were", "had", "took", "did", "has", "have", "because", "stopped", "finished", "crashed", "died":
			return true
		}
		return false
	}) {
		return false
	}
	s := &r.out.Steps[r.last[0]]
	if s.Tool == "train_launch" && !toldPast(toks) && r.trainNumberIn(items) {
		before := maps.Clone(s.Args)
		changed := r.amend(r.last, items)
		maps.Copy(s.Args, before)
		return changed
	}
	if s.Tool != "predict_volume" && s.Tool != "dataset_import" && s.Tool != "dataset_create_synthetic" && s.Tool != "dataset_split" {
		return false
	}
	before := maps.Clone(s.Args)
	changed := r.amend(r.last, items)
	maps.Copy(s.Args, before)
	return changed
}

// asLayout takes the name of a layout, where a layout is spoken of, for no
// dataset: "it has the minivess structure".
func asLayout(items []item) []item {
	if !slices.ContainsFunc(items, isLayoutNoun) {
		return items
	}
	items = slices.Clone(items)
	for i, it := range items {
		name, ok := layoutOf(it)
		near := slices.ContainsFunc(items[max(0, i-3):min(len(items), i+4)], isLayoutNoun)
		if ok && near {
			items[i].mention = &mention{class: cLayout, text: name, rule: "layout"}
		}
	}
	return items
}

// before lists the steps that a clause says its own comes after, if they are
// about the same thing. What this version cannot do holds up nothing.
func (r *reader) before(tool string, args map[string]any) []string {
	var out []string
	for _, k := range r.prior {
		s := r.out.Steps[k]
		if s.Unavailable {
			continue
		}
		if r.waits || s.Tool != tool && slices.ContainsFunc([]string{"run", "dataset"}, func(p string) bool { return has(args, p) && reflect.DeepEqual(s.Args[p], args[p]) }) {
			out = append(out, s.ID)
		}
	}
	return out
}

// saysAfter tells whether a clause begins with "then", "after that" or "once it
// is done".
func saysAfter(toks []token) bool {
	for i, t := range toks {
		switch {
		case isJoint(t) || t.kind == tPunct:
		case isThen(toks, i):
			return true
		case isTemporal(t.word):
			return temporalLength(toks[i:]) > 0
		case !isFiller(t.word):
			return false
		}
	}
	return false
}

// saysDone tells whether a clause begins with "when that is done".
func saysDone(toks []token) bool {
	toks = skipJoints(toks)
	if len(toks) < 3 || !isTemporal(toks[0].word) {
		return false
	}
	n := temporalLength(toks)
	return n > 2 && slices.ContainsFunc(toks[:n], func(t token) bool {
		switch t.word {
		case "done", "finished", "complete", "completed", "ready", "over", "finishes", "ends", "completes", "through":
			return true
		}
		return false
	})
}

// activeVoice reads "each of them evaluated" as "evaluate each of them".
func activeVoice(toks []token) []token {
	rest := skipJoints(toks)
	if n := passive(rest); n > 0 {
		verb := wordToken(rest[n].stem, rest[n].start, rest[n].end)
		return slices.Concat([]token{verb}, rest[:n], rest[n+1:])
	}
	return toks
}

// passive is the place of the participle in "both evaluated", "each of them
// compared", or 0.
func passive(toks []token) int {
	if len(toks) < 2 || toks[0].word != "both" && toks[0].word != "each" && toks[0].word != "all" {
		return 0
	}
	for i := 1; i < len(toks) && i < 4; i++ {
		switch {
		case isVerbForm(toks[i]) && toks[i].word != "run":
			return i
		case toks[i].word != "of" && toks[i].word != "them" && toks[i].word != "these" && toks[i].word != "the" && toks[i].kind != tNumber:
			return 0
		}
	}
	return 0
}

// wantsAlso tells whether a wish without a starting verb follows a joint: "…,
// each of them evaluated", "… and one report on both", "…, pick it up".
func wantsAlso(toks []token) bool {
	toks = skipJoints(toks)
	if passive(toks) > 0 {
		return true
	}
	if len(toks) > 1 && isRefWord(toks[1].word) && commands(toks) {
		return true
	}
	switch at(toks, 0) {
	case "a", "an", "one":
		switch at(toks, 1) {
		case "report", "comparison", "evaluation", "export", "model_card":
			return true
		}
	case "look":
		return at(toks, 1) == "whether" || at(toks, 1) == "if" || at(toks, 1) == "into"
	}
	return false
}

// onlyTemporal tells whether words only say when: "when it is finished".
func onlyTemporal(toks []token) bool {
	toks = skipJoints(toks)
	return len(toks) > 2 && isTemporal(toks[0].word) && !slices.ContainsFunc(toks[1:], func(t token) bool { return !isTemporalWord(t.word) })
}

// declares tells whether a sentence of its own begins here: a subject and,
// close to it, its verb.
func (lex *lexicon) declares(toks []token) bool {
	end := slices.IndexFunc(toks, func(t token) bool { return isStop(t) || t.word == "," && t.kind == tPunct })
	if end >= 0 {
		toks = toks[:end]
	}
	toks = skipJoints(toks)
	if len(toks) < 3 || toks[0].kind != tWord {
		return false
	}
	near, noun := 2, isDeterminer(toks[0].word)
	if noun {
		near = 4
	} else if opening(toks) != openSubject && !isRunID(toks[0].word) {
		return false
	}
	for i := 1; i <= near && i < len(toks); i++ {
		w := toks[i].word
		if i == 1 && slices.Contains([]string{"runs", "one", "ones"}, w) {
			return false
		}
		if isFinite(w) || !noun && slices.Contains([]string{"should", "must", "can", "could", "may"}, w) {
			return !namesSetting(toks[:i]) && !slices.ContainsFunc(toks[1:i], func(t token) bool { return t.word == "that" || t.word == "which" || isPreposition(t.word) })
		}
	}
	return false
}

// turns tells whether a reason or what follows from one begins here: "…
// because the loss jumped", "memory is short so switch on …".
func (lex *lexicon) turns(before, toks []token) bool {
	if len(toks) < 3 || toks[0].kind != tWord {
		return false
	}
	switch toks[0].word {
	case "because":
		return toks[1].word != "of"
	case "since", "as", "although":
		return (toks[0].word != "as" || before[len(before)-1].word == ",") && opening(toks[1:]) == openSubject && toks[1].word != "that" && toks[1].word != "this" && mainVerb(toks[1:], 1) > 0 && mainVerb(toks[1:], 1) < 4
	case "so":
		switch toks[1].word {
		case "far", "many", "much", "on", "as", "well", "long":
			return false
		case "that", "i", "we":
			return enables(toks)
		}
		return len(skipJoints(before)) > 2 && (lex.moodOf(toks[1:]) == moodOrder || lex.moodOf(toks[1:]) == moodQuestion || lex.moodOf(before) == moodStatement)
	}
	return false
}

// courtesy is the place after "it would be great if" and "I should be grateful
// if", or 0.
func courtesy(toks []token) int {
	i := slices.IndexFunc(toks, func(t token) bool { return t.word == "if" && t.kind == tWord })
	if i < 2 || i > 9 || !slices.ContainsFunc(toks[:i], func(t token) bool {
		return t.word == "would" || t.word == "should" || t.word == "might" || t.word == "is"
	}) {
		return 0
	}
	pleased := at(toks, i-2) == "be" || slices.ContainsFunc(toks[:i], func(t token) bool {
		switch t.word {
		case "great", "nice", "good", "lovely", "helpful", "grateful", "obliged", "glad", "happy", "wonderful", "fantastic", "appreciate", "appreciated", "kind", "perfect", "cool", "useful", "love", "thankful", "delighted", "marvellous", "marvelous", "excellent", "brilliant", "splendid", "super", "awesome", "ideal", "handy", "terrific", "superb", "welcome", "pleased":
			return true
		}
		return false
	})
	if !pleased {
		return 0
	}
	return i + 1
}
