package runs

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/workspace"
)

// Point is one value of a curve.
type Point struct {
	Step  int64  `json:"step"`
	Epoch int    `json:"epoch"`
	Value Number `json:"value"`
}

// Curves are the metric histories of a run by "split/name", as in
// "train/loss", each with one point a step, in order of steps. The zero value
// is ready. When a resumed run measures a step again, the later value counts.
type Curves struct {
	offset int64
	series map[string][]Point
}

// ReadCurves reads the curves of one run, without a database. For a run at
// work, call Refresh on the result to read on from there.
func ReadCurves(ws *workspace.Workspace, id string) (*Curves, error) {
	if !ValidID(id) {
		return nil, fmt.Errorf("%w: %q is no run id", ErrNoRun, id)
	}
	c := new(Curves)
	if err := c.Refresh(ws, id); err != nil {
		return nil, err
	}
	return c, nil
}

// Refresh reads what was appended since the last look, and no more.
func (c *Curves) Refresh(ws *workspace.Workspace, id string) error {
	for rec, err := range journal.Read(eventsPath(ws.Run(id)), c.offset) {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // queued a moment ago
		}
		if err != nil {
			return fmt.Errorf("curves of run %s: %w", id, err)
		}
		if err := c.Apply(rec); err != nil {
			return fmt.Errorf("curves of run %s: %w", id, err)
		}
	}
	return nil
}

// Apply takes in one event; those that are not metrics only move the offset.
func (c *Curves) Apply(rec journal.Record) error {
	if rec.Kind == EventMetric {
		m, err := DecodeMetric(rec.Data)
		if err != nil {
			return fmt.Errorf("event %d: %w", rec.Seq, err)
		}
		c.Add(m)
	}
	c.offset = rec.Offset
	return nil
}

// Add takes in the values of one step.
func (c *Curves) Add(m Metric) {
	if c.series == nil {
		c.series = map[string][]Point{}
	}
	for name, v := range m.Values {
		key := m.Split + "/" + name
		p := Point{Step: m.Step, Epoch: m.Epoch, Value: v}
		s := c.series[key]
		i, found := len(s), false
		if i > 0 && s[i-1].Step >= m.Step {
			i, found = slices.BinarySearchFunc(s, m.Step, func(p Point, step int64) int { return int(p.Step - step) })
		}
		if found {
			s[i] = p
		} else {
			s = slices.Insert(s, i, p)
		}
		c.series[key] = s
	}
}

// Names are the curves that there are, sorted.
func (c *Curves) Names() []string { return slices.Sorted(maps.Keys(c.series)) }

// Points returns one curve, or nil. The caller must not change it.
func (c *Curves) Points(name string) []Point { return c.series[name] }
