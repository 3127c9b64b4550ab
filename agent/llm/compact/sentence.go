package compact

import (
	"slices"
	"strings"
	"unicode"
)

// sentences takes a text apart at full stops, question and exclamation marks
// and line ends. A stop within a number or a name, as in 0.85 or run.log, ends
// nothing.
func sentences(text string) []string {
	var out []string
	begin := 0
	runes := []rune(text)
	take := func(end int) {
		if s := strings.TrimSpace(string(runes[begin:end])); s != "" {
			out = append(out, s)
		}
		begin = end
	}
	for i, r := range runes {
		switch r {
		case '\n':
			take(i + 1)
		case '.', '!', '?':
			if i+1 == len(runes) || unicode.IsSpace(runes[i+1]) {
				take(i + 1)
			}
		}
	}
	take(len(runes))
	return out
}

// cues are words by which people decide something for longer than a sentence.
const cues = " always never from now on default prefer prefers preferred remember don't dont do not must only instead every use avoid keep stop cancel approve approved reject yes no rather agreed decided call name "

// decides says whether a sentence of the user may be a decision. It rather
// keeps one too many.
func decides(sentence string) bool {
	words := strings.FieldsFunc(strings.ToLower(strings.ReplaceAll(sentence, "’", "'")), func(r rune) bool {
		return !unicode.IsLetter(r) && r != '\''
	})
	return slices.ContainsFunc(words, func(w string) bool {
		return !slices.Contains([]string{"do", "on", "not", "from", "now"}, w) && strings.Contains(cues, " "+w+" ")
	}) || strings.Contains(strings.ToLower(sentence), "from now on")
}

// maxTelling is how many sentences of an answer are kept.
const maxTelling = 2

// telling are the sentences of an answer that carry something: those with
// numbers or names with digits, or else the first.
func telling(text string) string {
	all := sentences(text)
	var kept []string
	for _, s := range all {
		if strings.ContainsFunc(s, unicode.IsDigit) && len(kept) < maxTelling {
			kept = append(kept, s)
		}
	}
	if len(kept) == 0 && len(all) > 0 {
		kept = all[:1]
	}
	return cut(strings.Join(kept, " "), maxSaid)
}
