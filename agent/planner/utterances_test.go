package planner_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

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

func utterances(t *testing.T) []utterance {
	t.Helper()
	raw, err := os.ReadFile("testdata/utterances.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out []utterance
	if err := yaml.UnmarshalWithOptions(raw, &out, yaml.DisallowUnknownField()); err != nil {
		t.Fatal(err)
	}
	return out
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

// mismatch compares an outcome with what is wanted and says how they differ.
func mismatch(t *testing.T, u utterance, got planner.Outcome) string {
	t.Helper()
	if len(got.Steps) != len(u.Plan) {
		return fmt.Sprintf("planned %s, want %d steps; reply: %s", describe(got), len(u.Plan), got.Reply)
	}
	for i, w := range u.Plan {
		s := got.Steps[i]
		if s.Tool != w.Tool {
			return fmt.Sprintf("step %d is %s, want %s", i+1, describe(got), w.Tool)
		}
		if w.SQL != nil {
			query, _ := s.Args["query"].(string)
			for _, part := range w.SQL {
				if !strings.Contains(query, part) {
					return fmt.Sprintf("query of step %d has no %q:\n%s", i+1, part, query)
				}
			}
			continue
		}
		if w.Args == nil {
			w.Args = map[string]any{}
		}
		if diff := cmp.Diff(canonical(t, w.Args), canonical(t, s.Args)); diff != "" {
			return fmt.Sprintf("arguments of step %d (-want +got):\n%s", i+1, diff)
		}
		if diff := cmp.Diff(w.Needs, s.Needs); diff != "" && (len(w.Needs) > 0 || len(s.Needs) > 0) {
			return fmt.Sprintf("needs of step %d (-want +got):\n%s", i+1, diff)
		}
	}
	if len(got.Questions) != len(u.Asks) {
		return fmt.Sprintf("%d questions %v, want %d", len(got.Questions), got.Questions, len(u.Asks))
	}
	for i, a := range u.Asks {
		if !strings.Contains(got.Questions[i].Text, a) {
			return fmt.Sprintf("question %q has no %q", got.Questions[i].Text, a)
		}
	}
	if !strings.Contains(got.Reply, u.Reply) {
		return fmt.Sprintf("reply %q has no %q", got.Reply, u.Reply)
	}
	return ""
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
	all := utterances(t)
	if len(all) < 120 {
		t.Fatalf("the corpus has %d utterances, want at least 120", len(all))
	}
	used := map[string]bool{}
	for _, u := range all {
		t.Run(strings.Join(u.Say, " ▸ "), func(t *testing.T) {
			t.Parallel()
			if why := mismatch(t, u, m.Plan(t.Context(), tools, u.Say...)); why != "" {
				t.Error(why)
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
