package spend_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minivess/minivess/agent/llm/spend"
	"github.com/minivess/minivess/engine/journal"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestBudgets(t *testing.T) {
	t.Parallel()
	limits := spend.Limits{Thread: spend.Amount{USD: 1}, Day: spend.Amount{USD: 1.5, Tokens: 10_000}}
	l := spend.New(filepath.Join(t.TempDir(), "spending"), limits)
	hold, err := l.Reserve(t.Context(), "a", "m", new(0.9), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Reserve(t.Context(), "a", "m", new(0.2), 100); !errors.Is(err, spend.ErrOver) {
		t.Errorf("over the thread's budget: %v", err)
	}
	if _, err := l.Reserve(t.Context(), "b", "m", new(0.7), 100); !errors.Is(err, spend.ErrOver) {
		t.Errorf("over the day's budget: %v", err)
	}
	if _, err := l.Reserve(t.Context(), "b", "m", new(0.0), 9500); !errors.Is(err, spend.ErrOver) {
		t.Errorf("over the day's tokens: %v", err)
	}
	if err := hold.Settle(t.Context(), &spend.Amount{USD: 0.3, Tokens: 800}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Reserve(t.Context(), "a", "m", new(0.7), 100); err != nil {
		t.Errorf("what was set aside was not given back: %v", err)
	}
	today, thread, err := l.Spent("a")
	if err != nil || !near(today.USD, 1.0) || !near(thread.USD, 1.0) || today.Calls != 2 || thread.Tokens != 900 {
		t.Errorf("spent %+v %+v %v", today, thread, err)
	}
}

func TestAnUnknownPriceIsNotZero(t *testing.T) {
	t.Parallel()
	l := spend.New(t.TempDir(), spend.Limits{Day: spend.Amount{USD: 100}})
	if _, err := l.Reserve(t.Context(), "a", "mystery", nil, 10); !errors.Is(err, spend.ErrPrice) {
		t.Errorf("a budget in dollars let a call pass whose price nobody knows: %v", err)
	}
	l = spend.New(t.TempDir(), spend.Limits{Day: spend.Amount{Tokens: 100}})
	if _, err := l.Reserve(t.Context(), "a", "mystery", nil, 10); err != nil {
		t.Errorf("a budget in tokens needs no price: %v", err)
	}
	if today, _, err := l.Spent("a"); err != nil || today.Unpriced != 1 || today.USD != 0 {
		t.Errorf("spent %+v %v", today, err)
	}
}

// TestTheAccountIsShared lets two processes, as it were, spend from one budget,
// and one of them die in the middle of a call.
func TestTheAccountIsShared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	limits := spend.Limits{Thread: spend.Amount{USD: 1}}
	first, second := spend.New(dir, limits), spend.New(dir, limits)
	hold, err := first.Reserve(t.Context(), "a", "m", new(0.5), 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Reserve(t.Context(), "a", "m", new(0.4), 10); err != nil { // dies
		t.Fatal(err)
	}
	if err := hold.Settle(t.Context(), &spend.Amount{USD: 0.1, Tokens: 5}); err != nil {
		t.Fatal(err)
	}
	third := spend.New(dir, limits)
	if _, thread, err := third.Spent("a"); err != nil || !near(thread.USD, 0.5) {
		t.Errorf("spent %+v %v", thread, err)
	}
	if _, err := third.Reserve(t.Context(), "a", "m", new(0.6), 10); !errors.Is(err, spend.ErrOver) {
		t.Errorf("over the budget of both: %v", err)
	}
	if _, err := third.Reserve(t.Context(), "a", "m", new(0.45), 10); err != nil {
		t.Error(err)
	}
}

func TestANewDay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		limits := spend.Limits{Day: spend.Amount{USD: 1}, Thread: spend.Amount{USD: 1.5}}
		l := spend.New(dir, limits)
		hold, err := l.Reserve(t.Context(), "a", "m", new(0.9), 10)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		if _, err := l.Reserve(t.Context(), "a", "m", new(0.5), 10); err != nil {
			t.Errorf("the day's budget did not begin anew: %v", err)
		}
		if err := hold.Settle(t.Context(), &spend.Amount{USD: 0.2, Tokens: 10}); err != nil { // the call went over midnight
			t.Fatal(err)
		}
		for _, l := range []*spend.Ledger{l, spend.New(dir, limits)} {
			if today, thread, err := l.Spent("a"); err != nil || !near(today.USD, 0.5) || !near(thread.USD, 0.7) {
				t.Errorf("spent %+v %+v %v", today, thread, err)
			}
		}
	})
}

func TestItFailsClosed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := spend.New(dir, spend.Limits{Day: spend.Amount{USD: 1}})
	for range 2 {
		if _, err := l.Reserve(t.Context(), "a", "m", new(0.1), 10); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	raw[20] ^= 1
	if err := os.WriteFile(files[0], raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := spend.New(dir, spend.Limits{}).Reserve(t.Context(), "a", "m", new(0.1), 10); !errors.Is(err, journal.ErrDamaged) {
		t.Errorf("a damaged account was spent from: %v", err)
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := spend.New(filepath.Join(blocked, "x"), spend.Limits{}).Reserve(t.Context(), "a", "m", nil, 1); err == nil {
		t.Error("an account that cannot be kept was spent from")
	}
}
