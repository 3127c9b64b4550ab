// Package graphtest is the conformance suite for implementations of
// graph.Checkpointer: what every one of them must keep, in which order, and
// how a graph that stands on it behaves after a restart, in the past and in a
// copy. Workflow is the graph that it runs.
package graphtest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/minivess/minivess/agent/graph"
)

// Fixture is one implementation under test.
type Fixture struct {
	Checkpointer graph.Checkpointer
	// Thread makes a new, empty thread.
	Thread func() string
	// Reopen gives the checkpointer as a new process would see it; nil if it
	// does not outlive the process.
	Reopen func() graph.Checkpointer
	// Tear cuts the last record of a thread in its middle, as a crash does; nil
	// if there is nothing to cut.
	Tear func(thread string)
	// Size is how many bytes a thread takes; nil if it takes none.
	Size func(thread string) int64
}

func (f Fixture) reopen() graph.Checkpointer {
	if f.Reopen == nil {
		return f.Checkpointer
	}
	return f.Reopen()
}

// Run runs the suite. Fresh is called once for each test.
func Run(t *testing.T, fresh func(t *testing.T) Fixture) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Fixture){
		"an empty thread has no records":                 emptyThread,
		"records come back in order and complete":        roundTrip,
		"several records at once are the same":           batches,
		"threads do not see each other":                  isolation,
		"a reader may stop early":                        earlyStop,
		"readers see a prefix while a writer writes":     concurrentReaders,
		"a second writer is refused":                     twoWriters,
		"a torn record is none":                          tornTail,
		"a run continues after every possible kill":      killEverywhere,
		"durability does not change what is done":        durabilities,
		"an interrupt survives and is consumed once":     interruptOnce,
		"every point can be read, forked and replayed":   travel,
		"a fork and its origin do not see each other":    forkIsolation,
		"pruning keeps the state and what is to be done": pruning,
		"a kept thread is as it would be read":           keptThread,
		"storage grows with what was said":               linearGrowth,
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

func records(t *testing.T, c graph.Checkpointer, thread string) []graph.Record {
	t.Helper()
	var all []graph.Record
	for r, err := range c.Records(t.Context(), thread) {
		if err != nil {
			t.Fatalf("reading records: %v", err)
		}
		all = append(all, r)
	}
	return all
}

// canonical compares records by meaning: an implementation may reformat JSON.
func canonical(t *testing.T, r graph.Record) string {
	t.Helper()
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if raw, err = json.Marshal(v); err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func sameRecords(t *testing.T, got, want []graph.Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range want {
		if a, b := canonical(t, got[i]), canonical(t, want[i]); a != b {
			t.Errorf("record %d:\n got %s\nwant %s", i, a, b)
		}
	}
}
