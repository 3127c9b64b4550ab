package planner_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/minivess/minivess/agent/planner"
)

// utterance is one entry of testdata/utterances.yaml.
type utterance struct {
	Say   turns    `yaml:"say"`
	Plan  []want   `yaml:"plan"`
	Reply string   `yaml:"reply"`
	Asks  []string `yaml:"asks"`
}

// want is one expected step.
type want struct {
	Tool  string         `yaml:"tool"`
	Args  map[string]any `yaml:"args"`
	Needs []string       `yaml:"needs"`
	SQL   []string       `yaml:"sql"`
	// Unavailable marks a step whose tool this version does not have.
	Unavailable bool `yaml:"unavailable"`
}

// turns reads a text or a list of texts.
type turns []string

func (t *turns) UnmarshalYAML(b []byte) error {
	var one string
	if yaml.Unmarshal(b, &one) == nil && !strings.HasPrefix(strings.TrimSpace(string(b)), "[") {
		*t = turns{one}
		return nil
	}
	var many []string
	if err := yaml.Unmarshal(b, &many); err != nil {
		return err
	}
	*t = many
	return nil
}

// canonical brings arguments to one form: through JSON, so that 3 and int64(3)
// are equal.
func canonical(t *testing.T, v any) any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func describe(o planner.Outcome) string {
	parts := make([]string, len(o.Steps))
	for i, s := range o.Steps {
		args, err := json.Marshal(s.Args)
		if err != nil {
			return err.Error()
		}
		parts[i] = s.Tool + string(args)
	}
	return "[" + strings.Join(parts, "; ") + "]"
}

// TestUtterances plans every sentence of the corpus exactly.
func TestUtterances(t *testing.T) {
	t.Parallel()
	tools, m := catalogue(t), planner.New()
	all := readUtterances[[]utterance](t, plainFile)
	if len(all) < 120 {
		t.Fatalf("the corpus has %d utterances, want at least 120", len(all))
	}
	used := map[string]bool{}
	for _, u := range all {
		t.Run(strings.Join(u.Say, " ▸ "), func(t *testing.T) {
			t.Parallel()
			if v := judge(u, m.Plan(t.Context(), tools, u.Say...), false); !v.whole {
				t.Error(v.why)
			}
		})
		for _, s := range u.Plan {
			used[s.Tool] = true
		}
	}
	for _, d := range tools {
		if !used[d.Name] {
			t.Errorf("no utterance reaches %s", d.Name)
		}
	}
}
