package assistant_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/llm/llmtest"
	"github.com/minivess/minivess/tools"
)

func TestInvalidPlanGetsOneRepairTurn(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]llmtest.Call{
		"unknown tool":      {Tool: "trian", Args: `{}`},
		"unknown argument":  {Tool: "train", Args: `{"dataset":"demo","lerning":1}`},
		"missing argument":  {Tool: "train", Args: `{}`},
		"wrong type":        {Tool: "train", Args: `{"dataset":"demo","steps":"many"}`},
		"half a JSON":       {Tool: "train", Args: `{"dataset":`},
		"not an object":     {Tool: "train", Args: `["demo"]`},
		"refers to itself":  {Tool: "judge", Args: `{"run":"@1.run"}`},
		"refers to nothing": {Tool: "judge", Args: `{"run":"@7.run"}`},
		"waits for nothing": {Tool: "look", Args: `{"_needs":["9"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := llmtest.Reply{Calls: []llmtest.Call{broken}}
			good := llmtest.Reply{Expect: `"code":"`, Calls: []llmtest.Call{{Tool: "look", Args: `{}`}}}
			r := newRig(t, assistant.Options{}, bad, good, answering("Looked."))
			if out := r.turn(t, "do it"); out.Status != assistant.StatusAnswered {
				t.Errorf("after a repair: %+v", out.Problem)
			}
			r = newRig(t, assistant.Options{}, bad, bad)
			out := r.turn(t, "do it")
			if out.Status != assistant.StatusFailed || out.Problem == nil || out.Answer == nil || out.Answer.Text == "" {
				t.Errorf("after two bad plans: %+v", out)
			}
			if len(r.world.acts()) != 0 {
				t.Errorf("an invalid plan did %v", r.world.acts())
			}
		})
	}
}

func TestPreviewOfWhatIsNotThereYet(t *testing.T) {
	t.Parallel()
	missing := tools.Errorf(tools.CodeNotFound, "there is no dataset demo").WithHint("known datasets: toy").WithCandidates("toy")
	r := newRig(t, assistant.Options{}, llmtest.Reply{Calls: []llmtest.Call{{Tool: "train", Args: `{"dataset":"demo"}`}}},
		llmtest.Reply{Expect: "there is no dataset demo", Text: "There is no dataset demo."})
	r.world.fails["preview train"] = missing
	if out := r.turn(t, "train on demo"); out.Status != assistant.StatusAnswered || out.Answer.Text != "There is no dataset demo." {
		t.Errorf("%+v", out)
	}
	r = newRig(t, assistant.Options{}, pipeline(), answering("No."))
	r.world.fails["preview train"] = missing
	out := r.turn(t, wanted)
	if out.Status != assistant.StatusWaiting || !strings.Contains(out.Plan.Step("2").Preview.Summary, "once step 1 is done") {
		t.Errorf("%s: %+v", out.Status, out.Plan.Step("2").Preview)
	}
	r.turn(t, "no")
}

func TestModelErrorsEndTheTurnHonestly(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, llmtest.Reply{Err: errors.New("no route to the model")}, answering("Hello."))
	out := r.turn(t, "hi")
	if out.Status != assistant.StatusFailed || out.Problem.Code != assistant.CodeModel || !strings.Contains(out.Answer.Text, "no route") {
		t.Errorf("%+v", out)
	}
	if out := r.turn(t, "hi again"); out.Status != assistant.StatusAnswered {
		t.Errorf("the next turn: %+v", out)
	}
	r = newRig(t, assistant.Options{}, llmtest.Reply{})
	if out := r.turn(t, "hi"); out.Status != assistant.StatusFailed {
		t.Errorf("a silent model: %+v", out)
	}
}

func TestAModelInCirclesIsStopped(t *testing.T) {
	t.Parallel()
	look := llmtest.Reply{Calls: []llmtest.Call{{Tool: "look", Args: `{}`}}}
	r := newRig(t, assistant.Options{}, look, look, look)
	if out := r.turn(t, "look"); out.Status != assistant.StatusFailed || out.Problem.Code != assistant.CodeLoop {
		t.Errorf("%+v", out)
	}
	other := llmtest.Reply{Calls: []llmtest.Call{{Tool: "look", Args: `{"query":"other"}`}}}
	r = newRig(t, assistant.Options{MaxRounds: 4}, look, other, look, other)
	if out := r.turn(t, "look"); out.Status != assistant.StatusFailed || out.Problem.Code != assistant.CodeLoop {
		t.Errorf("%+v", out)
	}
}

