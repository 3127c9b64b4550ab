package data

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/resolve"
)

//go:embed dataset_split.md
var splitDoc string

// SplitIn says how to divide a dataset.
type SplitIn struct {
	Dataset      string  `json:"dataset" jsonschema:"name of a dataset in the catalogue"`
	Folds        int     `json:"folds" jsonschema:"number of folds for cross-validation" default:"4" minimum:"1" maximum:"100"`
	TestFraction float64 `json:"test_fraction" jsonschema:"share of the volumes kept for testing" default:"0.2" minimum:"0" maximum:"0.9"`
	Seed         int64   `json:"seed" jsonschema:"seed of the split" default:"0"`
}

// SplitOut is the dataset with its new split.
type SplitOut struct {
	tools.Line
	Dataset string     `json:"dataset" jsonschema:"name in the catalogue"`
	Split   *Parts     `json:"split" jsonschema:"how it is divided"`
	Test    []string   `json:"test" jsonschema:"ids of the test volumes"`
	Folds   [][]string `json:"folds" jsonschema:"ids of the validation volumes of each fold"`
}

type split struct{ Deps }

func (split) Spec() tools.Spec {
	return tools.Spec{Name: "dataset_split", Family: family, Effect: tools.Write, Doc: splitDoc}
}

func (in SplitIn) request() dataset.SplitRequest {
	return dataset.SplitRequest{Folds: in.Folds, TestFraction: &in.TestFraction, Seed: in.Seed}
}

func (t split) Preview(ctx context.Context, in SplitIn) (tools.Preview, error) {
	p := tools.Preview{
		Summary: fmt.Sprintf("split %s into %s with %.0f %% for testing, seed %d",
			tools.Plain(in.Dataset), tools.Count(in.Folds, "fold"), 100*in.TestFraction, in.Seed),
		Writes: []string{t.Workspace.DatasetCatalogue()},
	}
	if planned, ok := resolve.DatasetInPlan(ctx, in.Dataset); ok {
		p.Notes = []string{fmt.Sprintf("the dataset comes from step %s", planned.Step)}
		return p, nil
	}
	d, err := resolve.Dataset(t.Workspace, in.Dataset)
	if err != nil {
		return p, err
	}
	before := partsOf(d)
	if d.Split, err = dataset.MakeSplit(d.Volumes, in.request()); err != nil {
		return p, asError(err)
	}
	after := partsOf(d)
	p.Notes = []string{fmt.Sprintf("now %s, then %s", before, after)}
	if after.Note != "" {
		p.Notes = append(p.Notes, after.Note)
	}
	return p, nil
}

func (t split) Run(ctx context.Context, in SplitIn, _ func(tools.Progress)) (SplitOut, error) {
	if _, err := resolve.Dataset(t.Workspace, in.Dataset); err != nil {
		return SplitOut{}, err
	}
	d, err := t.catalogue().Split(ctx, in.Dataset, in.request())
	if err != nil {
		return SplitOut{}, asError(err)
	}
	out := SplitOut{Dataset: d.Name, Split: partsOf(d), Test: d.Split.Test, Folds: d.Split.Folds}
	out.Summary = fmt.Sprintf("%s: %s, %s", d.Name, out.Split, tools.Count(len(out.Folds), "fold"))
	return out, nil
}
