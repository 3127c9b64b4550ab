package assistant_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tmc/langchaingo/llms"
	"go.uber.org/goleak"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/llm/llmtest"
	"github.com/minivess/minivess/agent/thread"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		os.Exit(child(dir))
	}
	goleak.VerifyTestMain(m)
}

const wanted = "make demo, train on it, judge it and say how good it is"

func TestThePipelineFromSentenceToSourcedAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{User: "petteri"}, pipeline(), answering("run-2 reaches a Dice of 0.86 on 2 volumes after 400 steps."))
	out := r.turn(t, wanted)
	if out.Status != assistant.StatusWaiting || len(r.world.acts()) != 0 {
		t.Fatalf("status %s after %v; want a review before anything is done", out.Status, r.world.acts())
	}
	if got := out.Review.Steps; !slices.Equal(got, []string{"1", "2", "3"}) || len(out.Review.Confirm) != 0 {
		t.Errorf("review of %v, to confirm %v", got, out.Review.Confirm)
	}
	needs := map[string][]string{}
	for _, s := range out.Plan.Steps {
		needs[s.ID] = s.Needs
		if s.Preview == nil {
			t.Errorf("step %s has no preview", s.ID)
		}
		if strings.Contains(string(s.Args), "_needs") {
			t.Errorf("step %s keeps _needs: %s", s.ID, s.Args)
		}
	}
	if diff := cmp.Diff(map[string][]string{"1": {}, "2": {"1"}, "3": {"2"}, "4": {"3"}}, needs); diff != "" {
		t.Error(diff)
	}
	if c := out.Plan.Cost(); c.Seconds != 240 || c.MemoryBytes != 1<<30 {
		t.Errorf("cost %+v", c)
	}
	out = r.decide(t, assistant.Decision{Review: out.Review.ID, Verdict: assistant.Approve})
	if out.Status != assistant.StatusAnswered || states(out.Plan) != "done done done done" {
		t.Fatalf("status %s, steps %s", out.Status, states(out.Plan))
	}
	want := []string{
		`make_data {"name":"demo","volumes":10}`, `train {"dataset":"demo","steps":400}`, `judge {"run":"run-2"}`, `look {"query":"select dice"}`,
	}
	if diff := cmp.Diff(want, r.world.acts()); diff != "" {
		t.Error(diff)
	}
	if len(out.Answer.Unverified) != 0 || len(out.Answer.Sources) == 0 {
		t.Errorf("answer %+v", out.Answer)
	}
	i := slices.IndexFunc(out.Answer.Sources, func(s assistant.Source) bool { return slices.Contains(s.Numbers, "0.86") })
	if i < 0 || out.Answer.Sources[i].Query != "select dice" {
		t.Errorf("0.86 is not sourced to its query: %+v", out.Answer.Sources)
	}
	if s := out.Plan.Step("2"); s.Run != "run-2" || s.Outcome.State != "finished" || string(s.Resolved) != `{"dataset":"demo","steps":400}` ||
		s.Approval.By != "petteri" || s.Approval.Blanket {
		t.Errorf("step 2: %+v, approved %+v", s, s.Approval)
	}
	wantStory := "turn thinking reply plan review done decision step:1:running progress step:1:done step:2:running progress step:2:running progress " +
		"step:2:done step:3:running progress step:3:running progress step:3:done step:4:running progress step:4:done thinking answer done"
	if got := r.story(); got != wantStory {
		t.Errorf("events:\n got %s\nwant %s", got, wantStory)
	}
	for _, e := range r.events {
		if e.Thread != r.thread || e.Turn != 1 || e.Time.IsZero() {
			t.Fatalf("event without its place: %+v", e)
		}
	}
}

