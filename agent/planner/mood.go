package planner

import (
	"slices"
	"strings"
)

// mood is what a clause does: ask for something, ask about something, or say
// how things are.
type mood int

// The moods of a clause.
const (
	moodFragment  mood = iota // no verb that says more: settings, names, a title
	moodOrder                 // "train …", "I need …", "… should be evaluated"
	moodQuestion              // "which runs …"
	moodStatement             // "the power went out", "I made a mistake"
)

// moodOf reads the mood of a clause from the words that it begins with and its
// main verb.
func (lex *lexicon) moodOf(toks []token) mood {
	toks = skipJoints(toks)
	if len(toks) == 0 {
		return moodFragment
	}
	if reasons(toks) {
		return moodStatement
	}
	if wishForm(toks) {
		return moodOrder
	}
	if opening(toks) == openAsks {
		return moodQuestion
	}
	if opening(toks) == openSubject && mainVerb(toks, 1) > 0 {
		return moodStatement
	}
	if lex.startsClause(toks, 0) || commands(toks) || isVerbForm(toks[0]) {
		return moodOrder
	}
	if i := mainVerb(toks, 1); i > 0 && !namesSetting(toks[:i]) {
		return moodStatement
	}
	if complaint(toks) {
		return moodStatement
	}
	return moodFragment
}

// complaint recognises "wrong dataset!", "my mistake".
func complaint(toks []token) bool {
	return len(toks) < 6 && slices.ContainsFunc(toks, func(t token) bool {
		switch t.word {
		case "wrong", "mistake", "damn", "oops", "argh", "stupid", "silly", "typo":
			return true
		}
		return false
	})
}

// commands recognises an imperative of any verb by its object: "dump them as
// npz", "send me …".
func commands(toks []token) bool {
	if len(toks) < 2 || toks[0].kind != tWord || isPreposition(toks[0].word) || isDeterminer(toks[0].word) || isTemporal(toks[0].word) || isFinite(toks[0].word) || opening(toks) != openOther {
		return false
	}
	switch toks[0].word {
	case "use", "take", "switch", "turn", "enable", "disable", "put", "begin", "freeze", "set", "change", "pick", "choose", "apply", "look", "mark", "send", "bring":
		return true
	case "call", "name", "than", "like", "until", "till", "from", "and", "but", "both", "all":
		return false
	}
	switch toks[1].word {
	case "it", "them", "me", "us":
		return len(toks[0].word) > 2
	}
	return false
}

// opens says what kind of word a clause begins with.
type opens int

const (
	openOther opens = iota
	openAsks
	openSubject
)

// opening tells a question by its first words, and a subject by a pronoun.
func opening(toks []token) opens {
	i := 0
	if isPreposition(toks[0].word) && len(toks) > 1 {
		i = 1 // "on what data …", "with which seed …"
	}
	switch toks[i].word {
	case "what", "which", "who", "whose", "why", "how", "where", "when", "how_many", "how_long", "how_good", "how_well", "how_bad", "how_accurate", "how_far", "how_big":
		if i == 0 && toks[0].word == "when" && temporalLength(toks) > 0 {
			return openOther
		}
		return openAsks
	}
	switch toks[0].word {
	case "is", "are", "was", "were", "do", "does", "did", "has", "have", "had", "can", "could", "can't", "couldn't", "isn't", "aren't", "may", "will", "would":
		return openAsks
	case "i", "we", "it", "they", "he", "she", "this", "that", "these", "those", "there", "you", "everything", "nothing", "something", "somebody", "someone", "everybody", "nobody":
		return openSubject
	}
	return openOther
}

// reasons tells whether a clause begins like a reason or a purpose.
func reasons(toks []token) bool {
	switch toks[0].word {
	case "because", "although", "though", "whereas":
		return true
	case "since", "as", "given", "now", "seeing", "considering", "before", "while":
		rest := toks[1:]
		if len(rest) > 0 && rest[0].word == "that" {
			rest = rest[1:]
		}
		return len(rest) > 1 && (opening(rest) == openSubject || isDeterminer(rest[0].word)) && mainVerb(rest, 1) > 0
	}
	return false
}

// wishForm recognises wishes that are no imperatives: "I need …", "… should be
// evaluated", "it would be great if …", "… can be deleted", and anything with a
// please.
func wishForm(toks []token) bool {
	for i, t := range toks {
		if t.kind == tWord && wishAt(toks, i) {
			return true
		}
	}
	return false
}

// wishAt tells whether the word at toks[i] makes a wish of its clause.
func wishAt(toks []token, i int) bool {
	next, before := at(toks, i+1), at(toks, i-1)
	switch toks[i].word {
	case "please", "pls", "plz", "kindly", "let", "lets":
		return true
	case "should", "shall", "must":
		return i > 0 && !asksAdvice(toks)
	case "gets", "receives", "deserves":
		return i > 0 && getsTag(toks[i:])
	case "has", "have", "needs", "ought":
		return next == "to" && at(toks, i+2) == "be"
	case "need":
		return next == "to" && at(toks, i+2) == "be" || wisher(toks[:i])
	case "want", "wanna", "like", "love", "wish", "prefer":
		return wisher(toks[:i])
	case "can", "may", "could", "might":
		return i > 0 && i < 6 && (next == "be" || next == "go") && before != "what" && before != "how"
	case "great", "nice", "good", "lovely", "helpful", "grateful", "obliged", "glad", "happy", "marvellous", "marvelous", "excellent", "brilliant", "splendid", "wonderful", "fantastic", "handy", "useful", "terrific", "superb":
		return slices.ContainsFunc(toks[:i], func(t token) bool { return t.word == "would" || t.word == "should" }) &&
			slices.ContainsFunc(toks[i:], func(t token) bool { return t.word == "if" || t.word == "to" })
	}
	return false
}

