package memory

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Wish is what a sentence asks of the memory.
type Wish int

// The wishes.
const (
	NoWish      Wish = iota // the sentence is about something else
	WishKeep                // remember Saying.Text
	WishForget              // forget what Saying.Text names: ids, or words of entries
	WishForgets             // forget everything
	WishShow                // say what is remembered
)

// Saying is a sentence as the memory understands it.
type Saying struct {
	Wish Wish
	Text string
}

// openings are how people say that something is to hold from now on. The
// first group is what is kept. They are anchored to the whole sentence, so that
// a request which merely contains such words stays a request.
func openings() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(?i)^(?:please\s+)?(?:remember|keep in mind|note|don't forget|do not forget)(?:\s+that|\s*:)?\s+([^\s].*)$`),
		regexp.MustCompile(`(?i)^((?:please\s+)?(?:always|never|by default,?|from now on,?|in future,?|as a rule,?)\s+.+)$`),
		regexp.MustCompile(`(?i)^(.+\s(?:by default|from now on|from here on|as a rule))$`),
		regexp.MustCompile(`(?i)^(i\s+(?:always|never|usually|generally)?\s*(?:prefer|like to|want to always|always want|never want|always use|never use|usually use)\s+.+)$`),
		regexp.MustCompile(`(?i)^(\S+\s+is\s+(?:the\s+(?:one|dataset|set|run|model)\s+(?:with|that|which|from|of|where)|what\s+(?:i|we)\s+call|our|my)\s+.+)$`),
	}
}

func forgetAll() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(?:please\s+)?forget\s+(?:everything|all(?:\s+of\s+(?:it|that))?|all\s+(?:preferences|facts|you\s+know))(?:\s+(?:i\s+(?:said|told\s+you)|you\s+(?:know|remember)).*)?$`)
}

func forgetOne() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(?:please\s+)?(?:forget|don't\s+remember|no\s+longer\s+remember|stop\s+remembering)\s+(?:that\s+|about\s+|the\s+(?:preference|fact|rule)\s+(?:that\s+|about\s+)?|memory\s+|entry\s+|number\s+|my\s+(?:preference|wish)\s+(?:for|about)\s+)?(.+)$`)
}

func show() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(?:please\s+)?(?:what\s+(?:do|did|have)\s+you\s+(?:remember(?:ed)?|keep\s+in\s+mind)(?:\s+about\s+(?:me|us|this\s+workspace))?|(?:show|list)\s+(?:me\s+)?(?:your\s+memory|the\s+memory|what\s+you\s+remember|my\s+preferences)|what\s+are\s+my\s+preferences)$`)
}

// Read understands what a person says of the memory. A question is never
// something to keep, nor is a sentence of several lines: nobody pastes what
// they want remembered.
func Read(text string) Saying {
	text = strings.TrimSpace(text)
	if strings.ContainsAny(text, "\n\r") || len([]rune(text)) > maxText {
		return Saying{}
	}
	if strings.HasPrefix(strings.ToLower(text), "never mind") {
		return Saying{}
	}
	asks := strings.HasSuffix(text, "?")
	plain := strings.TrimSpace(strings.TrimRight(text, "?.! "))
	switch {
	case show().MatchString(plain):
		return Saying{Wish: WishShow}
	case asks:
		return Saying{}
	case forgetAll().MatchString(plain):
		return Saying{Wish: WishForgets}
	}
	if m := forgetOne().FindStringSubmatch(plain); m != nil && !isNeverMind(m[1]) {
		return Saying{Wish: WishForget, Text: m[1]}
	}
	for _, o := range openings() {
		if m := o.FindStringSubmatch(plain); m != nil && !strings.HasPrefix(strings.ToLower(m[1]), "to ") {
			return Saying{Wish: WishKeep, Text: clean(m[1])}
		}
	}
	return Saying{}
}

// isNeverMind says whether "forget it" is meant, which turns a plan down.
func isNeverMind(what string) bool {
	return slices.Contains([]string{"it", "this", "that", "about it"}, strings.ToLower(what))
}

// kindOf tells a fact from a preference by how it begins.
func kindOf(text string) Kind {
	if factual := regexp.MustCompile(`(?i)^\S+\s+(?:is|are|has|have|was|were|comes?|means?)\s`); factual.MatchString(text) && !strings.HasPrefix(strings.ToLower(text), "i ") {
		return Fact
	}
	return Preference
}

// Find returns the entries that words name: by id ("3", "1 and 2"), or else
// those that have all of the words that matter in them.
func Find(items []Item, words string) []Item {
	var wanted []string
	for _, w := range wordsOf(words) {
		if !isFiller(w) {
			wanted = append(wanted, w)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	if ids := slices.DeleteFunc(slices.Clone(items), func(i Item) bool { return !slices.Contains(wanted, i.ID) }); len(ids) > 0 && numeric(wanted) {
		return ids
	}
	return slices.DeleteFunc(slices.Clone(items), func(i Item) bool {
		has := wordsOf(i.Text)
		return slices.ContainsFunc(wanted, func(w string) bool { return !slices.Contains(has, w) })
	})
}

func numeric(words []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { _, err := strconv.Atoi(w); return err != nil })
}

// wordsOf splits a text into lower-case words without their punctuation.
func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(" \t,;:!?\"'()=“”", r) })
}

func isFiller(w string) bool {
	return slices.Contains([]string{"the", "a", "an", "and", "that", "i", "my", "to", "of", "about", "use", "using", "prefer", "always", "please", "with", "is", "as"}, w)
}
