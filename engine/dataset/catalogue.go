package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/workspace"
)

// The kinds of record in the catalogue's journal. The data of each is the
// whole Dataset; the last record of a name counts.
const (
	EventAdded = "dataset_added"
	EventSplit = "dataset_split"
)

const maxName = 64

// Catalogue is the workspace's list of datasets, kept in an append-only
// journal. It holds no state, so several processes can use it at once.
type Catalogue struct {
	path string
	// Logger is told when the journal's torn tail is cut off; nil is silent.
	Logger *slog.Logger
}

// Open gives the workspace's catalogue. It touches no file.
func Open(ws *workspace.Workspace) *Catalogue {
	return &Catalogue{path: ws.DatasetCatalogue()}
}

// List gives all datasets, sorted by name.
func (c *Catalogue) List() ([]Dataset, error) {
	all, err := c.load()
	if err != nil {
		return nil, err
	}
	list := make([]Dataset, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[name])
	}
	return list, nil
}

// Get gives one dataset, or a *NotFoundError.
func (c *Catalogue) Get(name string) (Dataset, error) {
	all, err := c.load()
	if err != nil {
		return Dataset{}, err
	}
	return find(all, name)
}

func find(all map[string]Dataset, name string) (Dataset, error) {
	if d, ok := all[name]; ok {
		return d, nil
	}
	return Dataset{}, &NotFoundError{Name: name, Candidates: slices.Sorted(maps.Keys(all))}
}

// Add enters a dataset. Entering the same contents again under the same name
// and folder changes nothing and gives the entry that is there; a name with other contents
// is ErrExists.
func (c *Catalogue) Add(ctx context.Context, d Dataset) (Dataset, error) {
	if err := CheckName(d.Name); err != nil {
		return Dataset{}, err
	}
	err := c.update(ctx, func(all map[string]Dataset) (string, Dataset, error) {
		old, ok := all[d.Name]
		switch {
		case ok && old.Digest == d.Digest && old.Root == d.Root:
			d = old
			return "", d, nil
		case ok:
			return "", d, fmt.Errorf("%w: %q at %q has other contents; choose another name", ErrExists, d.Name, old.Root)
		}
		return EventAdded, d, nil
	})
	return d, err
}

// Split divides a dataset anew. Runs keep the split that they were launched
// with.
func (c *Catalogue) Split(ctx context.Context, name string, r SplitRequest) (Dataset, error) {
	var d Dataset
	err := c.update(ctx, func(all map[string]Dataset) (string, Dataset, error) {
		var err error
		if d, err = find(all, name); err != nil {
			return "", d, err
		}
		if d.Split, err = MakeSplit(d.Volumes, r); err != nil {
			return "", d, fmt.Errorf("dataset %q: %w", name, err)
		}
		d.Split.Created = time.Now().UTC()
		return EventSplit, d, nil
	})
	return d, err
}

// load folds the journal into the current entries.
func (c *Catalogue) load() (map[string]Dataset, error) {
	all := map[string]Dataset{}
	for r, err := range journal.Read(c.path, 0) {
		if errors.Is(err, fs.ErrNotExist) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the dataset catalogue: %w", err)
		}
		if r.Kind != EventAdded && r.Kind != EventSplit {
			continue
		}
		var d Dataset
		if err := r.Decode(&d); err != nil {
			return nil, fmt.Errorf("read the dataset catalogue: %w", err)
		}
		all[d.Name] = d
	}
	return all, nil
}

// update appends what change decides on, under the journal's lock, so that two
// processes cannot both take a name. An empty kind appends nothing.
func (c *Catalogue) update(ctx context.Context, change func(map[string]Dataset) (kind string, d Dataset, err error)) (err error) {
	w, err := journal.OpenWriter(ctx, c.path, journal.Options{Sync: true, Wait: true, Logger: c.Logger})
	if err != nil {
		return fmt.Errorf("open the dataset catalogue: %w", err)
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	all, err := c.load()
	if err != nil {
		return err
	}
	kind, d, err := change(all)
	if err != nil || kind == "" {
		return err
	}
	if _, err := w.Append(kind, d); err != nil {
		return fmt.Errorf("write the dataset catalogue: %w", err)
	}
	return nil
}

// CheckName refuses what cannot be a dataset's name: it is used as a folder's
// name and shown in terminals.
func CheckName(name string) error {
	ok := name != "" && len(name) <= maxName && name[0] != '.' && name[0] != '-'
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		ok = ok && (letter || r == '-' || r == '_' || r == '.')
	}
	if !ok {
		return fmt.Errorf("%w %q: up to %d letters, digits, dots, - and _ are allowed", ErrName, name, maxName)
	}
	return nil
}
