package tools_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/tools"
)

func limits(day, thread tools.Limit) func() (tools.Limits, error) {
	return func() (tools.Limits, error) {
		return tools.Limits{Day: day, Thread: thread, By: "policy p.yaml:3"}, nil
	}
}

// budgeted calls a costly tool behind the budget gate alone.
func budgeted(t *testing.T, p *paint, purse *tools.Purse, l func() (tools.Limits, error)) func(thread, id string) error {
	t.Helper()
	r := newPaint(t, p, tools.BudgetGate(purse, l))
	return func(thread, id string) error {
		ctx := tools.WithOrigin(t.Context(), tools.Origin{Source: tools.SourceModel, Thread: thread})
		_, err := r.Invoke(ctx, tools.Call{ID: id, Tool: "paint", Args: json.RawMessage(hall)}, nil)
		return err
	}
}

func refusedFor(t *testing.T, err error, words ...string) {
	t.Helper()
	e := tools.AsError(err)
	if e == nil || e.Code != tools.CodeRefused || tools.ExitCode(err) != tools.ExitRefused {
		t.Errorf("%v is no refusal", err)
		return
	}
	for _, w := range words {
		if !strings.Contains(e.Error(), w) {
			t.Errorf("%q is not in:\n%v", w, e)
		}
	}
}

func TestBudgetOfADay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), tools.PurseName)
	now := noon
	clock := func() time.Time { return now }
	p := &paint{effect: tools.Launch}
	l := limits(tools.Limit{Launches: new(int64(2))}, tools.Limit{})
	call := budgeted(t, p, tools.NewPurse(path, clock), l)
	for _, id := range []string{"a", "b"} {
		if err := call("", id); err != nil {
			t.Fatal(err)
		}
	}
	refusedFor(t, call("", "c"), "policy p.yaml:3", "0 of 2 launches left", "2026-03-02 00:00 UTC")
	if err := call("", "a"); err != nil {
		t.Errorf("the same call is counted twice: %v", err)
	}
	again := budgeted(t, p, tools.NewPurse(path, clock), l) // after a restart
	refusedFor(t, again("", "d"), "0 of 2")
	now = noon.Add(12 * time.Hour)
	if err := again("", "e"); err != nil {
		t.Errorf("it did not renew: %v", err)
	}
}

func TestBudgetOfAConversation(t *testing.T) {
	t.Parallel()
	p := &paint{effect: tools.Launch}
	call := budgeted(t, p, tools.NewPurse(filepath.Join(t.TempDir(), "b"), clock), limits(tools.Limit{}, tools.Limit{Launches: new(int64(1))}))
	if err := call("one", "a"); err != nil {
		t.Fatal(err)
	}
	refusedFor(t, call("one", "b"), "conversation", "does not renew")
	if err := call("two", "c"); err != nil {
		t.Errorf("another conversation: %v", err)
	}
}

func TestWhatFailsIsGivenBack(t *testing.T) {
	t.Parallel()
	p := &paint{effect: tools.Launch, hook: func(context.Context) { panic("no worker") }}
	purse := tools.NewPurse(filepath.Join(t.TempDir(), "b"), clock)
	call := budgeted(t, p, purse, limits(tools.Limit{Launches: new(int64(1))}, tools.Limit{}))
	for _, id := range []string{"", "a", "a", "b"} {
		if err := call("", id); err == nil || strings.Contains(err.Error(), "launches left") {
			t.Fatalf("%q: %v", id, err)
		}
	}
	if day, _, err := purse.Spent(""); err != nil || day != (tools.Spent{}) {
		t.Errorf("%+v, %v", day, err)
	}
}

func TestBudgetFailsClosed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	damaged, folder := filepath.Join(dir, "damaged"), filepath.Join(dir, "folder")
	if err := errors.Join(os.WriteFile(damaged, []byte("{\"seq\":1,\"kind\":\"spent\"}\nrubbish\n"), 0o600), os.Mkdir(folder, 0o750)); err != nil {
		t.Fatal(err)
	}
	one := limits(tools.Limit{Launches: new(int64(1))}, tools.Limit{})
	for name, c := range map[string]struct {
		purse  *tools.Purse
		limits func() (tools.Limits, error)
	}{
		"a corrupted ledger":      {tools.NewPurse(damaged, clock), one},
		"an unwritable ledger":    {tools.NewPurse(folder, clock), one},
		"a ledger with no folder": {tools.NewPurse(filepath.Join(dir, "no/such/b"), clock), one},
		"no clock":                {tools.NewPurse(filepath.Join(dir, "b"), nil), one},
		"no ledger":               {nil, one},
		"unreadable limits":       {tools.NewPurse(filepath.Join(dir, "c"), clock), func() (tools.Limits, error) { return tools.Limits{}, errors.New("typo") }},
	} {
		p := &paint{effect: tools.Launch}
		refusedFor(t, budgeted(t, p, c.purse, c.limits)("", "a"), "is refused")
		if p.did != 0 {
			t.Errorf("%s: it ran", name)
		}
	}
}

// Several processes, each with a purse of its own on one file, never spend
// more than there is.
func TestNobodyOverspends(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "b")
	const most, callers = 5, 12
	l := tools.Limits{Day: tools.Limit{Launches: new(int64(most)), Seconds: new(1000.0)}}
	var wg sync.WaitGroup
	granted := make(chan int64, callers*2)
	for range callers {
		wg.Go(func() {
			purse := tools.NewPurse(path, clock)
			for range 2 {
				if id, err := purse.Spend(context.WithoutCancel(t.Context()), tools.Charge{Tool: "paint", Launches: 1, Seconds: 10}, l); err == nil {
					granted <- id
				}
			}
		})
	}
	wg.Wait()
	close(granted)
	if n := len(granted); n != most {
		t.Errorf("%d were granted, want %d", n, most)
	}
}

func TestSpendingStaysWithinTheLimits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		f, err := os.CreateTemp(dir, "purse")
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		purse := tools.NewPurse(f.Name(), clock)
		l := tools.Limits{Day: tools.Limit{Seconds: new(rapid.Float64Range(0, 100).Draw(t, "seconds")), Bytes: new(rapid.Int64Range(0, 100).Draw(t, "bytes"))}}
		for range rapid.IntRange(1, 8).Draw(t, "calls") {
			c := tools.Charge{Tool: "x", Seconds: rapid.Float64Range(0, 60).Draw(t, "s"), Bytes: rapid.Int64Range(0, 60).Draw(t, "b")}
			id, err := purse.Spend(t.Context(), c, l)
			if err == nil && rapid.Bool().Draw(t, "fails") {
				err = purse.GiveBack(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
			}
			if day, _, err := purse.Spent(""); err != nil || day.Seconds > *l.Day.Seconds || day.Bytes > *l.Day.Bytes {
				t.Fatalf("%+v over %v, %v", day, l, err)
			}
		}
	})
}
