package assistant_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/llm/llmtest"
	"github.com/minivess/minivess/tools"
)

func TestEditByFieldsAndByDropping(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]struct{ args, states string }{
		"2.steps=200":                {`{"dataset":"@1.dataset.name","steps":200}`, "planned planned planned planned"},
		"steps=200":                  {`{"dataset":"@1.dataset.name","steps":200}`, "planned planned planned planned"},
		"2.steps=":                   {`{"dataset":"@1.dataset.name"}`, "planned planned planned planned"},
		"2.dataset=cortex 2.steps=7": {`{"dataset":"cortex","steps":7}`, "planned planned planned planned"},
		"drop step 4":                {`{"dataset":"@1.dataset.name","steps":400}`, "planned planned planned rejected"},
		"Please skip steps 3 and 4.": {`{"dataset":"@1.dataset.name","steps":400}`, "planned planned rejected rejected"},
		"drop step 3":                {`{"dataset":"@1.dataset.name","steps":400}`, "planned planned rejected planned"},
		"leave out step 2":           {`{"dataset":"@1.dataset.name","steps":400}`, "planned rejected rejected planned"},
	} {
		t.Run(said, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, assistant.Options{}, pipeline(), answering("Nothing was done."))
			first := r.turn(t, wanted)
			out := r.turn(t, said)
			if out.Status != assistant.StatusWaiting || states(out.Plan) != want.states || string(out.Plan.Step("2").Args) != want.args {
				t.Errorf("%s: %s, %s", out.Status, states(out.Plan), out.Plan.Step("2").Args)
			}
			if out.Review.ID == first.Review.ID {
				t.Error("the changed plan is not a question of its own")
			}
			for _, s := range out.Plan.Steps {
				if s.State == assistant.StepPlanned && s.Preview == nil {
					t.Errorf("step %s has no preview", s.ID)
				}
				for _, n := range s.Needs {
					if s.State == assistant.StepPlanned && out.Plan.Step(n).State == assistant.StepRejected {
						t.Errorf("step %s waits for step %s, which was dropped", s.ID, n)
					}
				}
			}
			r.turn(t, "no")
		})
	}
}

func TestWhatAnEditCannotDo(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, pipeline())
	r.turn(t, wanted)
	for said, says := range map[string]string{
		"2.stepz=1":             "did you mean steps?",
		"9.steps=1":             `there is no step "9"`,
		"foo=1":                 `no waiting step has an argument "foo"`,
		"2.steps=many":          "must be a whole number",
		"2.steps=0":             "must be at least 1",
		"1.name=@2.run":         "does not come before it",
		"drop step 9":           `step "9" cannot be dropped; those that can: [1 2 3 4]`,
		"drop steps 1, 2 and 3": "that would drop every step that waits",
		"run=x":                 "",
	} {
		_, err := assistant.Wait(r.Turn(t.Context(), r.thread, said), nil)
		if says == "" {
			if err != nil {
				t.Errorf("%q: %v", said, err)
			}
			continue
		}
		if !errors.Is(err, assistant.ErrDecision) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v; want %q", said, err, says)
		}
	}
	if len(r.world.acts()) != 0 {
		t.Errorf("did %v", r.world.acts())
	}
}

// A model that is asked to change a plan hears the plan that the user looks at.
func TestTheModelHearsThePlanAsItWasEdited(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, pipeline(), answering("As you wish."))
	r.turn(t, wanted)
	r.turn(t, "1.volumes=3")
	r.turn(t, "drop step 2")
	r.turn(t, "make it nicer")
	requests := r.model.Requests()
	var calls []string
	for _, m := range requests[len(requests)-1] {
		for _, p := range m.Parts {
			if c, ok := p.(llms.ToolCall); ok {
				calls = append(calls, c.FunctionCall.Name+" "+c.FunctionCall.Arguments)
			}
		}
	}
	if diff := cmp.Diff([]string{`make_data {"name":"demo","volumes":3}`, `look {"query":"select dice"}`}, calls); diff != "" {
		t.Error(diff)
	}
	if heard := lastTexts(requests[len(requests)-1], llms.ChatMessageTypeTool); len(heard) != 2 {
		t.Errorf("%d results for 2 calls", len(heard))
	}
}

func TestDroppedStepsAreNotDone(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, pipeline(), answering("Done."))
	r.turn(t, wanted)
	r.turn(t, "drop step 3")
	out := r.turn(t, "yes")
	if out.Status != assistant.StatusAnswered || states(out.Plan) != "done done rejected done" {
		t.Fatalf("%s: %s", out.Status, states(out.Plan))
	}
	if slices.ContainsFunc(r.world.acts(), func(a string) bool { return strings.HasPrefix(a, "judge") }) {
		t.Errorf("did %v", r.world.acts())
	}
}

