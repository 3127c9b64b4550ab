package planner_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/minivess/minivess/tools"
)

// catalogue reads the recorded descriptors of all tools: what `minivess tool
// --json` prints, without the output schemas.
func catalogue(tb testing.TB) []tools.Descriptor {
	tb.Helper()
	raw, err := os.ReadFile("testdata/catalogue.json")
	if err != nil {
		tb.Fatal(err)
	}
	var out []tools.Descriptor
	if err := json.Unmarshal(raw, &out); err != nil {
		tb.Fatal(err)
	}
	return out
}
