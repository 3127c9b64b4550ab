package graphtest

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minivess/minivess/agent/graph"
)

func emptyThread(t *testing.T, f Fixture) {
	t.Helper()
	if got := records(t, f.Checkpointer, f.Thread()); len(got) != 0 {
		t.Errorf("a new thread has %d records", len(got))
	}
}

// samples are records of every kind, with all that they can hold.
func samples() []graph.Record {
	in := &graph.Interrupt{
		ID: "b#3", Node: "b", Payload: json.RawMessage(`"?"`), Fingerprint: strings.Repeat("0f", 32), Strict: true,
		Allow: []graph.Verdict{graph.Approve}, Expires: time.Date(2030, 1, 2, 3, 4, 5, 678, time.UTC),
	}
	return []graph.Record{
		{Kind: graph.KindFork, Key: "other", Value: json.RawMessage(`12`)},
		{Kind: graph.KindSnapshot, Run: 1, Step: 3, Before: 17, Writes: []graph.Change{{Field: "log", Value: json.RawMessage(`null`)}}},
		{Kind: graph.KindInput, Run: 2, Writes: []graph.Change{{Field: "log", Value: json.RawMessage(`["<&\u2028ä\u0000"]`)}}, Next: []string{"a", "b[0]"}, Sends: []graph.Sent{{Node: "b", Payload: json.RawMessage(`{"x":1}`)}}},
		{Kind: graph.KindTask, Run: 2, Node: "a", Writes: []graph.Change{{Field: "n", Value: json.RawMessage(`1e-300`)}}, Next: []string{graph.End}},
		{Kind: graph.KindEnter, Run: 2, Path: "b[0]", Next: []string{"in"}},
		{Kind: graph.KindInner, Run: 2, Step: 1, Path: "b[0]", Node: "in"},
		{Kind: graph.KindNote, Run: 2, Node: "b", Key: "k", Value: json.RawMessage(`{"x":null}`)},
		{Kind: graph.KindInterrupt, Run: 2, Node: "b", Interrupt: in},
		{Kind: graph.KindAnswer, Run: 2, Node: "b", Answer: &graph.Answer{Interrupt: "b#3", Verdict: graph.Edit, Value: json.RawMessage(`[1,2]`), Fingerprint: in.Fingerprint}},
		{Kind: graph.KindExpire, Run: 2, Node: "b", Key: "b#3"},
		{Kind: graph.KindNote, Run: 2, Node: "b", Key: "large", Value: json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`)},
		{Kind: graph.KindStep, Run: 2, Step: 1},
		{Kind: graph.KindAbandon, Run: 2, Step: 1},
	}
}

func roundTrip(t *testing.T, f Fixture) {
	t.Helper()
	thread, want := f.Thread(), samples()
	for i, r := range want {
		if err := f.Checkpointer.Append(t.Context(), thread, r); err != nil {
			t.Fatalf("append %d: %v", i, err)
		}
	}
	sameRecords(t, records(t, f.Checkpointer, thread), want)
	sameRecords(t, records(t, f.reopen(), thread), want)
}

func batches(t *testing.T, f Fixture) {
	t.Helper()
	b, ok := f.Checkpointer.(graph.Batcher)
	if !ok {
		return // one by one is all it promises
	}
	thread, want := f.Thread(), samples()
	if err := b.AppendAll(t.Context(), thread, nil); err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]graph.Record{want[:1], want[1:5], want[5:]} {
		if err := b.AppendAll(t.Context(), thread, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Checkpointer.Append(t.Context(), thread, want[0]); err != nil {
		t.Fatal(err)
	}
	sameRecords(t, records(t, f.reopen(), thread), append(want, want[0]))
}

func isolation(t *testing.T, f Fixture) {
	t.Helper()
	a, b := f.Thread(), f.Thread()
	if a == b {
		t.Fatalf("two threads have one name, %q", a)
	}
	for i, thread := range []string{a, b, a} {
		if err := f.Checkpointer.Append(t.Context(), thread, graph.Record{Kind: graph.KindStep, Step: i}); err != nil {
			t.Fatal(err)
		}
	}
	if na, nb := len(records(t, f.Checkpointer, a)), len(records(t, f.Checkpointer, b)); na != 2 || nb != 1 {
		t.Errorf("threads have %d and %d records, want 2 and 1", na, nb)
	}
}

func earlyStop(t *testing.T, f Fixture) {
	t.Helper()
	thread := f.Thread()
	appendSteps(t, f.Checkpointer, thread, 0, 3)
	for r, err := range f.Checkpointer.Records(t.Context(), thread) {
		if err != nil || r.Step != 0 {
			t.Fatalf("first record: %+v, %v", r, err)
		}
		break
	}
	appendSteps(t, f.Checkpointer, thread, 3, 4)
	ended, end := context.WithCancel(t.Context())
	end()
	for _, err := range f.Checkpointer.Records(ended, thread) {
		if err == nil {
			t.Error("a reader whose context has ended gets records")
		}
	}
}

func appendSteps(t *testing.T, c graph.Checkpointer, thread string, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := c.Append(t.Context(), thread, graph.Record{Kind: graph.KindStep, Step: i, Key: strings.Repeat("k", i)}); err != nil {
			t.Fatal(err)
		}
	}
}

// concurrentReaders read again and again while the thread grows: each time
// they see its first records, whole and in order, and never fewer than before.
func concurrentReaders(t *testing.T, f Fixture) {
	t.Helper()
	const total, readers = 200, 3
	thread := f.Thread()
	var group sync.WaitGroup
	for range readers {
		c := f.reopen()
		group.Go(func() {
			for last := 0; last < total; {
				n := 0
				for r, err := range c.Records(t.Context(), thread) {
					if err != nil || r.Step != n || len(r.Key) != n {
						t.Errorf("record %d is %+v, %v", n, r, err)
						return
					}
					n++
				}
				if n < last {
					t.Errorf("%d records, after %d", n, last)
					return
				}
				last = n
			}
		})
	}
	appendSteps(t, f.Checkpointer, thread, 0, total)
	group.Wait()
}

// Acquirer is a Checkpointer that lets a caller be a thread's only writer.
type Acquirer interface {
	Acquire(ctx context.Context, thread string) (release func() error, err error)
}

func twoWriters(t *testing.T, f Fixture) {
	t.Helper()
	thread := f.Thread()
	a, ok := f.Checkpointer.(Acquirer)
	if !ok {
		t.Fatal("a checkpointer must be able to hold a thread")
	}
	release, err := a.Acquire(t.Context(), thread)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Acquire(t.Context(), thread); err == nil {
		t.Error("the thread was given to a second writer")
	}
	other := f.reopen()
	if o, ok := other.(Acquirer); !ok {
		t.Error("reopened, it cannot hold a thread")
	} else if _, err := o.Acquire(t.Context(), thread); err == nil {
		t.Error("the thread was given to another process")
	}
	if f.Reopen != nil {
		if err := other.Append(t.Context(), thread, graph.Record{Kind: graph.KindStep}); err == nil {
			t.Error("another process wrote to a thread that is held")
		}
	}
	appendSteps(t, f.Checkpointer, thread, 0, 2)
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if release, err = a.Acquire(t.Context(), thread); err != nil {
		t.Fatalf("after release: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if n := len(records(t, f.Checkpointer, thread)); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
}

func tornTail(t *testing.T, f Fixture) {
	t.Helper()
	if f.Tear == nil {
		return // nothing outlives a crash
	}
	thread := f.Thread()
	appendSteps(t, f.Checkpointer, thread, 0, 3)
	f.Tear(thread)
	c := f.reopen()
	if n := len(records(t, c, thread)); n != 2 {
		t.Errorf("%d records, want the 2 whole ones", n)
	}
	appendSteps(t, c, thread, 2, 4)
	for i, r := range records(t, f.reopen(), thread) {
		if r.Step != i || i > 3 {
			t.Errorf("record %d is %+v", i, r)
		}
	}
}

// linearGrowth is 1,500 steps that each add a text of 100 bytes.
func linearGrowth(t *testing.T, f Fixture) {
	t.Helper()
	const steps, limit = 1500, 2_000_000
	thread := f.Thread()
	said := graph.NewField("said", func(w *Work) *[]string { return &w.Log }, graph.Append[string])
	g, err := graph.New("growth", said).
		Node("say", func(context.Context, Work, *graph.Runtime) (graph.Result[Work], error) {
			return graph.Update(said.Set([]string{strings.Repeat("x", 100)})), nil
		}).
		Entry("say").
		Branch("say", func(w Work) string {
			if len(w.Log) < steps {
				return "say"
			}
			return graph.End
		}, "say", graph.End).
		Compile(graph.Options{Checkpointer: f.Checkpointer, StepLimit: steps, Durability: graph.Async})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := g.Start(t.Context(), thread, nil); err != nil || len(out.State.Log) != steps {
		t.Fatalf("%d steps, %v", len(out.State.Log), err)
	}
	size := int64(0)
	for _, r := range records(t, f.Checkpointer, thread) {
		size += int64(len(canonical(t, r)))
	}
	if f.Size != nil {
		size = f.Size(thread)
	}
	if size > limit {
		t.Errorf("%d steps of 100 bytes take %d bytes, more than %d", steps, size, limit)
	}
}
