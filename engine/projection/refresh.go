package projection

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"slices"
	"strconv"

	"github.com/minivess/minivess/engine/runs"
)

// Refresh brings the tables up to date. It reads what was appended to the
// journals since the last time and nothing else. A run that cannot be read is
// shown as failed, with the reason, and does not keep the others from being
// shown. Queries see the state before or after, never in between.
func (d *DB) Refresh(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids, err := runs.IDs(d.ws)
	if err != nil {
		return fmt.Errorf("refresh the projection: %w", err)
	}
	if err := d.exec(ctx, "BEGIN TRANSACTION"); err != nil {
		return fmt.Errorf("refresh the projection: %w", err)
	}
	if err := d.refresh(ctx, ids); err != nil {
		// What was read is forgotten, so that the next refresh reads it again.
		d.runs, d.datasets = map[string]*entry{}, -1
		undo := d.exec(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(fmt.Errorf("refresh the projection: %w", err), undo, d.clear(context.WithoutCancel(ctx)))
	}
	if err := d.exec(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("refresh the projection: %w", err)
	}
	return nil
}

// clear empties the tables and hides the snapshot, to start anew.
func (d *DB) clear(ctx context.Context) error {
	var statements []string
	for _, t := range tables() {
		statements = append(statements, "DELETE FROM mem."+t.Name)
	}
	if d.stats.Snapshot {
		statements = append(statements, "DELETE FROM mem.dirty", "INSERT INTO mem.dirty SELECT run_id FROM snap.main.runs")
	}
	return d.exec(ctx, statements...)
}

func (d *DB) refresh(ctx context.Context, ids []string) error {
	in, err := newInserter(ctx, d.w)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, in.close())
		}
		if err := d.refreshRun(ctx, in, id); err != nil {
			return errors.Join(fmt.Errorf("run %s: %w", id, err), in.close())
		}
	}
	for id := range d.runs {
		if _, there := slices.BinarySearch(ids, id); !there {
			if err := d.forget(ctx, in, id); err != nil {
				return errors.Join(fmt.Errorf("run %s: %w", id, err), in.close())
			}
		}
	}
	if err := d.refreshDatasets(ctx, in); err != nil {
		return errors.Join(err, in.close())
	}
	d.stats.Rows += in.rows
	return in.close()
}

func (d *DB) refreshRun(ctx context.Context, in *inserter, id string) error {
	seen, err := lookAt(d.ws.Run(id))
	if err != nil {
		return err
	}
	e := d.runs[id]
	if e != nil && e.look.Job != seen.Job {
		// Another run under the same id: the old one was deleted.
		if err := d.forget(ctx, in, id); err != nil {
			return err
		}
		e = nil
	}
	if e == nil {
		e = &entry{}
		d.runs[id] = e
	} else if e.settled && e.look == seen {
		return nil
	}
	if err := e.recall(); err != nil {
		return err
	}
	b := &batch{mem: e.mem}
	before := e.mem.Fold.Offset
	run, err := d.read(id, e, b)
	d.stats.Bytes += e.mem.Fold.Offset - before
	changed := e.look.Tags != seen.Tags || len(b.metrics)+len(b.cases) > 0
	switch {
	case errors.Is(err, runs.ErrNoRun):
		return nil // deleted meanwhile: the next refresh sees it
	case err != nil:
		d.log.WarnContext(ctx, "a run cannot be read", "run", id, "error", err)
		run = runs.Unreadable(d.ws, id, err)
		if e.spec != nil {
			run.Spec = *e.spec
		}
		// What does not change will not read better.
		e.settled = true
	default:
		e.settled = e.mem.Fold.Terminal()
	}
	e.look = seen
	row := runRow(run)
	if h := hashRow(row); changed || h != e.hash || e.mem.Fold.Offset != before {
		e.hash = h
		return d.replace(ctx, in, e, run, row, b)
	}
	return nil
}

// read reads on in a run's journal, collecting what is new in b.
func (d *DB) read(id string, e *entry, b *batch) (runs.Run, error) {
	if e.spec == nil {
		spec, err := runs.ReadSpec(d.ws.Run(id))
		if err != nil {
			return runs.Run{}, err
		}
		e.spec = &spec
	}
	live, err := runs.Advance(d.ws, id, &e.mem.Fold, b.visit)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return runs.Run{}, err
	}
	tags, err := runs.ReadTags(d.ws.Run(id), *e.spec)
	if err != nil {
		return runs.Run{}, err
	}
	return runs.Assemble(d.ws, *e.spec, &e.mem.Fold, live, tags), nil
}

