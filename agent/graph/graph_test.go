package graph_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/graph/graphtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	graphtest.Run(t, func(*testing.T) graphtest.Fixture {
		var n atomic.Int64
		return graphtest.Fixture{
			Checkpointer: &graph.Memory{},
			Thread:       func() string { return fmt.Sprint("thread-", n.Add(1)) },
		}
	})
}

type state struct {
	Log  []string
	Seen map[string]int
}

func logField() graph.Field[state, []string] {
	return graph.NewField("log", func(s *state) *[]string { return &s.Log }, graph.Append[string])
}

func seenField() graph.Field[state, map[string]int] {
	return graph.NewField("seen", func(s *state) *map[string]int { return &s.Seen }, graph.Merge[string, int])
}

type (
	node   = graph.Node[state]
	result = graph.Result[state]
)

func say(word string) node {
	return func(context.Context, state, *graph.Runtime) (result, error) {
		return graph.Update(logField().Set([]string{word})), nil
	}
}

func compile(t *testing.T, b *graph.Builder[state], o graph.Options) *graph.Graph[state] {
	t.Helper()
	g, err := b.Compile(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	toB := func(state) string { return "b" }
	fresh := func() *graph.Builder[state] { return graph.New[state]("g", logField()) }
	for name, c := range map[string]struct {
		build *graph.Builder[state]
		want  error
		says  string
	}{
		"no entry":          {fresh().Node("a", say("a")).Edge("a", graph.End), graph.ErrNoEntry, "Entry"},
		"unknown entry":     {fresh().Node("a", say("a")).Edge("a", graph.End).Entry("x"), graph.ErrUnknownNode, `"x"`},
		"two entries":       {fresh().Node("a", say("a")).Edge("a", graph.End).Entry("a").Entry("a"), graph.ErrDuplicate, "entry"},
		"unknown target":    {fresh().Node("a", say("a")).Entry("a").Edge("a", "x"), graph.ErrUnknownNode, `"x"`},
		"unknown source":    {fresh().Node("a", say("a")).Entry("a").Edge("a", graph.End).Edge("x", "a"), graph.ErrUnknownNode, `"x"`},
		"unknown branch":    {fresh().Node("a", say("a")).Entry("a").Branch("a", toB, "b", graph.End), graph.ErrUnknownNode, `"b"`},
		"branch to nowhere": {fresh().Node("a", say("a")).Entry("a").Branch("a", toB).Edge("a", graph.End), graph.ErrNilFunction, "a"},
		"two branches": {
			fresh().Node("a", say("a")).Node("b", say("b")).Entry("a").Branch("a", toB, "b").Branch("a", toB, "b").Edge("b", graph.End),
			graph.ErrDuplicate, "branch from a",
		},
		"duplicate node":  {fresh().Node("a", say("a")).Node("a", say("a")).Entry("a").Edge("a", graph.End), graph.ErrDuplicate, "node a"},
		"duplicate edge":  {fresh().Node("a", say("a")).Entry("a").Edge("a", graph.End).Edge("a", graph.End), graph.ErrDuplicate, "edge from a"},
		"duplicate field": {graph.New[state]("g", logField(), logField()).Node("a", say("a")).Entry("a").Edge("a", graph.End), graph.ErrDuplicate, "field log"},
		"no reducer": {
			graph.New[state]("g", graph.NewField("log", func(s *state) *[]string { return &s.Log }, nil)).Node("a", say("a")).Entry("a").Edge("a", graph.End),
			graph.ErrNilFunction, "field log",
		},
		"nil node":      {fresh().Node("a", nil).Entry("a").Edge("a", graph.End), graph.ErrNilFunction, "node a"},
		"reserved name": {fresh().Node(graph.End, say("a")).Entry(graph.End), graph.ErrReserved, "end"},
		"unreachable":   {fresh().Node("a", say("a")).Node("b", say("b")).Entry("a").Edge("a", graph.End).Edge("b", graph.End), graph.ErrUnreachable, "node b"},
		"no way out":    {fresh().Node("a", say("a")).Node("b", say("b")).Entry("a").Edge("a", graph.End).Edge("a", "b").Edge("b", "b"), graph.ErrNoWayOut, "node b"},
		"dead end":      {fresh().Node("a", say("a")).Entry("a"), graph.ErrNoWayOut, "node a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.build.Compile(graph.Options{})
			var ce *graph.CompileError
			if !errors.As(err, &ce) || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v that says %q", err, c.want, c.says)
			}
		})
	}
}

func TestCompileReportsAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := graph.New[state]("g").Node("a", nil).Edge("x", "y").Compile(graph.Options{})
	for _, want := range []error{graph.ErrNilFunction, graph.ErrUnknownNode, graph.ErrNoEntry} {
		if !errors.Is(err, want) {
			t.Errorf("%v is missing in: %v", want, err)
		}
	}
}

