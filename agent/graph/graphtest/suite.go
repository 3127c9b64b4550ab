// Package graphtest is the conformance suite for implementations of
// graph.Checkpointer: what every one of them must keep, in which order, and
// how a graph that stands on it behaves after a restart.
package graphtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
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
}

func (f Fixture) reopen() graph.Checkpointer {
	if f.Reopen == nil {
		return f.Checkpointer
	}
	return f.Reopen()
}

// Run runs the suite. New is called once for each test.
func Run(t *testing.T, fresh func(t *testing.T) Fixture) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Fixture){
		"an empty thread has no records":             emptyThread,
		"records come back in order and complete":    roundTrip,
		"threads do not see each other":              isolation,
		"a reader may stop early":                    earlyStop,
		"a run continues after every possible kill":  killEverywhere,
		"an interrupt survives and is consumed once": interruptOnce,
		"storage grows with what was said":           linearGrowth,
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

func emptyThread(t *testing.T, f Fixture) {
	t.Helper()
	if got := records(t, f.Checkpointer, f.Thread()); len(got) != 0 {
		t.Errorf("a new thread has %d records", len(got))
	}
}

func roundTrip(t *testing.T, f Fixture) {
	t.Helper()
	thread := f.Thread()
	want := []graph.Record{
		{Kind: graph.KindInput, Run: 1, Writes: []graph.Change{{Field: "log", Value: json.RawMessage(`["<&\u2028ä\u0000"]`)}}, Next: []string{"a", "b"}},
		{Kind: graph.KindTask, Run: 1, Node: "a", Writes: []graph.Change{{Field: "n", Value: json.RawMessage(`1e-300`)}}},
		{Kind: graph.KindNote, Run: 1, Node: "b", Key: "k", Value: json.RawMessage(`{"x":null}`)},
		{Kind: graph.KindInterrupt, Run: 1, Node: "b", Interrupt: &graph.Interrupt{ID: "b#3", Node: "b", Payload: json.RawMessage(`"?"`)}},
		{Kind: graph.KindAnswer, Run: 1, Node: "b", Answer: &graph.Answer{Interrupt: "b#3", Verdict: graph.Edit, Value: json.RawMessage(`[1,2]`)}},
		{Kind: graph.KindStep, Run: 1, Step: 1},
		{Kind: graph.KindAbandon, Run: 1, Step: 1},
	}
	for i, r := range want {
		if err := f.Checkpointer.Append(t.Context(), thread, r); err != nil {
			t.Fatalf("append %d: %v", i, err)
		}
	}
	for _, c := range []graph.Checkpointer{f.Checkpointer, f.reopen()} {
		got := records(t, c, thread)
		if len(got) != len(want) {
			t.Fatalf("%d records, want %d", len(got), len(want))
		}
		for i := range want {
			if a, b := canonical(t, got[i]), canonical(t, want[i]); a != b {
				t.Errorf("record %d:\n got %s\nwant %s", i, a, b)
			}
		}
	}
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
	for i := range 3 {
		if err := f.Checkpointer.Append(t.Context(), thread, graph.Record{Kind: graph.KindStep, Step: i}); err != nil {
			t.Fatal(err)
		}
	}
	for r, err := range f.Checkpointer.Records(t.Context(), thread) {
		if err != nil || r.Step != 0 {
			t.Fatalf("first record: %+v, %v", r, err)
		}
		break
	}
	if err := f.Checkpointer.Append(t.Context(), thread, graph.Record{Kind: graph.KindStep, Step: 3}); err != nil {
		t.Fatalf("append after an early stop: %v", err)
	}
}

// A dying checkpointer lets a number of records through and then fails like a
// disk that is gone, which is what a kill at that record looks like afterwards.
type dying struct {
	graph.Checkpointer
	left int
}

var errKilled = errors.New("killed")

func (d *dying) Append(ctx context.Context, thread string, r graph.Record) error {
	if d.left == 0 {
		return errKilled
	}
	d.left--
	return d.Checkpointer.Append(ctx, thread, r)
}

type work struct {
	Log   []string
	Count int
}

// workflow is a fan-out to two nodes that join in a third, which asks.
func workflow(t *testing.T, c graph.Checkpointer, ran map[string]int) *graph.Graph[work] {
	t.Helper()
	log := graph.NewField("log", func(w *work) *[]string { return &w.Log }, graph.Append[string])
	count := graph.NewField("count", func(w *work) *int { return &w.Count }, func(a, b int) int { return a + b })
	step := func(name string) graph.Node[work] {
		return func(context.Context, work, *graph.Runtime) (graph.Result[work], error) {
			ran[name]++
			return graph.Update(log.Set([]string{name}), count.Set(1)), nil
		}
	}
	ask := func(_ context.Context, w work, rt *graph.Runtime) (graph.Result[work], error) {
		if a, ok := rt.Answer(); ok {
			ran["answered"]++
			return graph.Update(log.Set([]string{"ask:" + string(a.Verdict)})), nil
		}
		return graph.Pause[work](fmt.Sprintf("go on after %d?", w.Count)), nil
	}
	g, err := graph.New("suite", log, count).
		Node("begin", step("begin")).Node("left", step("left")).Node("right", step("right")).
		Node("ask", ask).Node("finish", step("finish")).
		Entry("begin").Edge("begin", "left").Edge("begin", "right").
		Edge("left", "ask").Edge("right", "ask").Edge("ask", "finish").Edge("finish", graph.End).
		Compile(graph.Options{Checkpointer: c, Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// drive brings a thread to its end, answering yes where it is asked.
func drive(t *testing.T, g *graph.Graph[work], thread string) (graph.Outcome[work], error) {
	t.Helper()
	at, err := g.Inspect(t.Context(), thread)
	if err != nil {
		return graph.Outcome[work]{}, err
	}
	var out graph.Outcome[work]
	switch {
	case at.Unfinished():
		out, err = g.Continue(t.Context(), thread, nil)
	case at.Run == 0:
		out, err = g.Start(t.Context(), thread, nil)
	default:
		return graph.Outcome[work]{State: at.State, Run: at.Run, Steps: at.Step}, nil
	}
	for err == nil && len(out.Pending) > 0 {
		out, err = g.Answer(t.Context(), thread, graph.Answer{Interrupt: out.Pending[0].ID, Verdict: graph.Approve}, nil)
	}
	return out, err
}

func killEverywhere(t *testing.T, f Fixture) {
	t.Helper()
	wanted, err := drive(t, workflow(t, f.Checkpointer, map[string]int{}), f.Thread())
	if err != nil {
		t.Fatal(err)
	}
	for kill := range 20 {
		thread, ran := f.Thread(), map[string]int{}
		_, err := drive(t, workflow(t, &dying{Checkpointer: f.Checkpointer, left: kill}, ran), thread)
		if err != nil && !errors.Is(err, errKilled) {
			t.Fatalf("kill at record %d: %v", kill, err)
		}
		got, err2 := drive(t, workflow(t, f.reopen(), ran), thread)
		if err2 != nil {
			t.Fatalf("restart after a kill at record %d: %v", kill, err2)
		}
		if !reflect.DeepEqual(got.State, wanted.State) || got.Steps != wanted.Steps {
			t.Errorf("kill at record %d: state %+v after %d steps, want %+v after %d", kill, got.State, got.Steps, wanted.State, wanted.Steps)
		}
		for node, n := range ran {
			if n > 2 || n == 2 && err == nil {
				t.Errorf("kill at record %d: node %s ran %d times", kill, node, n)
			}
		}
		if err == nil {
			return // the kill came after the end
		}
	}
	t.Error("the workflow never came to its end")
}

func interruptOnce(t *testing.T, f Fixture) {
	t.Helper()
	thread, ran := f.Thread(), map[string]int{}
	out, err := workflow(t, f.Checkpointer, ran).Start(t.Context(), thread, nil)
	if err != nil || len(out.Pending) != 1 {
		t.Fatalf("want one interrupt, got %+v, %v", out.Pending, err)
	}
	again, err := workflow(t, f.reopen(), ran).Continue(t.Context(), thread, nil)
	if err != nil || !reflect.DeepEqual(again.Pending, out.Pending) {
		t.Fatalf("after a restart: %+v, %v; want the same interrupt", again.Pending, err)
	}
	yes := graph.Answer{Interrupt: out.Pending[0].ID, Verdict: graph.Approve}
	g := workflow(t, f.reopen(), ran)
	if _, err := g.Answer(t.Context(), thread, graph.Answer{Interrupt: "other"}, nil); !errors.Is(err, graph.ErrNoInterrupt) {
		t.Errorf("an answer to another question: %v", err)
	}
	if _, err := g.Answer(t.Context(), thread, yes, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Answer(t.Context(), thread, yes, nil); !errors.Is(err, graph.ErrNoInterrupt) {
		t.Errorf("the same answer again: %v", err)
	}
	if ran["answered"] != 1 || ran["finish"] != 1 {
		t.Errorf("nodes ran %v", ran)
	}
}

func linearGrowth(t *testing.T, f Fixture) {
	t.Helper()
	thread := f.Thread()
	log := graph.NewField("log", func(w *work) *[]string { return &w.Log }, graph.Append[string])
	g, err := graph.New("growth", log).
		Node("say", func(context.Context, work, *graph.Runtime) (graph.Result[work], error) {
			return graph.Update(log.Set([]string{strings.Repeat("x", 100)})), nil
		}).
		Entry("say").
		Branch("say", func(w work) string {
			if len(w.Log) < 100 {
				return "say"
			}
			return graph.End
		}, "say", graph.End).
		Compile(graph.Options{Checkpointer: f.Checkpointer, StepLimit: 200})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Start(t.Context(), thread, nil); err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, r := range records(t, f.Checkpointer, thread) {
		size += len(canonical(t, r))
	}
	if limit := 100 * 250; size > limit {
		t.Errorf("100 steps of 100 bytes take %d bytes, more than %d", size, limit)
	}
}
