// Package cases draws conclusions from scores of several volumes: summaries of
// one model, paired comparisons of two, and the order of several. It takes plain numbers, NaN for a
// case without one, and says no more than that many volumes allow. How a single
// volume is scored belongs to the package above.
package cases

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// MinForInterval is the fewest cases for which an interval is given. Below it a
// bootstrap only reshuffles the same few numbers and looks more certain than
// it can be.
const MinForInterval = 5

// Defaults of Options.
const (
	DefaultConfidence = 0.95
	DefaultResamples  = 10000
)

// Options tunes Summarise and Compare; the zero value means the defaults.
type Options struct {
	Seed       uint64  // of the bootstrap; equal seeds give equal intervals
	Confidence float64 // in (0, 1)
	Resamples  int
	ByPolicy   int // how many of the values an empty-mask policy set, to be reported
}

func (o Options) resolve() Options {
	if !(o.Confidence > 0 && o.Confidence < 1) {
		o.Confidence = DefaultConfidence
	}
	if o.Resamples <= 0 {
		o.Resamples = DefaultResamples
	}
	return o
}

// Summary describes one metric over cases. With N = 0 the numbers are NaN.
type Summary struct {
	N        int // cases with a value
	Excluded int // cases without
	ByPolicy int // of N, values set by the empty-mask policy

	Mean, Median, Min, Max       float64
	LowerQuartile, UpperQuartile float64   // the quartiles; NaN for fewer than MinForInterval cases
	Interval                     *Interval // of the mean; nil for fewer than MinForInterval cases
	Note                         string    // what the reader should know, or ""
}

// Summarise describes values; NaN and infinite ones are counted as excluded.
// The interval is the bias-corrected and accelerated bootstrap of the mean over
// cases (Efron 1987), and quartiles are interpolated linearly.
func Summarise(values []float64, o Options) Summary {
	o = o.resolve()
	kept := slices.Clone(values)
	kept = slices.DeleteFunc(kept, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	s := Summary{
		N: len(kept), Excluded: len(values) - len(kept), ByPolicy: o.ByPolicy,
		Mean: math.NaN(), Median: math.NaN(), Min: math.NaN(), Max: math.NaN(), LowerQuartile: math.NaN(), UpperQuartile: math.NaN(),
	}
	if s.N == 0 {
		s.Note = "no case has a value"
		return s
	}
	s.Interval = interval(kept, o)
	slices.Sort(kept)
	s.Mean, s.Median, s.Min, s.Max = mean(kept), median(kept), kept[0], kept[s.N-1]
	if s.N >= MinForInterval {
		s.LowerQuartile, s.UpperQuartile = quantile(kept, 0.25), quantile(kept, 0.75)
	}
	switch {
	case s.N == 1:
		s.Note = "a single case: nothing is known about the spread"
	case s.Interval == nil:
		s.Note = fmt.Sprintf("only %d cases: their range is all that can honestly be given", s.N)
	}
	return s
}

// String is a line for a person, such as "0.812 (median 0.82, IQR 0.78–0.86,
// range 0.61–0.93, 95 % CI 0.77–0.85, n = 12, 1 excluded)".
func (s Summary) String() string {
	if s.N == 0 {
		return fmt.Sprintf("no value (%d excluded)", s.Excluded)
	}
	out := fmt.Sprintf("%.4g (", s.Mean)
	if s.N > 1 {
		out += fmt.Sprintf("median %.4g, ", s.Median)
		if !math.IsNaN(s.LowerQuartile) {
			out += fmt.Sprintf("IQR %.4g–%.4g, ", s.LowerQuartile, s.UpperQuartile)
		}
		out += fmt.Sprintf("range %.4g–%.4g, ", s.Min, s.Max)
	}
	if i := s.Interval; i != nil {
		out += fmt.Sprintf("%.3g %% CI %.4g–%.4g, ", 100*i.Confidence, i.Low, i.High)
	}
	out += fmt.Sprintf("n = %d", s.N)
	if s.ByPolicy > 0 {
		out += fmt.Sprintf(", %d by empty-mask policy", s.ByPolicy)
	}
	if s.Excluded > 0 {
		out += fmt.Sprintf(", %d excluded", s.Excluded)
	}
	return out + ")"
}

// MarshalJSON leaves out what has no value.
func (s Summary) MarshalJSON() ([]byte, error) {
	number := func(v float64) *float64 {
		if math.IsNaN(v) {
			return nil
		}
		return &v
	}
	return json.Marshal(struct {
		N        int       `json:"n"`
		Excluded int       `json:"excluded"`
		ByPolicy int       `json:"by_policy"`
		Mean     *float64  `json:"mean,omitempty"`
		Median   *float64  `json:"median,omitempty"`
		Min      *float64  `json:"min,omitempty"`
		Max      *float64  `json:"max,omitempty"`
		Low      *float64  `json:"lower_quartile,omitempty"`
		High     *float64  `json:"upper_quartile,omitempty"`
		Interval *Interval `json:"interval,omitempty"`
		Note     string    `json:"note,omitempty"`
	}{
		s.N, s.Excluded, s.ByPolicy, number(s.Mean), number(s.Median), number(s.Min), number(s.Max),
		number(s.LowerQuartile), number(s.UpperQuartile), s.Interval, s.Note,
	})
}
