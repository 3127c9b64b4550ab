package planner

import (
	"cmp"
	"embed"
	"io/fs"
	"math"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/minivess/minivess/tools"
)

// saidFiles holds what people are known to say: a file an intent, a sentence a
// line. Together with the examples in the tools' own Markdown they are what the
// words of a new sentence are weighed by.
//
//go:embed said/*.txt
var saidFiles embed.FS

// The constants of the weighing. They were chosen on the development part.
const (
	smoothing   = 0.05 // what a word that an intent never had counts for
	temperature = 25.0 // of the beliefs: the higher, the less certain
	conviction  = 10.0 // what certainty adds to a score
	faint       = 0.02 // a belief below this adds nothing

	numbersScore = 18.0 // of a question for numbers that can be taken apart
)

// saying is a sentence with the intent it is known to have.
type saying struct{ intent, text string }

// evidence weighs for which intent the words of a clause speak: a complement
// naive Bayes classifier (Rennie et al., ICML 2003) over words, their
// neighbours and the kinds of things named, counted when the planner is made in
// the sentences that it was given. Nothing is trained, stored or random: a new
// sentence in a tool's Markdown counts at once.
type evidence struct {
	intents []string
	seen    map[string]occurrence
	total   float64   // of all counts
	sums    []float64 // of the counts of each intent
}

// occurrence is how often a feature was met, in all and by intent.
type occurrence struct {
	rarity float64
	all    float64
	counts map[int]float64
}

// belief is how likely an intent is by the words alone, from 0 to 1.
type belief struct {
	intent string
	share  float64
}

// sayings gathers the sentences of all intents: of the tools and the planner's
// own.
func sayings(descriptors, unbuilt []tools.Descriptor) []saying {
	var out []saying
	known := map[string]bool{}
	for _, d := range slices.Concat(descriptors, unbuilt) {
		if known[d.Name] {
			continue
		}
		known[d.Name] = true
		out = append(out, saying{d.Name, d.Summary})
		for _, e := range d.Examples {
			out = append(out, saying{d.Name, e.Say})
		}
	}
	names, _ := fs.Glob(saidFiles, "said/*.txt") // the pattern is well formed
	for _, name := range names {
		intent := strings.TrimSuffix(path.Base(name), ".txt")
		if own, ok := strings.CutPrefix(intent, "ask."); ok {
			intent = "?" + own
		}
		text, err := fs.ReadFile(saidFiles, name)
		if err != nil {
			continue // embedded: it cannot fail
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" {
				out = append(out, saying{intent, line})
			}
		}
	}
	return out
}

// heard leaves out what the planner is to be tried on.
func heard(said []saying, unheard map[string]bool) []saying {
	return slices.DeleteFunc(said, func(s saying) bool { return unheard[s.text] })
}

// exampleNames is the workspace in which the known sentences were said.
func exampleNames() Names {
	return Names{
		Datasets: []string{"toy", "minivess", "cortex", "hippo2", "mouse_v2", "demo"},
		Runs:     []string{"brisk-otter-7f3a", "calm-heron-01bc", "quiet-lynx-9d2e", "bold-finch-44e1", "swift-mole-c0de"},
	}
}

// newEvidence counts the words of the sentences.
func newEvidence(lex *lexicon, said []saying) *evidence {
	docs := documents(lex, said)
	frequency := map[string]float64{}
	for _, doc := range docs {
		for _, f := range doc {
			frequency[f]++
		}
	}
	e := &evidence{seen: make(map[string]occurrence, len(frequency))}
	for f, n := range frequency {
		e.seen[f] = occurrence{rarity: math.Log((float64(len(said)) + 1) / (n + 1)), counts: map[int]float64{}}
	}
	index := map[string]int{}
	for i, s := range said {
		k, ok := index[s.intent]
		if !ok {
			k = len(e.intents)
			index[s.intent] = k
			e.intents, e.sums = append(e.intents, s.intent), append(e.sums, 0)
		}
		e.count(docs[i], k)
	}
	return e
}

// documents gives the features of each sentence. They are read side by side:
// this is most of what the first turn of a process costs.
func documents(lex *lexicon, said []saying) [][]string {
	known := exampleNames()
	docs := make([][]string, len(said))
	var group sync.WaitGroup
	size := len(said)/runtime.GOMAXPROCS(0) + 1
	for from := 0; from < len(said); from += size {
		group.Go(func() {
			for i := from; i < min(from+size, len(said)); i++ {
				toks := lex.merge(lex.unslash(tokenise(said[i].text), known.Datasets))
				docs[i] = features(lex.recognise(toks, known))
			}
		})
	}
	group.Wait()
	return docs
}

// count adds a sentence to those of intent k. Long and short sentences weigh
// the same.
func (e *evidence) count(doc []string, k int) {
	length := 0.0
	for _, f := range doc {
		length += e.seen[f].rarity * e.seen[f].rarity
	}
	length = math.Sqrt(max(length, 1e-9))
	for _, f := range doc {
		o := e.seen[f]
		v := o.rarity / length
		o.counts[k] += v
		o.all += v
		e.seen[f] = o
		e.sums[k] += v
		e.total += v
	}
}

// features lists what a clause is weighed by: its words, what is named in it,
// and each with its neighbour, in order and each once.
func features(items []item) []string {
	out := make([]string, 0, 2*len(items))
	before := "^"
	for _, it := range items {
		f := feature(it)
		if f == "" {
			continue
		}
		for _, f := range [...]string{f, before + " " + f} {
			if !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
		before = f
	}
	return out
}

// feature is the word or the kind of thing that an item is.
func feature(it item) string {
	if it.mention != nil {
		return "{" + string(it.mention.class) + "}"
	}
	if c := kindClass(it.tok.kind); c != "" {
		return "{" + string(c) + "}"
	}
	if it.tok.kind == tPunct {
		return ""
	}
	return cmp.Or(it.tok.stem, it.tok.word)
}

// beliefs says how likely each intent is by the words of a clause, most likely
// first. Intents that are next to impossible are left out.
func (e *evidence) beliefs(items []item) []belief {
	sums := make([]float64, len(e.intents))
	kinds := float64(len(e.seen)) * smoothing
	rarities := 0.0
	for _, f := range features(items) {
		o, ok := e.seen[f]
		if !ok {
			continue
		}
		rarities += o.rarity
		for k, n := range o.counts { // what an intent without the feature would have is the same for all
			sums[k] += o.rarity * (math.Log(n+smoothing) - math.Log(smoothing) - math.Log(o.all-n+smoothing) + math.Log(o.all+smoothing))
		}
	}
	for k := range sums {
		sums[k] += rarities * (math.Log(e.total-e.sums[k]+kinds) - math.Log(e.sums[k]+kinds))
	}
	top := slices.Max(append(sums, math.Inf(-1)))
	norm := 0.0
	for _, s := range sums {
		norm += math.Exp((s - top) / temperature)
	}
	var out []belief
	for k, s := range sums {
		if share := math.Exp((s-top)/temperature) / norm; share >= faint {
			out = append(out, belief{e.intents[k], share})
		}
	}
	slices.SortStableFunc(out, func(a, b belief) int { return cmp.Compare(b.share, a.share) })
	return out
}
