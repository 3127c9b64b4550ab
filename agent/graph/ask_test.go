package graph_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/minivess/minivess/agent/graph"
)

// tester is a clock that stands still until it is told.
type tester struct {
	mu  sync.Mutex
	now time.Time
}

func newTester() *tester { return &tester{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *tester) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *tester) Sleep(_ context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return nil
}

// approval is a graph that asks whether to call a tool with arguments, which
// may change behind its back, and fails once after the answer if it is to.
type approval struct {
	args    string
	failing bool
	called  []string
}

func (a *approval) graph(t *testing.T, o graph.Options) *graph.Graph[state] {
	t.Helper()
	return compile(t, graph.New[state]("approval", logField()).
		Node("ask", func(_ context.Context, _ state, rt *graph.Runtime) (result, error) {
			binding := map[string]string{"tool": "train", "args": a.args}
			if _, ok := rt.Answer(); !ok || errors.Is(rt.StillBound(binding), graph.ErrStale) {
				return graph.Ask[state](graph.Question{Payload: "train?", Binding: binding, Expires: time.Hour}), nil
			}
			if a.failing {
				a.failing = false
				return result{}, errors.New("cut off")
			}
			a.called = append(a.called, a.args)
			return graph.Update(logField().Set([]string{a.args})), nil
		}).
		Entry("ask").Edge("ask", graph.End), o)
}

func approve(in graph.Interrupt) graph.Answer {
	return graph.Answer{Interrupt: in.ID, Fingerprint: in.Fingerprint, Verdict: graph.Approve}
}

