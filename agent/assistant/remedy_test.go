package assistant_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/llm/llmtest"
	"github.com/minivess/minivess/tools"
)

// failing is a plan whose first step fails, with a step that needs it.
func failing(args string) llmtest.Reply {
	return llmtest.Reply{Calls: []llmtest.Call{{Tool: "train", Args: args}, {Tool: "judge", Args: `{"run":"@1.run"}`}}}
}

func TestNaNGetsALowerRateOnceSomebodySaysSo(t *testing.T) {
	t.Parallel()
	for _, policy := range []assistant.Policy{assistant.AskBeforeChange, assistant.AllButDestroying} {
		r := newRig(t, assistant.Options{Policy: policy}, failing(`{"dataset":"demo","learning_rate":0.001}`), answering("Judged after all."))
		r.world.fate["run-1"] = assistant.RunOutcome{State: "failed", Error: "the loss is NaN at step 212", Code: "nan_loss"}
		out := r.turn(t, "train and judge")
		if policy == assistant.AskBeforeChange {
			out = r.turn(t, "yes")
		}
		if out.Status != assistant.StatusWaiting || !slices.Contains(out.Review.Steps, "1") || len(r.world.acts()) != 1 {
			t.Fatalf("%s: %s: %s; nothing may be tried again unasked", policy, out.Status, states(out.Plan))
		}
		if !strings.Contains(out.Plan.Reply, "NaN at step 212") || !strings.Contains(out.Plan.Reply, "0.0001 instead of 0.001") {
			t.Errorf("it says %q", out.Plan.Reply)
		}
		if got := string(out.Plan.Steps[0].Args); got != `{"dataset":"demo","learning_rate":0.0001}` || len(out.Plan.Steps[0].Attempts) != 1 {
			t.Errorf("planned %s", got)
		}
		out = r.turn(t, "yes")
		if policy == assistant.AllButDestroying && out.Status == assistant.StatusWaiting {
			t.Fatalf("%s: %+v", policy, out.Review)
		}
		if out.Status != assistant.StatusAnswered || states(out.Plan) != "done done" {
			t.Fatalf("%s: %s: %s", policy, out.Status, states(out.Plan))
		}
		want := []string{
			`train {"dataset":"demo","steps":400,"learning_rate":0.001}`, `train {"dataset":"demo","steps":400,"learning_rate":0.0001}`,
			`judge {"run":"run-1-again-1"}`,
		}
		if diff := cmp.Diff(want, r.world.acts()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestAnUnwantedRemedyLeavesTheFailure(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, failing(`{"dataset":"demo","learning_rate":0.001}`), llmtest.Reply{Expect: "rejected", Text: "It failed: the loss is NaN at step 212."})
	r.world.fate["run-1"] = assistant.RunOutcome{State: "failed", Error: "the loss is NaN at step 212", Code: "nan_loss"}
	r.turn(t, "train and judge")
	r.turn(t, "yes")
	out := r.turn(t, "no")
	if out.Status != assistant.StatusFailed || states(out.Plan) != "failed rejected" || !strings.Contains(out.Problem.Message, "NaN") || len(r.world.acts()) != 1 {
		t.Errorf("%s: %s: %+v, did %v", out.Status, states(out.Plan), out.Problem, r.world.acts())
	}
}

func TestRemediesEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, failing(`{"dataset":"demo","learning_rate":0.001}`), answering("It fails whatever the rate."))
	nan := assistant.RunOutcome{State: "failed", Error: "the loss is NaN", Code: "nan_loss"}
	for _, run := range []string{"run-1", "run-1-again-1", "run-1-again-2"} {
		r.world.fate[run] = nan
	}
	r.turn(t, "train and judge")
	r.turn(t, "yes")
	r.turn(t, "yes")
	out := r.turn(t, "yes")
	if out.Status != assistant.StatusFailed || len(r.world.acts()) != 3 || len(out.Plan.Steps[0].Attempts) != 2 {
		t.Errorf("%s after %v", out.Status, r.world.acts())
	}
}

func TestOutOfMemoryGetsASmallerPatchFromTheCostModel(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		`{"dataset":"demo","patch_size":[96,96,48],"batch_size":4}`: `{"batch_size":1,"dataset":"demo","patch_size":[96,96,48]}`,
		`{"dataset":"demo","patch_size":[96,96,48],"batch_size":1}`: `{"batch_size":1,"dataset":"demo","patch_size":[64,64,32]}`,
		`{"dataset":"demo","patch_size":[16,16,16]}`:                ``,
	} {
		r := newRig(t, assistant.Options{}, failing(args), answering("There is no smaller patch."))
		r.world.fate["run-1"] = assistant.RunOutcome{State: "failed", Error: "cannot allocate memory", Code: "out_of_memory"}
		r.turn(t, "train and judge")
		out := r.turn(t, "yes")
		if want == "" {
			if out.Status != assistant.StatusFailed {
				t.Errorf("%s: %s", args, out.Status)
			}
			continue
		}
		if out.Status != assistant.StatusWaiting || string(out.Plan.Steps[0].Args) != want || !strings.Contains(out.Plan.Reply, "estimated at") {
			t.Errorf("%s: %s, %s, %q", args, out.Status, out.Plan.Steps[0].Args, out.Plan.Reply)
		}
		r.left = true
	}
}

func TestANameThatIsNotThereIsMended(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, llmtest.Reply{Calls: []llmtest.Call{{Tool: "train", Args: `{"dataset":"demmo"}`}}})
	out := r.turn(t, "train on demmo")
	if out.Status != assistant.StatusWaiting || string(out.Plan.Steps[0].Args) != `{"dataset":"demo"}` {
		t.Fatalf("%s: %s", out.Status, out.Plan.Steps[0].Args)
	}
	if !slices.ContainsFunc(out.Plan.Assumptions, func(a string) bool { return strings.Contains(a, `"demo", the name nearest to "demmo"`) }) {
		t.Errorf("it does not say so: %q", out.Plan.Assumptions)
	}
}

// What a tool cannot find when it runs is asked about with the nearest name;
// what destroys is never guessed.
func TestNearestNamesWhileRunning(t *testing.T) {
	t.Parallel()
	missing := tools.Errorf(tools.CodeNotFound, "there is no run brisk-oter").WithCandidates("brisk-otter", "calm-heron")
	for tool, again := range map[string]bool{"judge": true, "drop": false} {
		r := newRig(t, assistant.Options{}, llmtest.Reply{Calls: []llmtest.Call{{Tool: tool, Args: `{"run":"brisk-oter"}`}}}, answering("There is no such run."))
		r.world.fails[tool] = missing
		r.turn(t, "do it")
		out := r.turn(t, "yes")
		if asks := out.Status == assistant.StatusWaiting; asks != again {
			t.Errorf("%s: %s", tool, out.Status)
		}
		if again {
			if got := string(out.Plan.Steps[0].Args); got != `{"run":"brisk-otter"}` {
				t.Errorf("planned %s", got)
			}
			r.left = true
		}
	}
}
