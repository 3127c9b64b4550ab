package data

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/resolve"
)

//go:embed dataset_show.md
var showDoc string

// ShowIn names a dataset.
type ShowIn struct {
	Dataset string `json:"dataset" jsonschema:"name of a dataset in the catalogue"`
}

// ShowOut is everything that the catalogue has on a dataset.
type ShowOut struct {
	tools.Line
	Entry
	Root    string       `json:"root" jsonschema:"folder that the files lie in"`
	Members []Member     `json:"members" jsonschema:"the volumes"`
	Folds   [][]string   `json:"folds,omitempty" jsonschema:"ids of the validation volumes of each fold"`
	Skipped []SkippedOne `json:"skipped,omitempty" jsonschema:"volumes that the import left out"`
}

// Member is one volume.
type Member struct {
	ID         string     `json:"id" jsonschema:"name of the volume"`
	Patient    string     `json:"patient" jsonschema:"whom it is of"`
	Shape      [3]int     `json:"shape" jsonschema:"voxels along x, y and z"`
	Spacing    [3]float64 `json:"spacing" jsonschema:"voxel size along x, y and z"`
	Unit       string     `json:"unit" jsonschema:"unit of the spacing"`
	Foreground float64    `json:"foreground" jsonschema:"share of labelled voxels, 0 to 1"`
	Part       string     `json:"part,omitempty" jsonschema:"what it is for in fold 0: train, val or test"`
}

// SkippedOne is a volume that was left out, and why.
type SkippedOne struct {
	ID     string `json:"id" jsonschema:"name of the volume"`
	Reason string `json:"reason" jsonschema:"why it was left out"`
}

type show struct{ Deps }

func (show) Spec() tools.Spec {
	return tools.Spec{Name: "dataset_show", Family: family, Effect: tools.Read, Doc: showDoc}
}

func (t show) Preview(ctx context.Context, in ShowIn) (tools.Preview, error) {
	return t.previewOf(ctx, in.Dataset, "show the dataset")
}

// previewOf is the preview of a tool that takes a dataset and changes nothing.
func (d Deps) previewOf(ctx context.Context, name, what string) (tools.Preview, error) {
	p := tools.Preview{Summary: what + " " + tools.Plain(name)}
	if planned, ok := resolve.DatasetInPlan(ctx, name); ok {
		p.Notes = []string{fmt.Sprintf("the dataset comes from step %s", planned.Step)}
		return p, nil
	}
	_, err := resolve.Dataset(d.Workspace, name)
	return p, err
}

func (t show) Run(_ context.Context, in ShowIn, _ func(tools.Progress)) (ShowOut, error) {
	d, err := resolve.Dataset(t.Workspace, in.Dataset)
	if err != nil {
		return ShowOut{}, err
	}
	out := ShowOut{Entry: entryOf(d), Root: d.Root, Members: members(d)}
	if d.Split != nil {
		out.Folds = d.Split.Folds
	}
	for _, s := range d.Skipped {
		out.Skipped = append(out.Skipped, SkippedOne{ID: s.ID, Reason: s.Reason})
	}
	out.Summary = fmt.Sprintf("%s: %s", d.Name, out.sentence())
	return out, nil
}

func members(d dataset.Dataset) []Member {
	parts := map[string]string{}
	if refs, err := d.Refs(0); err == nil { // a dataset without a split has no parts
		for _, r := range refs {
			parts[r.ID] = r.Split
		}
	}
	all := make([]Member, 0, len(d.Volumes))
	for _, v := range d.Volumes {
		all = append(all, Member{
			ID: v.ID, Patient: v.Patient, Shape: v.Shape, Spacing: v.Spacing, Unit: v.Unit,
			Foreground: v.Foreground, Part: parts[v.ID],
		})
	}
	return all
}
