// Package resolve finds what people name in tool arguments: the dataset by its
// name, the run by a selector. It turns what the engine says when it finds
// nothing into errors with candidates, and knows what the earlier steps of a
// plan are going to make. It belongs to no family of tools and has none.
package resolve

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/engine/dataset/synthetic"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
)

// Dataset gives the catalogued dataset of that name.
func Dataset(ws *workspace.Workspace, name string) (dataset.Dataset, error) {
	d, err := dataset.Open(ws).Get(name)
	var missing *dataset.NotFoundError
	switch {
	case errors.As(err, &missing):
		e := tools.Errorf(tools.CodeNotFound, "there is no dataset %q", name).WithCandidates(missing.Candidates...)
		if len(missing.Candidates) == 0 {
			return d, e.WithHint("make one with dataset_create_synthetic or bring files in with dataset_import")
		}
		return d, e.WithHint("%s", tools.DidYouMean(name, missing.Candidates, "datasets"))
	case err != nil:
		return d, tools.Errorf(tools.CodeFailed, "%w", err)
	}
	return d, nil
}

// PlannedDataset describes a dataset that an earlier step of the plan is going
// to make. Shape and Volumes are zero where they are not known beforehand.
type PlannedDataset struct {
	Name    string
	Step    string
	Volumes int
	Shape   [3]int
}

// DatasetInPlan tells whether a name, or a reference such as "@1.dataset",
// stands for a dataset that an earlier step is going to make.
func DatasetInPlan(ctx context.Context, name string) (PlannedDataset, bool) {
	if id, _, ok := tools.ParseRef(name); ok {
		step, found := tools.PlannedStep(ctx, id)
		if !found {
			return PlannedDataset{Step: id}, true
		}
		return datasetOf(step)
	}
	for _, step := range tools.PlannedFrom(ctx) {
		if d, ok := datasetOf(step); ok && d.Name == name {
			return d, true
		}
	}
	return PlannedDataset{}, false
}

func datasetOf(step tools.Planned) (PlannedDataset, bool) {
	if step.Tool != "dataset_create_synthetic" && step.Tool != "dataset_import" {
		return PlannedDataset{Step: step.ID}, false
	}
	var args struct {
		Name    string `json:"name"`
		Volumes int    `json:"volumes"`
		Shape   [3]int `json:"shape"`
	}
	if err := json.Unmarshal(step.Args, &args); err != nil {
		return PlannedDataset{Step: step.ID}, false
	}
	d := PlannedDataset{Name: args.Name, Step: step.ID}
	if step.Tool == "dataset_create_synthetic" { // of an import nobody knows beforehand
		r := synthetic.Request{Volumes: args.Volumes, Shape: args.Shape}.WithDefaults()
		d.Volumes, d.Shape = r.Volumes, r.Shape
	}
	return d, true
}
