package runs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/workspace"
)

// The kinds of record in tags.jsonl; the data is a Tag.
const (
	TagSet   = "set"
	TagUnset = "unset"
)

// Tag is one label that a person put on a run.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value,omitempty"`
}

// ErrBadTag says that a tag's key or value cannot be used.
var ErrBadTag = errors.New("bad tag")

// SetTag labels a run, whether it is at work or not.
func SetTag(ctx context.Context, ws *workspace.Workspace, id, key, value string) error {
	if err := validTag(key, value); err != nil {
		return err
	}
	return appendTag(ctx, ws, id, TagSet, Tag{Key: key, Value: value})
}

// UnsetTag takes a label off a run. That it was not there is no error.
func UnsetTag(ctx context.Context, ws *workspace.Workspace, id, key string) error {
	if err := validTag(key, ""); err != nil {
		return err
	}
	return appendTag(ctx, ws, id, TagUnset, Tag{Key: key})
}

func appendTag(ctx context.Context, ws *workspace.Workspace, id, kind string, t Tag) error {
	if !ValidID(id) {
		return fmt.Errorf("%w: %q is no run id", ErrNoRun, id)
	}
	dir := ws.Run(id)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s", ErrNoRun, id)
	}
	w, err := journal.OpenWriter(ctx, filepath.Join(dir, TagsFile), journal.Options{Sync: true, Wait: true})
	if err != nil {
		return fmt.Errorf("tag run %s: %w", id, err)
	}
	_, err = w.Append(kind, t)
	if err := errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("tag run %s: %w", id, err)
	}
	return nil
}

// ReadTags returns the tags that a run was created with, as changed since.
func ReadTags(dir string, spec Spec) (map[string]string, error) {
	tags := maps.Clone(spec.Tags)
	for rec, err := range journal.Read(filepath.Join(dir, TagsFile), 0) {
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, err
		}
		var t Tag
		if err := rec.Decode(&t); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrBadRun, TagsFile, err)
		}
		switch rec.Kind {
		case TagSet:
			if tags == nil {
				tags = map[string]string{}
			}
			tags[t.Key] = t.Value
		case TagUnset:
			delete(tags, t.Key)
		}
	}
	return tags, nil
}

func validTag(key, value string) error {
	switch {
	case key == "" || len(key) > maxName || !printable(key) || strings.ContainsAny(key, "=, "):
		return fmt.Errorf("%w: key %q: use 1 to %d printable characters without '=', ',' and space", ErrBadTag, key, maxName)
	case len(value) > 10*maxName || !printable(value) || strings.Contains(value, ","):
		return fmt.Errorf("%w: value %q of key %q: use at most %d printable characters without ','", ErrBadTag, value, key, 10*maxName)
	}
	return nil
}
