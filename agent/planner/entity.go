package planner

import (
	"strings"
)

// recognise turns a clause's tokens into items: mentions of models, metrics,
// runs, datasets, splits and the like, and plain words between them. Finders
// are tried at each token in this order; the first that answers wins.
func (lex *lexicon) recognise(toks []token, known Names) []item {
	var items []item
	for i := 0; i < len(toks); {
		m, n := lex.mentionAt(toks, i, known)
		if n == 0 {
			items = append(items, item{tok: toks[i], start: toks[i].start, end: toks[i].end})
			i++
			continue
		}
		items = append(items, item{tok: toks[i], mention: m, start: toks[i].start, end: toks[i+n-1].end})
		i += n
	}
	return lex.noMereWords(items, known)
}

// finder looks for a mention at toks[i] and returns how many tokens it takes.
type finder func(lex *lexicon, toks []token, i int, known Names) (*mention, int)

// mentionAt tries all finders at one place.
func (lex *lexicon) mentionAt(toks []token, i int, known Names) (*mention, int) {
	for _, find := range [...]finder{
		findAssigned, findNamed, findTagged, findSince, findExtreme, findRunSelector, findRunSet, findReference, findSplit, findModelRun, findRunName,
		findState, findModel, findMetric, findDataset,
	} {
		if m, n := find(lex, toks, i, known); n > 0 {
			return m, n
		}
	}
	return nil, 0
}

// at returns the word at toks[i], or "" outside or where it is no plain word.
func at(toks []token, i int) string {
	if i < 0 || i >= len(toks) || toks[i].kind == tQuoted || toks[i].kind == tSQL {
		return ""
	}
	return toks[i].word
}

// nameAt returns a name standing at toks[i]: a quoted text or a word that is
// not part of the language.
func (lex *lexicon) nameAt(toks []token, i int) string {
	if i < 0 || i >= len(toks) {
		return ""
	}
	t := toks[i]
	switch {
	case t.kind == tQuoted:
		return clean(t.text)
	case t.kind == tWord && t.word != "" && !strings.ContainsAny(t.word, "@*") && !lex.known(t):
		return clean(t.word)
	}
	return ""
}

// anyNameAt returns whatever stands at toks[i] as a name: after "called" even
// a common word is one.
func anyNameAt(toks []token, i int) string {
	if i < 0 || i >= len(toks) {
		return ""
	}
	switch t := toks[i]; t.kind {
	case tQuoted:
		return clean(t.text)
	case tWord:
		return asWritten(t)
	case tNumber:
		return clean(strings.ToLower(t.text))
	default:
		return ""
	}
}

// findNamed reads "called demo", "named 'my run'", "call it demo".
func findNamed(_ *lexicon, toks []token, i int, _ Names) (*mention, int) {
	n := 0
	switch at(toks, i) {
	case "called", "named", "titled":
		n = 1
	case "under":
		if at(toks, i+1) == "name" {
			n = 2
		} else if at(toks, i+2) == "name" {
			n = 3
		}
	case "call", "name":
		if det := at(toks, i+1); (det == "the" || det == "this" || det == "that") && isThing(at(toks, i+2)) {
			n = 3
		} else if isRefWord(at(toks, i+1)) {
			n = 2
		} else if at(toks, i) == "name" && at(toks, i+1) != "of" {
			n = 1
			n += len(copula(toks[i+1:]))
		}
	}
	if n == 0 {
		return nil, 0
	}
	name := anyNameAt(toks, i+n)
	if name == "" || name == "of" || name == "off" {
		return nil, 0
	}
	return &mention{class: cName, text: name, rule: "name after " + toks[i].word}, n + 1
}

// copula is the words between "name" and the name: "name is x", "the name shall
// be x", "name: x".
func copula(toks []token) []token {
	for i := range toks {
		switch toks[i].word {
		case "is", ":", "=", "should", "shall", "must", "will", "can", "be", "to", "would":
		default:
			return toks[:i]
		}
	}
	return nil
}