func TestMergeOrderDoesNotDependOnWhoIsFaster(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		width := rapid.IntRange(1, 6).Draw(rt, "width")
		names := make([]string, width)
		for i := range names {
			names[i] = fmt.Sprint("n", i)
		}
		finish := rapid.Permutation(names).Draw(rt, "finish")
		gates := make(map[string]chan struct{}, width)
		for _, n := range names {
			gates[n] = make(chan struct{})
		}
		b := graph.New[state]("fan", logField(), seenField()).Node("begin", say("begin")).Entry("begin").Node("join", say("join")).Edge("join", graph.End)
		for i, n := range names {
			b.Node(n, func(context.Context, state, *graph.Runtime) (result, error) {
				<-gates[n]
				if at := slices.Index(finish, n); at+1 < width {
					defer close(gates[finish[at+1]])
				}
				return graph.Update(logField().Set([]string{n}), seenField().Set(map[string]int{"last": i})), nil
			}).Edge("begin", n).Edge(n, "join")
		}
		close(gates[finish[0]])
		g, err := b.Compile(graph.Options{Parallel: width})
		if err != nil {
			rt.Fatal(err)
		}
		out, err := g.Start(context.Background(), "t", nil)
		if err != nil {
			rt.Fatal(err)
		}
		want := append(append([]string{"begin"}, names...), "join")
		if !slices.Equal(out.State.Log, want) || out.State.Seen["last"] != width-1 {
			rt.Fatalf("log %v, last %d; want %v", out.State.Log, out.State.Seen["last"], want)
		}
	})
}

func TestBranchMustGoWhereItSaid(t *testing.T) {
	t.Parallel()
	g := compile(t, graph.New[state]("g", logField()).Node("a", say("a")).Entry("a").
		Branch("a", func(state) string { return "elsewhere" }, graph.End), graph.Options{})
	_, err := g.Start(t.Context(), "t", nil)
	var ne *graph.NodeError
	if !errors.Is(err, graph.ErrUndeclared) || !errors.As(err, &ne) || ne.Node != "a" {
		t.Errorf("got %v", err)
	}
}

func TestStepLimit(t *testing.T) {
	t.Parallel()
	g := compile(t, graph.New[state]("loop", logField()).Node("a", say("a")).Entry("a").
		Branch("a", func(state) string { return "a" }, "a", graph.End), graph.Options{})
	out, err := g.Start(t.Context(), "t", nil)
	if !errors.Is(err, graph.ErrStepLimit) || out.Steps != graph.DefaultStepLimit {
		t.Errorf("%d steps, %v", out.Steps, err)
	}
}

func TestErrorsAndPanicsNameTheNodePath(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk on fire")
	for name, broken := range map[string]node{
		"error": func(context.Context, state, *graph.Runtime) (result, error) { return result{}, cause },
		"panic": func(context.Context, state, *graph.Runtime) (result, error) { panic(cause.Error()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := compile(t, graph.New[state]("g", logField()).Node("a", say("a")).Node("b", broken).Entry("a").
				Edge("a", "b").Edge("b", graph.End), graph.Options{})
			_, err := g.Start(t.Context(), "t", nil)
			var ne *graph.NodeError
			if !errors.As(err, &ne) || ne.Node != "b" || ne.Step != 1 || !slices.Equal(ne.Path, []string{"a", "b"}) {
				t.Fatalf("got %#v", err)
			}
			if want := "g: step 1 (a > b): "; !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), cause.Error()) {
				t.Errorf("error reads %q", err)
			}
			var pe *graph.PanicError
			if name == "panic" && (!errors.As(err, &pe) || !strings.Contains(pe.Stack, "graph_test")) {
				t.Errorf("panic came as %#v", err)
			}
			if name == "error" && !errors.Is(err, cause) {
				t.Errorf("the cause is lost: %v", err)
			}
		})
	}
}

func TestFailedNodeRunsAgainWhereItWas(t *testing.T) {
	t.Parallel()
	tries := 0
	flaky := func(context.Context, state, *graph.Runtime) (result, error) {
		if tries++; tries == 1 {
			return result{}, errors.New("once")
		}
		return graph.Update(logField().Set([]string{"flaky"})), nil
	}
	g := compile(t, graph.New[state]("g", logField()).Node("a", say("a")).Node("b", flaky).Entry("a").
		Edge("a", "b").Edge("b", graph.End), graph.Options{Checkpointer: &graph.Memory{}})
	if _, err := g.Start(t.Context(), "t", nil); err == nil {
		t.Fatal("want an error")
	}
	if _, err := g.Start(t.Context(), "t", nil); !errors.Is(err, graph.ErrUnfinished) {
		t.Errorf("a second start on an unfinished thread: %v", err)
	}
	out, err := g.Continue(t.Context(), "t", nil)
	if err != nil || !slices.Equal(out.State.Log, []string{"a", "flaky"}) {
		t.Errorf("%v, %v", out.State.Log, err)
	}
	if _, err := g.Continue(t.Context(), "t", nil); !errors.Is(err, graph.ErrNoRun) {
		t.Errorf("continue of a finished thread: %v", err)
	}
}