// getsTag recognises "gets the tag".
func getsTag(toks []token) bool {
	return slices.ContainsFunc(toks[:min(4, len(toks))], func(t token) bool { return t.word == "tag" || t.word == "label" })
}

// asksAdvice recognises "should I …?".
func asksAdvice(toks []token) bool {
	return len(toks) > 1 && (toks[0].word == "should" || toks[0].word == "shall")
}

// wisher tells whether the words before "want" or "like" are I or we, with what
// may stand between.
func wisher(toks []token) bool {
	at := slices.IndexFunc(toks, func(t token) bool { return t.word == "i" || t.word == "we" })
	if at < 0 || at > 3 || len(toks) > at+5 || mainVerb(toks[:at], 0) > 0 {
		return false
	}
	return !slices.ContainsFunc(toks[at+1:], func(t token) bool {
		switch t.word {
		case "just", "only", "would", "really", "simply", "should", "do", "also", "still", "will", "badly", "urgently", "too", "now", "then":
			return false
		}
		return true
	})
}

// mainVerb is the place of the finite verb of a clause whose subject begins it,
// from the given place on, or 0. Verbs of relative clauses are none.
func mainVerb(toks []token, from int) int {
	relative := false
	for i := from; i < len(toks) && i < from+9; i++ {
		t := toks[i]
		switch {
		case t.kind == tPunct:
			return 0
		case t.kind != tWord:
		case t.word == "that" || t.word == "which" || t.word == "who" || t.word == "where":
			relative = true
		case possessive(toks, i):
		case isFinite(t.word):
			if !relative {
				return i
			}
			relative = false
		}
	}
	return 0
}

// possessive tells whether the "is" at toks[i] was written as an 's after a
// name: "brisk-otter's weights".
func possessive(toks []token, i int) bool {
	if i == 0 || toks[i].word != "is" || toks[i].start != toks[i-1].start || toks[i].end != toks[i-1].end {
		return false
	}
	next := at(toks, i+1)
	verb := isDeterminer(next) || next == "not" || strings.HasSuffix(next, "ed") || strings.HasSuffix(next, "ing")
	return !verb && opening(toks[i-1:i]) == openOther && toks[i-1].word != "here"
}

// isFinite lists the verbs, finite by their form, that tell how things are.
func isFinite(w string) bool {
	switch w {
	case "is", "are", "was", "were", "am", "has", "have", "had", "will", "would", "does", "did", "isn't", "wasn't", "aren't", "weren't", "hasn't", "haven't", "doesn't", "didn't", "won't", "cannot", "can't", "couldn't",
		"says", "said", "asks", "asked", "wants", "wanted", "needs", "needed", "requires", "uses", "takes", "took", "think", "thinks", "thought", "guess", "suspect", "suspects", "believe", "believes", "know", "knows", "knew", "fear", "hope", "heard", "read", "see", "saw",
		"died", "crashed", "diverged", "exploded", "stopped", "finished", "stalled", "hangs", "hung", "broke", "got", "gets", "goes", "went", "came", "comes", "looks", "looked", "seems", "seemed", "lies", "lie", "sits", "lives", "eats", "matters", "works", "worked",
		"made", "forgot", "lost", "found", "noticed", "noted", "realised", "realized", "changed", "copied", "moved", "added", "sent", "trained", "launched", "started", "gave", "tried", "ran", "breaks", "break", "keeps", "kept", "shows", "showed", "means", "became", "jumped", "ended", "left", "belongs", "contains", "holds":
		return true
	}
	return false
}

// namesSetting tells whether a subject is an argument's name, so that what is
// said of it is a setting: "the batch size is 4", "name is p1".
func namesSetting(subject []token) bool {
	n := len(subject)
	if n == 0 || n > 4 {
		return false
	}
	last := subject[n-1]
	if last.word == "file" || last.word == "name" || last.word == "model" || last.word == "network" || last.word == "dataset" || last.word == "data" || last.word == "layout" || last.word == "loss" || last.word == "optimizer" || last.word == "tag" || last.word == "key" || last.word == "value" || last.word == "path" || last.word == "folder" || last.word == "plan" {
		return true
	}
	return slices.ContainsFunc(slots(), func(s slot) bool {
		return slices.Contains(slices.Concat(s.leads, s.units), last.stem) || s.param == last.word
	})
}

// skipJoints drops joints, marks and interjections from the front.
func skipJoints(toks []token) []token {
	for len(toks) > 0 {
		t := toks[0]
		if !isJoint(t) && t.kind != tPunct && !isInterjection(t.word) && t.word != "so" && t.word != "then" && t.word != "hi" && t.word != "hello" && t.word != "hey" {
			break
		}
		toks = toks[1:]
	}
	return toks
}
