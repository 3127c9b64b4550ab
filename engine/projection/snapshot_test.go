package projection_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/minivess/minivess/engine/projection"
)

func TestSnapshot(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	for i := range 3 {
		create(t, ws, spec(fmt.Sprintf("calm-owl-000%d", i)), concat(start, metric(1, "train", "loss", 1), metric(2, "train", "loss", 2))...)
	}
	saving := func() {
		db, err := projection.OpenSaving(t.Context(), ws)
		if err != nil {
			t.Fatal(err)
		}
		if !db.Stats().Saved {
			t.Error("no snapshot was saved")
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	saving()
	db := openDB(t, ws)
	if s := db.Stats(); !s.Snapshot || s.Bytes != 0 {
		t.Errorf("%+v; want everything from the snapshot", s)
	}
	want(t, db, "select count(*), sum(value) from metrics", "6 9")
	// A run that goes on is moved out of the snapshot, and only its news read.
	add(t, ws, "calm-owl-0001", concat(metric(2, "train", "loss", 20), metric(3, "train", "loss", 30))...)
	refresh(t, db)
	const query = "select run_id, step, value from metrics order by run_id, step"
	result := "calm-owl-0000 1 1\ncalm-owl-0000 2 2\ncalm-owl-0001 1 1\ncalm-owl-0001 2 20\ncalm-owl-0001 3 30\ncalm-owl-0002 1 1\ncalm-owl-0002 2 2"
	want(t, db, query, result)
	saving() // while db has the old one open
	want(t, db, query, result)
	want(t, openDB(t, ws), query, result)
	if err := projection.Delete(ws); err != nil {
		t.Fatal(err)
	}
	want(t, db, query, result)
	want(t, openDB(t, ws), query, result)
	if left, err := filepath.Glob(filepath.Join(ws.Cache(), ".*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestSpoiltSnapshotsAreIgnored(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	create(t, ws, spec("calm-owl-0001"), concat(start, metric(1, "train", "loss", 1))...)
	db, err := projection.OpenSaving(t.Context(), ws)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(projection.Snapshot(ws))
	if err != nil {
		t.Fatal(err)
	}
	header := bytes.Clone(good)
	clear(header[4096:8192])
	for name, content := range map[string][]byte{
		"empty": nil, "text": []byte("hello"), "cut": good[:len(good)/3], "header": header,
	} {
		if err := os.WriteFile(projection.Snapshot(ws), content, 0o600); err != nil {
			t.Fatal(err)
		}
		db := openDB(t, ws)
		if got := rows(t, db, "select count(*) from metrics"); got != "1" {
			t.Errorf("%s: %s metrics", name, got)
		}
	}
}

func TestASecondProcessLooksAtOnce(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	create(t, ws, spec("calm-owl-0001"), concat(start, metric(1, "train", "loss", 1))...)
	db, err := projection.OpenSaving(t.Context(), ws)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	second := openDB(t, ws) // has the snapshot open
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), "PROJECTION_TEST_LOOK="+ws.Root())
			out, err := cmd.CombinedOutput()
			if err != nil || strings.TrimSpace(string(out)) != "[[1]] <nil> true" {
				t.Errorf("the second process says %s, %v", out, err)
			}
		})
	}
	wg.Wait()
	want(t, second, "select count(*) from metrics", "1")
}

func TestRefreshThatIsCancelledLosesNothing(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	create(t, ws, spec("calm-owl-0001"), concat(start, metric(1, "train", "loss", 1))...)
	db, err := projection.OpenSaving(t.Context(), ws)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openDB(t, ws)
	add(t, ws, "calm-owl-0001", metric(2, "train", "loss", 1)...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Refresh(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want Canceled", err)
	}
	refresh(t, db)
	want(t, db, "select count(*) from metrics", "2")
	want(t, db, "select count(*) from runs", "1")
}
