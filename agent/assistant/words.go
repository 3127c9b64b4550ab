package assistant

import (
	"slices"
	"strings"
)

// DecisionFor reads a decision out of what a person says while a plan waits.
// Only plain words are a yes or a no, "approve 2 3" is a yes to these steps,
// "drop step 3" and "2.max_steps=200" change the plan, and anything else is a
// wish for the model. A yes to a review of one single step is a yes to that
// step by name, even if it destroys something.
func DecisionFor(text string, r *Review) Decision {
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
	if d, ok := editIn(text, r); ok {
		return d
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

// editIn reads changes that need no model: "drop step 3", "without 2 and 3",
// "2.max_steps=200 batch_size=1".
func editIn(text string, r *Review) (Decision, bool) {
	d := Decision{Verdict: Edit, Set: map[string]string{}}
	for field := range strings.FieldsSeq(strings.Trim(text, " .!")) {
		key, value, ok := strings.Cut(field, "=")
		if !ok || !isKey(key) {
			d.Set = nil
			break
		}
		d.Set[key] = value
	}
	if len(d.Set) > 0 {
		return d, true
	}
	d.Set, d.Drop = nil, droppedSteps(plainWords(text), r)
	return d, len(d.Drop) > 0
}

// isKey says whether a text can be the name of an argument, with or without
// the step before it.
func isKey(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.'
	})
}

// droppedSteps reads "drop step 3", "skip 2 and 3", "leave out step 1"; nil if
// the words say anything else.
func droppedSteps(words []string, r *Review) []string {
	if len(words) > 0 && words[0] == "please" {
		words = words[1:]
	}
	if len(words) < 2 || r.Plan == nil {
		return nil
	}
	switch {
	case words[0] == "leave" && words[1] == "out":
		words = words[2:]
	case slices.Contains([]string{"drop", "skip", "without", "omit", "remove"}, words[0]):
		words = words[1:]
	default:
		return nil
	}
	var steps []string
	named := len(words) > 1 && strings.HasPrefix(words[0], "step")
	for _, w := range words {
		switch {
		case w == "and" || w == "step" || w == "steps" || w == "the":
		case r.Plan.Step(w) != nil:
			steps = append(steps, w)
		case w == "last" && len(r.Steps) > 0:
			steps = append(steps, r.Plan.Steps[len(r.Plan.Steps)-1].ID)
		case named && numeral(w):
			return []string{w} // the answer says which steps there are
		default:
			return nil
		}
	}
	return steps
}

func numeral(w string) bool {
	return w != "" && !strings.ContainsFunc(w, func(c rune) bool { return c < '0' || c > '9' })
}
