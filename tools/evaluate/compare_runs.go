package evaluate

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/resolve"
)

//go:embed compare_runs.md
var compareDoc string

// CompareIn says which runs to compare by what.
type CompareIn struct {
	Runs   []string `json:"runs" jsonschema:"which runs: ids, names, selectors, or all:tag=baseline"`
	Metric string   `json:"metric" jsonschema:"what to compare by: a metric that evaluate_run measured, such as dice, hd95, betti0_error or ece, or of one label, such as dice_2" default:"dice"`
	Split  string   `json:"split" jsonschema:"on which volumes: train, val or test" enum:"train,val,test" default:"test"`
}

// CompareOut is the comparison.
type CompareOut struct {
	tools.Line
	Best    string   `json:"best,omitempty" jsonschema:"id of the run with the best mean on the volumes that all share"`
	Metric  string   `json:"metric" jsonschema:"what is compared"`
	Split   string   `json:"split" jsonschema:"part of the dataset"`
	Volumes int      `json:"volumes" jsonschema:"number of volumes that all runs have a score of"`
	Runs    []Scored `json:"runs" jsonschema:"the runs, best first"`
	Pairs   []Pair   `json:"pairs" jsonschema:"every two runs, first the best against each of the others; of more than 10 runs only those"`
	Tau     *float64 `json:"tau,omitempty" jsonschema:"how far the order holds when volumes are resampled: mean Kendall's tau with it, 1 when it never changes"`
	Verdict string   `json:"verdict" jsonschema:"what the numbers allow to say"`
	Notes   []string `json:"notes,omitempty" jsonschema:"what to keep in mind"`
	Query   string   `json:"query" jsonschema:"the SQL behind the numbers"`
	Why     []string `json:"why" jsonschema:"why it is these runs, for each selector"`
}

// Scored is one run's scores on the shared volumes.
type Scored struct {
	Run        string   `json:"run" jsonschema:"id of the run"`
	Rank       int      `json:"rank,omitempty" jsonschema:"1 is the best mean; equal ones share the better rank"`
	MeanRank   *float64 `json:"mean_rank,omitempty" jsonschema:"mean rank when the volumes are resampled"`
	First      *float64 `json:"first,omitempty" jsonschema:"share of such resamples in which it is first, or equal to it"`
	Name       string   `json:"name,omitempty" jsonschema:"its name"`
	Model      string   `json:"model" jsonschema:"its network"`
	Evaluation string   `json:"evaluation" jsonschema:"id of the evaluation that the scores are from"`
	Mean       *float64 `json:"mean,omitempty" jsonschema:"mean over the shared volumes"`
	Median     *float64 `json:"median,omitempty" jsonschema:"median over the shared volumes"`
	Low        *float64 `json:"low,omitempty" jsonschema:"least value"`
	High       *float64 `json:"high,omitempty" jsonschema:"greatest value"`
	N          int      `json:"n" jsonschema:"number of shared volumes with a value"`
	Summary    string   `json:"summary" jsonschema:"the same in words, with an interval where there are volumes enough"`
}

// Pair compares two runs, volume by volume. Differences are B − A.
type Pair struct {
	A              string   `json:"a" jsonschema:"id of the run that ranks below the other, or with it"`
	B              string   `json:"b" jsonschema:"id of the other"`
	MeanDifference float64  `json:"mean_difference" jsonschema:"mean over volumes of b's value less a's"`
	Low            *float64 `json:"low,omitempty" jsonschema:"lower end of its 95 % BCa bootstrap interval, given for 5 volumes or more"`
	High           *float64 `json:"high,omitempty" jsonschema:"upper end of that interval"`
	P              float64  `json:"p" jsonschema:"two-sided p of Wilcoxon's signed-rank test"`
	PAdjusted      float64  `json:"p_adjusted" jsonschema:"the same after Holm's correction for every two of the runs, which the outcome goes by"`
	PPermutation   float64  `json:"p_permutation" jsonschema:"two-sided p of the paired permutation test of the mean, not corrected"`
	RankBiserial   float64  `json:"rank_biserial" jsonschema:"effect size from -1 to 1: matched-pairs rank-biserial correlation, above 0 when b's values are greater"`
	HedgesG        *float64 `json:"hedges_g,omitempty" jsonschema:"effect size in standard deviations: Hedges' g_av"`
	Detectable     *float64 `json:"detectable,omitempty" jsonschema:"a lesser mean difference than this would have been missed more than 1 time in 5"`
	Outcome        string   `json:"outcome" jsonschema:"undecidable, no_difference, a_better or b_better"`
	Verdict        string   `json:"verdict,omitempty" jsonschema:"the same in words, where b is the best run"`
}

type compareRuns struct{ Deps }

func (compareRuns) Spec() tools.Spec {
	return tools.Spec{Name: "compare_runs", Family: family, Effect: tools.Read, Doc: compareDoc}
}

// checkMetric refuses what no evaluation measures.
func checkMetric(metric string) error {
	if metrics.Check(metrics.Bare(metric)) != nil {
		return unknownMetric("metric", metric)
	}
	return nil
}

func (t compareRuns) Preview(_ context.Context, in CompareIn) (tools.Preview, error) {
	if err := checkMetric(in.Metric); err != nil {
		return tools.Preview{}, err
	}
	p := tools.Preview{Summary: fmt.Sprintf("compare %s by %s on %s", tools.Plain(strings.Join(in.Runs, ", ")), in.Metric, in.Split)}
	for _, s := range in.Runs {
		if id, _, ok := tools.ParseRef(s); ok {
			p.Notes = append(p.Notes, fmt.Sprintf("%s is known once step %s has started it", s, id))
			continue
		}
		found, why, err := resolve.Runs(t.Workspace, []string{s})
		if err != nil {
			return p, err
		}
		for _, r := range found {
			p.Notes = append(p.Notes, fmt.Sprintf("%q takes %s: %s", tools.Plain(s), resolve.Label(r), why[0]))
		}
	}
	return p, nil
}

func (t compareRuns) Run(ctx context.Context, in CompareIn, _ func(tools.Progress)) (CompareOut, error) {
	if len(in.Runs) == 0 {
		return CompareOut{}, tools.Errorf(tools.CodeBadArguments, "compare_runs: no run is named").WithHint("name two runs, or say all")
	}
	if err := checkMetric(in.Metric); err != nil {
		return CompareOut{}, err
	}
	found, why, err := resolve.Runs(t.Workspace, in.Runs)
	if err != nil {
		return CompareOut{}, err
	}
	found = judged(found)
	scores, query, err := t.scores(ctx, found, in)
	if err != nil {
		return CompareOut{}, err
	}
	out := CompareOut{Metric: in.Metric, Split: in.Split, Query: query, Why: why, Runs: []Scored{}, Pairs: []Pair{}}
	if err := out.rank(found, scores); err != nil {
		return CompareOut{}, err
	}
	out.Summary = out.Verdict
	return out, nil
}
