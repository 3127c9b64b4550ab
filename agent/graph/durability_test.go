package graph_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minivess/minivess/agent/graph"
)

// slow is a disk that takes a second for each batch and logs what it stored.
type slow struct {
	graph.Memory
	mu   sync.Mutex
	log  []string
	fail error
}

func (s *slow) AppendAll(ctx context.Context, thread string, rs []graph.Record) error {
	time.Sleep(time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	var kinds []string
	for _, r := range rs {
		kinds = append(kinds, string(r.Kind))
	}
	s.log = append(s.log, strings.Join(kinds, " "))
	return s.Memory.AppendAll(ctx, thread, rs)
}

func (s *slow) Append(ctx context.Context, thread string, r graph.Record) error {
	return s.AppendAll(ctx, thread, []graph.Record{r})
}

func (s *slow) stored() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// line is a graph of these nodes, one after another.
func line(t *testing.T, o graph.Options, writes string, nodes ...node) *graph.Graph[state] {
	t.Helper()
	b := graph.New[state]("line", logField()).Entry("n0")
	for i, n := range nodes {
		b.Node(fmt.Sprint("n", i), n)
		next := graph.End
		if i+1 < len(nodes) {
			next = fmt.Sprint("n", i+1)
		}
		b.Edge(fmt.Sprint("n", i), next)
	}
	if writes != "" {
		b.Policy(writes, graph.Policy[state]{Writes: true})
	}
	return compile(t, b, o)
}

func TestWhenRecordsAreStored(t *testing.T) {
	t.Parallel()
	for d, want := range map[graph.Durability]struct {
		log     []string
		elapsed time.Duration
	}{
		graph.Sync:  {[]string{"input", "step", "step", "step"}, 4 * time.Second},
		graph.Async: {[]string{"input", "step step step"}, 2 * time.Second},
		graph.Exit:  {[]string{"input step step step"}, time.Second},
	} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				disk := &slow{}
				began := time.Now()
				yield := func(context.Context, state, *graph.Runtime) (result, error) {
					synctest.Wait() // the writer has taken what there is
					return result{}, nil
				}
				if d != graph.Async {
					yield = say("x")
				}
				if _, err := line(t, graph.Options{Checkpointer: disk, Durability: d}, "", yield, say("y"), say("z")).Start(t.Context(), "t", nil); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(disk.stored(), want.log) || time.Since(began) != want.elapsed {
					t.Errorf("stored %q in %s, want %q in %s", disk.stored(), time.Since(began), want.log, want.elapsed)
				}
			})
		})
	}
}

// Whatever the durability, a note is stored when Note returns, and what is
// declared to write begins and ends with everything stored.
func TestNotesAndWritersWaitForTheDisk(t *testing.T) {
	t.Parallel()
	for _, d := range []graph.Durability{graph.Sync, graph.Async, graph.Exit} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				disk := &slow{}
				count := func() int { return len(strings.Fields(strings.Join(disk.stored(), " "))) }
				var seen []int
				look := func(context.Context, state, *graph.Runtime) (result, error) {
					seen = append(seen, count())
					return result{}, nil
				}
				note := func(_ context.Context, _ state, rt *graph.Runtime) (result, error) {
					err := rt.Note("k", 1)
					seen = append(seen, count())
					return result{}, err
				}
				g := line(t, graph.Options{Checkpointer: disk, Durability: d}, "n2", say("a"), note, look, look)
				if _, err := g.Start(t.Context(), "t", nil); err != nil {
					t.Fatal(err)
				}
				// input, step, note | step before the writer | its step after it.
				if want := []int{3, 4, 5}; !slices.Equal(seen, want) {
					t.Errorf("records stored %v, want %v", seen, want)
				}
			})
		})
	}
}

// A batch that the background writer has taken is not stored yet.
func TestAWriterWaitsForTheBatchUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := &slow{}
		stored := 0
		look := func(context.Context, state, *graph.Runtime) (result, error) {
			stored = len(disk.stored())
			return result{}, nil
		}
		g := line(t, graph.Options{Checkpointer: disk, Durability: graph.Async}, "n1", say("a"), look)
		settle := func(graph.Event) { synctest.Wait() }
		if _, err := g.Start(t.Context(), "t", settle); err != nil || stored != 2 {
			t.Errorf("the node that writes began with %d of 2 batches stored, %v", stored, err)
		}
	})
}

func TestADiskThatFailsEndsTheRun(t *testing.T) {
	t.Parallel()
	broken := errors.New("no space")
	for _, d := range []graph.Durability{graph.Sync, graph.Async, graph.Exit} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ran := false
				writer := func(context.Context, state, *graph.Runtime) (result, error) {
					ran = true
					return result{}, nil
				}
				g := line(t, graph.Options{Checkpointer: &slow{fail: broken}, Durability: d}, "n1", say("a"), writer)
				if _, err := g.Start(t.Context(), "t", nil); !errors.Is(err, broken) || ran {
					t.Errorf("%v, the node that writes ran: %t", err, ran)
				}
				if at, err := g.Inspect(t.Context(), "t"); err != nil || at.Unfinished() {
					t.Errorf("%+v, %v", at, err)
				}
			})
		})
	}
}

func TestAFastRunWaitsForTheDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const steps = 5000
		disk := &slow{}
		g := compile(t, graph.New[state]("loop", logField()).Node("a", say("a")).Entry("a").
			Branch("a", func(s state) string {
				if len(s.Log) < steps {
					return "a"
				}
				return graph.End
			}, "a", graph.End), graph.Options{Checkpointer: disk, Durability: graph.Async, StepLimit: steps})
		if _, err := g.Start(t.Context(), "t", nil); err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, batch := range disk.stored() {
			n := len(strings.Fields(batch))
			total += n
			if n > 1024 {
				t.Errorf("a batch of %d records", n)
			}
		}
		if total != steps+1 {
			t.Errorf("%d records, want %d", total, steps+1)
		}
	})
}

func TestTokensNeverBlockAndDropsAreCounted(t *testing.T) {
	t.Parallel()
	talk := func(_ context.Context, _ state, rt *graph.Runtime) (result, error) {
		for i := range 10 {
			rt.Token(i)
		}
		return result{}, nil
	}
	g := line(t, graph.Options{}, "", talk)
	few, many, other := g.Tokens("t", 3), g.Tokens("t", 100), g.Tokens("u", 100)
	if _, err := g.Start(t.Context(), "t", nil); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		tokens  *graph.Tokens
		kept    int
		dropped uint64
	}{"few": {few, 3, 7}, "many": {many, 10, 0}, "other": {other, 0, 0}} {
		c.tokens.Close()
		c.tokens.Close()
		n := 0
		for token := range c.tokens.All() {
			if token.Value != n || token.Node != "n0" || token.Thread != "t" || token.Run != 1 {
				t.Errorf("%s: token %d is %+v", name, n, token)
			}
			n++
		}
		if n != c.kept || c.tokens.Dropped() != c.dropped {
			t.Errorf("%s: %d kept, %d dropped; want %d and %d", name, n, c.tokens.Dropped(), c.kept, c.dropped)
		}
	}
	if _, err := g.Start(t.Context(), "t", nil); err != nil {
		t.Errorf("after everybody left: %v", err)
	}
}
