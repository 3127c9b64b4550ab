package runs_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/minivess/minivess/engine/runs"
)

// FuzzSelect: whatever the selector, the answer is one run of the list or an
// error of the three kinds, on one line, without control characters.
func FuzzSelect(f *testing.F) {
	for _, s := range []string{"brisk-o", "latest:model=segresnet,tag=a=b", "best:val/dice,state=finished", "all:tag=", "best:,,=", ":", "\x1b[2J"} {
		f.Add(s)
	}
	all := sample()
	f.Fuzz(func(t *testing.T, selector string) {
		r, why, err := runs.Select(all, selector)
		if err == nil {
			if r.ID() == "" || why == "" {
				t.Fatalf("%q: no run, no reason, no error", selector)
			}
			return
		}
		checkRefused(t, selector, err, sentinel(err))
	})
}

func sentinel(err error) error {
	for _, s := range []error{runs.ErrNoRun, runs.ErrAmbiguous, runs.ErrBadSelector} {
		if errors.Is(err, s) {
			return s
		}
	}
	return errors.New("another error")
}

// FuzzReadSpec: a job.json that is taken can be written and taken again.
func FuzzReadSpec(f *testing.F) {
	f.Add([]byte(`{"schema":1,"run_id":"brisk-otter-7f3a","kind":"train"}`))
	f.Add([]byte(`{"schema":1,"run_id":"brisk-otter-7f3a","kind":"evaluate","evaluate":{"run":"a"},"tags":{"k":"v"}}`))
	f.Add([]byte(`{"schema":1e3}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := filepath.Join(t.TempDir(), "brisk-otter-7f3a")
		if err := os.Mkdir(dir, 0o750); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, runs.SpecFile)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		spec, err := runs.ReadSpec(dir)
		if err != nil {
			if !errors.Is(err, runs.ErrBadSpec) {
				t.Fatal(err)
			}
			return
		}
		if err := os.WriteFile(path, marshal(t, spec), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := runs.ReadSpec(dir); err != nil {
			t.Fatal(err)
		}
	})
}
