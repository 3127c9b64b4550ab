package basicunet_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestHowTo keeps docs/how-to/add-a-model.md true: whoever follows it literally
// types these very files, and the line that it adds to the list is there.
func TestHowTo(t *testing.T) {
	t.Parallel()
	const root = "../../.."
	guide, err := os.ReadFile(filepath.Join(root, "docs/how-to/add-a-model.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^`([^`\n]+)`:\n\n```\\w+\n(.*?)^```$").FindAllStringSubmatch(string(guide), -1)
	if len(blocks) != 4 {
		t.Fatalf("the guide shows %d files", len(blocks))
	}
	for _, b := range blocks {
		file, err := os.ReadFile(filepath.Join(root, b[1]))
		if err != nil {
			t.Fatal(err)
		}
		switch strings.HasSuffix(b[1], "models.go") {
		case true: // an entry of the list
			if !strings.Contains(string(file), b[2]) {
				t.Errorf("%s does not have the guide's entry:\n%s", b[1], b[2])
			}
		default:
			if string(file) != b[2] {
				t.Errorf("the guide's %s is not the file", b[1])
			}
		}
	}
	model, err := os.ReadFile("basicunet.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(model), "\n"); n >= 150 {
		t.Errorf("the example has %d lines, the guide promises under 150", n)
	}
}
