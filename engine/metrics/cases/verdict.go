package cases

import (
	"fmt"
	"strings"
)

// verdict says in words what the numbers allow, and what they do not. Whatever
// it claims comes with its size, and its interval where there is one.
func (p *Paired) verdict() string {
	q := p.Question
	switch {
	case p.N == 0:
		return fmt.Sprintf("No volume has a %s of both %s and %s, so they cannot be compared.", q.Metric, q.A, q.B)
	case p.AWins+p.BWins == 0:
		return fmt.Sprintf("%s and %s have the same %s on %s.", q.A, q.B, q.Metric, volumes(p.N))
	}
	lead := p.lead()
	switch {
	case p.Outcome == Undecidable && p.Comparisons > 1:
		return fmt.Sprintf("%s, but so few cannot tell a difference from chance: even if all agreed, p would be %.2g, and %.2g among %d comparisons.",
			lead, p.smallestP(), min(1, p.smallestP()*float64(p.Comparisons)), p.Comparisons)
	case p.Outcome == Undecidable:
		return fmt.Sprintf("%s, but so few cannot tell a difference from chance: even if all agreed, p would be %.2g.", lead, p.smallestP())
	case p.Outcome == NoDifference && p.onlyInRanks():
		return fmt.Sprintf("%s. Chance alone would rarely favour one side on so many (%s), but a few volumes weigh against it: no difference is shown of the mean.",
			lead, p.chance())
	case p.Outcome == NoDifference:
		return fmt.Sprintf("%s. No difference is shown (%s), which does not show that there is none%s.", lead, p.chance(), p.blindSpot())
	default:
		return fmt.Sprintf("%s; chance alone would rarely give this (%s). It holds for these volumes and this one training of each.", lead, p.chance())
	}
}

// lead says who is ahead, on how many volumes and by how much.
func (p *Paired) lead() string {
	q := p.Question
	ahead, wins := q.B, p.BWins
	if p.AWins > p.BWins {
		ahead, wins = q.A, p.AWins
	}
	lead := fmt.Sprintf("%s has the better %s on %d of %s", ahead, q.Metric, wins, volumes(p.N))
	if p.AWins == p.BWins {
		lead = fmt.Sprintf("%s and %s each have the better %s on %d of %s", q.A, q.B, q.Metric, wins, volumes(p.N))
	}
	return fmt.Sprintf("%s (mean difference of %s to %s %s)", lead, q.B, q.A, p.size())
}

// size is the mean difference, with its interval where there is one.
func (p *Paired) size() string {
	size := fmt.Sprintf("%+.3g", p.MeanDifference)
	if i := p.Interval; i != nil {
		size += fmt.Sprintf(", %.3g %% CI %+.3g to %+.3g", 100*i.Confidence, i.Low, i.High)
	}
	return size
}

func (p *Paired) chance() string {
	if p.Comparisons > 1 {
		return fmt.Sprintf("p = %.2g, %.2g after Holm's correction for %d comparisons", p.P, p.Adjusted, p.Comparisons)
	}
	return fmt.Sprintf("p = %.2g", p.P)
}

// blindSpot says what could not have been seen.
func (p *Paired) blindSpot() string {
	if p.Detectable == nil {
		return ""
	}
	return fmt.Sprintf(": with %s that differ as these do, a mean difference under %.2g would have been missed more than 1 time in 5", volumes(p.N), *p.Detectable)
}

// verdict says what several runs allow to say, in few words.
func (s *Several) verdict(q Question, runs int) string {
	if s.Ranking.N == 0 {
		return fmt.Sprintf("No volume has a %s of all %d runs, so they cannot be ranked.", q.Metric, runs)
	}
	first := s.Ranking.Places[0]
	var words strings.Builder
	fmt.Fprintf(&words, "%s has the best mean %s, %.4g on %s", first.Name, q.Metric, first.Mean, volumes(s.Ranking.N))
	if runs == 1 {
		return words.String() + "; there is nothing to compare it with."
	}
	if st := s.Ranking.Stability; st != nil {
		fmt.Fprintf(&words, ", and is first in %.0f %% of resamples of them", 100*first.First)
		if st.Tau != nil {
			fmt.Fprintf(&words, " (Kendall's τ of the order %.2f)", *st.Tau)
		}
	}
	next := s.Pairs[0]
	fmt.Fprintf(&words, ". Its mean difference to the next, %s, is %s. ", next.Question.A, next.size())
	shown, undecidable := 0, 0
	against := s.Pairs[:runs-1] // those of the first
	for _, p := range against {
		switch p.Outcome {
		case BetterB:
			shown++
		case Undecidable:
			undecidable++
		}
	}
	if undecidable == len(against) {
		fmt.Fprintf(&words, "So few volumes cannot tell it from any of the others, with Holm's correction for %d comparisons.", len(s.Pairs))
	} else {
		fmt.Fprintf(&words, "A difference is shown to %d of the %d others, with Holm's correction for %d comparisons.", shown, len(against), len(s.Pairs))
	}
	return words.String()
}

func volumes(n int) string {
	if n == 1 {
		return "1 volume"
	}
	return fmt.Sprintf("%d volumes", n)
}
