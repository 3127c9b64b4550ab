package filelock

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func file(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func wantHeld(t *testing.T, path string, want bool) {
	t.Helper()
	if held, err := HeldPath(path); held != want || err != nil {
		t.Errorf("held %v, %v; want %v", held, err, want)
	}
}

func TestLockExcludesAndAskingDoesNot(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	wantHeld(t, path, false)
	a, b := file(t, path), file(t, path)
	wantHeld(t, path, false)
	if err := TryLock(a); err != nil {
		t.Fatal(err)
	}
	if err := TryLock(b); !errors.Is(err, ErrLocked) {
		t.Fatalf("%v; want ErrLocked", err)
	}
	if held, err := Held(a); held || err != nil {
		t.Errorf("the holder is told that somebody else holds it (%v)", err)
	}
	wantHeld(t, path, true)
	if err := Unlock(a); err != nil {
		t.Fatal(err)
	}
	wantHeld(t, path, false)
	if err := TryLock(b); err != nil {
		t.Errorf("after unlocking: %v", err)
	}
}

// A child that inherits the file keeps the lock when its parent closes it,
// and being killed releases it.
func TestLockIsInheritedAndDiesWithTheHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	f := file(t, path)
	if err := TryLock(f); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sleep", "600")
	cmd.ExtraFiles = []*os.File{f}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	wantHeld(t, path, true)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	wantHeld(t, path, false)
}
