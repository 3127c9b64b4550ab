package evaluate

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/estimate"
	"github.com/minivess/minivess/tools/resolve"
)

//go:embed evaluate_run.md
var evaluateDoc string

// RunIn says which run to judge on what.
type RunIn struct {
	Run     string   `json:"run" jsonschema:"which trained run: an id or its prefix, a name, latest, best:dice, …"`
	Dataset string   `json:"dataset,omitempty" jsonschema:"dataset to judge it on; left out, the one it was trained on"`
	Split   string   `json:"split" jsonschema:"which volumes: train, val or test" enum:"train,val,test" default:"test"`
	Metrics []string `json:"metrics" jsonschema:"what to measure, by name or family; by the first one volumes are ranked. Families: overlap (dice, iou, precision, recall, volume_similarity, f_beta), boundary (hd95, any hdN, hd, nsd, assd, masd, boundary_iou), centreline (cldice, skeleton_recall, skeleton_precision, radius_error), topology (betti0_error, betti1_error, betti2_error, euler_error), instance (lesion_precision, lesion_recall, lesion_f1, panoptic_quality), probability (brier, nll, ece, mce, auroc, average_precision), uncertainty (uncertainty_auroc, uncertainty_spearman)" default:"[\"dice\",\"cldice\",\"hd95\",\"nsd\"]"`
	Ignore  int      `json:"ignore_label,omitempty" jsonschema:"label of voxels that are not judged; left out, all are" minimum:"1" maximum:"255"`
}

// RunOut is the evaluation that was started.
type RunOut struct {
	tools.Line
	Run       string   `json:"run" jsonschema:"id of the evaluation"`
	Judges    string   `json:"judges" jsonschema:"id of the run that is judged; the scores are filed under it"`
	Why       string   `json:"why" jsonschema:"why it is this run"`
	Dataset   string   `json:"dataset" jsonschema:"dataset that it is judged on"`
	Split     string   `json:"split" jsonschema:"part of the dataset"`
	Volumes   int      `json:"volumes" jsonschema:"number of volumes"`
	Metrics   []string `json:"metrics" jsonschema:"what is measured"`
	Tolerance float64  `json:"tolerance" jsonschema:"how far apart surfaces may lie for NSD, in the spacing's unit"`
	Unit      string   `json:"unit" jsonschema:"unit of the spacing, and so of distances"`
	Report    string   `json:"report" jsonschema:"where the HTML report will lie, with pictures of the worst volumes"`
}

type evaluateRun struct{ Deps }

func (evaluateRun) Spec() tools.Spec {
	return tools.Spec{Name: "evaluate_run", Family: family, Effect: tools.Launch, Doc: evaluateDoc}
}

// task is an evaluation that has passed every check.
type task struct {
	judged     resolve.Picked
	experiment config.Experiment
	checkpoint runs.Checkpoint
	data       runs.DatasetRef
	tolerance  float64
	unit       string
	notes      []string
}

func (t evaluateRun) Preview(ctx context.Context, in RunIn) (tools.Preview, error) {
	in, err := in.expanded()
	if err != nil {
		return tools.Preview{}, err
	}
	past, err := estimate.ReadHistory(t.Workspace)
	if err != nil {
		return tools.Preview{}, asError(err)
	}
	if planned, ok := resolve.RunInPlan(ctx, in.Run); ok {
		return t.previewAhead(ctx, in, planned, past)
	}
	job, err := t.task(in)
	if err != nil {
		return tools.Preview{}, err
	}
	in.Dataset = job.data.Name
	args, err := json.Marshal(in)
	if err != nil {
		return tools.Preview{}, asError(err)
	}
	est, err := estimate.Evaluation(estimate.Job{Experiment: job.experiment, Held: shapes(job.data.Volumes)}, past)
	if err != nil {
		return tools.Preview{}, asError(err)
	}
	est.Cost.MemoryBytes += scoring(job, in.Metrics)
	est.Cost.DiskBytes += reportBytes
	return tools.Preview{
		Summary: fmt.Sprintf("evaluate %s on %s", job.judged.Label(), job.what(in)),
		Args:    args, Cost: est.Cost, Notes: job.notes,
		Writes: []string{filepath.Join(t.Workspace.Runs(), "<run>")},
	}, nil
}

// reportBytes is about what a report and its pictures take.
const reportBytes = 4 << 20

// scoring is the memory of two volumes of the largest kind, one that is scored
// while the next is predicted.
func scoring(j task, names []string) int64 {
	var most int64
	for _, v := range j.data.Volumes {
		most = max(most, metrics.JudgingMemory(v.Shape, j.experiment.Model.OutChannels, names, metrics.Options{Tolerance: j.tolerance}))
	}
	return 2 * most
}

