package graph_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minivess/minivess/agent/graph"
)

var errBusy = graph.Transient(errors.New("busy"))

// one is a graph of one node under a policy.
func one(t *testing.T, fn node, p graph.Policy[state], o graph.Options) *graph.Graph[state] {
	t.Helper()
	return compile(t, graph.New[state]("one", logField()).Node("a", fn).Policy("a", p).Entry("a").Edge("a", graph.End), o)
}

// flaky fails with these errors, one an attempt, and then succeeds.
func flaky(at *[]time.Time, failures ...error) node {
	return func(_ context.Context, _ state, rt *graph.Runtime) (result, error) {
		*at = append(*at, time.Now())
		if n := len(*at); n != rt.Attempt() {
			return result{}, fmt.Errorf("attempt %d is called %d", n, rt.Attempt())
		}
		if len(*at) <= len(failures) {
			return result{}, failures[len(*at)-1]
		}
		return graph.Update(logField().Set([]string{"done"})), nil
	}
}

func TestRetryOnlyWhatMayPass(t *testing.T) {
	t.Parallel()
	other := errors.New("no such file")
	exact := graph.Retry{Attempts: 3, Base: time.Second, Jitter: 1e-9}
	for name, c := range map[string]struct {
		retry    graph.Retry
		failures []error
		attempts int
		want     error
		elapsed  time.Duration
	}{
		"passes at last":        {exact, []error{errBusy, errBusy}, 3, nil, 3 * time.Second},
		"attempts run out":      {exact, []error{errBusy, errBusy, errBusy}, 3, errBusy, 3 * time.Second},
		"not transient":         {exact, []error{other}, 1, other, 0},
		"wrapped":               {exact, []error{fmt.Errorf("call: %w", errBusy)}, 2, nil, time.Second},
		"a timeout of the net":  {exact, []error{&net.DNSError{IsTimeout: true}}, 2, nil, time.Second},
		"own judgement":         {graph.Retry{Attempts: 2, Base: time.Second, Jitter: 1e-9, If: func(err error) bool { return errors.Is(err, other) }}, []error{other}, 2, nil, time.Second},
		"own judgement says no": {graph.Retry{Attempts: 2, If: func(error) bool { return false }}, []error{errBusy}, 1, errBusy, 0},
		"no policy":             {graph.Retry{}, []error{errBusy}, 1, errBusy, 0},
		"capped":                {graph.Retry{Attempts: 4, Base: time.Second, Factor: 10, Max: 2 * time.Second, Jitter: 1e-9}, []error{errBusy, errBusy, errBusy}, 4, nil, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var at []time.Time
				began := time.Now()
				_, err := one(t, flaky(&at, c.failures...), graph.Policy[state]{Retry: c.retry}, graph.Options{}).Start(t.Context(), "t", nil)
				if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) || len(at) != c.attempts {
					t.Errorf("%d attempts, %v; want %d, %v", len(at), err, c.attempts, c.want)
				}
				if got := time.Since(began).Round(time.Millisecond); got != c.elapsed {
					t.Errorf("took %s, want %s", got, c.elapsed)
				}
			})
		})
	}
}

func TestPanicsAndEndedRunsAreNotRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		always := graph.Policy[state]{Retry: graph.Retry{Attempts: 5, If: func(error) bool { return true }}}
		tries := 0
		_, err := one(t, func(context.Context, state, *graph.Runtime) (result, error) { tries++; panic("x") }, always, graph.Options{}).Start(t.Context(), "t", nil)
		if _, ok := errors.AsType[*graph.PanicError](err); !ok || tries != 1 {
			t.Errorf("%d tries of a panic, %v", tries, err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		enough := errors.New("enough")
		time.AfterFunc(100*time.Millisecond, func() { cancel(enough) })
		var at []time.Time
		_, err = one(t, flaky(&at, errBusy, errBusy), always, graph.Options{}).Start(ctx, "t", nil)
		if !errors.Is(err, enough) || !errors.Is(err, errBusy) || len(at) != 1 {
			t.Errorf("%d attempts, %v", len(at), err)
		}
	})
}