// isThing lists nouns that a new thing is called by before it gets its name.
func isThing(w string) bool {
	switch w {
	case "dataset", "data", "run", "one", "thing", "model", "ensemble", "training", "sweep", "set", "job", "result":
		return true
	}
	return false
}

// findAssigned reads model=unet and dataset=toy as what they name.
func findAssigned(lex *lexicon, toks []token, i int, known Names) (*mention, int) {
	t := toks[i]
	if t.kind != tAssign {
		return nil, 0
	}
	switch value := strings.ToLower(t.text); t.word {
	case "model", "network", "net", "architecture":
		if m := lex.models[value]; m != "" {
			return &mention{class: cModel, text: m, rule: "key=value"}, 1
		}
	case "dataset", "data":
		if containsFold(known.Datasets, value) {
			return &mention{class: cDataset, text: value, rule: "key=value"}, 1
		}
	}
	return nil, 0
}

// findModel reads a model's name, singular or plural.
func findModel(lex *lexicon, toks []token, i int, known Names) (*mention, int) {
	t := toks[i]
	if t.kind != tWord && t.kind != tQuoted {
		return nil, 0
	}
	if likened(toks, i) {
		return nil, 0
	}
	for _, w := range []string{t.word, strings.TrimSuffix(t.word, "s")} {
		if m := lex.models[w]; m != "" {
			mn := &mention{class: cModel, text: m, rule: "model"}
			if !strings.HasPrefix(m, strings.ReplaceAll(w, "-", "")) || w != m && len(w) < len(m) {
				mn.note = "I read \"" + clean(t.text) + "\" as " + m + "."
			}
			return mn, 1
		}
	}
	for _, m := range known.Models {
		if strings.EqualFold(m, t.word) {
			return &mention{class: cModel, text: m, rule: "model"}, 1
		}
	}
	return nil, 0
}

// likened tells whether nnU-Net is only what something is done like: "planned the
// way nnU-Net does it".
func likened(toks []token, i int) bool {
	if w := at(toks, i); w != "nnunet" && w != "nn-unet" && w != "nnu-net" {
		return false
	}
	switch at(toks, i-1) {
	case "as", "like", "way", "how":
		return true
	}
	return false
}

// findMetric reads a metric's name.
func findMetric(lex *lexicon, toks []token, i int, _ Names) (*mention, int) {
	if toks[i].kind != tWord {
		return nil, 0
	}
	if next := at(toks, i+1); isFamily(toks[i].word) && (next == "metrics" || next == "metric" || next == "measures" || next == "family" || next == "scores") {
		return &mention{class: cMetric, text: toks[i].word, rule: "family of metrics"}, 2
	}
	if m := lex.metrics[toks[i].word]; m != "" {
		return &mention{class: cMetric, text: m, rule: "metric"}, 1
	}
	if toks[i].word == "precision" && i > 1 && isJoint(toks[i-1]) && lex.metrics[at(toks, i-2)] != "" || toks[i].word == "precision" && i+1 < len(toks) && isJoint(toks[i+1]) && lex.metrics[at(toks, i+2)] != "" {
		return &mention{class: cMetric, text: "precision", rule: "metric among metrics"}, 1
	}
	if toks[i].word == "precision" && statOf(item{tok: toks[max(i-1, 0)]}) != "" && i > 0 {
		return &mention{class: cMetric, text: "precision", rule: "metric after a statistic"}, 1
	}
	if toks[i].word == "loss" && !lossIsSetting(toks, i) {
		return &mention{class: cMetric, text: "loss", rule: "metric"}, 1
	}
	return nil, 0
}

// isFamily lists the families that metrics come in.
func isFamily(w string) bool {
	switch w {
	case "overlap", "boundary", "centreline", "topology", "instance", "probability", "uncertainty":
		return true
	}
	return false
}

// lossIsSetting tells "with dice_ce loss" and "which loss did it use" from the
// loss that is measured.
func lossIsSetting(toks []token, i int) bool {
	if w := at(toks, i-1); w == "ce" || w == "dice_ce" || w == "dice-ce" || w == "which" || w == "what" || w == "cldice" || w == "dice" || w == "cbdice" {
		return true
	}
	w := at(toks, i+1)
	return w == "dice_ce" || w == "dice-ce" || w == "function" || w == "ce" || w == "cldice" || w == "dice"
}

