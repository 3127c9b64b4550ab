package memory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/filelock"
	"github.com/minivess/minivess/tools"
)

// Errors of the store.
var (
	ErrNotFound = errors.New("nothing like that is remembered")
	ErrFormat   = errors.New("the memory file is damaged")
	ErrText     = errors.New("there is nothing to remember")
	ErrFull     = errors.New("the memory is full")
)

// Bounds of what is kept, so that a prompt with all of it stays small.
const (
	maxText  = 300 // characters of one entry
	maxItems = 100
)

// FileName is the name of the memory's file in a workspace.
const FileName = "memory.json"

// schemaVersion is what the file says its form is.
const schemaVersion = 1

// Kind says what an entry is.
type Kind string

// The kinds of entry.
const (
	Preference Kind = "preference" // how things are to be done
	Fact       Kind = "fact"       // how things are
)

// Item is one thing that a person wants remembered, in their own words.
type Item struct {
	ID     string    `json:"id"` // counts up; never given twice in a workspace
	Kind   Kind      `json:"kind"`
	Text   string    `json:"text"`
	Said   time.Time `json:"said"`
	Thread string    `json:"thread,omitempty"` // the conversation in which it was said
	Turn   int       `json:"turn,omitempty"`
}

// When is the day on which it was said, as people write it: 23 Nov, or with
// the year if that is not the year of now.
func (i Item) When(now time.Time) string {
	said := i.Said.Local()
	if said.Year() != now.Local().Year() {
		return said.Format("2 Jan 2006")
	}
	return said.Format("2 Jan")
}

// Store is the memory of one workspace: one small file, which a person may
// read and edit. What is forgotten is gone from it. It is safe for concurrent
// use by several processes.
type Store struct {
	path string
	now  func() time.Time
}

// NewStore returns the store in the file at path, which is made with the first
// entry. A nil now is time.Now.
func NewStore(path string, now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	return &Store{path: path, now: now}
}

// file is the form on disk.
type file struct {
	Schema int    `json:"schema"`
	Last   int    `json:"last"` // the last id that was given
	Items  []Item `json:"items"`
}

// List returns what is remembered, oldest first. A file that cannot be read as
// it should is ErrFormat.
func (s *Store) List(context.Context) ([]Item, error) {
	f, err := s.read()
	return f.Items, err
}

// Remember adds an entry and fills in its id, its kind and the time. The same
// words again are not kept twice: the entry gets the new time.
func (s *Store) Remember(ctx context.Context, item Item) (Item, error) {
	if item.Text = clean(item.Text); item.Text == "" {
		return Item{}, ErrText
	}
	err := s.change(ctx, func(f *file) error {
		if item.Said.IsZero() {
			item.Said = s.now().UTC()
		}
		if item.Kind == "" {
			item.Kind = kindOf(item.Text)
		}
		if i := slices.IndexFunc(f.Items, func(known Item) bool { return strings.EqualFold(known.Text, item.Text) }); i >= 0 {
			item.ID = f.Items[i].ID
			f.Items = append(slices.Delete(f.Items, i, i+1), item)
			return nil
		}
		if len(f.Items) >= maxItems {
			return fmt.Errorf("%w: it has %d entries; forget one first", ErrFull, len(f.Items))
		}
		f.Last++
		item.ID = strconv.Itoa(f.Last)
		f.Items = append(f.Items, item)
		return nil
	})
	return item, err
}

// Edit gives an entry other words; it counts as said now.
func (s *Store) Edit(ctx context.Context, id, text string) (Item, error) {
	if text = clean(text); text == "" {
		return Item{}, ErrText
	}
	var edited Item
	err := s.change(ctx, func(f *file) error {
		i := slices.IndexFunc(f.Items, func(known Item) bool { return known.ID == id })
		if i < 0 {
			return fmt.Errorf("%w: %q", ErrNotFound, id)
		}
		f.Items[i].Text, f.Items[i].Kind, f.Items[i].Said = text, kindOf(text), s.now().UTC()
		edited = f.Items[i]
		return nil
	})
	return edited, err
}

