package plan

import (
	"context"
	"fmt"
	"maps"

	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn/cost"
)

func propose(ctx context.Context, r Request) (Proposal, error) {
	if err := ctx.Err(); err != nil {
		return Proposal{}, err
	}
	if len(r.Fingerprint.Shapes) == 0 {
		return Proposal{}, fmt.Errorf("%w: the fingerprint has no volumes", ErrRequest)
	}
	net, err := models.New(r.Model, r.Options)
	if err != nil {
		return Proposal{}, err
	}
	precision := r.Precision
	if precision == "" {
		precision = cost.Float32
	}
	p := Proposal{Model: r.Model, Options: maps.Clone(r.Options), Batch: max(r.Batch, 1), Normalise: "zscore", Spacing: r.Fingerprint.Spacings[0]}
	p.MedianShape = r.Fingerprint.Shapes[0]
	divisor := net.Config().Divisor
	for i, n := range p.MedianShape {
		p.Patch[i] = (n + divisor[i] - 1) / divisor[i] * divisor[i]
	}
	if r.Patch != [3]int{} {
		p.Patch = r.Patch
	}
	for {
		if p.Cost, err = cost.Estimate(net, p.Batch, p.Patch, precision, r.Training); err != nil {
			return Proposal{}, err
		}
		if r.Memory == 0 || p.Cost.PeakBytes <= r.Memory {
			return p, nil
		}
		axis := 0
		for i := range 3 {
			if p.Patch[i] > p.Patch[axis] {
				axis = i
			}
		}
		if r.Patch != [3]int{} || p.Patch[axis] <= divisor[axis] {
			return Proposal{}, fmt.Errorf("%w: %s needs %d bytes for a patch of %v, and there are %d", ErrMemory, r.Model, p.Cost.PeakBytes, p.Patch, r.Memory)
		}
		p.Patch[axis] -= divisor[axis]
	}
}