func TestTheModelHearsResultsOneMessageACall(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, pipeline(), answering("Done."))
	r.turn(t, wanted)
	r.decide(t, assistant.Decision{Verdict: assistant.Approve})
	requests := r.model.Requests()
	heard := requests[len(requests)-1]
	if got := lastTexts(heard, llms.ChatMessageTypeTool); len(got) != 4 {
		t.Fatalf("%d tool messages, want 4", len(got))
	}
	for i, m := range heard[len(heard)-4:] {
		if len(m.Parts) != 1 {
			t.Errorf("tool message %d has %d parts", i, len(m.Parts))
		}
	}
	var report struct{ State, Summary, Run string }
	if err := json.Unmarshal([]byte(lastTexts(heard, llms.ChatMessageTypeTool)[1]), &report); err != nil {
		t.Fatal(err)
	}
	if report.State != "done" || report.Run != "run-2" || !strings.Contains(report.Summary, "dice 0.87") {
		t.Errorf("the model hears %+v of the training", report)
	}
	if sys := lastTexts(heard, llms.ChatMessageTypeSystem); len(sys) != 1 || !strings.Contains(sys[0], "@1.run") {
		t.Errorf("system messages %q", sys)
	}
}

func TestReadingRunsUnasked(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, llmtest.Reply{Calls: []llmtest.Call{{Tool: "look", Args: `{"query":"q"}`}}}, answering("It is 0.861."))
	if out := r.turn(t, "how good is it?"); out.Status != assistant.StatusAnswered || out.Answer.Sources[0].Query != "q" {
		t.Errorf("%+v", out)
	}
}

func TestYesApprovesAllButDestroying(t *testing.T) {
	t.Parallel()
	plan := llmtest.Reply{Calls: []llmtest.Call{
		{Tool: "make_data", Args: `{"name":"a"}`},
		{Tool: "drop", Args: `{"run":"old"}`},
		{Tool: "make_data", Args: `{"name":"b","_needs":["2"]}`},
		{Tool: "look", Args: `{"_needs":["1"]}`},
	}}
	r := newRig(t, assistant.Options{Policy: assistant.AllButDestroying}, plan, answering("Done."))
	out := r.turn(t, "make a, drop old, then make b")
	if out.Status != assistant.StatusWaiting || !slices.Equal(out.Review.Steps, []string{"2"}) || !slices.Equal(out.Review.Confirm, []string{"2"}) {
		t.Fatalf("%s, review %+v", out.Status, out.Review)
	}
	if diff := cmp.Diff([]string{`look {}`, `make_data {"name":"a","volumes":10}`}, slices.Sorted(slices.Values(r.world.acts()))); diff != "" {
		t.Error(diff)
	}
	if _, err := assistant.Wait(r.Decide(t.Context(), r.thread, assistant.Decision{Verdict: assistant.Approve}), nil); !errors.Is(err, assistant.ErrUnconfirmed) {
		t.Errorf("a blanket yes to destruction: %v", err)
	}
	out = r.decide(t, assistant.Decision{Verdict: assistant.Approve, Steps: []string{"2"}})
	if out.Status != assistant.StatusAnswered || states(out.Plan) != "done done done done" {
		t.Errorf("%s: %s", out.Status, states(out.Plan))
	}
	if s := out.Plan.Step("1"); !s.Approval.Blanket {
		t.Error("a yes by policy must be marked as blanket")
	}
	if s := out.Plan.Step("2"); s.Approval.Blanket {
		t.Error("a named yes must not be marked as blanket")
	}
}

func TestAYesInWordsDestroysOnlyWhatItNames(t *testing.T) {
	t.Parallel()
	both := llmtest.Reply{Calls: []llmtest.Call{{Tool: "drop", Args: `{"run":"a"}`}, {Tool: "drop", Args: `{"run":"b"}`}}}
	r := newRig(t, assistant.Options{}, both, answering("Done."))
	r.turn(t, "drop a and b")
	_, err := assistant.Wait(r.Turn(t.Context(), r.thread, "yes"), nil)
	if !errors.Is(err, assistant.ErrUnconfirmed) || !strings.Contains(err.Error(), "approve 1 2") {
		t.Errorf("a plain yes to two: %v", err)
	}
	if out := r.turn(t, "approve 2"); out.Status != assistant.StatusWaiting || states(out.Plan) != "planned done" {
		t.Errorf("%s: %s", out.Status, states(out.Plan))
	}
	if out := r.turn(t, "yes"); out.Status != assistant.StatusAnswered || states(out.Plan) != "done done" {
		t.Errorf("%s: %s", out.Status, states(out.Plan))
	}
}

