package train

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/minivess/minivess/engine/runs"
)

// What is left of a phase is told by its parts, before the first whole thing is
// done, and no longer in the phase after it.
func TestTimeLeftByParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &notes{}
		r := newReporter(n)
		r.phase("evaluate", 1, 3)
		r.foresee(100)
		time.Sleep(10 * time.Second)
		r.expect(25)
		r.tell()
		r.expect(100)
		r.count()
		r.tell()
		r.phase("report", 0, 4)
		time.Sleep(time.Second)
		r.tell()
		var got []runs.Progress
		for _, p := range of[runs.Progress](t, n, runs.EventProgress) {
			p.Rate = 0
			got = append(got, p)
		}
		want := []runs.Progress{
			{Phase: "evaluate", Done: 1, Total: 3},
			{Phase: "evaluate", Done: 1, Total: 3, ETA: 30},
			{Phase: "evaluate", Done: 2, Total: 3},
			{Phase: "report", Total: 4},
			{Phase: "report", Total: 4},
		}
		if len(got) != len(want) {
			t.Fatalf("%+v", got)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%+v, want %+v", got[i], want[i])
			}
		}
	})
}
