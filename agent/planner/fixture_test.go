package planner_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/minivess/minivess/tools"
)

// catalogue reads the descriptors of the first twenty tools.
func catalogue(t testing.TB) []tools.Descriptor {
	t.Helper()
	raw, err := os.ReadFile("testdata/catalogue.json")
	if err != nil {
		t.Fatal(err)
	}
	var out []tools.Descriptor
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
