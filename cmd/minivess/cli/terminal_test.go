package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/minivess/minivess/cmd/minivess/cli"
)

// person is somebody at a terminal in a folder of their own.
type person struct{ dir string }

// does runs one command line with these lines typed into it, and returns what
// is on the screen.
func (p person) does(t *testing.T, typed string, args ...string) (screen string, code int) {
	t.Helper()
	var out bytes.Buffer
	code = cli.Main(cli.Build{Version: "v1.2.3"}, args, cli.Streams{
		// A terminal gives out one line at a time, or less.
		In: iotest.OneByteReader(strings.NewReader(typed)), Out: &out, Err: &out, Dir: p.dir, Terminal: true, Width: 80,
		Getenv: func(name string) string { return map[string]string{"USER": "tester"}[name] },
	})
	return out.String(), code
}

func (p person) has(t *testing.T, dataset string) bool {
	t.Helper()
	_, err := os.Stat(filepath.Join(p.dir, ".minivess", "datasets", dataset, "raw", "mv01.nii.gz"))
	return err == nil
}

func TestApprovalAtTheTerminal(t *testing.T) {
	t.Parallel()
	const sentence = "make a synthetic dataset called toy with 2 volumes of 32x32x8"
	for _, c := range []struct {
		name, typed string
		code        int
		made        bool
		shows       string
	}{
		{"approve", "a\n", cli.ExitDone, true, "made toy: 2 volumes"},
		{"approve in a word", "yes\n", cli.ExitDone, true, "approve by tester"},
		{"approve without a line break", "y", cli.ExitDone, true, "made toy"},
		{"reject", "r\n", cli.ExitDone, false, "reject by tester"},
		{"an empty line is a no", "\n", cli.ExitDone, false, "turned down"},
		{"change, then approve", "make it 3 volumes\na\n", cli.ExitDone, true, "made toy: 3 volumes"},
		{"nobody answers", "", cli.ExitNeedsApproval, false, "This plan needs your approval."},
		{"nobody answers the second time", "make it 3 volumes\n", cli.ExitNeedsApproval, false, "This plan needs your approval."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := person{t.TempDir()}
			screen, code := p.does(t, c.typed, "ask", sentence)
			if code != c.code || p.has(t, "toy") != c.made || !strings.Contains(screen, c.shows) {
				t.Errorf("exit %d, made %t; want %d, %t and %q on the screen:\n%s", code, p.has(t, "toy"), c.code, c.made, c.shows, screen)
			}
		})
	}
}

func TestToolAsksAtTheTerminal(t *testing.T) {
	t.Parallel()
	p := person{t.TempDir()}
	const args = `{"name":"toy","volumes":2,"shape":[32,32,8]}`
	if screen, code := p.does(t, "no\n", "tool", "dataset_create_synthetic", args); code != cli.ExitNeedsApproval || p.has(t, "toy") {
		t.Fatalf("after a no: exit %d\n%s", code, screen)
	}
	screen, code := p.does(t, "yes\n", "tool", "dataset_create_synthetic", args)
	if code != cli.ExitDone || !p.has(t, "toy") || !strings.Contains(screen, "writes") {
		t.Fatalf("after a yes: exit %d\n%s", code, screen)
	}
	screen, code = p.does(t, "yes\n", "train", "dataset=toy", "epochs=1")
	if code != cli.ExitDone || !strings.Contains(screen, "finished") {
		t.Fatalf("train: exit %d\n%s", code, screen)
	}
}

// What destroys needs a word of its own, whatever else was approved.
func TestDestroyingIsConfirmed(t *testing.T) {
	t.Parallel()
	p := person{t.TempDir()}
	for _, args := range [][]string{
		{"tool", "dataset_create_synthetic", `{"name":"toy","volumes":2,"shape":[32,32,8]}`, "--yes"},
		{"train", "dataset=toy", "epochs=1", "--yes"},
	} {
		if screen, code := p.does(t, "", args...); code != cli.ExitDone {
			t.Fatalf("exit %d\n%s", code, screen)
		}
	}
	runs := func() int {
		all, err := os.ReadDir(filepath.Join(p.dir, ".minivess", "runs"))
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	before := runs()
	for _, c := range []struct {
		typed string
		args  []string
	}{
		{"a\nno\n", []string{"ask", "--yes", "delete the latest run"}},
		{"a\n", []string{"ask", "--yes", "delete the latest run"}},
		{"yes\n", []string{"tool", "run_delete", `{"run":"latest"}`}},
	} {
		screen, _ := p.does(t, c.typed, c.args...)
		if runs() != before || !strings.Contains(screen, "cannot be undone") {
			t.Errorf("%q deleted without a confirmation, or did not ask:\n%s", c.typed, screen)
		}
	}
	screen, code := p.does(t, "a\n1\n", "ask", "delete the latest run")
	if code != cli.ExitDone || runs() != before-1 {
		t.Errorf("confirmed, but: exit %d, %d runs\n%s", code, runs(), screen)
	}
}

func TestProgressStaysOnOneLine(t *testing.T) {
	t.Parallel()
	p := person{t.TempDir()}
	screen, code := p.does(t, "", "tool", "dataset_create_synthetic", `{"name":"toy","volumes":3,"shape":[32,32,8]}`, "--yes")
	if code != cli.ExitDone {
		t.Fatal(screen)
	}
	seen := map[string]bool{}
	for line := range strings.SplitSeq(screen, "\r\x1b[2K") {
		if seen[line] {
			t.Errorf("%q was drawn twice", line)
		}
		seen[line] = true
	}
	if strings.Count(screen, "\n") > 3 {
		t.Errorf("progress scrolls:\n%q", screen)
	}
}