func TestJitterSpreadsAndRepeats(t *testing.T) {
	t.Parallel()
	pauses := func(seed uint64, thread string) (out []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			var at []time.Time
			p := graph.Policy[state]{Retry: graph.Retry{Attempts: 6, Base: time.Second, Factor: 1, Jitter: 0.5}}
			g := one(t, flaky(&at, errBusy, errBusy, errBusy, errBusy, errBusy), p, graph.Options{Seed: seed})
			if _, err := g.Start(t.Context(), thread, nil); err != nil {
				t.Fatal(err)
			}
			for i := range at[1:] {
				out = append(out, at[i+1].Sub(at[i]))
			}
		})
		return out
	}
	a := pauses(1, "t")
	for i, d := range a {
		if d < 500*time.Millisecond || d > 1500*time.Millisecond || slices.Contains(a[:i], d) {
			t.Errorf("pauses %v, want 1 s give or take a half, all different", a)
		}
	}
	if b := pauses(1, "t"); !slices.Equal(a, b) {
		t.Errorf("the same seed gives %v and %v", a, b)
	}
	if slices.Equal(a, pauses(2, "t")) || slices.Equal(a, pauses(1, "u")) {
		t.Error("another seed or thread gives the same pauses")
	}
}

func TestRetriesAreReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		var kinds []string
		g := one(t, flaky(&at, errBusy), graph.Policy[state]{Retry: graph.Retry{Attempts: 2}}, graph.Options{})
		if _, err := g.Start(t.Context(), "t", func(e graph.Event) { kinds = append(kinds, string(e.Kind)) }); err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Join(kinds, " "), "node_started retry node_ended step"; got != want {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}

func TestTheNextAttemptReadsTheNotes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var seen []int
		fn := func(_ context.Context, _ state, rt *graph.Runtime) (result, error) {
			n := 0
			if _, err := rt.Recall("n", &n); err != nil {
				return result{}, err
			}
			if err := rt.Note("n", rt.Attempt()); err != nil {
				return result{}, err
			}
			now := 0
			if _, err := rt.Recall("n", &now); err != nil || now != n {
				return result{}, fmt.Errorf("an attempt sees its own notes: %d, %w", now, err)
			}
			if seen = append(seen, n); len(seen) < 3 {
				return result{}, errBusy
			}
			return result{}, nil
		}
		g := one(t, fn, graph.Policy[state]{Retry: graph.Retry{Attempts: 3}}, graph.Options{Checkpointer: &graph.Memory{}})
		if _, err := g.Start(t.Context(), "t", nil); err != nil || !slices.Equal(seen, []int{0, 1, 2}) {
			t.Errorf("saw %v, %v", seen, err)
		}
	})
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	hang := func(ctx context.Context, _ state, _ *graph.Runtime) (result, error) {
		<-ctx.Done()
		return result{}, ctx.Err()
	}
	// busy shows a sign of life every second, for ten seconds.
	busy := func(sign func(rt *graph.Runtime)) node {
		return func(ctx context.Context, _ state, rt *graph.Runtime) (result, error) {
			for range 10 {
				select {
				case <-time.After(time.Second):
					sign(rt)
				case <-ctx.Done():
					return result{}, context.Cause(ctx)
				}
			}
			return result{}, nil
		}
	}
	quiet := func(*graph.Runtime) {}
	for name, c := range map[string]struct {
		fn      node
		policy  graph.Policy[state]
		want    error
		elapsed time.Duration
	}{
		"hangs":                   {hang, graph.Policy[state]{Timeout: 3 * time.Second}, graph.ErrTimeout, 3 * time.Second},
		"hangs without a word":    {hang, graph.Policy[state]{Idle: 2 * time.Second}, graph.ErrIdle, 2 * time.Second},
		"hangs, tried twice":      {hang, graph.Policy[state]{Timeout: 3 * time.Second, Retry: graph.Retry{Attempts: 2, Base: time.Second, Jitter: 1e-9}}, graph.ErrTimeout, 7 * time.Second},
		"works without a word":    {busy(quiet), graph.Policy[state]{Idle: 1500 * time.Millisecond}, graph.ErrIdle, 1500 * time.Millisecond},
		"works and beats":         {busy((*graph.Runtime).Heartbeat), graph.Policy[state]{Idle: 1500 * time.Millisecond}, nil, 10 * time.Second},
		"works and notes":         {busy(func(rt *graph.Runtime) { _ = rt.Note("k", 1) }), graph.Policy[state]{Idle: 1500 * time.Millisecond}, nil, 10 * time.Second},
		"works and says tokens":   {busy(func(rt *graph.Runtime) { rt.Token("x") }), graph.Policy[state]{Idle: 1500 * time.Millisecond}, nil, 10 * time.Second},
		"works and emits":         {busy(func(rt *graph.Runtime) { rt.Emit("x") }), graph.Policy[state]{Idle: 1500 * time.Millisecond}, nil, 10 * time.Second},
		"beats, but for too long": {busy((*graph.Runtime).Heartbeat), graph.Policy[state]{Idle: 1500 * time.Millisecond, Timeout: 5 * time.Second}, graph.ErrTimeout, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_, err := one(t, c.fn, c.policy, graph.Options{}).Start(t.Context(), "t", nil)
				if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
					t.Errorf("%v, want %v", err, c.want)
				}
				if got := time.Since(began).Round(10 * time.Millisecond); got != c.elapsed {
					t.Errorf("took %s, want %s", got, c.elapsed)
				}
			})
		})
	}
}

func TestSubgraphTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := wordsField()
		inner, err := graph.New("inner", f).
			Node("hang", func(ctx context.Context, _ small, _ *graph.Runtime) (graph.Result[small], error) {
				<-ctx.Done()
				return graph.Result[small]{}, ctx.Err()
			}).
			Entry("hang").Edge("hang", graph.End).Compile(graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		g := compile(t, graph.New[state]("outer", logField()).Subgraph("sub", over(t, inner)).
			Policy("sub", graph.Policy[state]{Timeout: time.Minute}).Entry("sub").Edge("sub", graph.End), graph.Options{})
		if _, err := g.Start(t.Context(), "t", nil); !errors.Is(err, graph.ErrTimeout) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCacheByKeyAndTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		fn := func(context.Context, state, *graph.Runtime) (result, error) {
			runs++
			return graph.Update(logField().Set([]string{fmt.Sprint("run ", runs)})), nil
		}
		key := func(s state, _ *graph.Runtime) string { return s.Log[0] }
		g := one(t, fn, graph.Policy[state]{Cache: graph.CacheRule[state]{Key: key, TTL: time.Hour}}, graph.Options{Checkpointer: &graph.Memory{}})
		for i, c := range []struct {
			wait time.Duration
			word string
			want string
		}{
			{0, "x", "run 1"},
			{0, "x", "run 1"},
			{0, "y", "run 2"},
			{59 * time.Minute, "x", "run 1"},
			{time.Minute, "x", "run 3"},
			{0, "", "run 4"},
			{0, "", "run 5"},
		} {
			time.Sleep(c.wait)
			thread := fmt.Sprint("t", i)
			out, err := g.Start(t.Context(), thread, nil, logField().Set([]string{c.word}))
			if err != nil || out.State.Log[1] != c.want {
				t.Errorf("%d: %v, %v; want %s", i, out.State.Log, err, c.want)
			}
			if at, err := g.Inspect(t.Context(), thread); err != nil || at.State.Log[1] != c.want {
				t.Errorf("%d, read again: %v, %v", i, at.State.Log, err)
			}
		}
	})
}

func TestMemoryCacheIsBounded(t *testing.T) {
	t.Parallel()
	var c graph.MemoryCache
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 3000 {
		c.Put(fmt.Sprint(i), []byte("1"), now.Add(time.Duration(i+1)*time.Second))
	}
	kept := 0
	for i := range 3000 {
		if _, ok := c.Get(fmt.Sprint(i), now); ok {
			kept++
		}
	}
	if _, last := c.Get("2999", now); kept != 1024 || !last {
		t.Errorf("%d results kept, the last: %t", kept, last)
	}
}
