// Package spend keeps account of what language models cost, in a journal a day
// of the workspace, and refuses what goes over a budget. It fails closed: what
// cannot be counted is not spent. What a call may cost is set aside before it
// and corrected after it, so that several processes share one budget, and a
// process that dies in the middle of a call has spent what it set aside.
package spend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/minivess/minivess/engine/journal"
)

// ErrOver is wrapped by the refusal of a call that would go over a budget.
var ErrOver = errors.New("over the budget")

// ErrPrice is wrapped by the refusal of a call whose price is not known while
// there is a budget in dollars.
var ErrPrice = errors.New("the price is not known")

// Amount is money and tokens.
type Amount struct {
	USD    float64 `json:"usd"`
	Tokens int     `json:"tokens"`
}

func (a *Amount) add(b Amount, sign int) {
	a.USD += float64(sign) * b.USD
	a.Tokens += sign * b.Tokens
}

// Limits are what may be spent on one conversation and on one day (UTC); a
// zero is no limit.
type Limits struct{ Thread, Day Amount }

// Any says whether there is a limit.
func (l Limits) Any() bool { return l != Limits{} }

// Money says whether there is a limit in dollars.
func (l Limits) Money() bool { return l.Thread.USD > 0 || l.Day.USD > 0 }

// Totals are what was spent. Unpriced counts the calls whose price nobody
// knows; their dollars are in no sum.
type Totals struct {
	Amount
	Calls    int
	Unpriced int
}

// Ledger is the account of one workspace.
type Ledger struct {
	dir    string
	limits Limits

	mu      sync.Mutex
	begun   bool
	day     string
	offset  int64 // how far the day's journal was read
	today   Totals
	threads map[string]*Totals
	open    map[string]entry // set aside today, by id
}

// New keeps the account in a folder, which need not exist yet.
func New(dir string, limits Limits) *Ledger {
	return &Ledger{dir: dir, limits: limits, threads: map[string]*Totals{}, open: map[string]entry{}}
}

// The kinds of record.
const (
	kindAside   = "aside"
	kindSettled = "settled"
)

// entry is one record: what was set aside for a call, or what it came to.
type entry struct {
	ID     string `json:"id"`
	Thread string `json:"thread,omitempty"`
	Model  string `json:"model,omitempty"`
	Priced bool   `json:"priced"`
	Amount
}

// Hold is what was set aside for one call.
type Hold struct {
	ledger *Ledger
	day    string
	entry  entry
}

const (
	dayFormat = "2006-01-02"
	extension = ".jsonl"
)

// Reserve sets aside what a call may cost. A nil price means that nobody
// knows what the tokens cost. The error wraps ErrOver or ErrPrice where the
// budget is the reason; any other means that the account could not be kept.
func (l *Ledger) Reserve(ctx context.Context, thread, model string, usd *float64, tokens int) (*Hold, error) {
	if usd == nil && l.limits.Money() {
		return nil, fmt.Errorf("%w: what %s costs, so a budget in dollars cannot be kept", ErrPrice, model)
	}
	e := entry{Thread: thread, Model: model, Priced: usd != nil, Amount: Amount{Tokens: tokens}}
	if usd != nil {
		e.USD = *usd
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.write(ctx, func(w *journal.Writer) error {
		if err := l.check(e); err != nil {
			return err
		}
		e.ID = fmt.Sprintf("%s.%d", l.day, l.offset) // the lock is held: nobody else is at this place
		return l.append(w, kindAside, e)
	})
	if err != nil {
		return nil, err
	}
	return &Hold{ledger: l, day: l.day, entry: e}, nil
}

// Settle replaces what was set aside by what the call came to. A nil amount
// leaves it, for a call that failed in an unknown state.
func (h *Hold) Settle(ctx context.Context, spent *Amount) error {
	if spent == nil {
		return nil
	}
	l := h.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	e := h.entry
	e.Amount = *spent
	if l.day == h.day && today() == h.day {
		return l.write(ctx, func(w *journal.Writer) error { return l.append(w, kindSettled, e) })
	}
	return l.settleLate(ctx, h, e)
}

// settleLate settles a call that began before midnight, in its own day's
// journal.
func (l *Ledger) settleLate(ctx context.Context, h *Hold, e entry) error {
	w, err := journal.OpenWriter(ctx, l.path(h.day), journal.Options{Wait: true})
	if err != nil {
		return fmt.Errorf("keep account of what models cost: %w", err)
	}
	_, err = w.Append(kindSettled, e)
	if err = errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("keep account of what models cost: %w", err)
	}
	if t, ok := l.threads[e.Thread]; ok {
		t.add(h.entry.Amount, -1)
		t.add(e.Amount, 1)
	}
	return nil
}

