package planner_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/minivess/minivess/agent/planner"
)

// TestCutSentences plans pieces of the corpus' sentences: beginnings, ends, and
// the beginning of one with the end of another, as people send them when they
// press enter too early. Whatever comes out, the planner must not fall over.
// PLANNER_CUTS sets how many.
func TestCutSentences(t *testing.T) {
	t.Parallel()
	n := 1500
	if more, err := strconv.Atoi(os.Getenv("PLANNER_CUTS")); err == nil {
		n = more
	}
	var all [][]string
	for _, u := range corpus(t) {
		all = append(all, strings.Fields(u.Say[len(u.Say)-1]))
	}
	offered := catalogue(t)
	m := planner.New(planner.WithCatalogue(offered), here())
	rng := rand.New(rand.NewPCG(7, 11))
	for range n {
		a, b := all[rng.IntN(len(all))], all[rng.IntN(len(all))]
		i, j := rng.IntN(len(a)+1), rng.IntN(len(b)+1)
		for _, words := range [][]string{a[:i], b[j:], append(append([]string{}, a[:i]...), b[j:]...)} {
			said := strings.Join(words, " ")
			func() {
				defer func() {
					if fault := recover(); fault != nil {
						t.Errorf("%q: %v", said, fault)
					}
				}()
				m.Plan(t.Context(), offered, said)
			}()
		}
	}
}
