package workspace

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFindUpwards(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	deep := filepath.Join(top, "a", "b")
	if err := os.MkdirAll(deep, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(deep, ""); !errors.Is(err, ErrNotFound) {
		t.Fatalf("%v; want ErrNotFound", err)
	}
	made, err := Create(top)
	if err != nil {
		t.Fatal(err)
	}
	found, err := Find(deep, "")
	if err != nil || found.Root() != made.Root() || found.Root() != filepath.Join(top, FolderName) {
		t.Fatalf("found %v, %v; want %q", found, err, made.Root())
	}
	inner, err := Create(filepath.Join(top, "a"))
	if err != nil {
		t.Fatal(err)
	}
	if found, err = Find(deep, ""); err != nil || found.Root() != inner.Root() {
		t.Fatalf("found %v, %v; want the nearer one", found, err)
	}
	if found.Project() != filepath.Join(top, "a") {
		t.Errorf("project %q", found.Project())
	}
}

func TestOverride(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	if _, err := Find("/", home); !errors.Is(err, ErrNotFound) {
		t.Fatalf("%v; want ErrNotFound", err)
	}
	made, err := Create(filepath.Join(home, FolderName)) // the folder itself works as well
	if err != nil {
		t.Fatal(err)
	}
	for _, override := range []string{home, made.Root(), home + "/"} {
		found, err := Find("/", override)
		if err != nil || found.Root() != made.Root() {
			t.Errorf("override %q: %v, %v", override, found, err)
		}
	}
}

func TestAFileIsNoWorkspace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FolderName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(dir, ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("Find: %v", err)
	}
	if _, err := Create(dir); err == nil {
		t.Error("Create took a file for a folder")
	}
}

func TestCreateIsIdempotent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	ignore := filepath.Join(w.Root(), ".gitignore")
	if err := os.WriteFile(ignore, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(ignore); err != nil || string(got) != "mine" {
		t.Errorf("the second Create changed .gitignore to %q (%v)", got, err)
	}
	for _, d := range []string{w.Runs(), w.Threads(), w.Traces(), w.Datasets(), w.Cache(), w.Slots()} {
		if !isDir(d) {
			t.Errorf("%q is missing", d)
		}
	}
}

func TestOfRun(t *testing.T) {
	t.Parallel()
	w, err := Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	got, err := OfRun(w.Run("brisk-otter-7f3a"))
	if err != nil || got.Root() != w.Root() {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := OfRun(t.TempDir()); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v; want ErrNotFound", err)
	}
}
