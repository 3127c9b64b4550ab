package serve

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/estimate"
	"github.com/minivess/minivess/tools/resolve"
)

//go:embed predict_volume.md
var predictDoc string

// PredictIn says what to predict with what.
type PredictIn struct {
	Run           string  `json:"run" jsonschema:"which trained run (an id or its prefix, a name, latest, best:dice, …), or a model file ending in .onnx, .ts or .pt" path:"read"`
	Input         string  `json:"input" jsonschema:"NIfTI image, folder of images, or name of a volume of the run's dataset" path:"read"`
	Output        string  `json:"output,omitempty" jsonschema:"file for the labels, or a folder for those of several images" path:"write"`
	Window        *[3]int `json:"window,omitempty" jsonschema:"voxels of the sliding window along x, y and z; left out, what the run or the file says"`
	Normalise     string  `json:"normalise,omitempty" jsonschema:"how intensities of an image are brought to a common range, for a model file that does not say it" enum:"zscore,percentile,none"`
	Probabilities bool    `json:"probabilities,omitempty" jsonschema:"also write the probability of each voxel not to be background" default:"false"`
	Overwrite     bool    `json:"overwrite,omitempty" jsonschema:"replace files that are there" default:"false"`
}

// PredictOut is the prediction that was started.
type PredictOut struct {
	tools.Line
	Run      string   `json:"run" jsonschema:"id of the prediction"`
	Predicts string   `json:"predicts" jsonschema:"the run, or the model file, that predicts"`
	Why      string   `json:"why" jsonschema:"why it is this one"`
	Volumes  int      `json:"volumes" jsonschema:"number of images"`
	Outputs  []string `json:"outputs" jsonschema:"files that will be written"`
}

type predictVolume struct{ Deps }

func (predictVolume) Spec() tools.Spec {
	return tools.Spec{Name: "predict_volume", Family: family, Effect: tools.Launch, Doc: predictDoc}
}

// prediction is one that has passed every check.
type prediction struct {
	spec    runs.Spec
	label   string // of what predicts
	why     string
	folder  string // to be made for the output, if any
	shapes  [][3]int
	network config.Experiment
	notes   []string
}

func (t predictVolume) Preview(ctx context.Context, in PredictIn) (tools.Preview, error) {
	if planned, ok := resolve.RunInPlan(ctx, in.Run); ok {
		return tools.Preview{
			Summary: fmt.Sprintf("predict %s with the run of step %s", tools.Plain(in.Input), planned.Step),
			Notes:   []string{fmt.Sprintf("the run is known once step %s has started it", planned.Step)},
		}, nil
	}
	p, err := t.prepare(in)
	if err != nil {
		return tools.Preview{}, err
	}
	past, err := estimate.ReadHistory(t.Workspace)
	if err != nil {
		return tools.Preview{}, asError(err)
	}
	in.Output = p.outputs()[0]
	if p.folder != "" {
		in.Output = p.folder
	}
	args, err := json.Marshal(in)
	if err != nil {
		return tools.Preview{}, asError(err)
	}
	preview := tools.Preview{
		Summary: "predict " + p.sentence(), Args: args, Notes: p.notes,
		Writes: append([]string{filepath.Join(t.Workspace.Runs(), "<run>")}, p.outputs()...),
	}
	if p.spec.Predict.Model == "" {
		// What a network in a file costs is not known before it runs.
		if e, err := estimate.Evaluation(estimate.Job{Experiment: p.network, Held: p.shapes}, past); err == nil {
			preview.Cost = e.Cost
		}
	}
	return preview, nil
}

func (t predictVolume) Run(ctx context.Context, in PredictIn, _ func(tools.Progress)) (PredictOut, error) {
	p, err := t.prepare(in)
	if err != nil {
		return PredictOut{}, err
	}
	if p.folder != "" {
		if err := os.MkdirAll(p.folder, 0o750); err != nil {
			return PredictOut{}, asError(err)
		}
	}
	p.spec.Key, p.spec.TraceParent = tools.CallID(ctx), tools.TraceParent(ctx)
	id, err := t.Launcher.Launch(ctx, p.spec)
	if err != nil {
		return PredictOut{}, asError(err)
	}
	out := PredictOut{
		Line: tools.Line{Summary: fmt.Sprintf("%s started: %s", id, p.sentence())},
		Run:  id, Predicts: p.label, Why: p.why, Volumes: len(p.spec.Predict.Inputs), Outputs: p.outputs(),
	}
	return out, nil
}

// prepare makes every check that can be made before a worker starts.
func (t predictVolume) prepare(in PredictIn) (prediction, error) {
	p := prediction{spec: runs.Spec{Schema: runs.SpecSchema, Kind: runs.KindPredict, Predict: &runs.PredictSpec{}}}
	var data []runs.VolumeRef
	var err error
	if runs.IsModelFile(in.Run) {
		err = p.byFile(in)
	} else {
		data, err = p.byRun(t.Workspace, in)
	}
	if err != nil {
		return p, err
	}
	if err := p.images(in, data); err != nil {
		return p, err
	}
	if p.spec.Experiment, err = json.Marshal(p.network); err != nil {
		return p, asError(err)
	}
	checked := p.spec
	checked.RunID = "checked"
	return p, asError(checked.Validate())
}

// sentence says what is predicted: "scan.nii.gz with brisk-otter-7f3a".
func (p prediction) sentence() string {
	inputs := p.spec.Predict.Inputs
	what := tools.Plain(filepath.Base(inputs[0].Image))
	if len(inputs) > 1 {
		what = tools.Count(len(inputs), "image") + " of " + tools.Plain(filepath.Dir(inputs[0].Image))
	}
	return fmt.Sprintf("%s with %s in windows of %s", what, tools.Plain(p.label), tools.Extent(p.network.WindowSize()))
}

func (p prediction) outputs() []string {
	var out []string
	for _, in := range p.spec.Predict.Inputs {
		out = append(out, in.Writes()...)
	}
	return out
}
