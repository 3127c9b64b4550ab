package thread

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/plaintext"
)

// maxTitle is how many characters of a title are kept.
const maxTitle = 80

// untitled stands where a title has nothing to show.
const untitled = "untitled"

// Info describes a thread for a list.
type Info struct {
	ID      string    `json:"id"`
	Title   string    `json:"title"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Turns   int       `json:"turns"`
	// Waiting: a plan waits for a decision. Unfinished: a turn was cut off, or
	// is at work right now (Busy).
	Waiting    bool `json:"waiting,omitempty"`
	Unfinished bool `json:"unfinished,omitempty"`
	Busy       bool `json:"busy,omitempty"`
	// Followups counts what the thread will take up when runs have ended.
	Followups int    `json:"followups,omitempty"`
	Damage    string `json:"damage,omitempty"` // why the thread cannot be read to its end
}

// Get describes one thread.
func (s *Store) Get(ctx context.Context, id string) (Info, error) {
	if err := s.exists(id); err != nil {
		return Info{}, err
	}
	s.index.mu.Lock()
	d, ok := s.index.known[id]
	s.index.mu.Unlock()
	if at, err := stampOf(s.path(id)); !ok || err != nil || !d.settled || d.stamp != at {
		if d, err = s.digest(ctx, id, s.options.Now()); err != nil {
			return Info{}, err
		}
	}
	return s.withBusy(d.info)
}

// List describes all threads, the one last worked on first. A damaged thread
// is listed with its damage.
func (s *Store) List(ctx context.Context) ([]Info, error) {
	known, err := s.digests(ctx)
	if err != nil {
		return nil, err
	}
	return s.sorted(known)
}

func (s *Store) sorted(found map[string]digest) ([]Info, error) {
	list := make([]Info, 0, len(found))
	for _, d := range found {
		info, err := s.withBusy(d.info)
		if err != nil {
			return nil, err
		}
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b Info) int {
		return cmp.Or(b.Updated.Compare(a.Updated), cmp.Compare(b.ID, a.ID))
	})
	return list, nil
}

func (s *Store) withBusy(info Info) (Info, error) {
	busy, err := journal.Locked(s.path(info.ID))
	if err != nil {
		return info, fmt.Errorf("thread %s: %w", info.ID, err)
	}
	info.Busy = busy
	return info, nil
}

// Find returns the thread with this id or unique prefix; "latest" and "" mean
// the one last worked on.
func (s *Store) Find(ctx context.Context, name string) (Info, error) {
	list, err := s.List(ctx)
	if err != nil {
		return Info{}, err
	}
	var fits []Info
	for _, t := range list {
		if name == "" || name == "latest" || t.ID == name {
			return t, nil
		}
		if strings.HasPrefix(t.ID, name) {
			fits = append(fits, t)
		}
	}
	switch len(fits) {
	case 1:
		return fits[0], nil
	case 0:
		return Info{}, fmt.Errorf("%w: %q", ErrNotFound, name)
	default:
		return Info{}, fmt.Errorf("%w %q: %s and %s, for instance", ErrAmbiguous, name, fits[0].ID, fits[1].ID)
	}
}

// CleanTitle makes one harmless line of a title: no terminal escapes, no
// control or direction-changing characters, at most 80 characters.
func CleanTitle(title string) string {
	title = plaintext.Words(ansi.Strip(title))
	if runes := []rune(title); len(runes) > maxTitle {
		title = strings.TrimSpace(string(runes[:maxTitle-1])) + "…"
	}
	return cmp.Or(title, untitled)
}
