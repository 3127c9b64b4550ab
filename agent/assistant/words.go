package assistant

import (
	"slices"
	"strings"
)

// decisionIn reads a decision out of what a person says while a plan waits.
// Only plain words are a yes or a no, "approve 2 3" is a yes to these steps,
// and anything else changes the plan. A yes to a review of one single step is
// a yes to that step by name, even if it destroys something.
func decisionIn(text string, r *Review) Decision {
	words := plainWords(text)
	switch strings.Join(words, " ") {
	case "y", "yes", "yes please", "ok", "okay", "go", "go ahead", "do it", "run it", "approve", "approved", "approve all", "sure", "looks good":
		d := Decision{Verdict: Approve}
		if len(r.Steps) == 1 {
			d.Steps = r.Steps
		}
		return d
	case "n", "no", "no thanks", "stop", "cancel", "reject", "don't", "do not", "never mind", "forget it":
		return Decision{Verdict: Reject, Text: text}
	}
	if steps := namedSteps(words, r); len(steps) > 0 {
		return Decision{Verdict: Approve, Steps: steps}
	}
	return Decision{Verdict: Respond, Text: text}
}

// namedSteps reads "approve 1 and 3"; nil if the words say anything else.
func namedSteps(words []string, r *Review) []string {
	if len(words) < 2 || (words[0] != "approve" && words[0] != "yes" && words[0] != "ok") {
		return nil
	}
	var steps []string
	for _, w := range words[1:] {
		switch {
		case w == "and" || w == "step" || w == "steps":
		case slices.Contains(r.Steps, w):
			steps = append(steps, w)
		default:
			return nil
		}
	}
	return steps
}

// plainWords is a text in lower case without its punctuation.
func plainWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return strings.ContainsRune(" \t\n.,!", c) })
}

// wantsOn says whether a text asks to go on with a turn that was cut off.
func wantsOn(text string) bool {
	switch strings.Join(plainWords(text), " ") {
	case "go on", "continue", "resume", "carry on", "keep going", "go ahead", "yes", "y", "ok":
		return true
	}
	return false
}

// wantsOut says whether a text gives up a turn that was cut off.
func wantsOut(text string) bool {
	switch strings.Join(plainWords(text), " ") {
	case "abandon", "abandon it", "give up", "give it up", "never mind", "forget it", "no", "n":
		return true
	}
	return false
}
