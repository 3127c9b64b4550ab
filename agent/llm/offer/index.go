package offer

import (
	"math"
	"strings"
	"unicode"
)

// index tells which families words point to. A word that many families use
// points to none of them much.
type index struct {
	weight map[string]map[string]float64 // word → family → weight
}

// newIndex counts how often each family's texts use a word.
func newIndex(bags map[string]map[string]int) index {
	x := index{weight: map[string]map[string]float64{}}
	families := map[string]int{}
	for _, bag := range bags {
		for w := range bag {
			families[w]++
		}
	}
	for family, bag := range bags {
		for w, n := range bag {
			total := 0
			for _, other := range bags {
				total += other[w]
			}
			share := float64(n) / float64(total)
			rarity := math.Log(float64(len(bags)+1) / float64(families[w]))
			if x.weight[w] == nil {
				x.weight[w] = map[string]float64{}
			}
			x.weight[w][family] = share * (rarity + math.Log1p(float64(n)))
		}
	}
	return x
}

// score adds up the weights of distinct words by family.
func (x index) score(said []string) map[string]float64 {
	scores := map[string]float64{}
	seen := map[string]bool{}
	for _, w := range said {
		if seen[w] {
			continue
		}
		seen[w] = true
		for family, weight := range x.weight[w] {
			scores[family] += weight
		}
	}
	return scores
}

// minWord is the shortest word that points anywhere.
const minWord = 3

// filler are words that point nowhere.
const filler = " the and for that this with you your are was what which how can please its it's not does has have from into out all any one two but then when will would should there here who why tell show give want like let get make "

// words takes a text apart into stems.
func words(text string) []string {
	var fields []string
	for f := range strings.FieldsSeq(strings.ToLower(text)) {
		if strings.Count(f, "-") == 2 && strings.ContainsAny(f, "0123456789") {
			continue // a run's id
		}
		fields = append(fields, strings.FieldsFunc(f, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })...)
	}
	var out []string
	for _, w := range fields {
		if len(w) < minWord || strings.Contains(filler, " "+w+" ") {
			continue
		}
		out = append(out, stem(w))
	}
	return out
}

// stem cuts the endings by which English tells number and time.
func stem(w string) string {
	for _, ending := range []string{"ations", "ation", "ings", "ing", "ies", "ed", "es", "s", "e"} {
		if base, ok := strings.CutSuffix(w, ending); ok && len(base) > minWord {
			return base
		}
	}
	return w
}
