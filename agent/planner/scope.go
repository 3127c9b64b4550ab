package planner

import (
	"slices"
	"strings"
)

// atHome is the belief from which on a strange word no longer tells that a
// clause is about something else.
const atHome = 0.5

// elsewhere tells whether a clause uses a word of this program for something of
// another world: "delete that email", "the weather report said snow". It names
// nothing that is here, and has a word that nobody is known to have used of what
// is.
func (r *reader) elsewhere(items []item) bool {
	if len(r.out.Steps) > 0 {
		return false // what is new then is a name
	}
	strange := false
	for _, it := range items {
		switch {
		case it.is(cRef) || it.is(cSince) || it.is(cNumber) || it.is(cQuoted):
		case it.mention != nil || it.tok.kind != tWord && it.tok.kind != tPunct:
			return false
		case it.tok.kind == tWord && len(it.tok.word) > 2 && !strings.ContainsAny(it.tok.word, "0123456789-_") && !r.lex.known(it.tok) && !r.lex.evidence().ofThisWorld(it):
			strange = true
		}
	}
	if !strange {
		return false
	}
	return !slices.ContainsFunc(r.lex.evidence().beliefs(items), func(b belief) bool { return b.share >= atHome && !isTalk(b.intent) })
}

// ofThisWorld tells whether a word is known from sentences that asked for a tool.
func (e *evidence) ofThisWorld(it item) bool {
	for k := range e.seen[feature(it)].counts {
		if !isTalk(e.intents[k]) {
			return true
		}
	}
	return false
}

// isTalk lists the intents that are about nothing here.
func isTalk(intent string) bool {
	switch intent {
	case intentNothing, intentGreet, intentThanks, intentBye, intentHelp, intentWho, intentNever:
		return true
	}
	return false
}
