package planner_test

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// variation is a changed wording of the same wish.
type variation struct {
	kind string
	say  turns
}

// perturbed changes the last turn of an utterance in ways that keep what it
// means. What is quoted, a statement, a path or a name is left as it is. The
// same utterance gives the same variations every time.
func perturbed(u utterance) []variation {
	last := u.Say[len(u.Say)-1]
	rng := rand.New(rand.NewPCG(7, uint64(len(last))*31+uint64(last[0])))
	var out []variation
	for _, change := range []struct {
		kind string
		make func(string, *rand.Rand) string
	}{{"case", otherCase}, {"typo", mistype}, {"paraphrase", paraphrase}, {"politeness", politely}, {"word order", reorderWords}, {"units", otherUnits}} {
		said := change.make(last, rng)
		if said == "" || said == last {
			continue
		}
		say := slices.Clone(u.Say)
		say[len(say)-1] = said
		out = append(out, variation{change.kind, say})
	}
	return out
}

// delicate recognises words that have to stay as they are: paths, ids, names
// with digits, quotes, settings, options.
func delicate(w string) bool {
	return strings.ContainsAny(w, "/\"'=_*`[]()@→0123456789") || strings.Count(strings.Trim(w, "."), ".") > 0 || strings.Contains(w, "-")
}

func isStatement(s string) bool { return strings.Contains(strings.ToLower(s), "select ") }

// otherCase shouts, or whispers, whatever is not delicate.
func otherCase(s string, rng *rand.Rand) string {
	if isStatement(s) {
		return ""
	}
	change := []func(string) string{strings.ToUpper, strings.ToLower}[rng.IntN(2)]
	words := strings.Split(s, " ")
	for i, w := range words {
		if !delicate(w) && !named(words, i) {
			words[i] = change(w)
		}
	}
	return strings.Join(words, " ")
}

// named tells whether the word at i gives a new name, whose letters matter.
func named(words []string, i int) bool {
	return i > 0 && slices.Contains([]string{"called", "named", "name", "as", "tag", "tagged", "it", "to"}, strings.ToLower(words[i-1]))
}

