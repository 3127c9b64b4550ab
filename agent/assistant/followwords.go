package assistant

import (
	"regexp"
	"strings"
)

// The parts of sentences about the end of a run.
const (
	runWords  = `(it|that|this|they|(?:the|my|that|this)\s+(?:job|jobs|run|runs|training|trainings|evaluation|model)|(?:run\s+)?[a-z]+-[a-z]+-[0-9a-z]+)`
	overWords = `(?:\s*'s|\s*'ve|\s+is|\s+are|\s+has|\s+have)?\s+(?:been\s+)?(?:done|finished|finishes|finish|ended|ends|over|complete|completed|completes|ready|through)`
	tellWords = `(?:please\s+)?(?:tell\s+me|let\s+me\s+know|notify\s+me|inform\s+me|ping\s+me|remind\s+me)\s+(?:when|once|as\s+soon\s+as|if)\s+` + runWords + overWords
	thenWords = `(?:[\s,;.]+(?:and\s+)?(?:then|after\s+that|afterwards)?[\s,:]*(.+?))?`
)

// parting is a sentence that asks for something when a run has ended.
type parting struct {
	now  string // what is to be done at once; empty if nothing
	run  string // the words for the run that is waited for: "it", or an id
	then string // what is to be done when it has ended; empty if only told
}

// partingIn reads "train a segresnet on demo, tell me when it is done, then
// evaluate it". Only sentences that ask to be told, or that begin or end with
// the end of a run, are of this kind: "train it, then evaluate it" is one plan.
func partingIn(text string) (parting, bool) {
	text = strings.TrimRight(strings.TrimSpace(text), ".! ")
	if strings.ContainsAny(text, "\n?") {
		return parting{}, false
	}
	for _, form := range []struct {
		pattern         string
		now, run, after int
	}{
		{`(?i)^(?:(.+?)[\s,;.]+(?:and\s+)?)?` + tellWords + thenWords + `$`, 1, 2, 3},
		{`(?i)^(?:and\s+)?(?:when|once|as\s+soon\s+as|after)\s+` + runWords + overWords + `[\s,:]+(?:then\s+)?(.+)$`, 0, 1, 2},
		{`(?i)^(.+?)\s+(?:when|once|as\s+soon\s+as)\s+` + runWords + overWords + `$`, 0, 2, 1},
	} {
		m := regexp.MustCompile(form.pattern).FindStringSubmatch(text)
		if m == nil {
			continue
		}
		p := parting{run: strings.ToLower(m[form.run]), then: strings.TrimSpace(m[form.after])}
		if form.now > 0 {
			p.now = strings.TrimSpace(m[form.now])
		}
		return p, true
	}
	return parting{}, false
}

// named is the run's id, if the words are one.
func (p parting) named() string {
	id := strings.TrimSpace(strings.TrimPrefix(p.run, "run "))
	if strings.Count(id, "-") >= 2 {
		return id
	}
	return ""
}

// bound puts runs for the words that mean them: "evaluate it" becomes
// "evaluate brisk-otter-7f3a", and so does "evaluate".
func bound(say string, runs []string) string {
	names := strings.Join(runs, " and ")
	pronoun := regexp.MustCompile(`(?i)\b(it|them|these|those|that\s+run|the\s+runs?|the\s+(?:new\s+)?model|that|this)\b`)
	if at := pronoun.FindStringIndex(say); at != nil {
		return say[:at[0]] + names + say[at[1]:]
	}
	if len(strings.Fields(say)) <= 2 {
		return say + " " + names
	}
	return say
}

// wantsNoFollowup says whether a text gives up what waits for a run.
func wantsNoFollowup(text string) bool {
	return regexp.MustCompile(`(?i)^(?:please\s+)?(?:cancel|drop|forget|remove)\s+(?:the\s+|all\s+|my\s+)?follow[\s-]?ups?\.?$`).MatchString(strings.TrimSpace(text))
}
