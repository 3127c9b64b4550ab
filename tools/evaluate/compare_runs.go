package evaluate

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/resolve"
)

//go:embed compare_runs.md
var compareDoc string

// CompareIn says which runs to compare by what.
type CompareIn struct {
	Runs   []string `json:"runs" jsonschema:"which runs: ids, names, selectors, or all:tag=baseline"`
	Metric string   `json:"metric" jsonschema:"what to compare by" enum:"dice,cldice,hd95,nsd,assd,masd,hd" default:"dice"`
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
	Pairs   []Pair   `json:"pairs" jsonschema:"the best run against each of the others"`
	Verdict string   `json:"verdict" jsonschema:"what the numbers allow to say"`
	Notes   []string `json:"notes,omitempty" jsonschema:"what to keep in mind"`
	Query   string   `json:"query" jsonschema:"the SQL behind the numbers"`
	Why     []string `json:"why" jsonschema:"why it is these runs, for each selector"`
}

// Scored is one run's scores on the shared volumes.
type Scored struct {
	Run        string   `json:"run" jsonschema:"id of the run"`
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

// Pair compares the best run with another, volume by volume.
type Pair struct {
	Run     string  `json:"run" jsonschema:"id of the other run"`
	P       float64 `json:"p" jsonschema:"two-sided p of Wilcoxon's signed-rank test"`
	Outcome string  `json:"outcome" jsonschema:"undecidable, no_difference, a_better or b_better; a is the other run, b the best"`
	Verdict string  `json:"verdict" jsonschema:"the same in words"`
}

type compareRuns struct{ Deps }

func (compareRuns) Spec() tools.Spec {
	return tools.Spec{Name: "compare_runs", Family: family, Effect: tools.Read, Doc: compareDoc}
}

func (t compareRuns) Preview(_ context.Context, in CompareIn) (tools.Preview, error) {
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