// expanded puts a family's metrics in its place and refuses unknown names.
func (in RunIn) expanded() (RunIn, error) {
	for i, name := range in.Metrics {
		if _, err := metrics.Expand(name); err != nil {
			return in, unknownMetric(fmt.Sprintf("metrics[%d]", i), name, append(metrics.Families(), metrics.FamilyProbability, metrics.FamilyUncertainty)...)
		}
	}
	if len(in.Metrics) == 0 {
		return in, tools.Errorf(tools.CodeBadArguments, "metrics is empty: nothing would be measured").WithHint("leave it out for dice, cldice, hd95 and nsd")
	}
	var err error
	in.Metrics, err = metrics.Expand(in.Metrics...)
	return in, asError(err)
}

// unknownMetric says what could have been meant.
func unknownMetric(argument, name string, families ...string) error {
	choice := append(metrics.Choice(), families...)
	e := tools.Errorf(tools.CodeBadArguments, "%s must be a metric, not %q", argument, tools.Plain(name)).WithCandidates(choice...)
	near := metrics.Nearest(name)
	if near == "" {
		near = tools.Nearest(name, choice)
	}
	if near == "" {
		return e.WithHint("any hdN between 0 and 100 is a metric too, such as hd90")
	}
	return e.WithHint("did you mean %s?", near)
}

// what says on what and by what: "toy test (2 volumes): dice, nsd at 2 µm".
func (j task) what(in RunIn) string {
	words := slices.Clone(in.Metrics)
	if i := slices.Index(words, metrics.NSD); i >= 0 {
		words[i] = strings.TrimSpace(fmt.Sprintf("nsd at %g %s", j.tolerance, unitName(j.unit)))
	}
	return fmt.Sprintf("%s %s (%s): %s", tools.Plain(j.data.Name), in.Split, tools.Count(len(j.data.Volumes), "volume"), strings.Join(words, ", "))
}

func unitName(unit string) string {
	if unit == "um" {
		return "µm"
	}
	return unit
}

func (t evaluateRun) Run(ctx context.Context, in RunIn, _ func(tools.Progress)) (RunOut, error) {
	in, err := in.expanded()
	if err != nil {
		return RunOut{}, err
	}
	job, err := t.task(in)
	if err != nil {
		return RunOut{}, err
	}
	raw, err := json.Marshal(job.experiment)
	if err != nil {
		return RunOut{}, asError(err)
	}
	r := job.judged.Run
	id, err := t.Launcher.Launch(ctx, runs.Spec{
		Schema: runs.SpecSchema, Kind: runs.KindEvaluate, Key: tools.CallID(ctx), TraceParent: tools.TraceParent(ctx),
		Model: r.Spec.Model, Dataset: job.data, Experiment: raw, Sources: r.Spec.Sources,
		Evaluate: &runs.EvaluateSpec{
			Run: r.ID(), Checkpoint: checkpointPath(r, job.checkpoint),
			Split: in.Split, Metrics: in.Metrics, Tolerance: job.tolerance, Ignore: in.ignored(),
		},
	})
	if err != nil {
		return RunOut{}, asError(err)
	}
	return RunOut{
		Line: tools.Line{Summary: fmt.Sprintf("%s started: %s on %s", id, job.judged.Label(), job.what(in))},
		Run:  id, Judges: r.ID(), Why: job.judged.Why, Dataset: job.data.Name, Split: in.Split,
		Volumes: len(job.data.Volumes), Metrics: in.Metrics, Tolerance: job.tolerance, Unit: job.unit,
		Report: filepath.Join(t.Workspace.Run(id), filepath.FromSlash(runs.ReportFile)),
	}, nil
}

func (in RunIn) ignored() *uint8 {
	if in.Ignore == 0 {
		return nil
	}
	label := uint8(in.Ignore)
	return &label
}

