package thread

import (
	"bytes"
	"context"
	"strings"

	"github.com/minivess/minivess/engine/journal"
)

// Search describes the threads in which all of the words occur, in any case: in
// the id, the title or what was said. The one last worked on comes first. A
// damaged thread is searched by its id and title only.
func (s *Store) Search(ctx context.Context, words []string) ([]Info, error) {
	known, err := s.digests(ctx)
	if err != nil {
		return nil, err
	}
	wanted := make([][]byte, len(words))
	for i, w := range words {
		wanted[i] = []byte(strings.ToLower(w))
	}
	for id, d := range known {
		left := d.lacks(wanted)
		if len(left) > 0 && d.cut {
			d.said = s.allSaid(ctx, id)
			left = d.lacks(left)
		}
		if len(left) > 0 {
			delete(known, id)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return s.sorted(known)
}

// lacks are the words that do not occur.
func (d *digest) lacks(words [][]byte) [][]byte {
	named := []byte(strings.ToLower(d.info.ID + "\n" + d.info.Title))
	var left [][]byte
	for _, w := range words {
		if !bytes.Contains(named, w) && !bytes.Contains(d.said, w) {
			left = append(left, w)
		}
	}
	return left
}

// allSaid is what was said in a thread that has more of it than the index keeps.
func (s *Store) allSaid(ctx context.Context, id string) []byte {
	r := reading{told: s.options.Told, all: true, info: Info{ID: id}}
	for line, err := range journal.Read(s.path(id), 0) {
		if err != nil || ctx.Err() != nil || r.add(line) != nil {
			return nil
		}
	}
	return r.said
}