// write runs a change under the journal's lock, which keeps other processes
// out, with the account up to date.
func (l *Ledger) write(ctx context.Context, change func(*journal.Writer) error) (err error) {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return fmt.Errorf("keep account of what models cost: %w", err)
	}
	day := today()
	w, err := journal.OpenWriter(ctx, l.path(day), journal.Options{Wait: true})
	if err != nil {
		return fmt.Errorf("keep account of what models cost: %w", err)
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := l.refresh(day); err != nil {
		return err
	}
	return change(w)
}

func today() string { return time.Now().UTC().Format(dayFormat) }

func (l *Ledger) path(day string) string { return filepath.Join(l.dir, day+extension) }

func (l *Ledger) append(w *journal.Writer, kind string, e entry) error {
	record, err := w.Append(kind, e)
	if err != nil {
		return fmt.Errorf("keep account of what models cost: %w", err)
	}
	l.take(kind, e)
	l.offset = record.Offset
	return nil
}

// refresh reads what others wrote since, and all earlier days once.
func (l *Ledger) refresh(day string) error {
	if !l.begun {
		if err := l.earlier(day); err != nil {
			return err
		}
		l.begun = true
	}
	if l.day != day {
		l.day, l.offset, l.today, l.open = day, 0, Totals{}, map[string]entry{}
	}
	return l.read(day)
}

func (l *Ledger) earlier(than string) error {
	files, err := os.ReadDir(l.dir)
	if err != nil {
		return fmt.Errorf("read what models cost: %w", err)
	}
	l.threads = map[string]*Totals{} // an attempt before this one may have failed half way
	for _, f := range files {
		day, ok := strings.CutSuffix(f.Name(), extension)
		if _, err := time.Parse(dayFormat, day); !ok || err != nil || day == than {
			continue
		}
		l.offset, l.open = 0, map[string]entry{}
		if err := l.read(day); err != nil {
			return err
		}
	}
	l.today = Totals{}
	return nil
}

func (l *Ledger) read(day string) error {
	for record, err := range journal.Read(l.path(day), l.offset) {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read what models cost: %w", err)
		}
		var e entry
		if err := record.Decode(&e); err != nil {
			return fmt.Errorf("read what models cost: %s: %w", l.path(day), err)
		}
		l.take(record.Kind, e)
		l.offset = record.Offset
	}
	return nil
}

// take puts a record into the sums.
func (l *Ledger) take(kind string, e entry) {
	thread, ok := l.threads[e.Thread]
	if !ok {
		thread = &Totals{}
		l.threads[e.Thread] = thread
	}
	for _, t := range []*Totals{thread, &l.today} {
		switch kind {
		case kindAside:
			t.Calls++
			if !e.Priced {
				t.Unpriced++
			}
			t.add(e.Amount, 1)
		case kindSettled:
			if aside, ok := l.open[e.ID]; ok {
				t.add(aside.Amount, -1)
			}
			t.add(e.Amount, 1)
		}
	}
	if kind == kindAside {
		l.open[e.ID] = e
	} else {
		delete(l.open, e.ID)
	}
}

// check refuses what would go over a limit.
func (l *Ledger) check(e entry) error {
	spent := Totals{}
	if t, ok := l.threads[e.Thread]; ok {
		spent = *t
	}
	for _, c := range []struct {
		what  string
		spent Amount
		limit Amount
	}{{"this thread", spent.Amount, l.limits.Thread}, {"today", l.today.Amount, l.limits.Day}} {
		if c.limit.USD > 0 && c.spent.USD+e.USD > c.limit.USD {
			return fmt.Errorf("%w of $%.2f for %s: $%.4f is spent or set aside, and this call may cost $%.4f", ErrOver, c.limit.USD, c.what, c.spent.USD, e.USD)
		}
		if c.limit.Tokens > 0 && c.spent.Tokens+e.Tokens > c.limit.Tokens {
			return fmt.Errorf("%w of %d tokens for %s: %d are spent or set aside, and this call may take %d", ErrOver, c.limit.Tokens, c.what, c.spent.Tokens, e.Tokens)
		}
	}
	return nil
}

// Spent is what was spent today and on a thread.
func (l *Ledger) Spent(thread string) (ofDay, ofThread Totals, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := os.Stat(l.dir); errors.Is(err, fs.ErrNotExist) {
		return Totals{}, Totals{}, nil
	}
	if err := l.refresh(today()); err != nil {
		return Totals{}, Totals{}, err
	}
	if t, ok := l.threads[thread]; ok {
		ofThread = *t
	}
	return l.today, ofThread, nil
}
