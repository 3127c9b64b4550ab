package projection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/minivess/minivess/engine/filelock"
	"github.com/minivess/minivess/engine/workspace"
)

// A snapshot is worth its writing when a good part of what was read is not
// in the last one.
const (
	snapshotBytes    = 4 << 20 // journals smaller than this are read in no time
	snapshotFraction = 4       // save when a quarter of the last snapshot's bytes are new
)

func worthSaving(read, saved int64) bool {
	return read >= snapshotBytes && read*snapshotFraction >= saved
}

func snapshotPath(ws *workspace.Workspace) string {
	return filepath.Join(ws.Cache(), fmt.Sprintf("projection-%d.duckdb", version))
}

// attachSnapshot opens the snapshot, if there is one that can be used, and
// reports whether. One that cannot be is ignored: the journals have it all.
func (d *DB) attachSnapshot(ctx context.Context) bool {
	if _, err := os.Stat(snapshotPath(d.ws)); errors.Is(err, fs.ErrNotExist) {
		return false
	}
	// SQL may read the files of attached databases, whatever else it may not.
	// A name that is gone once the file is open cannot be read.
	link := filepath.Join(d.ws.Cache(), ".open-"+uuid.NewString())
	if err := os.Link(snapshotPath(d.ws), link); err != nil {
		d.log.DebugContext(ctx, "the projection's snapshot cannot be linked", "error", err)
		return false
	}
	err := d.exec(ctx, "ATTACH "+quote(link)+" AS snap (READ_ONLY)")
	if rerr := os.Remove(link); rerr != nil {
		d.log.WarnContext(ctx, "a link to the projection's snapshot is left behind", "path", link, "error", rerr)
	}
	if err == nil {
		if err = d.loadState(ctx); err == nil {
			return true
		}
		d.runs = map[string]*entry{}
		err = errors.Join(err, d.exec(ctx, "DETACH DATABASE IF EXISTS snap"))
	}
	d.log.InfoContext(ctx, "the projection's snapshot cannot be used; reading the journals instead", "error", err)
	return false
}

// loadState reads what the snapshot knows about run folders.
func (d *DB) loadState(ctx context.Context) (err error) {
	rows, err := d.w.QueryContext(ctx, "SELECT run_id, job, events, tags, cancel, settled, hash, memory FROM snap.main.state")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		e := &entry{base: true}
		var id, mem string
		if err := rows.Scan(&id, &e.look.Job, &e.look.Events, &e.look.Tags, &e.look.Cancel, &e.settled, &e.hash, &mem); err != nil {
			return err
		}
		e.raw = []byte(mem)
		d.runs[id] = e
		d.saved += e.look.Events
	}
	return rows.Err()
}

// saveSnapshot writes a new snapshot if that is worth it. Failing is no
// error: the next process will read more.
func (d *DB) saveSnapshot(ctx context.Context) {
	if !d.worth(d.stats.Bytes, d.saved) {
		return
	}
	err := d.writeSnapshot(ctx)
	switch {
	case errors.Is(err, filelock.ErrLocked): // another process is writing one
	case err != nil:
		d.log.WarnContext(ctx, "the projection's snapshot cannot be saved", "error", err)
	default:
		d.stats.Saved = true
	}
}

func (d *DB) writeSnapshot(ctx context.Context) (err error) {
	if err := os.MkdirAll(d.ws.Cache(), 0o750); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(d.ws.Cache(), "projection.lock"), os.O_RDWR|os.O_CREATE, 0o640) //nolint:gosec // colleagues may share a workspace
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := filelock.TryLock(lock); err != nil {
		return err
	}
	tmp := filepath.Join(d.ws.Cache(), ".next-"+uuid.NewString())
	defer func() {
		for _, path := range []string{tmp, tmp + ".wal"} {
			if rerr := os.Remove(path); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
				err = errors.Join(err, rerr)
			}
		}
	}()
	statements := []string{"ATTACH " + quote(tmp) + " AS next"}
	for _, t := range tables() {
		if t.owner != "" {
			statements = append(statements, "CREATE TABLE next."+t.Name+" AS SELECT * FROM "+t.Name)
		}
	}
	statements = append(statements, "CREATE TABLE next.state (run_id VARCHAR, job VARCHAR, events BIGINT, tags BIGINT, cancel BOOLEAN, settled BOOLEAN, hash VARCHAR, memory VARCHAR)")
	err = d.exec(ctx, statements...)
	if err == nil {
		err = d.writeState(ctx)
	}
	if err = errors.Join(err, d.exec(context.WithoutCancel(ctx), "DETACH DATABASE IF EXISTS next")); err != nil {
		return err
	}
	return os.Rename(tmp, snapshotPath(d.ws))
}

func (d *DB) writeState(ctx context.Context) error {
	stmt, err := d.w.PrepareContext(ctx, "INSERT INTO next.state VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer stmt.Close() //nolint:errcheck // the inserts are what counts
	for id, e := range d.runs {
		mem := e.raw
		if e.mem != nil {
			if mem, err = json.Marshal(e.mem); err != nil {
				return err
			}
		}
		if _, err := stmt.ExecContext(ctx, id, e.look.Job, e.look.Events, e.look.Tags, e.look.Cancel, e.settled, e.hash, string(mem)); err != nil {
			return err
		}
	}
	return nil
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Delete removes the snapshot of a workspace. Nothing is lost by it.
func Delete(ws *workspace.Workspace) error {
	err := os.Remove(snapshotPath(ws))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
