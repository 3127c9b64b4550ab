package torch

import (
	"fmt"

	"github.com/sugarme/gotch"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/schedule"
)

// plansKept bounds the number of input shapes remembered. Whole volumes of
// many sizes must not fill the memory with plans.
const plansKept = 16

// planKey tells plans apart.
type planKey struct {
	image string
	all   bool // auxiliary heads too
	mode  schedule.Mode
}

// kernels reports whether this package's own kernels are used.
func (m *Module) kernels() bool { return m.device == gotch.CPU && !m.contiguous }

// plan returns how to run the network on an image of that shape.
func (m *Module) plan(image nn.Shape, train, all bool) (*schedule.Plan, error) {
	key := planKey{image: image.String(), all: all}
	switch {
	case train && m.checkpointing:
		key.mode = schedule.Recompute
	case train:
		key.mode = schedule.Train
	}
	if l, ok := m.plans[key]; ok {
		return l, nil
	}
	p, err := nn.Trace(m.forward, m.params, nn.InputShapes{Image: image})
	if err != nil {
		return nil, fmt.Errorf("input %v: %w", image, err)
	}
	if !all {
		p = p.LogitsOnly()
	}
	if len(m.plans) >= plansKept {
		clear(m.plans)
	}
	l := schedule.New(p, schedule.Settings{Mode: key.mode, Kernels: m.kernels()})
	m.plans[key] = l
	return l, nil
}
