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
	case p.Outcome == Undecidable:
		return fmt.Sprintf("%s, but %s cannot tell a difference from chance: even if all agreed, p would be %s.", lead, p.few(), p.leastP())
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

func (p *Paired) few() string {
	switch {
	case p.Ties > 0 && p.AWins+p.BWins == 1:
		return "the only one that differs"
	case p.Ties > 0:
		return fmt.Sprintf("the %d that differ", p.AWins+p.BWins)
	}
	return "so few"
}

func (p *Paired) leastP() string {
	least := p.smallestP()
	if p.Comparisons > 1 {
		return fmt.Sprintf("%.2g, and %.2g among %d comparisons", least, min(1, least*float64(p.Comparisons)), p.Comparisons)
	}
	return fmt.Sprintf("%.2g", least)
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
	var words strings.Builder
	words.WriteString(s.ahead(q))
	if runs == 1 {
		return words.String() + "; there is nothing to compare it with."
	}
	if st := s.Ranking.Stability; st != nil {
		fmt.Fprintf(&words, "; in %.0f %% of resamples of them %s is first or equal to it", 100*s.Ranking.Places[0].First, s.Ranking.Places[0].Name)
		if st.Tau != nil && runs > 2 {
			fmt.Fprintf(&words, " (Kendall's τ of the order %.2f)", *st.Tau)
		}
	}
	words.WriteString(". ")
	if runs == 2 {
		words.WriteString(s.Pairs[0].Verdict)
	} else {
		s.summarise(&words, s.Pairs[:runs-1])
	}
	return words.String()
}

// ahead names the first and those equal to it.
func (s *Several) ahead(q Question) string {
	var names []string
	for _, place := range s.Ranking.Places {
		if place.Rank == 1 {
			names = append(names, place.Name)
		}
	}
	verb := "has"
	if len(names) > 1 {
		verb = "have"
	}
	return fmt.Sprintf("%s %s the best mean %s, %.4g on %s", strings.Join(names, " and "), verb, q.Metric, s.Ranking.Places[0].Mean, volumes(s.Ranking.N))
}

// summarise says what the pairs of the first run show.
func (s *Several) summarise(words *strings.Builder, against []Paired) {
	next := against[0]
	fmt.Fprintf(words, "The mean difference of %s to the next, %s, is %s", next.Question.B, next.Question.A, next.size())
	if next.Outcome == NoDifference && next.Detectable != nil {
		fmt.Fprintf(words, "; one under %.2g would have been missed more than 1 time in 5", *next.Detectable)
	}
	shown, undecidable := 0, 0
	for _, p := range against {
		if p.Outcome == BetterB {
			shown++
		}
		if p.Outcome == Undecidable {
			undecidable++
		}
	}
	if undecidable == len(against) {
		fmt.Fprintf(words, ". So few volumes cannot tell it from any of the others, with Holm's correction for %d comparisons.", len(s.Pairs))
		return
	}
	fmt.Fprintf(words, ". A difference is shown to %d of the %d others, with Holm's correction for %d comparisons.", shown, len(against), len(s.Pairs))
}

func volumes(n int) string {
	if n == 1 {
		return "1 volume"
	}
	return fmt.Sprintf("%d volumes", n)
}