// replace writes what is new about a run: the rows that only grow are added,
// the few others are made anew.
func (d *DB) replace(ctx context.Context, in *inserter, e *entry, run runs.Run, row []any, b *batch) error {
	id := run.ID()
	b.settle()
	if err := d.own(ctx, in, e, id); err != nil {
		return err
	}
	if e.held {
		if err := removeRows(ctx, in, id, func(t tableSpec) bool { return !t.appendOnly() }); err != nil {
			return err
		}
		if err := supersede(ctx, in, id, b); err != nil {
			return err
		}
	}
	e.held = true
	if err := in.add("runs", row...); err != nil {
		return err
	}
	if err := addParams(in, run.Spec); err != nil {
		return err
	}
	if err := addMeasured(in, run.Spec, b); err != nil {
		return err
	}
	for path, a := range e.mem.Artifacts {
		if err := in.add("artifacts", id, path, a.Role, a.SHA256, a.Bytes, orNull(a.Step)); err != nil {
			return err
		}
	}
	for k, v := range run.Tags {
		if err := in.add("tags", id, k, v); err != nil {
			return err
		}
	}
	return nil
}

// own moves a run's rows from the snapshot into memory, where they can be
// changed, and hides them there.
func (d *DB) own(ctx context.Context, in *inserter, e *entry, id string) error {
	if !e.base {
		return nil
	}
	e.base, e.held = false, true
	for _, t := range tables() {
		if !t.appendOnly() {
			continue
		}
		if err := in.exec(ctx, "INSERT INTO mem."+t.Name+" SELECT * FROM snap.main."+t.Name+" WHERE "+t.owner+" = ?", id); err != nil {
			return err
		}
	}
	return in.exec(ctx, "INSERT INTO mem.dirty VALUES (?)", id)
}

// removeRows deletes a run's rows from the tables that are wanted.
func removeRows(ctx context.Context, in *inserter, id string, wanted func(tableSpec) bool) error {
	for _, t := range tables() {
		if t.owner == "" || !wanted(t) {
			continue
		}
		if err := in.exec(ctx, "DELETE FROM mem."+t.Name+" WHERE "+t.owner+" = ?", id); err != nil {
			return err
		}
	}
	return nil
}

// supersede removes rows that were there before and that the batch measures
// again.
func supersede(ctx context.Context, in *inserter, id string, b *batch) error {
	if !b.metricsAgain && !b.casesAgain {
		return nil
	}
	if err := in.exec(ctx, "DELETE FROM mem.again"); err != nil {
		return err
	}
	if b.metricsAgain {
		for _, r := range b.metrics {
			if err := in.add("again", r.name, r.split, "", r.step); err != nil {
				return err
			}
		}
	}
	if b.casesAgain {
		for _, r := range b.cases {
			if err := in.add("again", r.name, r.split, r.volume, nil); err != nil {
				return err
			}
		}
	}
	if err := in.exec(ctx, "DELETE FROM mem.metrics m USING mem.again a WHERE m.job_id = ? AND m.name = a.name AND m.split = a.split AND m.step = a.step", id); err != nil {
		return err
	}
	return in.exec(ctx, "DELETE FROM mem.case_metrics c USING mem.again a WHERE c.job_id = ? AND a.step IS NULL AND c.name = a.name AND c.split = a.split AND c.volume = a.volume", id)
}

// forget removes all rows of a run.
func (d *DB) forget(ctx context.Context, in *inserter, id string) error {
	e := d.runs[id]
	delete(d.runs, id)
	if e.held {
		if err := removeRows(ctx, in, id, func(tableSpec) bool { return true }); err != nil {
			return err
		}
	}
	if !e.base {
		return nil
	}
	return in.exec(ctx, "INSERT INTO mem.dirty VALUES (?)", id)
}

func hashRow(row []any) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%#v", row) // a hash takes everything
	return strconv.FormatUint(h.Sum64(), 16)
}
