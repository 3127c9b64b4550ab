package data

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/resolve"
)

//go:embed dataset_validate.md
var validateDoc string

// ValidateIn names a dataset.
type ValidateIn struct {
	Dataset string `json:"dataset" jsonschema:"name of a dataset in the catalogue"`
}

// ValidateOut is what was found.
type ValidateOut struct {
	tools.Line
	Dataset  string    `json:"dataset" jsonschema:"name in the catalogue"`
	OK       bool      `json:"ok" jsonschema:"whether nothing found is an error"`
	Volumes  int       `json:"volumes" jsonschema:"number of volumes checked"`
	Errors   int       `json:"errors" jsonschema:"number of errors"`
	Warnings int       `json:"warnings" jsonschema:"number of warnings"`
	Findings []Finding `json:"findings" jsonschema:"what was found, errors first"`
}

// Finding is one thing that deserves attention.
type Finding struct {
	Severity string `json:"severity" jsonschema:"error or warning"`
	Code     string `json:"code" jsonschema:"short name of the kind of finding"`
	Volume   string `json:"volume,omitempty" jsonschema:"the volume concerned; empty for the dataset"`
	Message  string `json:"message" jsonschema:"what is wrong"`
}

type validate struct{ Deps }

func (validate) Spec() tools.Spec {
	return tools.Spec{Name: "dataset_validate", Family: family, Effect: tools.Read, Doc: validateDoc}
}

func (t validate) Preview(ctx context.Context, in ValidateIn) (tools.Preview, error) {
	p, err := t.previewOf(ctx, in.Dataset, "check the files of")
	if err != nil || len(p.Notes) > 0 {
		return p, err
	}
	d, err := resolve.Dataset(t.Workspace, in.Dataset)
	if err != nil {
		return p, err
	}
	p.Cost = tools.Cost{Seconds: float64(d.Bytes()) / importRate, Basis: tools.Bytes(d.Bytes()) + " to read"}
	return p, nil
}

func (t validate) Run(ctx context.Context, in ValidateIn, emit func(tools.Progress)) (ValidateOut, error) {
	d, err := resolve.Dataset(t.Workspace, in.Dataset)
	if err != nil {
		return ValidateOut{}, err
	}
	report, err := d.Validate(ctx, dataset.ValidateOptions{Progress: func(done, total int, id string) {
		emit(tools.Progress{Phase: "check", Done: int64(done), Total: int64(total), Message: tools.Plain(id)})
	}})
	if err != nil {
		return ValidateOut{}, asError(err)
	}
	out := ValidateOut{Dataset: d.Name, OK: report.OK(), Volumes: report.Volumes, Findings: []Finding{}}
	for _, f := range report.Findings {
		if f.Severity == dataset.SeverityError {
			out.Errors++
		} else {
			out.Warnings++
		}
		out.Findings = append(out.Findings, Finding{Severity: string(f.Severity), Code: f.Code, Volume: f.Volume, Message: tools.Plain(f.Message)})
	}
	out.Summary = fmt.Sprintf("%s: %s checked, %s, %s", d.Name, tools.Count(out.Volumes, "volume"), tools.Count(out.Errors, "error"), tools.Count(out.Warnings, "warning"))
	if len(out.Findings) > 0 {
		out.Summary += "; first: " + out.Findings[0].Message
	}
	return out, nil
}