// findSplit reads "the test split", "validation volumes", "test dice", "on val".
func findSplit(lex *lexicon, toks []token, i int, _ Names) (*mention, int) {
	said := at(toks, i)
	split := splitName(said)
	if split == "" {
		return splitCompound(said)
	}
	m := &mention{class: cSplit, text: split, rule: "split"}
	switch next := at(toks, i+1); {
	case next == "fold" && i+2 < len(toks) && toks[i+2].kind == tNumber:
		return nil, 0 // "hold out fold 3"
	case isSplitNoun(next):
		m.plural = strings.HasSuffix(next, "s") && next != "sets"
		return servesAs(m, toks, i)
	case (isScoreWord(next) || lex.metrics[next] != "") && said != "train":
		return m, 1
	}
	if i > 1 && i == len(toks)-1 && said != "training" && said != "train" && said != "testing" {
		return m, 1
	}
	before := at(toks, i-1)
	if before == "the" {
		before = at(toks, i-2)
	}
	switch before {
	case "on", "for", "over", "from", "in":
		if said != "training" {
			return m, 1
		}
	case ",", "and", "or":
		k := i - 2
		if at(toks, k) == "," {
			k--
		}
		if isSplitWord(at(toks, k)) {
			return m, 1
		}
	}
	return nil, 0
}

// splitCompound reads "a test-set evaluation".
func splitCompound(said string) (*mention, int) {
	head, noun, ok := strings.Cut(said, "-")
	if !ok || !isSplitNoun(noun) || !isSplitWord(head) {
		return nil, 0
	}
	return &mention{class: cSplit, text: splitName(head), rule: "split"}, 1
}

// servesAs takes a split with its noun, unless it is only what something else
// serves as: "with hippo2 as the test data".
func servesAs(m *mention, toks []token, i int) (*mention, int) {
	j := i - 1
	for j >= 0 && isDeterminer(at(toks, j)) {
		j--
	}
	if at(toks, j) == "as" && j > 0 && at(toks, i+1) == "data" {
		return nil, 0
	}
	return m, 2
}

func isSplitNoun(w string) bool {
	switch w {
	case "split", "set", "part", "partition", "volumes", "volume", "cases", "case", "data", "images", "scans", "fold", "sets":
		return true
	}
	return false
}

func isScoreWord(w string) bool {
	switch w {
	case "dice", "cldice", "hd95", "nsd", "loss", "score", "scores", "metrics", "results", "numbers", "performance", "evaluation", "assd", "masd", "hd":
		return true
	}
	return false
}

// splitName maps a word to a split.
func splitName(w string) string {
	switch w {
	case "test", "testing", "held-out", "heldout", "holdout", "hold-out", "unseen":
		return "test"
	case "val", "validation", "valid", "dev":
		return "val"
	case "train", "training":
		return "train"
	}
	return ""
}

func isSplitWord(w string) bool { return splitName(w) != "" }

// findState reads the state of runs or jobs.
func findState(_ *lexicon, toks []token, i int, _ Names) (*mention, int) {
	s := stateName(at(toks, i))
	if s == "" {
		return nil, 0
	}
	next, before := at(toks, i+1), at(toks, i-1)
	near := isRunNoun(next) || isRunNoun(before) || before == "are" || before == "have" || before == "is" || before == "were" || before == "has" || before == "that"
	if s == "running" && !isRunNoun(next) {
		near = false
	}
	if s == "failed" || s == "cancelled" || near {
		return &mention{class: cState, text: s, rule: "state"}, 1
	}
	return nil, 0
}

// stateName maps a word to a run's state.
func stateName(w string) string {
	switch w {
	case "running", "active", "ongoing":
		return "running"
	case "queued", "pending", "waiting":
		return "queued"
	case "finished", "completed", "successful", "done", "succeeded":
		return "finished"
	case "failed", "crashed", "broken", "failing":
		return "failed"
	case "cancelled", "canceled", "stopped", "aborted":
		return "cancelled"
	}
	return ""
}