// task makes every check that can be made before a worker starts.
func (t evaluateRun) task(in RunIn) (task, error) {
	picked, err := resolve.TrainedRun(t.Workspace, in.Run)
	if err != nil {
		return task{}, err
	}
	r := picked.Run
	j := task{judged: picked, notes: []string{fmt.Sprintf("%q is %s: %s", tools.Plain(in.Run), r.ID(), picked.Why)}}
	if r.State.Active() {
		return j, tools.Errorf(tools.CodeConflict, "run %s is still %s", r.ID(), r.State).
			WithHint("evaluate it when it has ended, or stop it with job_cancel")
	}
	if j.checkpoint, err = checkpointOf(r); err != nil {
		return j, err
	}
	if err := json.Unmarshal(r.Spec.Experiment, &j.experiment); err != nil {
		return j, tools.Errorf(tools.CodeFailed, "run %s: its experiment cannot be read: %w", r.ID(), err)
	}
	if r.State != runs.StateFinished {
		j.notes = append(j.notes, fmt.Sprintf("the run is %s: its weights are those of step %d", r.State, j.checkpoint.Step))
	}
	if j.data, err = t.volumes(r, in); err != nil {
		return j, err
	}
	j.experiment.Dataset = j.data.Name
	if n := seen(r, j.data.Volumes); n > 0 && in.Split == dataset.SplitTest {
		j.notes = append(j.notes, fmt.Sprintf("%d of the %s were used in training this run: their scores say little", n, tools.Count(len(j.data.Volumes), "volume")))
	}
	if in.Ignore > 0 && in.Ignore < j.experiment.Model.OutChannels {
		j.notes = append(j.notes, fmt.Sprintf("label %d is one that the network predicts; it is not scored, and its voxels in the reference are left out", in.Ignore))
		if j.experiment.Model.OutChannels == 2 {
			return j, tools.Errorf(tools.CodeBadArguments, "ignore_label %d is the only label that the network predicts: nothing is left to judge", in.Ignore).
				WithHint("give the label of the voxels that are not to be judged, such as 255")
		}
	}
	j.tolerance, j.unit = tolerance(j.data.Volumes)
	return j, nil
}

// checkpointOf gives the best weights of a run, else its last. Whether they are
// sound is for the worker to say, which reads them.
func checkpointOf(r runs.Run) (runs.Checkpoint, error) {
	for _, role := range []string{"best", "last"} {
		c, ok := r.Checkpoints[role]
		if !ok {
			continue
		}
		if _, err := os.Stat(checkpointPath(r, c)); err != nil {
			return c, tools.Errorf(tools.CodeConflict, "the %s checkpoint of run %s is gone: %w", role, r.ID(), err).
				WithHint("put the file back, or train the run again")
		}
		return c, nil
	}
	return runs.Checkpoint{}, tools.Errorf(tools.CodeConflict, "run %s has no checkpoint to evaluate", r.ID()).
		WithHint("job_status says how it ended; job_resume may take it further")
}

func checkpointPath(r runs.Run, c runs.Checkpoint) string {
	return filepath.Join(r.Dir, filepath.FromSlash(c.Path))
}

// volumes are those that the run was launched with, or, for another dataset,
// those that its first fold gives the part.
func (t evaluateRun) volumes(r runs.Run, in RunIn) (runs.DatasetRef, error) {
	data := r.Spec.Dataset
	if in.Dataset != "" && in.Dataset != data.Name {
		d, err := resolve.Dataset(t.Workspace, in.Dataset)
		if err != nil {
			return data, err
		}
		refs, err := d.Refs(0)
		if err != nil {
			return data, tools.Errorf(tools.CodeBadArguments, "%w", err).WithHint("dataset_split divides it")
		}
		data = runs.DatasetRef{Name: d.Name, Digest: d.Digest, Volumes: refs}
	}
	data.Volumes = part(data.Volumes, in.Split)
	if len(data.Volumes) == 0 {
		return data, tools.Errorf(tools.CodeBadArguments, "dataset %s has no %s volumes for this run", tools.Plain(data.Name), in.Split).
			WithHint("choose another split, or divide the dataset anew with dataset_split and train on that")
	}
	return data, nil
}

// seen counts the volumes whose image the run was trained or validated on.
func seen(r runs.Run, volumes []runs.VolumeRef) int {
	n := 0
	for _, v := range volumes {
		if slices.ContainsFunc(r.Spec.Dataset.Volumes, func(w runs.VolumeRef) bool {
			return w.Split != dataset.SplitTest && w.ImageSHA256 == v.ImageSHA256 && v.ImageSHA256 != ""
		}) {
			n++
		}
	}
	return n
}

// tolerance is the coarsest voxel spacing of the volumes: where a surface lies
// cannot be told more finely than that.
func tolerance(volumes []runs.VolumeRef) (coarsest float64, unit string) {
	for _, v := range volumes {
		coarsest, unit = max(coarsest, slices.Max(v.Spacing[:])), v.Unit
	}
	return coarsest, unit
}

func part(refs []runs.VolumeRef, split string) []runs.VolumeRef {
	return slices.DeleteFunc(slices.Clone(refs), func(r runs.VolumeRef) bool { return r.Split != split })
}

func shapes(refs []runs.VolumeRef) [][3]int {
	all := make([][3]int, len(refs))
	for i, r := range refs {
		all[i] = r.Shape
	}
	return all
}

// asError gives the engine's errors their codes.
func asError(err error) error {
	code := tools.CodeFailed
	switch {
	case err == nil:
		return nil
	case errors.Is(err, runs.ErrNoRun):
		code = tools.CodeNotFound
	case errors.Is(err, runs.ErrBadSpec):
		code = tools.CodeBadArguments
	}
	return tools.Errorf(code, "%w", err)
}
