package train

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/estimate"
)

//go:embed train_launch.md
var launchDoc string

// LaunchIn says what to train on what. The schema shows the defaults.
type LaunchIn struct {
	Dataset               string   `json:"dataset" jsonschema:"name of a dataset in the catalogue"`
	Model                 string   `json:"model" jsonschema:"name of the network"`
	Epochs                *int     `json:"epochs,omitempty" jsonschema:"passes over the training volumes"`
	MaxSteps              *int     `json:"max_steps,omitempty" jsonschema:"largest number of steps"`
	LearningRate          *float64 `json:"learning_rate,omitempty" jsonschema:"highest learning rate"`
	BatchSize             *int     `json:"batch_size,omitempty" jsonschema:"patches in one step"`
	PatchSize             *[3]int  `json:"patch_size,omitempty" jsonschema:"voxels of a patch along x, y and z"`
	Loss                  string   `json:"loss,omitempty" jsonschema:"loss function"`
	Optimizer             string   `json:"optimizer,omitempty" jsonschema:"optimizer"`
	Precision             string   `json:"precision,omitempty" jsonschema:"precision of the arithmetic"`
	GradientCheckpointing *bool    `json:"gradient_checkpointing,omitempty" jsonschema:"recompute activations to save memory"`
	Patience              *int     `json:"patience,omitempty" jsonschema:"validations without improvement before it stops"`
	Plan                  bool     `json:"plan,omitempty" jsonschema:"let patch, batch, normalisation and the network's levels, where not given, follow from the dataset and the memory at hand, as nnU-Net plans; otherwise there are defaults" default:"false"`
	InitFrom              string   `json:"init_from,omitempty" jsonschema:"weights to begin with" path:"read"`
	Freeze                []string `json:"freeze,omitempty" jsonschema:"patterns of parameters that are not trained"`
	Seed                  *int64   `json:"seed,omitempty" jsonschema:"seed of every random choice"`
	Fold                  *int     `json:"fold,omitempty" jsonschema:"fold held out for validation"`
	Executor              string   `json:"executor,omitempty" jsonschema:"where the job runs; this version has local, which is this machine" enum:"local,slurm" default:"local"`
	Name                  string   `json:"name,omitempty" jsonschema:"name for the run"`
	Tags                  []string `json:"tags,omitempty" jsonschema:"tags for the run: KEY or KEY=VALUE"`
	Config                string   `json:"config,omitempty" jsonschema:"path of an experiment file (YAML); the other arguments win over it" path:"read"`
	Overrides             []string `json:"overrides,omitempty" jsonschema:"any other settings of the experiment as key=value, for example model.init_filters=16" path:"settings"`
}

// LaunchOut is the run that was started.
type LaunchOut struct {
	tools.Line
	Run        string `json:"run" jsonschema:"id of the run"`
	Dataset    string `json:"dataset" jsonschema:"dataset that it is trained on"`
	Model      string `json:"model" jsonschema:"network that is trained"`
	Steps      int    `json:"steps" jsonschema:"number of steps, unless it stops early"`
	Parameters int64  `json:"parameters" jsonschema:"number of weights of the network"`
	Fold       int    `json:"fold" jsonschema:"fold held out for validation"`
	Seed       int64  `json:"seed" jsonschema:"seed of the run"`
}

type launch struct{ Deps }

func (launch) Spec() tools.Spec {
	return tools.Spec{Name: "train_launch", Family: family, Effect: tools.Launch, Doc: launchDoc}
}

// Refine implements tools.Refiner.
func (launch) Refine(input *jsonschema.Schema) { refineSettings(input) }

// Preview checks everything that a launch checks.
func (t launch) Preview(ctx context.Context, in LaunchIn) (tools.Preview, error) {
	pl, err := t.plan(ctx, in)
	if err != nil {
		return tools.Preview{}, err
	}
	args, err := in.filled(pl)
	if err != nil {
		return tools.Preview{}, asError(err)
	}
	return tools.Preview{
		Summary: "train " + pl.sentence(),
		Args:    args,
		Writes:  []string{filepath.Join(t.Workspace.Runs(), "<run>")},
		Reads:   pl.reads(),
		Cost:    pl.estimate.Cost,
		Notes:   pl.notes,
	}, nil
}

func (t launch) Run(ctx context.Context, in LaunchIn, _ func(tools.Progress)) (LaunchOut, error) {
	pl, err := t.plan(ctx, in)
	if err != nil {
		return LaunchOut{}, err
	}
	if err := tools.CheckReads(ctx, pl.reads()); err != nil {
		return LaunchOut{}, err
	}
	e := pl.resolved.Experiment
	spec, err := pl.spec()
	if err != nil {
		return LaunchOut{}, asError(err)
	}
	spec.Key, spec.TraceParent = tools.CallID(ctx), tools.TraceParent(ctx)
	id, err := t.Launcher.Launch(ctx, spec)
	if err != nil {
		return LaunchOut{}, asError(err)
	}
	return LaunchOut{
		Line: tools.Line{Summary: fmt.Sprintf("%s started: %s", id, pl.sentence())},
		Run:  id, Dataset: e.Dataset, Model: e.Model.Name, Steps: pl.estimate.Steps, Parameters: pl.estimate.Parameters,
		Fold: e.Fold, Seed: e.Seed,
	}, nil
}

// plan is a launch that has passed every check.
type plan struct {
	resolved config.Resolved
	network  network
	planned  bool // patch and batch follow from the dataset
	data     runs.DatasetRef
	estimate estimate.Estimate
	notes    []string
}

// reads are the files that the training begins with, whether an argument or the
// experiment file names them.
func (p plan) reads() []string {
	var files []string
	for _, f := range []*runs.FileRef{p.network.init, p.network.file} {
		if f == nil {
			continue
		}
		files = append(files, f.Path)
		// Of a bundle's folder more than the weights is read.
		if folder, err := filepath.Abs(f.From); err == nil && f.Run == "" && folder != f.Path {
			files = append(files, folder)
		}
	}
	return files
}

// spec is the plan as a job specification.
func (p plan) spec() (runs.Spec, error) {
	e := p.resolved.Experiment
	raw, err := json.Marshal(e)
	return runs.Spec{
		Schema: runs.SpecSchema, Name: e.Name, Kind: runs.KindTrain, Tags: e.Tags, Model: e.Model.Name,
		Dataset: p.data, Experiment: raw, Sources: p.resolved.Sources, Init: p.network.init, Network: p.network.file,
	}, err
}

// valid checks the specification as creating the run will.
func (p plan) valid() error {
	spec, err := p.spec()
	if err != nil {
		return asError(err)
	}
	spec.RunID = "checked"
	return asError(spec.Validate())
}

// sentence says what is trained: "segresnet-8 (1.18 M parameters) on toy, fold
// 0: 400 steps of 2×48×48×48".
func (p plan) sentence() string {
	e := p.resolved.Experiment
	size := fmt.Sprintf("%.2f M", float64(p.estimate.Parameters)/1e6)
	if p.estimate.Parameters < 10_000 {
		size = fmt.Sprint(p.estimate.Parameters)
	}
	return fmt.Sprintf("%s (%s parameters) on %s, fold %d: %d steps of %d×%s",
		p.network.label(e.Model), size, tools.Plain(e.Dataset), e.Fold,
		p.estimate.Steps, e.Train.BatchSize, tools.Extent(e.Train.PatchSize))
}