// mistype swaps two neighbouring letters inside one longer word of the
// sentence, doubles one, or leaves one out.
func mistype(s string, rng *rand.Rand) string {
	if isStatement(s) {
		return ""
	}
	words := strings.Split(s, " ")
	var at []int
	for i, w := range words {
		core := strings.Trim(w, ".,;:!?")
		if len(core) >= 6 && !delicate(core) && !named(words, i) && strings.IndexFunc(core, func(r rune) bool { return r > unicode.MaxASCII }) < 0 {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return ""
	}
	i := at[rng.IntN(len(at))]
	w := words[i]
	k := 2 + rng.IntN(len(strings.TrimRight(w, ".,;:!?"))-4)
	switch rng.IntN(3) {
	case 0:
		words[i] = w[:k] + w[k+1:k+2] + w[k:k+1] + w[k+2:]
	case 1:
		words[i] = w[:k] + w[k:k+1] + w[k:]
	default:
		words[i] = w[:k] + w[k+1:]
	}
	return strings.Join(words, " ")
}

// synonyms are words that mean the same in a request.
func synonyms() map[string][]string {
	return map[string][]string{
		"train": {"fit"}, "evaluate": {"assess"}, "show": {"display"}, "list": {"show"}, "make": {"create"}, "create": {"generate"},
		"compare": {"contrast"}, "delete": {"remove", "erase"}, "stop": {"abort"}, "cancel": {"abort"}, "latest": {"most recent", "newest"},
		"validation": {"val"}, "epochs": {"epoch"}, "dataset": {"data set"}, "resume": {"continue"}, "validate": {"check"},
		"plot": {"draw"}, "dice": {"dsc"}, "segment": {"predict"}, "volumes": {"images"}, "logs": {"log"}, "split": {"divide"},
		"bf16": {"bfloat16"}, "lr": {"learning rate"}, "then": {"after that"}, "which": {"what"}, "please": {"pls"}, "describe": {"show me"},
	}
}

// paraphrase exchanges words for others of the same meaning.
func paraphrase(s string, rng *rand.Rand) string {
	if isStatement(s) {
		return ""
	}
	words := strings.Split(s, " ")
	table := synonyms()
	for i, w := range words {
		core := strings.ToLower(strings.TrimRight(w, ".,;:!?"))
		other := table[core]
		if len(other) == 0 || delicate(core) || named(words, i) || !fits(words, i, core) {
			continue
		}
		words[i] = other[rng.IntN(len(other))] + w[len(core):]
	}
	return strings.Join(words, " ")
}

// fits keeps words that mean something else where they stand: "the test split",
// "which of a and b", "a train loss".
func fits(words []string, i int, core string) bool {
	before, after := "", ""
	if i > 0 {
		before = strings.ToLower(words[i-1])
	}
	if i+1 < len(words) {
		after = strings.ToLower(words[i+1])
	}
	switch core {
	case "split", "train", "plot", "list", "show", "make", "stop":
		return !slices.Contains([]string{"test", "val", "the", "a", "on", "it", "early", "of", "can", "i", "i've", "did", "we", "don't"}, before) && after != "it" && after != "early" && after != "on" && !slices.Contains(words, "run")
	case "which":
		return slices.Contains([]string{"run", "runs", "jobs", "datasets", "models"}, after) && before == ""
	case "dice", "epochs", "volumes":
		return after != "loss" && after != "and" && after != "+" && !strings.Contains(before, "voxel")
	case "then":
		return before != "since"
	case "segment":
		return after != "everything"
	}
	return true
}

// politely wraps a request in manners.
func politely(s string, rng *rand.Rand) string {
	low := strings.ToLower(s)
	if isStatement(s) || strings.HasSuffix(s, "?") || strings.ContainsAny(s, ":") {
		return ""
	}
	first, _, _ := strings.Cut(low, " ")
	if !slices.Contains([]string{"train", "evaluate", "show", "list", "make", "create", "compare", "delete", "split", "import", "export", "plot", "tag", "cancel", "stop", "resume", "fit", "run", "segment", "predict", "write", "give", "register", "promote", "calibrate", "start", "validate", "check", "generate", "score"}, first) {
		return ""
	}
	switch rng.IntN(4) {
	case 0:
		return "could you please " + s + "?"
	case 1:
		return "I'd like you to " + s + ", thanks"
	case 2:
		return "hi, " + s + " please"
	default:
		return "ok now " + s
	}
}

// placeAtEnd finds "on NAME" at the end of a request for one thing.
var placeAtEnd = regexp.MustCompile(`^((?:train|fit|evaluate|run|validate) [^,;.?!]*?) (on|for) ((?:the )?[a-z_0-9]+(?: split| set| volumes)?)$`) //nolint:gochecknoglobals // a pattern

// reorderWords moves where a thing is done to the front.
func reorderWords(s string, _ *rand.Rand) string {
	if strings.Contains(s, " and ") || strings.Contains(s, " then ") {
		return ""
	}
	m := placeAtEnd.FindStringSubmatch(s)
	if m == nil || strings.Contains(m[1], " on ") {
		return ""
	}
	return m[2] + " " + m[3] + ", " + m[1]
}

// otherUnits writes numbers and units in another way.
func otherUnits(s string, _ *rand.Rand) string {
	if isStatement(s) {
		return ""
	}
	for _, c := range [...][2]string{
		{`\b(\d+)x(\d+)x(\d+)\b`, "$1 × $2 × $3"},
		{`\b(\d+) cubed\b`, "$1^3"},
		{`\b1e-3\b`, "0.001"},
		{`\b1e-4\b`, "0.0001"},
		{`\b3e-4\b`, "0.0003"},
		{`\b2e-4\b`, "0.0002"},
		{`\b1e-5\b`, "10^-5"},
		{`\b0\.0005\b`, "5e-4"},
		{`\b(\d+)\s?%`, "$1 percent"},
		{`\b(\d+) percent\b`, "$1%"},
		{`\b2k steps\b`, "2000 steps"},
		{`\b1k steps\b`, "1000 steps"},
		{`\bthree\b`, "3"},
		{`\bfive\b`, "5"},
		{`\bten\b`, "10"},
		{`\bdozen\b`, "12"},
		{`\b5 (epochs|folds|runs)\b`, "five $1"},
		{`\b10 (epochs|volumes|runs)\b`, "ten $1"},
		{`\b3 (epochs|folds|runs)\b`, "three $1"},
		{`\b20 (epochs|volumes|steps|lines)\b`, "twenty $1"},
		{` um\b`, " µm"},
		{` µm\b`, " microns"},
	} {
		p := regexp.MustCompile(c[0])
		if strings.HasPrefix(c[1], "1") && strings.Contains(s, "half a dozen") || strings.Contains(s, "two dozen") || strings.Contains(s, "a dozen") && c[0] == `\bdozen\b` {
			continue
		}
		if p.MatchString(s) {
			return p.ReplaceAllString(s, c[1])
		}
	}
	return ""
}
