package planner

import (
	"slices"
	"strings"
)

// lossSpan is one loss in the sentence: its name, and where it stands.
type lossSpan struct {
	name     string
	from, to int
	sure     bool // it can be nothing else
	near     bool // a word for losses stands beside it
}

// lossPart is the part of a loss that an item names, "" for none.
func lossPart(it item) string {
	if it.used || it.tok.kind == tQuoted {
		return ""
	}
	w := it.tok.word
	if it.is(cMetric) {
		w = it.mention.text
	} else if it.mention != nil {
		return ""
	}
	w = strings.NewReplacer("-", "_", "+", "_", "/", "_").Replace(w)
	switch w {
	case "boundary", "dice", "ce", "cldice", "cbdice", "dice_ce", "dice_ce_cldice", "cbdice_cldice", "dice_ce_boundary":
		return w
	case "cl_dice":
		return "cldice"
	case "dicece":
		return "dice_ce"
	case "dice_cldice":
		return "cldice"
	}
	return ""
}

// lossOf is the loss that parts make together, "" if there is none.
func lossOf(parts []string) string {
	var all []string
	for _, p := range parts {
		all = append(all, strings.Split(p, "_")...)
	}
	slices.Sort(all)
	switch strings.Join(slices.Compact(all), " ") {
	case "dice":
		return "dice"
	case "ce":
		return "ce"
	case "ce dice":
		return "dice_ce"
	case "cldice", "cldice dice": // which is half one and half the other
		return "cldice"
	case "ce cldice dice", "ce cldice":
		return "dice_ce_cldice"
	case "cbdice", "cbdice cldice":
		return "cbdice_cldice"
	case "boundary ce dice":
		return "dice_ce_boundary"
	}
	return ""
}

// isLossWord tells whether an item is the word for a loss.
func isLossWord(it item) bool {
	return it.tok.word == "loss" || it.anyWord("losses", "criterion", "objective", "los")
}

// lossValue reads the loss or losses of a training: "dice_ce", "with clDice
// loss", "dice and ce loss", "once with dice and once with ce".
func lossValue(items []item) (value, bool) {
	spans := lossSpans(items)
	sure := slices.IndexFunc(spans, func(s lossSpan) bool { return s.sure || s.near })
	if sure < 0 {
		return value{}, false
	}
	v := value{from: spans[sure].from, to: spans[sure].to, rule: "loss"}
	for i, s := range spans {
		listed := i > 0 && !spans[i-1].lone() && sideBySide(items[spans[i-1].to:s.from]) || i+1 < len(spans) && !spans[i+1].lone() && sideBySide(items[s.to:spans[i+1].from])
		if s.lone() && !listed {
			continue
		}
		v.claimed = append(v.claimed, s.from, s.to)
		if !slices.Contains(v.list, any(s.name)) {
			v.list, v.at = append(v.list, s.name), append(v.at, s.from)
		}
	}
	v.v = v.list[0]
	return v, true
}

// lone tells whether nothing but what stands around it makes it a loss.
func (s lossSpan) lone() bool { return !s.sure && !s.near }

// sideBySide tells whether only words of a list stand between two values: "and",
// "the other with".
func sideBySide(between []item) bool {
	return len(between) > 0 && len(between) <= 8 && !slices.ContainsFunc(between, func(it item) bool { return !isLossWord(it) && !besides(it) })
}

// besides lists the words between values that stand side by side.
func besides(it item) bool {
	return it.anyWord(",", "and", "or", "&", "vs", "vs.", "versus", "against", "once", "one", "time", "again", "another", "other", "the", "a", "an", "then", "with", "for", "using", "at", "under",
		"first", "second", "third", "run", "in", "on", "next", "to", "it", "also", "of", "is", "as", "by", "compared", "training", "only")
}

// lossSpans finds the losses, those of several parts as one.
func lossSpans(items []item) []lossSpan {
	apart := severalWanted(items)
	var out []lossSpan
	for i := 0; i < len(items); i++ {
		part := lossPart(items[i])
		if part == "" {
			continue
		}
		parts, to := []string{part}, i+1
		for j := i + 1; j < len(items); j++ {
			next := lossPart(items[j])
			if next != "" {
				parts, to = append(parts, next), j+1
				continue
			}
			if !items[j].anyWord("+", "plus", "half", "soft") && !addsPart(items, j) && (apart || !items[j].anyWord("and", "&", ",")) {
				break
			}
		}
		name := lossOf(parts)
		joined := len(parts) > 1 && slices.ContainsFunc(items[i:to], func(it item) bool { return it.anyWord("+", "plus", "add", "added", "top", "extra", "additional") })
		near := lossWordNear(items, i, to)
		if len(parts) > 1 && (name == "" || !near && !joined && !ledAsLoss(items, i)) {
			to, name = i+1, lossOf(parts[:1])
			near = lossWordNear(items, i, to)
		}
		if name == "" {
			continue
		}
		compound := strings.Contains(part, "_") || joined
		out = append(out, lossSpan{name, i, to, compound || ledAsLoss(items, i), near})
		i = to - 1
	}
	return out
}

// addsPart tells whether the word at items[j] joins a further part of a loss to
// those before it: "the boundary loss added to Dice and CE".
func addsPart(items []item, j int) bool {
	added := slices.ContainsFunc(items[max(0, j-4):min(len(items), j+5)], func(it item) bool {
		return it.anyWord("add", "added", "adding", "top", "extra", "additional", "+", "plus")
	})
	return added && (isLossWord(items[j]) || items[j].anyWord("add", "added", "to", "on", "top", "of", "that", "this", "it", "with", "the", "an", "a", "extra", "additional", "term", "and", ",", "cross-entropy"))
}

// ledAsLoss tells whether the words before items[i] make it what a training
// uses: "with dice", "using only ce".
func ledAsLoss(items []item, i int) bool {
	for j := i - 1; j >= 0 && j >= i-3; j-- {
		if items[j].anyWord("with", "using", "use", "under", "minimise", "minimize", "optimise", "optimize") {
			return true
		}
		if !items[j].anyWord("only", "plain", "pure", "just", "a", "the", "simple", "soft", "half", "normal", "standard") {
			return false
		}
	}
	return false
}

// lossWordNear tells whether a word for losses stands beside items[from:to],
// everyday words between them allowed.
func lossWordNear(items []item, from, to int) bool {
	between := func(it item) bool {
		return it.anyWord("and", "+", "plus", "of", "=", ":", "function", "is", "to", "a", "the", "with", "as", "for", "only", "just", "plain", "pure", "simple", "training", "should", "be", "shall", "alone", "set", "soft", "half", "my", "our", "functions", ",", "namely", "or", "->", "by") || lossPart(it) != ""
	}
	for j := from - 1; j >= 0 && j >= from-6; j-- {
		if isLossWord(items[j]) {
			return true
		}
		if !between(items[j]) {
			break
		}
	}
	for j := to; j < len(items) && j < to+6; j++ {
		if isLossWord(items[j]) {
			return true
		}
		if !between(items[j]) {
			break
		}
	}
	return false
}

// severalWanted tells whether a clause asks for several trainings side by side
// rather than for one.
func severalWanted(items []item) bool {
	return slices.ContainsFunc(items, func(it item) bool {
		return it.anyWord("losses", "once", "each", "both", "either", "vs", "vs.", "versus", "or", "functions", "twice", "runs", "trainings", "times", "another", "optimizers", "optimisers")
	})
}
