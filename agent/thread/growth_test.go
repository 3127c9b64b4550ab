package thread_test

import (
	"fmt"
	"path/filepath"
	"testing"
)

// A turn takes as much of the disk late in a conversation as early in it.
func TestStorageGrowsLinearly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := store(t, dir)
	id := talk(t, s, 10)
	path := filepath.Join(dir, id+".jsonl")
	early := size(t, path)
	a := converser(t, s)
	for i := range 20 {
		say(t, a, id, fmt.Sprintf("which run is the best now, after change number %d?", i+11))
	}
	if late := (size(t, path) - early) / 2; late > early*11/10 {
		t.Errorf("10 turns take %d bytes at first and %d later", early, late)
	}
}
