package graph_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/minivess/minivess/agent/graph"
)

// odd has parts that make bad fields.
type odd struct {
	Good  []string
	Chan  chan int
	Func  func()
	Iface interface{ Close() error }
	Deep  map[string][]struct{ F func() }
	Blind blind
	Ptr   *struct{ N int }
	Time  time.Time
	Any   any
}

type blind struct{ hidden int }

var elsewhere []string //nolint:gochecknoglobals // what a field must not point to

func TestFieldsThatCannotWork(t *testing.T) {
	t.Parallel()
	good := graph.NewField("good", func(o *odd) *[]string { return &o.Good }, graph.Append[string])
	for name, c := range map[string]struct {
		field graph.AnyField[odd]
		says  string // empty: fine
	}{
		"a channel":               {graph.NewField("f", func(o *odd) *chan int { return &o.Chan }, graph.Replace[chan int]), "cannot be stored"},
		"a function":              {graph.NewField("f", func(o *odd) *func() { return &o.Func }, graph.Replace[func()]), "cannot be stored"},
		"an interface":            {graph.NewField("f", func(o *odd) *interface{ Close() error } { return &o.Iface }, graph.Replace[interface{ Close() error }]), "cannot be read back"},
		"a function deep inside":  {graph.NewField("f", func(o *odd) *map[string][]struct{ F func() } { return &o.Deep }, graph.Replace[map[string][]struct{ F func() }]), "cannot be stored"},
		"nothing to see":          {graph.NewField("f", func(o *odd) *blind { return &o.Blind }, graph.Replace[blind]), "no exported fields"},
		"outside of the state":    {graph.NewField("f", func(*odd) *[]string { return &elsewhere }, graph.Append[string]), "does not point into the state"},
		"nil":                     {graph.NewField("f", func(*odd) *[]string { return nil }, graph.Append[string]), "does not point into the state"},
		"the same place":          {graph.NewField("f", func(o *odd) *[]string { return &o.Good }, graph.Replace[[]string]), "same part"},
		"behind a nil pointer":    {graph.NewField("f", func(o *odd) *int { return &o.Ptr.N }, graph.Replace[int]), "panic on an empty state"},
		"a reducer that panics":   {graph.NewField("f", func(o *odd) *any { return &o.Any }, func(any, any) any { panic("no") }), "panic on an empty state"},
		"a reducer of no JSON":    {graph.NewField("f", func(o *odd) *any { return &o.Any }, func(any, any) any { return math.NaN() }), "unsupported value"},
		"a type that knows JSON":  {graph.NewField("f", func(o *odd) *time.Time { return &o.Time }, graph.Replace[time.Time]), ""},
		"a pointer":               {graph.NewField("f", func(o *odd) **struct{ N int } { return &o.Ptr }, graph.Replace[*struct{ N int }]), ""},
		"anything":                {graph.NewField("f", func(o *odd) *any { return &o.Any }, graph.Replace[any]), ""},
		"a reducer left out":      {graph.NewField[odd, any]("f", func(o *odd) *any { return &o.Any }, nil), "nil function"},
		"a field without a place": {graph.NewField[odd, any]("f", nil, graph.Replace[any]), "nil function"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := graph.New("g", good, c.field).
				Node("a", func(context.Context, odd, *graph.Runtime) (graph.Result[odd], error) { return graph.Result[odd]{}, nil }).
				Entry("a").Edge("a", graph.End).Compile(graph.Options{})
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
	if (blind{}).hidden != 0 {
		t.Error("never")
	}
}

func TestPoliciesAndFanOutThatCannotBe(t *testing.T) {
	t.Parallel()
	fresh := func() *graph.Builder[state] {
		return graph.New[state]("g", logField()).Node("a", say("a")).Entry("a").Edge("a", graph.End)
	}
	key := func(state, *graph.Runtime) string { return "k" }
	with := func(p graph.Policy[state]) *graph.Builder[state] { return fresh().Policy("a", p) }
	nested := func(p graph.Policy[state]) *graph.Builder[state] {
		return graph.New[state]("g", logField()).Subgraph("a", over(t, asking(t))).Entry("a").Edge("a", graph.End).Policy("a", p)
	}
	for name, c := range map[string]struct {
		build *graph.Builder[state]
		want  error
		says  string
	}{
		"retry of a node that writes": {with(graph.Policy[state]{Writes: true, Retry: graph.Retry{Attempts: 2}}), graph.ErrPolicy, "must not be retried"},
		"cache of a node that writes": {with(graph.Policy[state]{Writes: true, Cache: graph.CacheRule[state]{Key: key, TTL: 1}}), graph.ErrPolicy, "must not be cached"},
		"cache for ever":              {with(graph.Policy[state]{Cache: graph.CacheRule[state]{Key: key}}), graph.ErrPolicy, "positive time to live"},
		"cache without a key":         {with(graph.Policy[state]{Cache: graph.CacheRule[state]{TTL: 1}}), graph.ErrPolicy, "a key"},
		"negative timeout":            {with(graph.Policy[state]{Timeout: -1}), graph.ErrPolicy, "below zero"},
		"negative idle":               {with(graph.Policy[state]{Idle: -1}), graph.ErrPolicy, "below zero"},
		"too many attempts":           {with(graph.Policy[state]{Retry: graph.Retry{Attempts: 101}}), graph.ErrPolicy, "attempts"},
		"jitter":                      {with(graph.Policy[state]{Retry: graph.Retry{Jitter: math.NaN()}}), graph.ErrPolicy, "jitter"},
		"factor":                      {with(graph.Policy[state]{Retry: graph.Retry{Factor: math.Inf(1)}}), graph.ErrPolicy, "factor"},
		"pause of days":               {with(graph.Policy[state]{Retry: graph.Retry{Max: 48 * time.Hour}}), graph.ErrPolicy, "over a day"},
		"policy of nobody":            {fresh().Policy("b", graph.Policy[state]{}), graph.ErrUnknownNode, `"b"`},
		"two policies":                {fresh().Policy("a", graph.Policy[state]{}).Policy("a", graph.Policy[state]{}), graph.ErrDuplicate, "policy of a"},
		"retry of a subgraph":         {nested(graph.Policy[state]{Retry: graph.Retry{Attempts: 2}}), graph.ErrPolicy, "subgraph"},
		"idle subgraph":               {nested(graph.Policy[state]{Idle: 1}), graph.ErrPolicy, "subgraph"},
		"sends without a bound":       {fresh().Sends("a", 0, "a"), graph.ErrUnbounded, "sends from a"},
		"sends to the end":            {fresh().Sends("a", 1, graph.End), graph.ErrUnknownNode, "end"},
		"sends to nobody":             {fresh().Sends("a", 1), graph.ErrUnknownNode, "no target"},
		"sends twice":                 {fresh().Sends("a", 1, "a").Sends("a", 1, "a"), graph.ErrDuplicate, "sends from a"},
		"goto nowhere":                {fresh().Goto("a"), graph.ErrUnknownNode, "no target"},
		"goto an unknown":             {fresh().Goto("a", "x"), graph.ErrUnknownNode, `"x"`},
		"goto twice":                  {fresh().Goto("a", "a").Goto("a", graph.End), graph.ErrDuplicate, "goto from a"},
		"empty subgraph":              {fresh().Subgraph("b", graph.Nested[state]{}).Edge("a", "b").Edge("b", graph.End), graph.ErrNilFunction, "subgraph b"},
		"subgraph without mapping":    {fresh().Subgraph("b", graph.Over[state, small](nil, nil, nil)).Edge("a", "b").Edge("b", graph.End), graph.ErrNilFunction, "subgraph b"},
		"name with a slash":           {fresh().Node("b/c", say("b")), graph.ErrReserved, `"b/c"`},
		"name with a bracket":         {fresh().Node("b[0]", say("b")), graph.ErrReserved, `"b[0]"`},
		"only sent to, no way out":    {graph.New[state]("g", logField()).Node("a", say("a")).Node("b", say("b")).Entry("a").Edge("a", graph.End).Sends("a", 1, "b").Edge("b", "b"), graph.ErrNoWayOut, "node b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.build.Compile(graph.Options{})
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v that says %q", err, c.want, c.says)
			}
		})
	}
	if _, err := fresh().Compile(graph.Options{Durability: "sometimes"}); !errors.Is(err, graph.ErrPolicy) {
		t.Errorf("a durability that there is not: %v", err)
	}
}

// One look at the error is enough to mend everything.
func TestAllKindsOfProblemAreReportedTogether(t *testing.T) {
	t.Parallel()
	_, err := graph.New("g", logField(), logField()).
		Node("a", say("a")).Node("a", say("a")).Node("end", say("x")).Node("island", say("x")).Node("nil", nil).
		Policy("a", graph.Policy[state]{Writes: true, Retry: graph.Retry{Attempts: 2}}).
		Sends("a", -1, "a").Edge("a", "nowhere").Entry("a").Compile(graph.Options{})
	for _, want := range []error{
		graph.ErrDuplicate, graph.ErrReserved, graph.ErrNilFunction, graph.ErrPolicy,
		graph.ErrUnbounded, graph.ErrUnknownNode, graph.ErrUnreachable, graph.ErrNoWayOut,
	} {
		if !errors.Is(err, want) {
			t.Errorf("%v is missing in: %v", want, err)
		}
	}
}
