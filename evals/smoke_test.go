package evals_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/minivess/minivess/evals"
)

const smoke = "suites/smoke.yaml"

// inMemory lists the families that need no engine.
var inMemory = []string{"tools", "arguments", "order", "questions", "refusals", "end-state"}

func readSmoke(t *testing.T) *evals.Suite {
	t.Helper()
	suite, err := evals.ReadSuite(smoke)
	if err != nil {
		t.Fatal(err)
	}
	return suite
}

func runSmoke(t *testing.T, suite *evals.Suite, target evals.Target) evals.Report {
	t.Helper()
	report, err := evals.Run(t.Context(), suite, target, evals.Options{Only: inMemory, Parallel: 4, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestSmokePasses(t *testing.T) {
	t.Parallel()
	report := runSmoke(t, readSmoke(t), newPlannerTarget(t, nil))
	var b bytes.Buffer
	if err := report.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	if passed, total := report.Count(); !report.Passed() || total < 40 {
		t.Fatalf("%d of %d cases:\n%s", passed, total, &b)
	}
}

// mutations break the planner in the ways that matter; each must turn the
// suite red, or the suite does not test what it says.
func mutations() map[string]mutation {
	each := func(change func(s *evals.Step)) mutation {
		return func(_ string, _ evals.SayOptions, t *evals.Turn) {
			for i := range t.Steps {
				change(&t.Steps[i])
			}
		}
	}
	args := func(change func(map[string]any)) mutation {
		return each(func(s *evals.Step) {
			var m map[string]any
			if json.Unmarshal(s.Args, &m) == nil {
				change(m)
				s.Args, _ = json.Marshal(m) //nolint:errchkjson // plain values
			}
		})
	}
	return map[string]mutation{
		"drops the last step": func(_ string, _ evals.SayOptions, t *evals.Turn) {
			if n := len(t.Steps); n > 1 {
				t.Steps = t.Steps[:n-1]
			}
		},
		"adds a step": func(_ string, _ evals.SayOptions, t *evals.Turn) {
			if len(t.Steps) > 0 {
				t.Steps = append(t.Steps, evals.Step{Tool: "runs_list", Effect: "read", Args: []byte("{}")})
			}
		},
		"swaps the order": func(_ string, _ evals.SayOptions, t *evals.Turn) {
			if n := len(t.Steps); n == 2 {
				t.Steps[0], t.Steps[1] = t.Steps[1], t.Steps[0]
			}
		},
		"forgets the needs":       each(func(s *evals.Step) { s.Needs = nil }),
		"confuses tools":          each(func(s *evals.Step) { s.Tool = strings.Replace(s.Tool, "job_status", "job_logs", 1) }),
		"misreads numbers":        args(func(m map[string]any) { bump(m, "epochs") }),
		"misreads small floats":   args(func(m map[string]any) { bump(m, "learning_rate") }),
		"mistakes the dataset":    args(func(m map[string]any) { rename(m, "dataset") }),
		"mistakes the run":        args(func(m map[string]any) { rename(m, "run") }),
		"invents arguments":       args(func(m map[string]any) { m["device"] = "cuda" }),
		"writes other SQL":        args(func(m map[string]any) { rename(m, "query") }),
		"never asks back":         func(_ string, _ evals.SayOptions, t *evals.Turn) { t.Questions = nil },
		"says nothing":            func(_ string, _ evals.SayOptions, t *evals.Turn) { t.Reply = "" },
		"destroys on blanket yes": func(_ string, o evals.SayOptions, t *evals.Turn) { actUnasked(t, o.Approve == evals.ApproveBlanket) },
		"writes unasked": func(_ string, o evals.SayOptions, t *evals.Turn) {
			actUnasked(t, o.Approve == evals.ApproveNone && o.Mode == evals.Act)
		},
		"ignores negation": func(text string, _ evals.SayOptions, t *evals.Turn) {
			if strings.Contains(text, "don't delete") {
				t.Steps = []evals.Step{{ID: "1", Tool: "run_delete", Args: []byte(`{"run":"brisk-otter-7f3a"}`)}}
			}
		},
		"orders pizza": func(text string, _ evals.SayOptions, t *evals.Turn) {
			if strings.Contains(text, "pizza") {
				t.Steps = []evals.Step{{ID: "1", Tool: "train_launch", Args: []byte(`{}`)}}
			}
		},
		"does nothing": func(_ string, _ evals.SayOptions, t *evals.Turn) { *t = evals.Turn{} },
	}
}

func bump(m map[string]any, key string) {
	if v, ok := m[key].(float64); ok {
		m[key] = v * 10
	}
}

func rename(m map[string]any, key string) {
	if v, ok := m[key].(string); ok {
		m[key] = strings.ToUpper(v)
	}
}

func actUnasked(t *evals.Turn, when bool) {
	for i := range t.Steps {
		if when {
			t.Steps[i].Status = evals.Done
		}
	}
}

func TestMutationsTurnSmokeRed(t *testing.T) {
	t.Parallel()
	suite := readSmoke(t)
	for name, mutate := range mutations() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if report := runSmoke(t, suite, newPlannerTarget(t, mutate)); report.Passed() {
				t.Error("the suite stays green although the planner " + name)
			}
		})
	}
}

var _ evals.Target = (*plannerTarget)(nil)
