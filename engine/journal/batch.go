package journal

import "fmt"

// Entry is a record to be appended.
type Entry struct {
	Kind string
	Data any
}

// AppendAll writes several records in one write and, if the journal is flushed
// at all, with one flush. An error means that the journal is as it was. A crash
// meanwhile may leave the first of them; none is left without those before it.
// Chained journals are written record by record: use Append.
func (w *Writer) AppendAll(entries []Entry) error {
	if w.opts.Chain {
		return fmt.Errorf("append %d records to journal %q: a chained journal takes one at a time", len(entries), w.path)
	}
	if len(entries) == 0 {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return w.broken
	}
	now := w.opts.Now().UTC().Round(0)
	rec := Record{Seq: w.seq}
	var lines []byte
	for _, e := range entries {
		raw, err := encodeData(e.Data)
		if err != nil {
			return fmt.Errorf("append %q to journal %q: %w", e.Kind, w.path, err)
		}
		rec = Record{Seq: rec.Seq + 1, Time: now, Kind: e.Kind, Data: raw}
		line, err := encodeLine(&rec, false)
		if err != nil {
			return fmt.Errorf("append to journal %q: %w", w.path, err)
		}
		lines = append(lines, line...)
	}
	if err := w.put(lines, rec); err != nil {
		return w.undo(fmt.Errorf("append %d records to journal %q: %w", len(entries), w.path, err))
	}
	w.size += int64(len(lines))
	w.seq = rec.Seq
	return nil
}
