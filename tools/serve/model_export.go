package serve

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/minivess/minivess/engine/export"
	"github.com/minivess/minivess/engine/nn/onnx"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/resolve"
)

//go:embed model_export.md
var exportDoc string

// How much of the run's validation volumes an ONNX model is judged on.
const (
	judgedVolumes = 8
	judgedTime    = 3 * time.Minute
)

// ExportIn says which run's weights to write, and how.
type ExportIn struct {
	Run       string `json:"run" jsonschema:"which trained run: an id or its prefix, a name, latest, best:dice, …"`
	Format    string `json:"format" jsonschema:"kind of file: the whole network (onnx, onnx-fp16, onnx-int8) or bare weights (safetensors, npz)" enum:"onnx,onnx-fp16,onnx-int8,safetensors,npz" default:"onnx"`
	Path      string `json:"path,omitempty" jsonschema:"file to write, from the working directory; left out, it goes among the run's artifacts" path:"write"`
	Overwrite bool   `json:"overwrite,omitempty" jsonschema:"replace the file if it is there" default:"false"`
}

// ExportOut is the file that was written.
type ExportOut struct {
	tools.Line
	Run        string         `json:"run" jsonschema:"id of the run"`
	Why        string         `json:"why" jsonschema:"why it is this run"`
	Model      string         `json:"model" jsonschema:"its network"`
	Checkpoint string         `json:"checkpoint" jsonschema:"which of its checkpoints: best or last"`
	Step       int64          `json:"step" jsonschema:"training step of the checkpoint"`
	Parameters int64          `json:"parameters" jsonschema:"number of weights"`
	Format     string         `json:"format" jsonschema:"kind of file"`
	Path       string         `json:"path" jsonschema:"the file"`
	Bytes      int64          `json:"bytes" jsonschema:"its size, with that of the file of weights beside it if there is one"`
	SHA256     string         `json:"sha256" jsonschema:"its digest"`
	Files      []export.File  `json:"files" jsonschema:"all files that were written"`
	Opset      int            `json:"opset,omitempty" jsonschema:"version of ONNX's operators"`
	Inputs     []Port         `json:"inputs,omitempty" jsonschema:"what the model takes"`
	Outputs    []Port         `json:"outputs,omitempty" jsonschema:"what it gives"`
	SizeRatio  float64        `json:"size_ratio,omitempty" jsonschema:"size in relation to weights in float32"`
	Checks     []export.Check `json:"checks" jsonschema:"what was checked, and what could not be"`
	Dice       *export.Dice   `json:"dice,omitempty" jsonschema:"how well the written model segments volumes of the run"`
}

// Port is an input or output of a model.
type Port struct {
	Name  string `json:"name" jsonschema:"its name"`
	Type  string `json:"type" jsonschema:"type of its elements"`
	Shape string `json:"shape" jsonschema:"its sizes; a name stands for any size"`
}

type modelExport struct{ Deps }

func (modelExport) Spec() tools.Spec {
	return tools.Spec{Name: "model_export", Family: family, Effect: tools.Write, Doc: exportDoc}
}

// job is an export that has passed every check that comes before writing.
type job struct {
	picked  resolve.Picked
	request export.Request
}

func (t modelExport) Preview(ctx context.Context, in ExportIn) (tools.Preview, error) {
	if planned, ok := resolve.RunInPlan(ctx, in.Run); ok {
		return tools.Preview{
			Summary: fmt.Sprintf("export the run of step %s as %s", planned.Step, in.Format),
			Notes:   []string{fmt.Sprintf("the run is known once step %s has started it", planned.Step)},
		}, nil
	}
	j, err := t.job(in)
	if err != nil {
		return tools.Preview{}, err
	}
	size, err := export.Measure(j.request)
	if err != nil {
		return tools.Preview{}, asError(err)
	}
	in.Path = j.request.Path
	args, err := json.Marshal(in)
	if err != nil {
		return tools.Preview{}, asError(err)
	}
	c := j.request.Source.Checkpoint
	p := tools.Preview{
		Summary: fmt.Sprintf("export %s (%s checkpoint, step %d) as %s to %s, about %s", j.picked.Label(), c.Role, c.Step, in.Format,
			tools.Plain(in.Path), tools.Bytes(size.Bytes+size.DataBytes)),
		Args: args, Writes: []string{in.Path},
		Cost:  tools.Cost{DiskBytes: size.Bytes + size.DataBytes, Basis: "size of the weights"},
		Notes: []string{fmt.Sprintf("%q is %s: %s", tools.Plain(in.Run), j.picked.Run.ID(), j.picked.Why)},
	}
	if size.Data != "" {
		p.Writes = append(p.Writes, size.Data)
	}
	return p, nil
}