func TestAnApprovalOfWhatHasChangedIsRefused(t *testing.T) {
	t.Parallel()
	drop := llmtest.Reply{Calls: []llmtest.Call{{Tool: "drop", Args: `{"run":"latest"}`}}}
	r := newRig(t, assistant.Options{}, drop, answering("Dropped."))
	r.world.latest = "run-7"
	shown := r.turn(t, "drop the latest run")
	if !strings.Contains(string(shown.Plan.Steps[0].Preview.Args), "run-7") {
		t.Fatalf("the preview does not say which run: %s", shown.Plan.Steps[0].Preview.Args)
	}
	r.world.latest = "run-8" // meanwhile another run was launched
	out := r.decide(t, assistant.Decision{Review: shown.Review.ID, Verdict: assistant.Approve, Steps: []string{"1"}})
	if out.Status != assistant.StatusWaiting || len(r.world.acts()) != 0 {
		t.Fatalf("%s, did %v", out.Status, r.world.acts())
	}
	if len(out.Review.Changed) != 1 || !strings.Contains(out.Review.Changed[0], "run-8") || out.Review.ID == shown.Review.ID {
		t.Errorf("review %+v", out.Review)
	}
	if !slices.ContainsFunc(r.events, func(e assistant.Event) bool { return e.Problem != nil && e.Problem.Code == assistant.CodeStale }) {
		t.Errorf("nothing says that the approval is stale: %s", r.story())
	}
	_, err := assistant.Wait(r.Decide(t.Context(), r.thread, assistant.Decision{Review: shown.Review.ID, Verdict: assistant.Approve, Steps: []string{"1"}}), nil)
	if !errors.Is(err, assistant.ErrNoReview) {
		t.Errorf("the old approval again: %v", err)
	}
	if out := r.decide(t, assistant.Decision{Review: out.Review.ID, Verdict: assistant.Approve, Steps: []string{"1"}}); out.Status != assistant.StatusAnswered {
		t.Errorf("%+v", out)
	}
}

func TestACatalogueChangeUnderAnOldThread(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*world)
		says   string
	}{
		"tool gone":       {func(w *world) { w.without = "train" }, `no tool "train"`},
		"schema changed":  {func(w *world) { w.renamed = true }, `unknown argument "steps"`},
		"effect changed":  {func(w *world) { w.trainEffect = tools.Destroy }, "ends or removes something"},
		"no longer valid": {func(w *world) { w.fails["preview train"] = tools.Errorf(tools.CodeConflict, "there is no room for it") }, "no room"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := llmtest.Reply{Calls: []llmtest.Call{{Tool: "make_data", Args: `{"name":"a"}`}, {Tool: "train", Args: `{"dataset":"b","steps":3}`}}}
			r := newRig(t, assistant.Options{}, plan, answering("Nothing was done."))
			r.turn(t, "make a and train on b")
			c.change(r.world)
			r.reopen(t, assistant.Options{})
			out := r.turn(t, "yes")
			if out.Status != assistant.StatusWaiting || len(r.world.acts()) != 0 || len(out.Review.Changed) == 0 || !strings.Contains(strings.Join(out.Review.Changed, " "), c.says) {
				t.Fatalf("%s, review %+v, did %v", out.Status, out.Review, r.world.acts())
			}
			if name == "tool gone" {
				if _, err := assistant.Wait(r.Turn(t.Context(), r.thread, "approve 2"), nil); !errors.Is(err, assistant.ErrDecision) {
					t.Errorf("approving what cannot be done: %v", err)
				}
			}
			if out := r.turn(t, "no"); out.Status != assistant.StatusAnswered || len(r.world.acts()) != 0 {
				t.Errorf("after a no: %+v", out)
			}
		})
	}
}

// What was approved and then changed in the journal, or under another version,
// is asked about again before it is done.
func TestAnApprovalHoldsForItsStepOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, pipeline())
	r.turn(t, wanted)
	r.world.gates["make_data"] = make(chan struct{})
	r.leaveAt(t, "before make_data", assistant.Decision{Verdict: assistant.Approve})
	r.world.trainEffect = tools.Destroy
	close(r.world.gates["make_data"])
	r.reopen(t, assistant.Options{})
	out, err := assistant.Wait(r.Continue(t.Context(), r.thread), nil)
	if err != nil || out.Status != assistant.StatusWaiting || !slices.Contains(out.Review.Steps, "2") {
		t.Fatalf("%s, %v: %+v", out.Status, err, out.Review)
	}
	for _, act := range r.world.acts() {
		if strings.HasPrefix(act, "train") {
			t.Errorf("did %s with an approval for something else", act)
		}
	}
}

func TestFieldsAreTyped(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, llmtest.Reply{Calls: []llmtest.Call{{Tool: "shape", Args: `{"name":"a"}`}}})
	r.turn(t, "shape a")
	for said, want := range map[string]string{
		"patch=64x64x32":      `[64,64,32]`,
		"patch=64":            `[64,64,64]`,
		"patch=[1,2,3]":       `[1,2,3]`,
		"metrics=dice,cldice": `["dice","cldice"]`,
		"name=200":            `"200"`,
		`name="b"`:            `"b"`,
		"deep=true":           `true`,
	} {
		out := r.turn(t, said)
		key, _, _ := strings.Cut(said, "=")
		fields := map[string]json.RawMessage{}
		if err := json.Unmarshal(out.Plan.Steps[0].Args, &fields); err != nil || string(fields[key]) != want {
			t.Errorf("%s: %s, %v", said, out.Plan.Steps[0].Args, err)
		}
	}
}