func TestAbandon(t *testing.T) {
	t.Parallel()
	ask := func(context.Context, state, *graph.Runtime) (result, error) { return graph.Pause[state]("?"), nil }
	g := compile(t, graph.New[state]("g", logField()).Node("a", say("a")).Node("b", ask).Entry("a").
		Edge("a", "b").Edge("b", graph.End), graph.Options{Checkpointer: &graph.Memory{}})
	if _, err := g.Start(t.Context(), "t", nil); err != nil {
		t.Fatal(err)
	}
	if err := g.Abandon(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	if err := g.Abandon(t.Context(), "t"); !errors.Is(err, graph.ErrNoRun) {
		t.Errorf("a second abandon: %v", err)
	}
	out, err := g.Start(t.Context(), "t", nil)
	if err != nil || out.Run != 2 || !slices.Equal(out.State.Log, []string{"a", "a"}) || len(out.Pending) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestNotesOutliveTheAttemptButNotTheStep(t *testing.T) {
	t.Parallel()
	var seen []string
	worker := func(_ context.Context, _ state, rt *graph.Runtime) (result, error) {
		var v string
		found, err := rt.Recall("k", &v)
		seen = append(seen, fmt.Sprint(found, v))
		if err != nil || found {
			return result{}, err
		}
		if err := rt.Note("k", "half"); err != nil {
			return result{}, err
		}
		return result{}, errors.New("cut off")
	}
	again := func(_ context.Context, _ state, rt *graph.Runtime) (result, error) {
		var v string
		found, err := rt.Recall("k", &v)
		seen = append(seen, fmt.Sprint(found, v))
		return result{}, err
	}
	c := &graph.Memory{}
	g := compile(t, graph.New[state]("g", logField()).Node("a", worker).Node("b", again).Entry("a").
		Edge("a", "b").Edge("b", graph.End), graph.Options{Checkpointer: c})
	if _, err := g.Start(t.Context(), "t", nil); err == nil {
		t.Fatal("want an error")
	}
	notes, err := g.Notes(t.Context(), "t", "a")
	if err != nil || string(notes["k"]) != `"half"` {
		t.Errorf("notes %s, %v", notes, err)
	}
	if _, err := g.Continue(t.Context(), "t", nil); err != nil {
		t.Fatal(err)
	}
	if want := []string{"false", "truehalf", "false"}; !slices.Equal(seen, want) {
		t.Errorf("saw %q, want %q", seen, want)
	}
}

func TestParallelInterruptsAreAnsweredOneByOne(t *testing.T) {
	t.Parallel()
	ask := func(name string) node {
		return func(_ context.Context, _ state, rt *graph.Runtime) (result, error) {
			if a, ok := rt.Answer(); ok {
				return graph.Update(logField().Set([]string{name + string(a.Value)})), nil
			}
			return graph.Pause[state](name), nil
		}
	}
	g := compile(t, graph.New[state]("g", logField()).Node("a", say("a")).Node("l", ask("l")).Node("r", ask("r")).Entry("a").
		Edge("a", "l").Edge("a", "r").Edge("l", graph.End).Edge("r", graph.End), graph.Options{Checkpointer: &graph.Memory{}})
	out, err := g.Start(t.Context(), "t", nil)
	if err != nil || len(out.Pending) != 2 {
		t.Fatalf("%+v, %v", out.Pending, err)
	}
	slices.SortFunc(out.Pending, func(x, y graph.Interrupt) int { return strings.Compare(y.Node, x.Node) })
	for i, p := range out.Pending { // r first
		out, err = g.Answer(t.Context(), "t", graph.Answer{Interrupt: p.ID, Verdict: graph.Respond, Value: []byte(fmt.Sprint(i))}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"a", "l1", "r0"}; !slices.Equal(out.State.Log, want) || len(out.Pending) != 0 {
		t.Errorf("log %v, want %v", out.State.Log, want)
	}
}

func TestHistoryIsEveryStepAndReplaysEqual(t *testing.T) {
	t.Parallel()
	c := &graph.Memory{}
	g := compile(t, graph.New[state]("g", logField()).Node("a", say("a")).Node("b", say("b")).Node("c", say("c")).Entry("a").
		Edge("a", "b").Edge("a", "c").Edge("b", graph.End).Edge("c", graph.End), graph.Options{Checkpointer: c})
	var live []string
	out, err := g.Start(t.Context(), "t", nil, logField().Set([]string{"in"}))
	if err != nil {
		t.Fatal(err)
	}
	for s, err := range g.History(t.Context(), "t") {
		if err != nil {
			t.Fatal(err)
		}
		live = append(live, fmt.Sprint(s.Step, s.State.Log, s.Next))
	}
	want := []string{"0 [in] [a]", "1 [in a] [b c]", "2 [in a b c] []"}
	if !slices.Equal(live, want) || !slices.Equal(out.State.Log, []string{"in", "a", "b", "c"}) {
		t.Errorf("history %q, want %q", live, want)
	}
}

func TestOldRecordsThatDoNotFit(t *testing.T) {
	t.Parallel()
	for name, rec := range map[string]graph.Record{
		"node gone":     {Kind: graph.KindInput, Next: []string{"gone"}},
		"field gone":    {Kind: graph.KindInput, Next: []string{"a"}, Writes: []graph.Change{{Field: "gone", Value: []byte(`1`)}}},
		"other type":    {Kind: graph.KindInput, Next: []string{"a"}, Writes: []graph.Change{{Field: "log", Value: []byte(`1`)}}},
		"unknown kind":  {Kind: "surprise"},
		"empty answer":  {Kind: graph.KindAnswer},
		"empty request": {Kind: graph.KindInterrupt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &graph.Memory{}
			if err := c.Append(t.Context(), "t", rec); err != nil {
				t.Fatal(err)
			}
			g := compile(t, graph.New[state]("g", logField()).Node("a", say("a")).Entry("a").Edge("a", graph.End), graph.Options{Checkpointer: c})
			if _, err := g.Inspect(t.Context(), "t"); !errors.Is(err, graph.ErrIncompatible) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCancelledRunKeepsWhatIsDone(t *testing.T) {
	t.Parallel()
	c := &graph.Memory{}
	ctx, cancel := context.WithCancel(t.Context())
	stop := func(context.Context, state, *graph.Runtime) (result, error) {
		cancel()
		return graph.Update(logField().Set([]string{"a"})), nil
	}
	g := compile(t, graph.New[state]("g", logField()).Node("a", stop).Node("b", say("b")).Entry("a").
		Edge("a", "b").Edge("b", graph.End), graph.Options{Checkpointer: c})
	if _, err := g.Start(ctx, "t", nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	at, err := g.Inspect(t.Context(), "t")
	if err != nil || !slices.Equal(at.State.Log, []string{"a"}) || !slices.Equal(at.Next, []string{"b"}) {
		t.Errorf("%+v, %v", at, err)
	}
}

func TestStreamIsLosslessAndWaits(t *testing.T) {
	t.Parallel()
	const total = 1000
	var sent atomic.Int64
	events := graph.Stream(t.Context(), func(_ context.Context, emit func(int)) error {
		var group sync.WaitGroup
		for w := range 4 {
			group.Go(func() {
				for i := range total / 4 {
					emit(w*total/4 + i)
					sent.Add(1)
				}
			})
		}
		group.Wait()
		return errors.New("done")
	})
	seen, last := map[int]bool{}, error(nil)
	for v, err := range events {
		if err != nil {
			last = err
			continue
		}
		seen[v] = true
		if ahead := sent.Load() - int64(len(seen)); ahead > 0 {
			t.Fatalf("the sender is %d events ahead of the reader", ahead)
		}
	}
	if len(seen) != total || last == nil {
		t.Errorf("%d events of %d, error %v", len(seen), total, last)
	}
}

func TestLeavingAStreamEndsTheWork(t *testing.T) {
	t.Parallel()
	returned := false
	for _, err := range graph.Stream(t.Context(), func(ctx context.Context, emit func(int)) error {
		defer func() { returned = true }()
		emit(1)
		<-ctx.Done()
		emit(2)
		return ctx.Err()
	}) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if !returned {
		t.Error("the work goes on behind the reader's back")
	}
}

func TestEventsTellTheStory(t *testing.T) {
	t.Parallel()
	talk := func(_ context.Context, _ state, rt *graph.Runtime) (result, error) {
		rt.Emit("half way")
		return result{}, nil
	}
	g := compile(t, graph.New[state]("g", logField()).Node("a", talk).Entry("a").Edge("a", graph.End), graph.Options{})
	var got []string
	if _, err := g.Start(t.Context(), "t", func(e graph.Event) { got = append(got, fmt.Sprint(e.Kind, " ", e.Node)) }); err != nil {
		t.Fatal(err)
	}
	want := []string{"node_started a", "custom a", "node_ended a", "step a"}
	if !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}
