package train

import (
	"cmp"
	"context"
	"maps"
	"runtime"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/engine/machine"
	"github.com/minivess/minivess/engine/nn/cost"
	proposing "github.com/minivess/minivess/engine/plan"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/estimate"
)

const (
	// planned is what job.json gives as the source of a setting that follows from
	// a plan.
	planned = "planned from the dataset and the memory at hand"
	// stepSeconds is the longest that one step of a plan should take.
	stepSeconds = 10
	// spared is the memory that a plan leaves to the worker itself and to others.
	spared = 1 << 30
)

// propose lets patch, batch, normalisation and the network's levels follow from
// the dataset and the memory at hand, where nobody chose them, as nnU-Net plans.
// The reasons become notes.
func (t launch) propose(ctx context.Context, p *plan, d dataset.Dataset, train []runs.VolumeRef) error {
	settled, err := t.settle(ctx, &p.resolved, false)
	if err != nil {
		return err
	}
	if p.network = settled; settled.adapter == nil {
		return tools.Errorf(tools.CodeBadArguments, "what a TorchScript network takes is not known, so nothing can be planned for it").
			WithHint("leave plan out, and give patch_size and batch_size")
	}
	ids := make([]string, len(train))
	for i, v := range train {
		ids[i] = v.ID
	}
	fingerprint, ok := dataset.CachedFingerprint(t.Workspace, d, ids)
	if !ok {
		fingerprint = d.Outline()
	}
	speed, beside, err := t.machine(*p, train)
	if err != nil {
		return err
	}
	r, e := &p.resolved, &p.resolved.Experiment
	request := proposing.Request{
		Fingerprint: fingerprint, Model: e.Model.Name, Options: e.Model.Options(), Training: true,
		Precision: e.Train.Precision, Checkpointing: e.Train.GradientCheckpointing, Optimiser: optimiser(e.Train), Threads: cmp.Or(e.Threads, runtime.NumCPU()),
		StepSeconds: stepSeconds, Speed: speed,
	}
	if room := t.room(); room > 0 {
		request.Memory = max(1, room-beside)
	}
	if r.Sources["train.patch_size"] != config.DefaultSource {
		request.Patch = e.Train.PatchSize
	}
	if r.Sources["train.batch_size"] != config.DefaultSource {
		request.Batch = e.Train.BatchSize
	}
	proposal, err := proposing.Propose(ctx, request)
	if err != nil {
		return tools.Errorf(tools.CodeBadArguments, "%w", err).WithHint("choose patch_size and batch_size, or a smaller network")
	}
	options := maps.Clone(proposal.Options)
	delete(options, "in_channels") // which follow from the data
	delete(options, "out_channels")
	if _, err := fill(r, options, planned); err != nil {
		return asError(err)
	}
	for key, set := range map[string]func(){
		"train.patch_size": func() { e.Train.PatchSize = proposal.Patch },
		"train.batch_size": func() { e.Train.BatchSize = proposal.Batch },
		"normalise":        func() { e.Normalise = proposal.Normalise },
	} {
		if r.Sources[key] == config.DefaultSource {
			set()
			r.Sources[key] = planned
		}
	}
	p.notes, p.planned = append(p.notes, proposal.Reasons...), true
	return nil
}

// machine says what this machine does for such a network: arithmetic a second,
// 0 when that is not known, and the bytes that a training takes beside one
// step's tensors.
func (t launch) machine(p plan, train []runs.VolumeRef) (speed float64, beside int64, err error) {
	e := p.resolved.Experiment
	e.Train.PatchSize = nearestFit(e.Train.PatchSize, p.network.divisor)
	past, err := estimate.ReadHistory(t.Workspace)
	if err != nil {
		return 0, 0, asError(err)
	}
	const many = 1000 // epochs, beside which starting the worker counts for nothing
	e.Train.Epochs, e.Train.MaxSteps = many, 0
	est, err := estimate.Training(estimate.Job{Experiment: e, Train: shapes(train)}, past)
	if err != nil {
		return 0, 0, tools.Errorf(tools.CodeBadArguments, "%w", err)
	}
	step, err := cost.Estimate(p.network.adapter, e.Train.BatchSize, e.Train.PatchSize, e.Train.Precision, true)
	if err != nil {
		return 0, 0, tools.Errorf(tools.CodeBadArguments, "%w", err)
	}
	if est.Cost.Seconds > 0 {
		speed = float64(step.FLOPs) * float64(est.Steps) / est.Cost.Seconds
	}
	return speed, max(0, est.Cost.MemoryBytes-step.PeakBytes), nil
}

// optimiser is the configuration's, as the cost model calls it.
func optimiser(t config.Train) string {
	if t.Optimizer == cost.SGD && t.Momentum == 0 {
		return cost.Descent
	}
	return t.Optimizer
}

// room is the memory that a training may take, 0 when that is not known.
func (d Deps) room() int64 {
	if d.Memory > 0 {
		return d.Memory
	}
	return atHand()
}

// atHand is the memory that the system says is free, but for some that is left
// to the worker itself and to others.
func atHand() int64 {
	if n := machine.FreeMemory(); n > 0 {
		return max(n-spared, spared)
	}
	return 0
}
