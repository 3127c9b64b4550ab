// Package projection shows run folders and the dataset catalogue as SQL
// tables. The journals are the truth; what is here is computed from them, kept
// up to date by reading only what was appended, and can be deleted at any
// time. It and its room parquet are the only packages that link DuckDB. It writes nothing but its
// own cache file.
//
// Every process has a database of its own in memory, so nobody ever waits for
// anybody. What a large workspace's journals amount to is saved, now and then,
// in a snapshot file that all processes read; a run that has changed since is
// moved into memory.
package projection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"github.com/minivess/minivess/engine/workspace"
)

// DB is a projection of one workspace. It is safe for concurrent use.
type DB struct {
	ws  *workspace.Workspace
	log *slog.Logger
	db  *sql.DB

	mu       sync.Mutex // serialises refreshing
	w        *sql.Conn  // the connection that writes
	runs     map[string]*entry
	datasets int64 // size of the catalogue when it was read
	stats    Stats
	saved    int64                        // bytes of journal that the snapshot stands for
	worth    func(read, saved int64) bool // whether a new snapshot is worth its writing
}

// Stats says what a projection has done since it was opened.
type Stats struct {
	Snapshot bool  `json:"snapshot"` // a snapshot was used
	Saved    bool  `json:"saved"`    // a new snapshot was written
	Runs     int   `json:"runs"`
	Bytes    int64 `json:"bytes"` // of journals, read
	Rows     int64 `json:"rows"`  // added
}

// Open makes the projection of a workspace and brings it up to date. Close it
// when done. A nil logger is silent.
func Open(ctx context.Context, ws *workspace.Workspace, logger *slog.Logger) (*DB, error) {
	return open(ctx, ws, logger, worthSaving)
}

func open(ctx context.Context, ws *workspace.Workspace, logger *slog.Logger, worth func(read, saved int64) bool) (*DB, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	c, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, fmt.Errorf("open the projection: %w", err)
	}
	d := &DB{ws: ws, log: logger, db: sql.OpenDB(c), runs: map[string]*entry{}, datasets: -1, worth: worth}
	if err := d.setUp(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the projection: %w", err), d.Close())
	}
	return d, nil
}

func (d *DB) setUp(ctx context.Context) error {
	var err error
	if d.w, err = d.db.Conn(ctx); err != nil {
		return err
	}
	settings := []string{
		"SET temp_directory = ''", "SET memory_limit = '512MB'", "SET TimeZone = 'UTC'",
		"SET autoinstall_known_extensions = false", "SET autoload_known_extensions = false", "SET allow_community_extensions = false",
	}
	if err := d.exec(ctx, append(settings, createTables()...)...); err != nil {
		return err
	}
	d.stats.Snapshot = d.attachSnapshot(ctx)
	if err := d.exec(ctx, createViews(d.stats.Snapshot)...); err != nil {
		return err
	}
	if err := d.Refresh(ctx); err != nil {
		return err
	}
	d.saveSnapshot(ctx)
	// From here on nothing can reach a file, and nothing can change that.
	return d.exec(ctx, "SET enable_external_access = false", "SET lock_configuration = true")
}

// Stats says what has been done so far.
func (d *DB) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats
	s.Runs = len(d.runs)
	return s
}

// Close frees the database.
func (d *DB) Close() error {
	var err error
	if d.w != nil {
		err = d.w.Close()
	}
	return errors.Join(err, d.db.Close())
}

func (d *DB) exec(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if _, err := d.w.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}