// job makes every check that can be made before anything is written.
func (t modelExport) job(in ExportIn) (job, error) {
	picked, err := resolve.TrainedRun(t.Workspace, in.Run)
	if err != nil {
		return job{}, err
	}
	j := job{picked: picked}
	r := picked.Run
	if r.State.Active() {
		return j, tools.Errorf(tools.CodeConflict, "run %s is still %s", r.ID(), r.State).
			WithHint("export it when it has ended, or stop it with job_cancel")
	}
	source, err := export.Open(r, "")
	if err != nil {
		return j, asError(err)
	}
	format := export.Format(in.Format)
	path := in.Path
	if path == "" {
		path = filepath.Join(r.Dir, runs.ArtifactsDir, format.FileName())
	}
	if path, err = filepath.Abs(path); err != nil {
		return j, asError(err)
	}
	if err := fitting(path, format); err != nil {
		return j, err
	}
	j.request = export.Request{
		Source: source, Format: format, Path: path, Overwrite: in.Overwrite, Version: t.Version,
		Verify: export.Verify{Library: t.Runtime, Threads: runtime.NumCPU(), Volumes: judgedVolumes, Time: judgedTime},
	}
	return j, nil
}

// fitting refuses a name that says another kind of file than it would hold.
func fitting(path string, format export.Format) error {
	kind := strings.ToLower(filepath.Ext(path))
	if kind == filepath.Ext(format.FileName()) {
		return nil
	}
	for _, f := range export.Formats() {
		if kind == filepath.Ext(f.FileName()) {
			return tools.Errorf(tools.CodeBadArguments, "%q would hold %s, but its name says otherwise", path, format).
				WithHint("name it %s, or say format %s", strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))+filepath.Ext(format.FileName()), f)
		}
	}
	return nil
}

func (t modelExport) Run(ctx context.Context, in ExportIn, emit func(tools.Progress)) (ExportOut, error) {
	j, err := t.job(in)
	if err != nil {
		return ExportOut{}, err
	}
	j.request.Progress = func(phase string, done, total int) {
		emit(tools.Progress{Phase: phase, Done: int64(done), Total: int64(total)})
	}
	r, err := export.Export(ctx, j.request)
	if err != nil {
		return ExportOut{}, exportError(err)
	}
	out := ExportOut{
		Run: r.Run, Why: j.picked.Why, Model: r.Model, Checkpoint: r.Checkpoint, Step: r.Step, Parameters: r.Parameters,
		Format: in.Format, Path: r.Files[0].Path, Bytes: r.Bytes(), SHA256: r.Files[0].SHA256, Files: r.Files,
		Opset: r.Opset, Inputs: ports(r.Inputs), Outputs: ports(r.Outputs), SizeRatio: r.SizeRatio, Checks: r.Checks, Dice: r.Dice,
	}
	out.Summary = fmt.Sprintf("exported %s as %s to %s (%s)", j.picked.Label(), in.Format, tools.Plain(out.Path), tools.Bytes(out.Bytes))
	for i, c := range r.Checks {
		switch {
		case !c.Made:
			out.Summary += fmt.Sprintf("; not checked whether it %s: %s", c.Name, c.Found)
		case i == len(r.Checks)-1: // the one that says most
			out.Summary += fmt.Sprintf("; %s: %s", c.Name, c.Found)
		}
	}
	return out, nil
}

// exportError adds what to do about it.
func exportError(err error) error {
	e := tools.AsError(asError(err))
	switch {
	case errors.Is(err, export.ErrExists):
		return e.WithHint("choose another path, or say overwrite")
	case errors.Is(err, export.ErrCheck):
		return e.WithHint("nothing was kept; job_logs and metric_history tell how the run went")
	}
	return e
}

func ports(all []onnx.Port) []Port {
	var out []Port
	for _, p := range all {
		q := Port{Name: p.Name, Type: p.Type}
		for i, d := range p.Dims {
			if i > 0 {
				q.Shape += "×"
			}
			if q.Shape += d.Name; d.Size > 0 {
				q.Shape += fmt.Sprint(d.Size)
			}
		}
		out = append(out, q)
	}
	return out
}
