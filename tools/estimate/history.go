package estimate

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
)

// recent is how many measured runs are looked at, newest first.
const recent = 8

// settled is how many steps a run must have done for its rate to be trusted.
const settled = 8

// History is what earlier training runs on this machine achieved, newest
// first.
type History []Measured

// Measured is one run's rate.
type Measured struct {
	Run        string
	Experiment config.Experiment
	Rate       float64 // training steps a second
}

// ReadHistory reads the rates of the newest training runs of this machine. A
// run that cannot be read is left out: it only makes an estimate coarser.
func ReadHistory(ws *workspace.Workspace) (History, error) {
	all, err := runs.List(ws)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	var h History
	for _, r := range all {
		if r.Spec.Kind != runs.KindTrain || r.LastStep < settled || r.Worker.Host != host {
			continue
		}
		m := Measured{Run: r.ID(), Rate: rateOf(r)}
		if m.Rate <= 0 || json.Unmarshal(r.Spec.Experiment, &m.Experiment) != nil {
			continue
		}
		if h = append(h, m); len(h) == recent {
			break
		}
	}
	return h, nil
}

// rateOf is the last rate that a run reported while training.
func rateOf(r runs.Run) float64 {
	if r.Progress != nil && r.Progress.Phase == "train" {
		return r.Progress.Rate
	}
	rate := 0.0
	for rec, err := range journal.Read(filepath.Join(r.Dir, runs.EventsFile), 0) {
		if err != nil {
			return rate
		}
		var p runs.Progress
		if rec.Kind == runs.EventProgress && rec.Decode(&p) == nil && p.Phase == "train" && p.Rate > 0 {
			rate = p.Rate
		}
	}
	return rate
}

// speed takes the rate of the newest run that did the same work, else of the
// newest with the same network, else of the newest at all; else what is assumed.
// Between networks, arithmetic and memory traffic are weighed as assumed.
func (h History) speed(e config.Experiment, m model) speed {
	best, closest := speed{}, 0
	for _, past := range h {
		if past.Experiment.Device != e.Device || past.Experiment.Threads != e.Threads {
			continue
		}
		was, err := modelOf(past.Experiment)
		if err != nil || was.step.seconds() <= 0 {
			continue
		}
		near := 1
		basis := fmt.Sprintf("cost model at the speed of run %s (%.1f GFLOP/s)", past.Run, past.Rate*was.step.flops/1e9)
		switch {
		case past.Experiment.Model.Equal(e.Model) && was.step == m.step:
			near = 3
			basis = fmt.Sprintf("measured rate of run %s (%.2f steps/s)", past.Run, past.Rate)
		case past.Experiment.Model.Name == e.Model.Name:
			near = 2
		}
		if near > closest {
			closest, best = near, speed{factor: 1 / (past.Rate * was.step.seconds()), basis: basis}
		}
	}
	if closest == 0 {
		return assumed(e, m)
	}
	return best
}
