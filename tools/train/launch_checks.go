package train

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/estimate"
	"github.com/minivess/minivess/tools/resolve"
)

// plan makes every check that can be made before a worker starts, so that what
// is approved does not fail in its first second.
func (t launch) plan(ctx context.Context, in LaunchIn) (plan, error) {
	if in.Executor == "slurm" {
		return plan{}, tools.Errorf(tools.CodeBadArguments, "this version runs jobs on this machine only; it has no Slurm executor").
			WithHint("leave executor out, or say local")
	}
	if !slices.Contains(modelNames(), in.Model) {
		return plan{}, tools.Errorf(tools.CodeNotFound, "there is no model %q", in.Model).
			WithCandidates(modelNames()...).WithHint("%s", tools.DidYouMean(in.Model, modelNames(), "models"))
	}
	if planned, ok := resolve.DatasetInPlan(ctx, in.Dataset); ok {
		return t.planAhead(ctx, in, planned)
	}
	d, err := resolve.Dataset(t.Workspace, in.Dataset)
	if err != nil {
		return plan{}, err
	}
	return t.planOn(ctx, in, d)
}

// planOn plans a training on a dataset that is there.
func (t launch) planOn(ctx context.Context, in LaunchIn, d dataset.Dataset) (plan, error) {
	first, err := in.resolved(0)
	if err != nil {
		return plan{}, err
	}
	refs, err := d.Refs(first.Experiment.Fold)
	if err != nil {
		return plan{}, asError(err)
	}
	train, val := part(refs, dataset.SplitTrain), part(refs, dataset.SplitVal)
	if len(train) == 0 {
		return plan{}, tools.Errorf(tools.CodeBadArguments, "fold %d of dataset %s has no training volumes", first.Experiment.Fold, d.Name).
			WithHint("split it anew with dataset_split")
	}
	if err := hasForeground(d, train); err != nil {
		return plan{}, err
	}
	p := plan{data: runs.DatasetRef{Name: d.Name, Digest: d.Digest, Volumes: refs}}
	if p.resolved, err = in.resolved(len(train)); err != nil {
		return plan{}, err
	}
	chosen := p.resolved.Sources["train.patch_size"] != config.DefaultSource
	if in.Plan {
		if err := t.propose(ctx, &p, d, train); err != nil {
			return plan{}, err
		}
	}
	if err := t.network(ctx, &p, !in.Plan); err != nil {
		return plan{}, err
	}
	e := p.resolved.Experiment
	if len(val) == 0 {
		p.notes = append(p.notes, "this fold has no validation volumes: the last checkpoint will also be the best")
	}
	p.notes = append(p.notes, small(e, d, train)...)
	p.notes = append(p.notes, unlabelled(d, train)...)
	if p.estimate, err = t.estimate(p, shapes(train), shapes(val)); err != nil {
		return p, err
	}
	warning := crowded(ctx, estimate.Job{Experiment: p.resolved.Experiment, Train: shapes(train), Held: shapes(val)}, t.room())
	if len(warning) > 0 && !in.Plan && !chosen && p.network.adapter != nil {
		in.Plan = true // what was not chosen can be chosen to fit
		if smaller, err := t.planOn(ctx, in, d); err == nil {
			smaller.notes = append([]string{"the default patch would not fit the memory, so it is planned"}, smaller.notes...)
			return smaller, nil
		}
	}
	p.notes = append(p.notes, warning...)
	return p, nil
}

// planAhead plans a training on a dataset that an earlier step will make. What
// is not known yet is checked when the step runs.
func (t launch) planAhead(ctx context.Context, in LaunchIn, planned resolve.PlannedDataset) (plan, error) {
	if planned.Name != "" {
		in.Dataset = planned.Name
	}
	volumes := max(1, planned.Volumes*6/10)
	p := plan{notes: []string{fmt.Sprintf("the dataset comes from step %s", planned.Step)}}
	var err error
	if p.resolved, err = in.resolved(volumes); err != nil {
		return plan{}, err
	}
	if in.Plan {
		p.notes = append(p.notes, "patch and batch are planned once the dataset is there; what follows holds for the defaults")
	}
	if err := t.network(ctx, &p, !in.Plan); err != nil {
		return plan{}, err
	}
	if planned.Volumes == 0 || planned.Shape == [3]int{} {
		p.notes = append(p.notes, "its volumes are not known yet, so neither are the number of steps and the time")
		p.estimate, err = t.estimate(p, make([][3]int, 1), nil)
		p.estimate.Cost.Seconds, p.estimate.Cost.Basis = 0, ""
		return p, err
	}
	held := max(1, planned.Volumes*2/10)
	p.estimate, err = t.estimate(p, slices.Repeat([][3]int{planned.Shape}, volumes), slices.Repeat([][3]int{planned.Shape}, held))
	return p, err
}