func TestApprovalOfSomeSteps(t *testing.T) {
	t.Parallel()
	plan := llmtest.Reply{Calls: []llmtest.Call{{Tool: "make_data", Args: `{"name":"a"}`}, {Tool: "make_data", Args: `{"name":"b"}`}}}
	r := newRig(t, assistant.Options{}, plan, answering("Made a."))
	r.turn(t, "make a and b")
	out := r.decide(t, assistant.Decision{Verdict: assistant.Approve, Steps: []string{"1"}})
	if out.Status != assistant.StatusWaiting || states(out.Plan) != "done planned" {
		t.Fatalf("%s: %s", out.Status, states(out.Plan))
	}
	out = r.decide(t, assistant.Decision{Verdict: assistant.Reject, Text: "one is enough"})
	if out.Status != assistant.StatusAnswered || states(out.Plan) != "done rejected" || len(r.world.acts()) != 1 {
		t.Errorf("%s: %s, %v", out.Status, states(out.Plan), r.world.acts())
	}
}

func TestRejectionGoesBackToTheModel(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, pipeline(), llmtest.Reply{Expect: "too slow today", Text: "Nothing was done."})
	r.turn(t, wanted)
	out := r.decide(t, assistant.Decision{Verdict: assistant.Reject, Text: "too slow today"})
	if out.Status != assistant.StatusAnswered || out.Answer.Text != "Nothing was done." || len(r.world.acts()) != 0 {
		t.Errorf("%+v, did %v", out, r.world.acts())
	}
}

func TestEditInWords(t *testing.T) {
	t.Parallel()
	train := func(steps string) llmtest.Reply {
		return llmtest.Reply{Calls: []llmtest.Call{{Tool: "train", Args: `{"dataset":"demo","steps":` + steps + `}`}}}
	}
	second := train("200")
	second.Expect = "use 200 steps instead"
	r := newRig(t, assistant.Options{}, train("400"), second, answering("Trained."))
	r.turn(t, "train on demo")
	out := r.turn(t, "use 200 steps instead")
	if out.Status != assistant.StatusWaiting || !strings.Contains(string(out.Plan.Steps[0].Args), "200") {
		t.Fatalf("%s, %s", out.Status, out.Plan.Steps[0].Args)
	}
	out = r.turn(t, "Yes.")
	if out.Status != assistant.StatusAnswered {
		t.Fatalf("%+v", out)
	}
	if diff := cmp.Diff([]string{`train {"dataset":"demo","steps":200}`}, r.world.acts()); diff != "" {
		t.Error(diff)
	}
	shown, err := r.Transcript(t.Context(), r.thread)
	if err != nil {
		t.Fatal(err)
	}
	var roles []string
	for _, m := range shown {
		roles = append(roles, string(m.Role))
	}
	if diff := cmp.Diff([]string{"user", "plan", "user", "plan", "assistant"}, roles); diff != "" {
		t.Error(diff)
	}
}

