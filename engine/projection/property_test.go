package projection_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/projection"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
)

// contents renders all tables, rows sorted.
func contents(tb testing.TB, db *projection.DB) string {
	tb.Helper()
	var b strings.Builder
	for _, info := range projection.Tables() {
		lines := strings.Split(rows(tb, db, "select * from "+info.Name), "\n")
		slices.Sort(lines)
		fmt.Fprintf(&b, "# %s\n%s\n", info.Name, strings.Join(lines, "\n"))
	}
	return b.String()
}

// Whatever happens to the run folders, whenever it is looked at, and whether
// a snapshot was saved on the way or not: the tables are those that reading
// all journals from their beginnings gives.
func TestIncrementalEqualsRebuilt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "projection")
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		ws, err := workspace.Create(dir)
		if err != nil {
			rt.Fatal(err)
		}
		db, err := projection.Open(t.Context(), ws, nil)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			change(t, rt, ws)
			if rapid.Bool().Draw(rt, "refresh") {
				refresh(t, db)
			}
			if rapid.IntRange(0, 4).Draw(rt, "save") == 0 {
				saving, err := projection.OpenSaving(t.Context(), ws)
				if err != nil {
					rt.Fatal(err)
				}
				if err := saving.Close(); err != nil {
					rt.Fatal(err)
				}
			}
		}
		refresh(t, db)
		incremental := contents(t, db)
		compare := func(what string) {
			other, err := projection.Open(t.Context(), ws, nil)
			if err != nil {
				rt.Fatal(err)
			}
			defer func() { _ = other.Close() }()
			if diff := cmp.Diff(contents(t, other), incremental); diff != "" {
				rt.Fatalf("%s: %s", what, diff)
			}
		}
		compare("from the snapshot")
		if err := projection.Delete(ws); err != nil {
			rt.Fatal(err)
		}
		compare("rebuilt")
	})
}

// change does one thing that can happen to a workspace.
func change(t *testing.T, rt *rapid.T, ws *workspace.Workspace) {
	t.Helper()
	id := fmt.Sprintf("calm-owl-%d", rapid.IntRange(0, 2).Draw(rt, "run"))
	if _, err := os.Stat(ws.Run(id)); err != nil {
		s := spec(id)
		if rapid.Bool().Draw(rt, "evaluates") {
			s = judge(id, "calm-owl-0")
		}
		create(t, ws, s)
	}
	switch rapid.IntRange(0, 8).Draw(rt, "what") {
	case 0:
		if err := runs.Delete(t.Context(), ws, id); err != nil {
			rt.Fatal(err)
		}
	case 1:
		key := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "tag")
		var err error
		if rapid.Bool().Draw(rt, "unset") {
			err = runs.UnsetTag(t.Context(), ws, id, key)
		} else {
			err = runs.SetTag(t.Context(), ws, id, key, "x")
		}
		if err != nil {
			rt.Fatal(err)
		}
	default:
		var events []any
		for range rapid.IntRange(1, 6).Draw(rt, "events") {
			events = append(events, event(rt)...)
		}
		add(t, ws, id, events...)
	}
}

func event(rt *rapid.T) []any {
	step := rapid.Int64Range(0, 4).Draw(rt, "step")
	split := rapid.SampledFrom([]string{"train", "val", "test"}).Draw(rt, "split")
	name := rapid.SampledFrom([]string{"loss", "dice"}).Draw(rt, "name")
	value := runs.Number(rapid.IntRange(0, 100).Draw(rt, "value"))
	switch rapid.IntRange(0, 8).Draw(rt, "kind") {
	case 0:
		return start
	case 1:
		return []any{runs.EventFinished, runs.Finished{Step: step, Summary: map[string]runs.Number{split + "/" + name: value}}}
	case 2:
		return []any{runs.EventFailed, runs.Failed{Code: "internal", Error: "x", Step: step}}
	case 3:
		return []any{runs.EventCase, runs.Case{Volume: fmt.Sprint(step), Split: split, Values: map[string]runs.Number{name: value}}}
	case 4:
		return []any{runs.EventCase, runs.Case{Volume: fmt.Sprint(step), Split: split, Excluded: map[string]string{name: "empty"}}}
	case 5:
		return []any{runs.EventCheckpoint, runs.Checkpoint{Path: "checkpoints/" + split, Role: split, Step: step}}
	default:
		return metric(step, split, name, value)
	}
}
