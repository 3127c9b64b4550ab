package data

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/minivess/minivess/tools"
)

//go:embed dataset_list.md
var listDoc string

// ListIn has no arguments.
type ListIn struct{}

// ListOut is the catalogue.
type ListOut struct {
	tools.Line
	Datasets []Entry `json:"datasets" jsonschema:"the datasets by name"`
}

type list struct{ Deps }

func (list) Spec() tools.Spec {
	return tools.Spec{Name: "dataset_list", Family: family, Effect: tools.Read, Doc: listDoc}
}

func (list) Preview(context.Context, ListIn) (tools.Preview, error) {
	return tools.Preview{Summary: "list the datasets"}, nil
}

func (t list) Run(context.Context, ListIn, func(tools.Progress)) (ListOut, error) {
	all, err := t.catalogue().List()
	if err != nil {
		return ListOut{}, asError(err)
	}
	out := ListOut{Datasets: make([]Entry, 0, len(all))}
	names := make([]string, 0, len(all))
	for _, d := range all {
		out.Datasets = append(out.Datasets, entryOf(d))
		names = append(names, d.Name)
	}
	out.Summary = "no datasets yet"
	if len(names) > 0 {
		out.Summary = fmt.Sprintf("%s: %s", tools.Count(len(names), "dataset"), strings.Join(names, ", "))
	}
	return out, nil
}
