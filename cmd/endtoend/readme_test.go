package endtoend

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Every copyable line of the README and the tutorial runs, in order, in a
// fresh folder that holds only what a checkout holds.
func TestDocumentedLinesRun(t *testing.T) {
	t.Parallel()
	for _, page := range []string{
		"README.md", "docs/tutorial.md", "docs/how-to/bring-your-own-data.md", "docs/how-to/use-weights.md", "docs/how-to/metrics.md",
		"docs/how-to/evaluate.md", "docs/how-to/reports.md",
	} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			m := start(t)
			checkout(t, m.dir)
			lines := copyable(t, filepath.Join("../..", page))
			if len(lines) == 0 {
				t.Fatal("no copyable lines")
			}
			for _, line := range lines {
				if interactive(line) {
					continue
				}
				c := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", line)
				c.Dir = m.dir
				c.Env = m.command(t.Context()).Env
				if out, err := c.CombinedOutput(); err != nil {
					t.Fatalf("%s\n%v\n%s", line, err, out)
				}
			}
		})
	}
}

// checkout puts what the lines name beside them.
func checkout(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"bin", "evals", "configs"} {
		target, err := filepath.Abs(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// copyable returns the lines of the page's sh blocks, comments cut off.
func copyable(t *testing.T, page string) []string {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	inside := false
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```sh"
		case inside:
			line, _, _ = strings.Cut(line, "  #")
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// interactive lines need a person, or are this very test.
func interactive(line string) bool {
	return line == "bin/minivess" || strings.HasPrefix(line, "make ") || strings.HasPrefix(line, "git ") || strings.HasPrefix(line, "cd ")
}