func isRunNoun(w string) bool {
	switch w {
	case "run", "runs", "job", "jobs", "training", "trainings", "experiment", "experiments", "model", "models", "one", "ones", "evaluation", "evaluations":
		return true
	}
	return false
}

// findDataset reads a dataset's name where one may stand.
func findDataset(lex *lexicon, toks []token, i int, known Names) (*mention, int) {
	if m, n := datasetReference(toks, i); n > 0 {
		return m, n
	}
	t := toks[i]
	for _, d := range known.Datasets {
		if t.kind == tWord && strings.EqualFold(d, t.word) || t.kind == tQuoted && strings.EqualFold(d, t.text) {
			return &mention{class: cDataset, text: d, rule: "a dataset of this workspace"}, 1
		}
	}
	if at(toks, i) == "dataset" || at(toks, i) == "cohort" {
		if name := lex.nameAt(toks, i+1); name != "" {
			return &mention{class: cDataset, text: name, rule: "name after dataset"}, 2
		}
		return nil, 0
	}
	name := lex.nameAt(toks, i)
	if name == "" || at(toks, i+1) == "frozen" || strings.HasPrefix(name, "cbdice") || strings.HasPrefix(name, "dice_") {
		return nil, 0
	}
	switch at(toks, i+1) {
	case "dataset", "data", "cohort":
		return &mention{class: cDataset, text: name, rule: "name before " + at(toks, i+1)}, 2
	}
	j := i - 1
	for j >= 0 && (isDeterminer(at(toks, j)) || at(toks, j) == "dataset") {
		j--
	}
	if isDatasetPreposition(at(toks, j)) || isListed(lex, toks, j) || datasetVerb(toks, j) {
		return &mention{class: cDataset, text: name, rule: "name after " + at(toks, j)}, 1
	}
	return nil, 0
}

// datasetVerb tells whether the word before a name makes it a dataset.
func datasetVerb(toks []token, j int) bool {
	switch at(toks, j) {
	case "has", "have", "had", "did", "was", "split", "resplit", "validate", "profile", "verify", "describe", "check", "does", "is", "show", "inspect", "me", "divide", "partition", "about":
		return true
	}
	return false
}

// isListed tells whether the comma or "and" at toks[j] continues a list of
// datasets: "on toy and cortex".
func isListed(lex *lexicon, toks []token, j int) bool {
	if w := at(toks, j); w != "and" && w != "," {
		return false
	}
	for j--; j >= 0; j-- {
		w := at(toks, j)
		if isDatasetPreposition(w) {
			return true
		}
		if w != "," && w != "and" && lex.nameAt(toks, j) == "" {
			return false
		}
	}
	return false
}

func isDatasetPreposition(w string) bool {
	switch w {
	case "on", "from", "in", "using", "of", "over", "with", "for", "to", "against", "between", "upon":
		return true
	}
	return false
}

// datasetReference reads "that dataset", "the dataset", "this data".
func datasetReference(toks []token, i int) (*mention, int) {
	switch at(toks, i) {
	case "the", "that", "this", "my", "same":
	default:
		return nil, 0
	}
	n := 1
	if at(toks, i+1) == "same" || at(toks, i+1) == "new" || at(toks, i+1) == "synthetic" {
		n = 2
	}
	switch at(toks, i+n+1) {
	case "list", "listing", "overview", "catalogue", "names":
		return nil, 0
	}
	switch at(toks, i+n) {
	case "dataset", "data", "volumes":
		if at(toks, i+n) != "volumes" || n == 1 && at(toks, i) != "the" {
			return &mention{class: cDataRef, text: at(toks, i) + " dataset", rule: "reference"}, n + 1
		}
	}
	return nil, 0
}

// isPreposition lists words after which "all three" is complete.
func isPreposition(w string) bool {
	switch w {
	case "on", "by", "with", "in", "at", "as", "for", "to", "over", "of":
		return true
	}
	return false
}

// isRefWord tells whether a word is a pronoun for what was just made.
func isRefWord(w string) bool { return w == "it" || w == "them" || w == "this" || w == "that" }
