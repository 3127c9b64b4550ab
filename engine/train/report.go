package train

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
)

// Journal is where events go; *journal.Writer is one.
type Journal interface {
	Append(kind string, data any) (journal.Record, error)
}

const (
	progressEvery = time.Second
	resourceEvery = 5 // in progress reports
)

// reporter writes progress and resource use at a steady pace, however long a
// step takes. Its methods may be called from any goroutine.
type reporter struct {
	journal Journal
	mu      sync.Mutex
	now     runs.Progress
	since   time.Time // start of the phase
	first   int64     // done when it started
	step    int64
	rates   map[string]float64 // of each phase, as last known
	err     error              // of the first append that failed
	// parts of whole are done, where things that count as one differ in size.
	parts, whole int64
	usage        usage
}

func newReporter(w Journal) *reporter { return &reporter{journal: w, rates: map[string]float64{}} }

// run reports until ctx ends.
func (r *reporter) run(ctx context.Context) {
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.tell()
			if n%resourceEvery == 0 {
				r.resource()
			}
		}
	}
}

// phase begins a part of the work of which done out of total are done.
func (r *reporter) phase(name string, done, total int64) {
	r.mu.Lock()
	r.now = runs.Progress{Phase: name, Done: done, Total: total, Epoch: r.now.Epoch, Epochs: r.now.Epochs}
	r.since, r.first = time.Now(), done
	r.parts, r.whole = 0, 0
	r.mu.Unlock()
	r.tell()
}

// done counts on.
func (r *reporter) done(done int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now.Done = done
}

// count counts one on.
func (r *reporter) count() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now.Done++
}

// foresee says how many parts the phase has, by which the time that is left is
// estimated from then on.
func (r *reporter) foresee(parts int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts, r.whole = 0, parts
}

// expect says how many of the parts are done.
func (r *reporter) expect(parts int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts = parts
}

// train counts the steps of a training.
func (r *reporter) train(step int64, epoch, epochs int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.step = step
	r.now.Done, r.now.Epoch, r.now.Epochs = step, epoch, epochs
}

// tell writes the present state.
func (r *reporter) tell() {
	r.mu.Lock()
	p := r.now
	elapsed := time.Since(r.since).Seconds()
	if n := p.Done - r.first; n > 0 && elapsed > 0 {
		r.rates[p.Phase] = float64(n) / elapsed
	}
	if rate := r.rates[p.Phase]; rate > 0 {
		p.Rate, p.ETA = rate, float64(p.Total-p.Done)/rate
	}
	if r.parts > 0 && r.whole > 0 {
		p.ETA = elapsed * float64(max(r.whole-r.parts, 0)) / float64(r.parts)
	}
	r.mu.Unlock()
	if p.Phase != "" {
		r.event(runs.EventProgress, p)
	}
}

func (r *reporter) resource() {
	r.mu.Lock()
	rss, percent := r.usage.sample(time.Now())
	step := r.step
	r.mu.Unlock()
	r.event(runs.EventResource, runs.Resource{RSSBytes: rss, CPUPercent: percent, Step: step})
}

func (r *reporter) warn(format string, args ...any) {
	r.event(runs.EventWarning, runs.Warning{Message: plain(fmt.Sprintf(format, args...))})
}

// event appends a record and remembers the first failure.
func (r *reporter) event(kind string, data any) {
	_, err := r.journal.Append(kind, data)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("write the event %q: %w", kind, err)
	}
}

// failure is the first error of writing events.
func (r *reporter) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}
