package runs

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"time"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/metrics"
)

// Best is the best finite value that a metric has had.
type Best struct {
	Value Number `json:"value"`
	Step  int64  `json:"step"`
	Epoch int    `json:"epoch"`
}

// Fold is what a run's events add up to. Apply the records in order; a Fold
// that was stored as JSON goes on from its Offset.
type Fold struct {
	Offset  int64  `json:"offset"`         // where in events.jsonl to go on
	Last    string `json:"last,omitempty"` // queued, started, or the kind of the record that ended the run
	Attempt int    `json:"attempt,omitempty"`

	Queued  time.Time `json:"queued,omitzero"`  // when the current attempt was queued
	Started time.Time `json:"started,omitzero"` // when the first attempt started
	Ended   time.Time `json:"ended,omitzero"`   // when the last attempt ended
	Seen    time.Time `json:"seen,omitzero"`    // time of the last record
	Began   time.Time `json:"began,omitzero"`   // when the current attempt started, zero when it is over
	Spent   float64   `json:"spent,omitempty"`  // seconds that earlier attempts worked

	Worker   Started   `json:"worker,omitzero"` // of the current attempt
	Epochs   int       `json:"epochs,omitempty"`
	Step     int64     `json:"step,omitempty"`
	Epoch    int       `json:"epoch,omitempty"`
	Progress *Progress `json:"progress,omitempty"`
	Resource *Resource `json:"resource,omitempty"`

	// Best, Latest and Summary are keyed by "split/name", as in "val/dice".
	Best    map[string]Best   `json:"best,omitempty"`
	Latest  map[string]Number `json:"latest,omitempty"`
	Summary map[string]Number `json:"summary,omitempty"`
	Worst   *Worst            `json:"worst,omitempty"`

	Checkpoints map[string]Checkpoint `json:"checkpoints,omitempty"` // by role
	Warnings    int                   `json:"warnings,omitempty"`
	Failure     *Failed               `json:"failure,omitempty"`
	Reason      string                `json:"reason,omitempty"` // why it finished or stopped
}

// Terminal reports whether the events so far end in a record that ends a run.
func (f *Fold) Terminal() bool {
	switch f.Last {
	case EventFinished, EventFailed, EventCancelled, EventCheckpointed:
		return true
	default:
		return false
	}
}

// Apply takes in one record. A kind that it does not know is skipped, so that
// journals of newer versions can be read.
func (f *Fold) Apply(rec journal.Record) error {
	if err := f.apply(rec); err != nil {
		return fmt.Errorf("event %d (%s): %w", rec.Seq, rec.Kind, err)
	}
	f.Offset = rec.Offset
	f.Seen = rec.Time
	return nil
}

func (f *Fold) apply(rec journal.Record) error {
	switch rec.Kind {
	case EventMetric:
		m, err := DecodeMetric(rec.Data)
		if err != nil {
			return err
		}
		f.metric(m)
		return nil
	case EventProgress:
		f.Progress = new(Progress)
		if err := rec.Decode(f.Progress); err != nil {
			return err
		}
		f.Epoch = max(f.Epoch, f.Progress.Epoch)
		return nil
	case EventResource:
		f.Resource = new(Resource)
		return rec.Decode(f.Resource)
	case EventCheckpoint:
		var c Checkpoint
		if err := rec.Decode(&c); err != nil {
			return err
		}
		if f.Checkpoints == nil {
			f.Checkpoints = map[string]Checkpoint{}
		}
		f.Checkpoints[c.Role] = c
		return nil
	case EventWarning:
		f.Warnings++
		return nil
	case EventQueued, EventStarted:
		return f.begin(rec)
	case EventFinished, EventFailed, EventCancelled, EventCheckpointed:
		return f.end(rec)
	default:
		return nil
	}
}

// begin applies the records that open an attempt.
func (f *Fold) begin(rec journal.Record) error {
	f.close(f.Seen) // a worker that died left its attempt open
	f.Last, f.Failure, f.Reason, f.Ended = rec.Kind, nil, "", time.Time{}
	if rec.Kind == EventQueued {
		var q Queued
		if err := rec.Decode(&q); err != nil {
			return err
		}
		if q.Epochs > 0 {
			f.Epochs = q.Epochs
		}
		f.Queued, f.Worker, f.Progress = rec.Time, Started{}, nil
		return nil
	}
	f.Worker = Started{}
	if err := rec.Decode(&f.Worker); err != nil {
		return err
	}
	f.Attempt++
	f.Began = rec.Time
	f.Step = f.Worker.Step
	if f.Started.IsZero() {
		f.Started = rec.Time
	}
	return nil
}

// end applies the records that close an attempt.
func (f *Fold) end(rec journal.Record) error {
	f.close(rec.Time)
	f.Last, f.Ended = rec.Kind, rec.Time
	switch rec.Kind {
	case EventFinished:
		var d Finished
		if err := rec.Decode(&d); err != nil {
			return err
		}
		f.Step, f.Epoch, f.Reason = max(f.Step, d.Step), max(f.Epoch, d.Epoch), d.Reason
		f.Summary, f.Worst = d.Summary, d.Worst
		return nil
	case EventFailed:
		f.Failure = new(Failed)
		if err := rec.Decode(f.Failure); err != nil {
			return err
		}
		f.Step = max(f.Step, f.Failure.Step)
		return nil
	default:
		var d Stopped
		if err := rec.Decode(&d); err != nil {
			return err
		}
		f.Step, f.Reason = max(f.Step, d.Step), d.Reason
		return nil
	}
}

func (f *Fold) close(at time.Time) {
	f.Spent = f.seconds(at)
	f.Began = time.Time{}
}

// seconds is how long all attempts have worked, the current one until at.
func (f *Fold) seconds(at time.Time) float64 {
	if f.Began.IsZero() {
		return f.Spent
	}
	return f.Spent + at.Sub(f.Began).Seconds()
}

func (f *Fold) metric(m Metric) {
	f.Step, f.Epoch = max(f.Step, m.Step), max(f.Epoch, m.Epoch)
	if f.Latest == nil {
		f.Latest, f.Best = map[string]Number{}, map[string]Best{}
	}
	for name, v := range m.Values {
		key := m.Split + "/" + name
		f.Latest[key] = v
		if !finite(v) {
			continue
		}
		if b, ok := f.Best[key]; !ok || Better(name, v, b.Value) {
			f.Best[key] = Best{Value: v, Step: m.Step, Epoch: m.Epoch}
		}
	}
}

// clone gives a copy that shares nothing with f.
func (f *Fold) clone() Fold {
	c := *f
	c.Best, c.Latest, c.Summary = maps.Clone(f.Best), maps.Clone(f.Latest), maps.Clone(f.Summary)
	c.Checkpoints = maps.Clone(f.Checkpoints)
	if f.Progress != nil {
		p := *f.Progress
		c.Progress = &p
	}
	return c
}

// LowerIsBetter tells the direction of what a run measures by its name: losses
// and errors fall as a model improves, and so do the metrics of which
// metrics.HigherIsBetter says so.
func LowerIsBetter(metric string) bool {
	name := strings.ToLower(metric)
	return strings.Contains(name, "loss") || strings.Contains(name, "error") || !metrics.HigherIsBetter(name)
}

// Better reports whether a is strictly better than b for the metric.
func Better(metric string, a, b Number) bool {
	if LowerIsBetter(metric) {
		return a < b
	}
	return a > b
}

func finite(v Number) bool {
	return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0)
}
