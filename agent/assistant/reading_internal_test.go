package assistant

import (
	"runtime"
	"testing"
)

// A reading lives as long as its plan, and no longer.
func TestReadingsAreForgottenWithTheirPlans(t *testing.T) {
	t.Parallel()
	var r readings
	kept := &Plan{Steps: []Step{{ID: "1", Tool: "look", Run: "calm-heron-01aa", State: StepDone}}}
	first := r.of(kept).report(kept, 0)
	for range 100 {
		gone := &Plan{Steps: make([]Step, 1)}
		r.of(gone).runs(gone)
	}
	for many := 101; many > 1; { // the runtime cleans up when it comes to it
		runtime.GC()
		runtime.Gosched()
		r.mu.Lock()
		many = len(r.all)
		r.mu.Unlock()
	}
	if got := r.of(kept); got.reports[0] != first || len(r.all) != 1 {
		t.Errorf("the plan that is still there was read again: %+v", got)
	}
	runtime.KeepAlive(kept)
}
