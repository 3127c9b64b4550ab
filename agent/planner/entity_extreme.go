package planner

import "strings"

// findExtreme reads a run that is chosen by its score: "the run with the best
// hd95", "the segresnet with the lowest assd", "the run that is best by clDice",
// "the model whose dice is highest".
func findExtreme(lex *lexicon, toks []token, i int, known Names) (*mention, int) {
	c := &cursor{lex, toks, i}
	c.skip(func(w string) bool { return isDeterminer(w) || w == "that" || w == "this" || w == "whichever" })
	model, state := c.limits()
	on := c.dataset(known)
	noun := c.word()
	switch {
	case isRunNoun(noun) && !strings.HasSuffix(noun, "s"):
		c.at++
	case model == "" || isRunNoun(noun):
		return nil, 0
	}
	if !c.skip(leadsToScore) {
		return nil, 0
	}
	kind, metric := c.scored()
	if kind == "" || metric == "" {
		return nil, 0
	}
	m := &mention{class: cRun, model: model, state: state, on: on, metric: metric, rule: "the run of the " + kind + " " + metric}
	m.text = onDataset(selector(extremeKind(kind, metric), metric, model, state), on)
	return m, c.at - i
}

// scored takes an end of an order and a metric, in either order and with what may
// stand around them.
func (c *cursor) scored() (kind, metric string) {
	for range 8 {
		w := c.word()
		switch m := c.lex.metrics[w]; {
		case m != "" && metric == "":
			metric = m
		case isExtreme(w) && kind == "":
			kind = w
		case isDeterminer(w), isSplitWord(w), leadsToScore(w), isPreposition(w), w == "score", w == "value", w == "mean", w == "average", w == "overall", w == "according":
		default:
			return "", ""
		}
		c.at++
		if kind != "" && metric != "" {
			break
		}
	}
	return kind, metric
}

// leadsToScore lists the words between a run and the score it is chosen by.
func leadsToScore(w string) bool {
	switch w {
	case "with", "having", "has", "had", "that", "which", "whose", "is", "was", "got", "gets", "reached", "reaches", "scored", "scores", "scoring", "achieved", "achieves", "of", "performs", "performed", "does", "did":
		return true
	}
	return false
}

// isExtreme lists the words for an end of an order of scores.
func isExtreme(w string) bool {
	switch w {
	case "best", "top", "highest", "greatest", "largest", "lowest", "smallest", "worst", "poorest":
		return true
	}
	return false
}

// extremeKind tells whether an end of the order of a metric is its best or its
// worst.
func extremeKind(word, metric string) string {
	good := true
	switch word {
	case "highest", "greatest", "largest":
		good = !lowerIsBetter(metric)
	case "lowest", "smallest":
		good = lowerIsBetter(metric)
	case "worst", "poorest":
		good = false
	}
	if good {
		return "best"
	}
	return "worst"
}