// Forget removes entries by their ids and returns them; "all" removes every
// one. If any id is unknown nothing is removed.
func (s *Store) Forget(ctx context.Context, ids ...string) ([]Item, error) {
	var gone []Item
	err := s.change(ctx, func(f *file) error {
		if slices.Equal(ids, []string{"all"}) {
			gone, f.Items = f.Items, nil
			return nil
		}
		for _, id := range ids {
			i := slices.IndexFunc(f.Items, func(known Item) bool { return known.ID == id })
			if i < 0 {
				return fmt.Errorf("%w: %q", ErrNotFound, id)
			}
			gone = append(gone, f.Items[i])
			f.Items = slices.Delete(f.Items, i, i+1)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return gone, nil
}

func (s *Store) read() (file, error) {
	raw, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return file{Schema: schemaVersion}, nil
	}
	if err != nil {
		return file{}, fmt.Errorf("read the memory: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var f file
	if err := dec.Decode(&f); err != nil {
		return file{}, fmt.Errorf("%w: %q: %w\n  mend it, or delete it to begin anew", ErrFormat, s.path, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return file{}, fmt.Errorf("%w: %q: something follows the value\n  mend it, or delete it to begin anew", ErrFormat, s.path)
	}
	return f, f.check(s.path)
}

// check refuses what this store would not have written.
func (f *file) check(path string) error {
	var problem string
	seen := map[string]bool{}
	switch {
	case f.Schema != schemaVersion:
		problem = fmt.Sprintf("its schema is %d, and this version knows %d", f.Schema, schemaVersion)
	case len(f.Items) > maxItems:
		problem = fmt.Sprintf("it has %d entries, more than %d", len(f.Items), maxItems)
	}
	for _, i := range f.Items {
		n, err := strconv.Atoi(i.ID)
		switch {
		case err != nil || n < 1 || n > f.Last || seen[i.ID]:
			problem = fmt.Sprintf("entry %q has a bad or repeated id", i.ID)
		case i.Kind != Preference && i.Kind != Fact:
			problem = fmt.Sprintf("entry %s is of unknown kind %q", i.ID, i.Kind)
		case clean(i.Text) != i.Text || i.Text == "":
			problem = fmt.Sprintf("entry %s has no text, too much, or control characters in it", i.ID)
		}
		seen[i.ID] = true
	}
	if problem != "" {
		return fmt.Errorf("%w: %q: %s\n  mend it, or delete it to begin anew", ErrFormat, path, problem)
	}
	return nil
}

// patience is how long a change waits for those of other processes, which
// take milliseconds.
const (
	patience = 10 * time.Second
	pause    = 5 * time.Millisecond
)

// change rewrites the file under a lock.
func (s *Store) change(ctx context.Context, do func(*file) error) error {
	lock, err := os.OpenFile(s.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock the memory: %w", err)
	}
	defer lock.Close() //nolint:errcheck // nothing is written to it
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := filelock.TryLock(lock)
		if err == nil {
			break
		}
		if !errors.Is(err, filelock.ErrLocked) {
			return fmt.Errorf("lock the memory: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("lock the memory in %q: %w", filepath.Dir(s.path), ctx.Err())
		case <-time.After(pause):
		}
	}
	f, err := s.read()
	if err != nil {
		return err
	}
	if err := do(&f); err != nil {
		return err
	}
	return s.write(f)
}

func (s *Store) write(f file) error {
	if f.Items == nil {
		f.Items = []Item{}
	}
	raw, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("write the memory: %w", err)
	}
	if err := atomicfile.WriteBytes(s.path, 0o600, append(raw, '\n')); err != nil {
		return fmt.Errorf("write the memory: %w", err)
	}
	return nil
}

// clean makes one harmless line of what was said, cut to a bound.
func clean(text string) string {
	text = strings.Join(strings.Fields(tools.Plain(text)), " ")
	if r := []rune(text); len(r) > maxText {
		text = strings.TrimSpace(string(r[:maxText]))
	}
	return text
}