func TestEditFields(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, pipeline(), answering("Done."))
	out := r.turn(t, wanted)
	for name, d := range map[string]assistant.Decision{
		"unknown argument": {Verdict: assistant.Edit, Args: map[string]json.RawMessage{"2": []byte(`{"dataset":"demo","stepz":1}`)}},
		"out of range":     {Verdict: assistant.Edit, Args: map[string]json.RawMessage{"2": []byte(`{"dataset":"demo","steps":0}`)}},
		"not JSON":         {Verdict: assistant.Edit, Args: map[string]json.RawMessage{"2": []byte(`{`)}},
		"later step":       {Verdict: assistant.Edit, Args: map[string]json.RawMessage{"1": []byte(`{"name":"@2.run"}`)}},
		"no such step":     {Verdict: assistant.Edit, Args: map[string]json.RawMessage{"9": []byte(`{}`)}},
		"nothing":          {Verdict: assistant.Edit},
		"unknown verdict":  {Verdict: "maybe"},
		"empty wish":       {Verdict: assistant.Respond},
		"no such approval": {Verdict: assistant.Approve, Steps: []string{"9"}},
	} {
		if _, err := assistant.Wait(r.Decide(t.Context(), r.thread, d), nil); !errors.Is(err, assistant.ErrDecision) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := assistant.Decision{Review: out.Review.ID, Verdict: assistant.Edit, Args: map[string]json.RawMessage{"2": []byte(`{"dataset":"demo","steps":7}`)}}
	out = r.decide(t, d)
	if out.Status != assistant.StatusWaiting || !strings.Contains(string(out.Plan.Step("2").Args), "7") || !slices.Equal(out.Plan.Step("2").Needs, []string{"1"}) {
		t.Fatalf("%s: %+v", out.Status, out.Plan.Step("2"))
	}
	if _, err := assistant.Wait(r.Decide(t.Context(), r.thread, d), nil); !errors.Is(err, assistant.ErrNoReview) {
		t.Errorf("the same decision again: %v", err)
	}
	r.decide(t, assistant.Decision{Review: out.Review.ID, Verdict: assistant.Approve})
	if acts := r.world.acts(); !slices.Contains(acts, `train {"dataset":"demo","steps":7}`) {
		t.Errorf("did %v", acts)
	}
}

func TestDecisionsAreTakenOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, pipeline(), answering("Done."))
	out := r.turn(t, wanted)
	d := assistant.Decision{Review: out.Review.ID, Verdict: assistant.Approve}
	r.decide(t, d)
	if _, err := assistant.Wait(r.Decide(t.Context(), r.thread, d), nil); !errors.Is(err, assistant.ErrNoReview) {
		t.Errorf("a second time: %v", err)
	}
	if n := len(r.world.acts()); n != 4 {
		t.Errorf("%d acts, want 4", n)
	}
}

func TestFailureStopsDependantsOnly(t *testing.T) {
	t.Parallel()
	plan := llmtest.Reply{Calls: []llmtest.Call{
		{Tool: "train", Args: `{"dataset":"a"}`},
		{Tool: "judge", Args: `{"run":"@1.run"}`},
		{Tool: "look", Args: `{"_needs":["2"]}`},
		{Tool: "make_data", Args: `{"name":"b"}`},
	}}
	r := newRig(t, assistant.Options{Policy: assistant.AllButDestroying}, plan, llmtest.Reply{Text: "The loss became NaN at step 212; try a lower rate."})
	r.world.fate["run-1"] = assistant.RunOutcome{State: "failed", Error: "the loss is NaN at step 212", Hint: "use a lower learning rate"}
	out := r.turn(t, "go")
	if out.Status != assistant.StatusFailed || states(out.Plan) != "failed skipped skipped done" {
		t.Fatalf("%s: %s", out.Status, states(out.Plan))
	}
	if !strings.Contains(out.Problem.Message, "NaN") || out.Problem.Hint != "use a lower learning rate" || len(out.Answer.Unverified) > 0 {
		t.Errorf("problem %+v, answer %+v", out.Problem, out.Answer)
	}
	heard := r.model.Requests()[1]
	for i, want := range []string{"use a lower learning rate", "step 1 was not done", "step 2 was not done", "made b"} {
		if got := lastTexts(heard, llms.ChatMessageTypeTool)[i]; !strings.Contains(got, want) {
			t.Errorf("of step %d the model hears %s", i+1, got)
		}
	}
}