func TestInventedNumbers(t *testing.T) {
	t.Parallel()
	look := llmtest.Reply{Calls: []llmtest.Call{{Tool: "look", Args: `{"query":"q"}`}}}
	r := newRig(t, assistant.Options{}, look, answering("The Dice is 0.93."), llmtest.Reply{Expect: "0.93", Text: "The Dice is 0.86."})
	if out := r.turn(t, "how good?"); out.Status != assistant.StatusAnswered || out.Answer.Text != "The Dice is 0.86." {
		t.Errorf("after a rewrite: %+v", out)
	}
	r = newRig(t, assistant.Options{}, look, answering("The Dice is 0.93."), answering("I said 0.93."), answering("Hello."))
	out := r.turn(t, "how good?")
	if out.Status != assistant.StatusFailed || out.Problem.Code != assistant.CodeUnverified || strings.Contains(out.Answer.Text, "I said") {
		t.Errorf("insisting: %+v", out)
	}
	r.turn(t, "hi")
	r = newRig(t, assistant.Options{Numbers: assistant.NumbersAnnotate}, look, answering("The Dice is 0.93."))
	if out := r.turn(t, "how good?"); out.Status != assistant.StatusAnswered || !slices.Equal(out.Answer.Unverified, []string{"0.93"}) {
		t.Errorf("annotating: %+v", out)
	}
	r = newRig(t, assistant.Options{}, answering("I guess 0.93."), answering("I do not know."))
	if out := r.turn(t, "how good?"); out.Answer.Text != "I do not know." {
		t.Errorf("without any tool: %+v", out)
	}
}

func TestQuestionsInAnswers(t *testing.T) {
	t.Parallel()
	info := map[string]any{"questions": []map[string]any{{"text": "Which dataset?", "choices": []string{"toy", "demo"}}}}
	r := newRig(t, assistant.Options{}, llmtest.Reply{Info: info}, answering("I can train. On which dataset?"))
	out := r.turn(t, "train")
	if diff := cmp.Diff([]assistant.Question{{Text: "Which dataset?", Choices: []string{"toy", "demo"}}}, out.Answer.Questions); diff != "" {
		t.Error(diff)
	}
	out = r.turn(t, "train!")
	if diff := cmp.Diff([]assistant.Question{{Text: "On which dataset?"}}, out.Answer.Questions); diff != "" {
		t.Error(diff)
	}
}

func TestPlanOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{},
		llmtest.Reply{Text: "Two steps.", Info: map[string]any{"assumptions": []string{"3 epochs"}}, Calls: []llmtest.Call{
			{Tool: "train", Args: `{"dataset":"toy"}`}, {Tool: "judge", Args: `{"run":"@1.run"}`},
		}},
		llmtest.Reply{Calls: []llmtest.Call{{Tool: "nope", Args: `{}`}}}, llmtest.Reply{Expect: "unknown_tool", Calls: []llmtest.Call{{Tool: "nope", Args: `{}`}}})
	r.world.fails["preview train"] = tools.Errorf(tools.CodeNotFound, "there is no dataset toy")
	p, err := r.PlanOnly(t.Context(), "train on toy and judge it")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Plan []struct {
			ID, Tool string
			Args     map[string]any
			Needs    []string
			Error    *assistant.Problem
		}
		Reply       string
		Assumptions []string
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Plan) != 2 || got.Plan[0].Tool != "train" || got.Plan[1].Tool != "judge" || !slices.Equal(got.Plan[1].Needs, []string{"1"}) ||
		got.Plan[0].Error == nil || got.Reply != "Two steps." || len(got.Assumptions) != 1 {
		t.Errorf("plan %s", raw)
	}
	if _, err := r.PlanOnly(t.Context(), "do the impossible"); tools.AsError(err).Code != tools.CodeUnknownTool {
		t.Errorf("an invalid plan: %v", err)
	}
	if len(r.world.acts()) != 0 {
		t.Errorf("planning did %v", r.world.acts())
	}
}
