package graph

import (
	"encoding/json"
	"maps"
	"slices"
)

// latest are the last stored values of fields of which only the last one
// counts, by field. They are decoded when a thread has been read to its end.
type latest map[string]json.RawMessage

// decode reads the writes of a record, but for those that a later record may
// make pointless.
func (l *level[S]) decode(rec Record) ([]Write[S], error) {
	switch {
	case rec.Kind == KindSnapshot: // restore reads them
		return nil, nil
	case l.late == nil || rec.Kind == KindTask: // what a task wrote comes into force later
		return l.g.decode(rec.Writes)
	}
	counts := make([]Change, 0, len(rec.Writes))
	for _, c := range rec.Writes {
		if f, ok := l.g.fields[c.Field]; ok && f.onlyLatest() {
			l.late[c.Field] = c.Value
		} else {
			counts = append(counts, c)
		}
	}
	return l.g.decode(counts)
}

// overtake drops what the writes of a step's tasks, which come into force with
// it, replace.
func (l *level[S]) overtake(rec Record) {
	if len(l.late) == 0 || rec.Node != "" {
		return
	}
	for _, key := range l.at.next {
		for _, w := range l.at.tasks[key].writes {
			delete(l.late, w.field)
		}
	}
}

// catchUp puts the latest values into the state.
func (l *level[S]) catchUp() error {
	for _, name := range slices.Sorted(maps.Keys(l.late)) {
		if err := l.g.fields[name].restore(&l.at.state, l.late[name]); err != nil {
			return err
		}
	}
	l.late = nil
	return nil
}