func TestIndependentStepsRunSideBySide(t *testing.T) {
	t.Parallel()
	plan := llmtest.Reply{Calls: []llmtest.Call{
		{Tool: "make_data", Args: `{"name":"a"}`}, {Tool: "train", Args: `{"dataset":"b"}`}, {Tool: "judge", Args: `{"run":"c"}`},
	}}
	r := newRig(t, assistant.Options{Policy: assistant.AllButDestroying, MaxParallel: 2}, plan, answering("Done."))
	gate := make(chan struct{})
	var running, most int
	r.world.hook = func(point string) {
		r.world.mu.Lock()
		defer r.world.mu.Unlock()
		if strings.HasPrefix(point, "before") {
			if running++; running == 2 {
				close(gate)
			}
			most = max(most, running)
		}
		if strings.HasPrefix(point, "after") {
			running--
		}
	}
	r.world.gates["make_data"], r.world.gates["train"] = gate, gate // neither goes on alone
	if out := r.turn(t, "go"); out.Status != assistant.StatusAnswered {
		t.Fatalf("%+v", out)
	}
	if most != 2 {
		t.Errorf("at most %d steps ran at once, want 2", most)
	}
}

func TestLeavingDetachesAndContinueReattaches(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, pipeline(), answering("Done."))
	r.turn(t, wanted)
	gate := make(chan struct{})
	r.world.gates["run-2"] = gate
	ctx, leave := context.WithCancel(t.Context())
	out, err := assistant.Wait(r.Decide(ctx, r.thread, assistant.Decision{Verdict: assistant.Approve}), func(e assistant.Event) {
		if e.Kind == assistant.EventProgress && e.Progress.Run == "run-2" {
			leave()
		}
	})
	if err != nil || out.Status != assistant.StatusDetached {
		t.Fatalf("%s, %v", out.Status, err)
	}
	p, err := r.Pending(t.Context(), r.thread)
	if err != nil || !p.Unfinished || p.Said != wanted || states(p.Plan) != "done running approved approved" {
		t.Fatalf("pending %+v (%s), %v", p, states(p.Plan), err)
	}
	if p.Plan.Step("2").Run != "run-2" {
		t.Errorf("the launched run is forgotten: %+v", p.Plan.Step("2"))
	}
	if _, err := assistant.Wait(r.Turn(t.Context(), r.thread, "and now?"), nil); !errors.Is(err, assistant.ErrUnfinished) {
		t.Errorf("a new turn: %v", err)
	}
	close(gate)
	out, err = assistant.Wait(r.Turn(t.Context(), r.thread, "Go on."), r.see)
	if err != nil || out.Status != assistant.StatusAnswered {
		t.Fatalf("%+v, %v", out, err)
	}
	if n := len(r.world.acts()); n != 4 {
		t.Errorf("did %v", r.world.acts())
	}
	if _, err := assistant.Wait(r.Continue(t.Context(), r.thread), nil); !errors.Is(err, assistant.ErrNothing) {
		t.Errorf("continue of nothing: %v", err)
	}
}

func TestReaderThatBreaksOffDetaches(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, pipeline(), answering("Done."))
	r.turn(t, wanted)
	r.world.gates["run-2"] = make(chan struct{})
	for e, err := range r.Decide(t.Context(), r.thread, assistant.Decision{Verdict: assistant.Approve}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == assistant.EventProgress && e.Progress.Run == "run-2" {
			break
		}
	}
	close(r.world.gates["run-2"])
	if out, err := assistant.Wait(r.Continue(t.Context(), r.thread), nil); err != nil || out.Status != assistant.StatusAnswered {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestAbandonInWords(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{Policy: assistant.AllButDestroying}, pipeline(), answering("Hello."))
	r.world.gates["run-2"] = make(chan struct{})
	ctx, leave := context.WithCancel(t.Context())
	out, err := assistant.Wait(r.Turn(ctx, r.thread, wanted), func(e assistant.Event) {
		if e.Kind == assistant.EventProgress && e.Progress.Run == "run-2" {
			leave()
		}
	})
	if err != nil || out.Status != assistant.StatusDetached {
		t.Fatalf("%s, %v", out.Status, err)
	}
	if out := r.turn(t, "never mind"); out.Status != assistant.StatusAnswered || out.Answer == nil {
		t.Errorf("%+v", out)
	}
	if out := r.turn(t, "hi"); out.Answer.Text != "Hello." {
		t.Errorf("the next turn: %+v", out)
	}
}

func TestContinueShowsThePendingReviewAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, pipeline())
	first := r.turn(t, wanted)
	out, err := assistant.Wait(r.Continue(t.Context(), r.thread), nil)
	if err != nil || out.Status != assistant.StatusWaiting || out.Review.ID != first.Review.ID {
		t.Errorf("%+v, %v", out.Review, err)
	}
	p, err := r.Pending(t.Context(), r.thread)
	if err != nil || p.Review == nil || p.Unfinished {
		t.Errorf("pending %+v, %v", p, err)
	}
	if err := r.Abandon(t.Context(), r.thread); err != nil {
		t.Fatal(err)
	}
	if err := r.Abandon(t.Context(), r.thread); !errors.Is(err, assistant.ErrNothing) {
		t.Errorf("abandon of nothing: %v", err)
	}
	if p, err := r.Pending(t.Context(), r.thread); err != nil || p.Review != nil || p.Unfinished {
		t.Errorf("after abandoning: %+v, %v", p, err)
	}
}

func TestApprovalsExpire(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := newRig(t, assistant.Options{Now: func() time.Time { return now }, ApprovalTTL: time.Hour}, pipeline(), answering("Done."))
	r.turn(t, wanted)
	gate := make(chan struct{})
	r.world.gates["make_data"] = gate
	ctx, leave := context.WithCancel(t.Context())
	r.world.hook = func(point string) {
		if point == "before make_data" {
			leave()
		}
	}
	if out, err := assistant.Wait(r.Decide(ctx, r.thread, assistant.Decision{Verdict: assistant.Approve}), nil); err != nil || out.Status != assistant.StatusDetached {
		t.Fatalf("%s, %v", out.Status, err)
	}
	r.world.hook = nil
	close(gate)
	now = now.Add(2 * time.Hour)
	out, err := assistant.Wait(r.Continue(t.Context(), r.thread), nil)
	if err != nil || out.Status != assistant.StatusWaiting || len(r.world.acts()) != 0 {
		t.Fatalf("with an approval of long ago: %s, %v, did %v", out.Status, err, r.world.acts())
	}
	if out := r.decide(t, assistant.Decision{Verdict: assistant.Approve}); out.Status != assistant.StatusAnswered {
		t.Errorf("%+v", out)
	}
}

func TestThreadInUse(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{})
	release, err := r.store.Acquire(t.Context(), r.thread)
	if err != nil {
		t.Fatal(err)
	}
	defer release() //nolint:errcheck // the test is over
	if _, err := assistant.Wait(r.Turn(t.Context(), r.thread, "hi"), nil); !errors.Is(err, thread.ErrBusy) {
		t.Errorf("got %v", err)
	}
}

func TestWhatCannotBegin(t *testing.T) {
	t.Parallel()
	if _, err := assistant.New(assistant.Options{}); !errors.Is(err, assistant.ErrOptions) {
		t.Errorf("no parts: %v", err)
	}
	r := newRig(t, assistant.Options{})
	if _, err := assistant.Wait(r.Turn(t.Context(), r.thread, " \n"), nil); !errors.Is(err, assistant.ErrNothingSaid) {
		t.Errorf("nothing said: %v", err)
	}
	if _, err := assistant.Wait(r.Turn(t.Context(), "nope", "hi"), nil); !errors.Is(err, thread.ErrNotFound) {
		t.Errorf("no thread: %v", err)
	}
	if _, err := assistant.Wait(r.Decide(t.Context(), r.thread, assistant.Decision{Verdict: assistant.Approve}), nil); !errors.Is(err, assistant.ErrNoReview) {
		t.Errorf("no review: %v", err)
	}
}