// network settles what is trained, and with which patches. Small says whether
// options that nobody chose are those of a small network.
func (t launch) network(ctx context.Context, p *plan, small bool) error {
	var err error
	if p.network, err = t.settle(ctx, &p.resolved, small); err != nil {
		return err
	}
	p.notes = append(p.notes, p.network.notes...)
	if err := fitPatch(&p.resolved, p.network.divisor); err != nil {
		return err
	}
	return p.valid()
}

func (t launch) estimate(p plan, train, held [][3]int) (estimate.Estimate, error) {
	past, err := estimate.ReadHistory(t.Workspace)
	if err != nil {
		return estimate.Estimate{}, asError(err)
	}
	est, err := estimate.Training(estimate.Job{Experiment: p.resolved.Experiment, Train: train, Held: held}, past)
	if err != nil {
		return est, tools.Errorf(tools.CodeBadArguments, "%w", err)
	}
	est.Parameters = nn.CountElements(p.network.params)
	return est, nil
}

// hasForeground refuses a dataset that there is nothing to learn from.
func hasForeground(d dataset.Dataset, train []runs.VolumeRef) error {
	if slices.ContainsFunc(d.Volumes, func(v dataset.Volume) bool { return v.Foreground > 0 && contains(train, v.ID) }) {
		return nil
	}
	return tools.Errorf(tools.CodeBadArguments, "no training volume of dataset %s has any foreground: there is nothing to learn", d.Name).
		WithHint("look at the labels with dataset_validate")
}

// unlabelled notes training volumes without foreground.
func unlabelled(d dataset.Dataset, train []runs.VolumeRef) []string {
	var ids []string
	for _, v := range d.Volumes {
		if v.Foreground == 0 && contains(train, v.ID) {
			ids = append(ids, tools.Plain(v.ID))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s without foreground: %s", tools.Count(len(ids), "training volume"), strings.Join(ids, ", "))}
}

// small notes volumes that are smaller than the patch; they are padded.
func small(e config.Experiment, d dataset.Dataset, train []runs.VolumeRef) []string {
	var ids []string
	patch := e.Train.PatchSize
	for _, v := range d.Volumes {
		if contains(train, v.ID) && (v.Shape[0] < patch[0] || v.Shape[1] < patch[1] || v.Shape[2] < patch[2]) {
			ids = append(ids, fmt.Sprintf("%s (%s)", tools.Plain(v.ID), tools.Extent(v.Shape)))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	const shown = 3
	more := ""
	if len(ids) > shown {
		ids, more = ids[:shown], fmt.Sprintf(" and %d more", len(ids)-shown)
	}
	return []string{fmt.Sprintf("smaller than the patch %s and padded with background: %s%s", tools.Extent(patch), strings.Join(ids, ", "), more)}
}

// crowded notes a training that wants more memory than there is, with what would
// fit; room is 0 when that is not known.
func crowded(ctx context.Context, j estimate.Job, room int64) []string {
	shortage, err := estimate.Advise(ctx, j, room)
	if err != nil || shortage == nil { // a mistake in the job was reported before
		return nil
	}
	return []string{shortage.String()}
}

func part(refs []runs.VolumeRef, split string) []runs.VolumeRef {
	return slices.DeleteFunc(slices.Clone(refs), func(r runs.VolumeRef) bool { return r.Split != split })
}

func contains(refs []runs.VolumeRef, id string) bool {
	return slices.ContainsFunc(refs, func(r runs.VolumeRef) bool { return r.ID == id })
}

func shapes(refs []runs.VolumeRef) [][3]int {
	all := make([][3]int, len(refs))
	for i, r := range refs {
		all[i] = r.Shape
	}
	return all
}

// costOfResuming estimates what is left of a run.
func (d Deps) costOfResuming(r runs.Run, epochs int) tools.Cost {
	e, err := experimentOf(r)
	if err != nil {
		return tools.Cost{}
	}
	if epochs > 0 {
		e.Train.Epochs = epochs
	}
	past, err := estimate.ReadHistory(d.Workspace)
	if err != nil {
		return tools.Cost{}
	}
	job := estimate.Job{Experiment: e, Train: shapes(part(r.Spec.Dataset.Volumes, dataset.SplitTrain)), Held: shapes(part(r.Spec.Dataset.Volumes, dataset.SplitVal))}
	est, err := estimate.Training(job, past)
	if err != nil {
		return tools.Cost{}
	}
	left := max(0, est.Steps-int(from(r)))
	est.Cost.Seconds *= float64(left) / float64(max(1, est.Steps))
	return est.Cost
}

// experimentOf reads the settings that a run was launched with.
func experimentOf(r runs.Run) (config.Experiment, error) {
	var e config.Experiment
	if err := json.Unmarshal(r.Spec.Experiment, &e); err != nil {
		return e, fmt.Errorf("run %s: its experiment: %w", r.ID(), err)
	}
	return e, nil
}
