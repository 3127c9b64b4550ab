package thread

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/engine/journal"
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
	Waiting    bool   `json:"waiting,omitempty"`
	Unfinished bool   `json:"unfinished,omitempty"`
	Busy       bool   `json:"busy,omitempty"`
	Damage     string `json:"damage,omitempty"` // why the thread cannot be read to its end
}

// Get describes one thread.
func (s *Store) Get(ctx context.Context, id string) (Info, error) {
	if err := s.exists(id); err != nil {
		return Info{}, err
	}
	return s.describe(ctx, id)
}

// List describes all threads, the one last worked on first. A damaged thread
// is listed with its damage.
func (s *Store) List(ctx context.Context) ([]Info, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list threads: %w", err)
	}
	var list []Info
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), extension)
		if !ok || !validID(id) || e.IsDir() {
			continue
		}
		info, err := s.describe(ctx, id)
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

func (s *Store) describe(ctx context.Context, id string) (Info, error) {
	info := Info{ID: id, Title: untitled}
	for line, err := range journal.Read(s.path(id), 0) {
		if err == nil {
			err = info.add(line)
		}
		if err != nil {
			info.Damage = err.Error()
			break
		}
		if err := ctx.Err(); err != nil {
			return info, err
		}
	}
	busy, err := journal.Locked(s.path(id))
	if err != nil {
		return info, fmt.Errorf("thread %s: %w", id, err)
	}
	info.Busy = busy
	return info, nil
}

func (i *Info) add(line journal.Record) error {
	i.Updated = line.Time
	if i.Created.IsZero() {
		i.Created = line.Time
	}
	switch graph.Kind(line.Kind) {
	case kindThread, kindTitle:
		var h header
		if err := line.Decode(&h); err != nil {
			return err
		}
		i.Title = CleanTitle(h.Title)
	case graph.KindInput:
		i.Turns++
		i.Unfinished = true
	case graph.KindSnapshot:
		var r graph.Record
		if err := line.Decode(&r); err != nil {
			return err
		}
		i.Turns, i.Unfinished, i.Waiting = r.Run, len(r.Next) > 0, false
	case graph.KindStep:
		var r graph.Record
		if err := line.Decode(&r); err != nil {
			return err
		}
		i.Unfinished, i.Waiting = len(r.Next) > 0, false
	case graph.KindInterrupt:
		i.Waiting = true
	case graph.KindAnswer, graph.KindExpire:
		i.Waiting = false
	case graph.KindAbandon:
		i.Unfinished, i.Waiting = false, false
	default:
	}
	return nil
}

// CleanTitle makes one harmless line of a title: no terminal escapes, no
// control or direction-changing characters, at most 80 characters.
func CleanTitle(title string) string {
	title = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, ansi.Strip(title))
	title = strings.Join(strings.Fields(title), " ")
	if runes := []rune(title); len(runes) > maxTitle {
		title = strings.TrimSpace(string(runes[:maxTitle-1])) + "…"
	}
	return cmp.Or(title, untitled)
}