func TestQuestionsExpireAndAreAskedAgain(t *testing.T) {
	t.Parallel()
	clock, a := newTester(), &approval{args: "lr 1e-3"}
	g := a.graph(t, graph.Options{Checkpointer: &graph.Memory{}, Clock: clock})
	first, err := g.Start(t.Context(), "t", nil)
	if err != nil || len(first.Pending) != 1 || !first.Pending[0].Expires.Equal(clock.Now().Add(time.Hour)) {
		t.Fatalf("%+v, %v", first.Pending, err)
	}
	if err := clock.Sleep(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Answer(t.Context(), "t", approve(first.Pending[0]), nil); !errors.Is(err, graph.ErrExpired) {
		t.Errorf("an answer that is too late: %v", err)
	}
	again, err := g.Continue(t.Context(), "t", nil)
	if err != nil || len(again.Pending) != 1 || again.Pending[0].ID == first.Pending[0].ID {
		t.Fatalf("asked again: %+v, %v", again.Pending, err)
	}
	if _, err := g.Answer(t.Context(), "t", approve(first.Pending[0]), nil); !errors.Is(err, graph.ErrNoInterrupt) {
		t.Errorf("an answer to the first question: %v", err)
	}
	if out, err := g.Answer(t.Context(), "t", approve(again.Pending[0]), nil); err != nil || !slices.Equal(a.called, []string{"lr 1e-3"}) {
		t.Errorf("%+v, called %v, %v", out, a.called, err)
	}
}

// A yes that was given in time is not acted on a week later, when somebody
// takes up what was cut off.
func TestAnswersExpireToo(t *testing.T) {
	t.Parallel()
	clock, a := newTester(), &approval{args: "x", failing: true}
	g := a.graph(t, graph.Options{Checkpointer: &graph.Memory{}, Clock: clock})
	out, err := g.Start(t.Context(), "t", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Answer(t.Context(), "t", approve(out.Pending[0]), nil); err == nil {
		t.Fatal("want it cut off")
	}
	if err := clock.Sleep(t.Context(), 7*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	out, err = g.Continue(t.Context(), "t", nil)
	if err != nil || len(out.Pending) != 1 || len(a.called) != 0 {
		t.Errorf("%+v, called %v, %v; want it asked again", out.Pending, a.called, err)
	}
}

func TestApprovalIsForWhatWasShown(t *testing.T) {
	t.Parallel()
	a := &approval{args: "lr 1e-3"}
	g := a.graph(t, graph.Options{Checkpointer: &graph.Memory{}})
	first, err := g.Start(t.Context(), "t", nil)
	if err != nil {
		t.Fatal(err)
	}
	a.args = "lr 1e+3" // between the question and the answer
	second, err := g.Answer(t.Context(), "t", approve(first.Pending[0]), nil)
	if err != nil || len(second.Pending) != 1 || len(a.called) != 0 {
		t.Fatalf("%+v, called %v, %v; want it asked again", second.Pending, a.called, err)
	}
	if second.Pending[0].Fingerprint == first.Pending[0].Fingerprint {
		t.Error("other arguments have the same fingerprint")
	}
	stale := approve(first.Pending[0])
	stale.Interrupt = second.Pending[0].ID
	if _, err := g.Answer(t.Context(), "t", stale, nil); !errors.Is(err, graph.ErrStale) {
		t.Errorf("the old approval for the new question: %v", err)
	}
	if _, err := g.Answer(t.Context(), "t", approve(second.Pending[0]), nil); err != nil || !slices.Equal(a.called, []string{"lr 1e+3"}) {
		t.Errorf("called %v, %v", a.called, err)
	}
}

// The fingerprint depends on thread, state, payload and binding.
func TestFingerprintsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, c := range map[string]struct {
		thread, word string
		payload      any
		binding      any
	}{
		"plain":           {"t", "w", 1, 1},
		"another thread":  {"u", "w", 1, 1},
		"another state":   {"t", "v", 1, 1},
		"another payload": {"t", "w", 2, 1},
		"another binding": {"t", "w", 1, 2},
	} {
		g := compile(t, graph.New[state]("g", logField()).
			Node("ask", func(context.Context, state, *graph.Runtime) (result, error) {
				return graph.Ask[state](graph.Question{Payload: c.payload, Binding: c.binding}), nil
			}).Entry("ask").Edge("ask", graph.End), graph.Options{Checkpointer: &graph.Memory{}})
		out, err := g.Start(t.Context(), c.thread, nil, logField().Set([]string{c.word}))
		if err != nil || len(out.Pending) != 1 || len(out.Pending[0].Fingerprint) != 64 {
			t.Fatalf("%+v, %v", out.Pending, err)
		}
		if other, ok := seen[out.Pending[0].Fingerprint]; ok {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		seen[out.Pending[0].Fingerprint] = name
	}
}

func TestAnswersThatDoNotFit(t *testing.T) {
	t.Parallel()
	ask := func(q graph.Question) *graph.Graph[state] {
		return compile(t, graph.New[state]("g", logField()).
			Node("ask", func(_ context.Context, _ state, rt *graph.Runtime) (result, error) {
				if err := rt.StillBound(nil); !errors.Is(err, graph.ErrNoInterrupt) {
					return result{}, err
				}
				return graph.Ask[state](q), nil
			}).Entry("ask").Edge("ask", graph.End), graph.Options{Checkpointer: &graph.Memory{}})
	}
	for name, c := range map[string]struct {
		verdict graph.Verdict
		value   string
		want    error
	}{
		"no verdict":           {"", "", graph.ErrVerdict},
		"an unknown one":       {"maybe", "", graph.ErrVerdict},
		"respond with nothing": {graph.Respond, "", graph.ErrVerdict},
		"approve":              {graph.Approve, "", nil},
		"reject":               {graph.Reject, "", nil},
		"respond":              {graph.Respond, `"why?"`, nil},
		"edit":                 {graph.Edit, `{}`, nil},
	} {
		g := ask(graph.Question{Payload: "?"})
		out, err := g.Start(t.Context(), "t", nil)
		if err != nil {
			t.Fatal(err)
		}
		a := approve(out.Pending[0])
		a.Verdict, a.Value = c.verdict, []byte(c.value)
		if _, err := g.Answer(t.Context(), "t", a, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := ask(graph.Question{Payload: func() {}}).Start(t.Context(), "t", nil); err == nil {
		t.Error("a question that JSON cannot hold was asked")
	}
	if _, err := ask(graph.Question{Binding: func() {}}).Start(t.Context(), "t", nil); err == nil {
		t.Error("a binding that JSON cannot hold was taken")
	}
}
