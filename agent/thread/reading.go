package thread

import (
	"strings"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/tools"
)

// maxSaid is how many bytes of what was said in a thread are kept for searches.
// What a longer thread has beyond that is looked for in its journal.
const maxSaid = 256 << 10

// reading adds up the lines of a journal.
type reading struct {
	told func(thread string, c graph.Change) (said []string, followups int)
	all  bool // keep all that was said
	info Info
	said []byte
	cut  bool
}

func (r *reading) add(line journal.Record) error {
	i := &r.info
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
	case graph.KindInput, graph.KindStep, graph.KindSnapshot, graph.KindTask:
		rec, err := decode(line)
		if err != nil {
			return err
		}
		r.step(&rec)
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

// step takes what the outermost graph wrote.
func (r *reading) step(rec *graph.Record) {
	i := &r.info
	switch rec.Kind {
	case graph.KindInput:
		i.Turns++
		i.Unfinished = true
	case graph.KindSnapshot:
		i.Turns, i.Unfinished, i.Waiting = rec.Run, len(rec.Next) > 0, false
		i.Followups, r.said, r.cut = 0, nil, false
	case graph.KindStep:
		i.Unfinished, i.Waiting = len(rec.Next) > 0, false
	default:
	}
	if r.told == nil || rec.Path != "" {
		return
	}
	for _, c := range rec.Writes {
		said, followups := r.told(i.ID, c)
		if followups >= 0 {
			i.Followups = followups
		}
		for _, text := range said {
			r.hear(text)
		}
	}
}

// hear keeps a text as a search wants it.
func (r *reading) hear(text string) {
	text = strings.ToLower(tools.Plain(text))
	if text == "" {
		return
	}
	if !r.all && len(r.said)+len(text) >= maxSaid {
		r.cut = true
		return
	}
	r.said = append(append(r.said, text...), '\n')
}
