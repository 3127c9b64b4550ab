package train

import (
	"context"
	"fmt"
	"maps"
	"math"
	"strings"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/brief"
)

// Outcome is how a run ended.
type Outcome struct {
	State   string `json:"state"` // finished, failed or cancelled
	Summary string `json:"summary,omitempty"`
	Error   string `json:"error,omitempty"`
	Hint    string `json:"hint,omitempty"`
	Code    string `json:"code,omitempty"` // of the failure, as the worker gave it
}

// Watcher waits for launched runs. It holds no state: a new one can go on
// watching what an earlier process launched.
type Watcher struct{ deps Deps }

// NewWatcher makes a watcher over the same parts as the tools.
func NewWatcher(deps Deps) *Watcher { return &Watcher{deps: deps} }

// Watch blocks until the run has ended and tells emit what it does meanwhile.
// Each report carries the latest values of all metrics so far. When ctx ends,
// the watching ends with its error and the run goes on.
func (w *Watcher) Watch(ctx context.Context, run string, emit func(tools.Progress)) (Outcome, error) {
	if emit == nil {
		emit = func(tools.Progress) {}
	}
	said := report{Progress: tools.Progress{Run: run}, values: map[string]float64{}}
	for rec, err := range w.deps.Launcher.Watch(ctx, run, 0) {
		if err != nil {
			return Outcome{}, asError(err)
		}
		changed, err := said.take(rec)
		if err != nil {
			return Outcome{}, asError(err)
		}
		if changed {
			emit(said.Progress)
		}
	}
	if err := ctx.Err(); err != nil {
		return Outcome{}, fmt.Errorf("watching run %s: %w", run, err)
	}
	r, err := runs.Load(w.deps.Workspace, run)
	if err != nil {
		return Outcome{}, asError(err)
	}
	return outcomeOf(r), nil
}

func outcomeOf(r runs.Run) Outcome {
	b := brief.Of(r)
	o := Outcome{State: string(r.State), Summary: fmt.Sprintf("%s %s", r.ID(), b.Sentence())}
	if r.State != runs.StateFinished {
		o.Error, o.Hint = b.Error, b.Hint
	}
	if r.Failure != nil {
		o.Code = r.Failure.Code
	}
	if r.State == runs.StateCancelled {
		o.Error = fmt.Sprintf("cancelled at step %d", r.LastStep)
		if r.Resumable {
			o.Hint = "job_resume takes it up again"
		}
	}
	return o
}

// report is what is known of a run so far.
type report struct {
	tools.Progress
	values map[string]float64
}

// take adds an event and says whether there is something new to report.
func (p *report) take(rec journal.Record) (bool, error) {
	switch rec.Kind {
	case runs.EventQueued:
		p.State, p.Phase, p.Message = string(runs.StateQueued), "", ""
	case runs.EventStarted:
		p.State, p.Message = string(runs.StateRunning), ""
	case runs.EventWeights:
		var e runs.Weights
		if err := rec.Decode(&e); err != nil {
			return false, err
		}
		p.Message = "first weights: " + tools.Plain(e.Summary)
	case runs.EventProgress:
		var e runs.Progress
		if err := rec.Decode(&e); err != nil {
			return false, err
		}
		p.Phase, p.Done, p.Total, p.Rate, p.ETA = e.Phase, e.Done, e.Total, e.Rate, e.ETA
	case runs.EventMetric:
		m, err := runs.DecodeMetric(rec.Data)
		if err != nil {
			return false, err
		}
		p.measure(m)
	case runs.EventWarning:
		var e runs.Warning
		if err := rec.Decode(&e); err != nil {
			return false, err
		}
		p.Message = tools.Plain(e.Message)
	case runs.EventFinished, runs.EventFailed, runs.EventCancelled, runs.EventCheckpointed:
		p.State, p.Phase, p.ETA, p.Message = ended(rec.Kind), "", 0, ""
	default:
		return false, nil
	}
	return true, nil
}

func ended(kind string) string {
	if kind == runs.EventCheckpointed {
		return string(runs.StateCancelled)
	}
	return kind
}

// measure keeps the latest values by name. A loss that is not the training's
// keeps its split ("val/loss"). The map is new each time: the one before was
// handed out.
func (p *report) measure(m runs.Metric) {
	next := maps.Clone(p.values)
	for name, v := range m.Values {
		if m.Split != "train" && strings.Contains(name, "loss") {
			name = m.Split + "/" + name
		}
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) { // JSON has no such numbers
			delete(next, name)
			p.Message = fmt.Sprintf("%s is %g", name, f)
			continue
		}
		next[name] = float64(v)
	}
	p.values, p.Values = next, next
}
