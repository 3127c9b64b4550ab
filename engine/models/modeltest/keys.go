package modeltest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/nn"
)

// Keys compares models with the state_dicts of upstream: the file that the
// pattern gives for a set's name has the lines that are made of its model.
func Keys[M Adapter](t *testing.T, build Build[M], pattern string, lines func(Adapter) []string, sets map[string]map[string]any) {
	t.Helper()
	for name, options := range sets {
		want := ReadLines(t, fmt.Sprintf(pattern, name))
		if d := cmp.Diff(want, lines(build.make(t, options))); d != "" {
			t.Errorf("%s (-upstream +ours):\n%s", name, d)
		}
	}
}

// KeyLines are the declared parameters as Python prints them: name, shape and
// type, as in "conv.weight (8, 1, 3, 3, 3) torch.float32".
func KeyLines(a Adapter) []string {
	var lines []string
	for _, p := range a.TrainableParameters() {
		lines = append(lines, p.Name+" "+describe(p))
	}
	return lines
}

// describe writes shape and type as Python does.
func describe(p nn.Param) string {
	sizes := strings.Trim(strings.Join(strings.Fields(fmt.Sprint([]int(p.Shape))), ", "), "[]")
	if len(p.Shape) == 1 {
		sizes += ","
	}
	if p.Type() == nn.I64 {
		return fmt.Sprintf("(%s) torch.int64", sizes)
	}
	return fmt.Sprintf("(%s) torch.float32", sizes)
}

// Renamer is a model of which upstream keeps some tensors under several names.
type Renamer interface {
	Adapter
	Rename(name string) string
}

// RepeatedKeys compares a model with the lines of upstream's state_dict. What
// Rename changes must lead to a declared parameter of that shape and type; the
// rest are the declared parameters, in that order. It returns how many names
// lead to each.
func RepeatedKeys(t *testing.T, what string, m Renamer, keys []string) map[string]int {
	t.Helper()
	declared := make(map[string]string)
	for _, p := range m.TrainableParameters() {
		declared[p.Name] = describe(p)
	}
	repeated := make(map[string]int)
	var want []string
	for _, line := range keys {
		name, rest, _ := strings.Cut(line, " ")
		first := m.Rename(name)
		if first == name {
			want = append(want, line)
			continue
		}
		if declared[first] != rest {
			t.Errorf("%s: %s leads to %s, which is %s", what, line, first, declared[first])
		}
		repeated[first]++
	}
	if d := cmp.Diff(want, KeyLines(m)); d != "" {
		t.Errorf("%s (-upstream +ours):\n%s", what, d)
	}
	return repeated
}

// ReadCountedKeys reads a list of keys whose last line is a number of parameters.
func ReadCountedKeys(t *testing.T, path string) (keys []string, count string) {
	t.Helper()
	lines := ReadLines(t, path)
	return lines[:len(lines)-1], lines[len(lines)-1]
}

// ReadLines reads a text file, which has at least one line.
func ReadLines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// Counts compares the number of trained elements with upstream's, which are the
// keys of the table.
func Counts[M Adapter](t *testing.T, build Build[M], table map[int64]map[string]any) {
	t.Helper()
	for want, options := range table {
		if got := nn.CountElements(build.make(t, options).TrainableParameters()); got != want {
			t.Errorf("%v: %d parameters, want %d", options, got, want)
		}
	}
}
