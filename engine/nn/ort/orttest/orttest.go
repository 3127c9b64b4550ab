// Package orttest gives tests the ONNX Runtime that `make native` fetched. Only
// tests import it.
package orttest

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"

	"github.com/minivess/minivess/engine/nn/ort"
)

// Library returns the path of the library. Its folder carries a version, which
// scripts/native.py alone knows.
func Library(t *testing.T) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(here), "..", "..", "..", "..", "scripts", "native.py")
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^VERSION = "(.+)"$`).FindSubmatch(text)
	if version == nil {
		t.Fatalf("%s names no version", script)
	}
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(home, ".cache")
	}
	return ort.LibraryPath(filepath.Join(cache, "minivess", "native", string(version[1])))
}

// Open loads the library until the test ends.
func Open(t *testing.T) *ort.Runtime {
	t.Helper()
	r, err := ort.Open(Library(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// Load reads a model, to run with one thread, until the test ends.
func Load(t *testing.T, r *ort.Runtime, path string, options ...ort.Option) *ort.Model {
	t.Helper()
	m, err := r.Load(path, append([]ort.Option{ort.WithThreads(1)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}
