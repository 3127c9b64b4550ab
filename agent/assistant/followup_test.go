package assistant_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/llm/llmtest"
)

func trainOn(dataset string) llmtest.Reply {
	return llmtest.Reply{Calls: []llmtest.Call{{Tool: "train", Args: `{"dataset":"` + dataset + `","learning_rate":0.001}`}}}
}

func judging(run, expect string) llmtest.Reply {
	return llmtest.Reply{Expect: expect, Calls: []llmtest.Call{{Tool: "judge", Args: `{"run":"` + run + `"}`}}}
}

func (r *rig) follow(t *testing.T) assistant.Outcome {
	t.Helper()
	out, err := assistant.Wait(r.Follow(t.Context(), r.thread), r.see)
	if err != nil {
		t.Fatalf("follow: %v", err)
	}
	return out
}

func TestTellMeWhenDoneThenEvaluate(t *testing.T) {
	t.Parallel()
	first := trainOn("demo")
	first.Expect = "train on demo" // and not what is to be done later
	r := newRig(t, assistant.Options{}, first, answering("run-1 is under way."), answering("Hello."), judging("run-1", "evaluate run-1"), answering("Judged."))
	r.world.gates["run-1"] = make(chan struct{})
	r.turn(t, "train on demo, tell me when it is done, then evaluate it")
	out := r.turn(t, "yes") // and this does not wait for the run
	if out.Status != assistant.StatusAnswered || !strings.Contains(out.Answer.Text, "I will tell you when run-1 has ended, and then: evaluate it.") {
		t.Fatalf("%s: %+v", out.Status, out.Answer)
	}
	pending, err := r.Followups(t.Context(), r.thread)
	if err != nil || len(pending) != 1 || !slices.Equal(pending[0].Runs, []string{"run-1"}) || pending[0].Say != "evaluate it" {
		t.Fatalf("%+v, %v", pending, err)
	}
	// Nobody who waits is in the way of the conversation.
	ctx, leave := context.WithCancel(t.Context())
	waited := make(chan error)
	go func() {
		_, err := r.Due(ctx, r.thread, nil)
		waited <- err
	}()
	if out := r.turn(t, "hi"); out.Answer.Text != "Hello." {
		t.Errorf("a turn while somebody waits: %+v", out)
	}
	leave()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("leaving the waiting: %v", err)
	}
	close(r.world.gates["run-1"])
	r.reopen(t, assistant.Options{}) // another process finds it in the thread
	out = r.follow(t)
	if out.Status != assistant.StatusWaiting || out.Plan.Steps[0].Tool != "judge" {
		t.Fatalf("the follow-up does not wait for a word: %s %+v", out.Status, out.Plan)
	}
	if diff := cmp.Diff([]string{`train {"dataset":"demo","steps":400,"learning_rate":0.001}`}, r.world.acts()); diff != "" {
		t.Error(diff)
	}
	if _, err := assistant.Wait(r.Follow(t.Context(), r.thread), nil); !errors.Is(err, assistant.ErrNoFollowup) {
		t.Errorf("a second time: %v", err)
	}
	if out := r.turn(t, "yes"); out.Status != assistant.StatusAnswered {
		t.Errorf("%+v", out)
	}
}

func TestOnlyToBeTold(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, trainOn("demo"), answering("run-1 is under way."))
	r.turn(t, "train on demo and let me know when it finishes")
	r.turn(t, "yes")
	out := r.follow(t) // without the model
	if out.Status != assistant.StatusAnswered || !strings.Contains(out.Answer.Text, "run-1 finished after 400 steps, dice 0.87") || len(out.Answer.Sources) == 0 {
		t.Errorf("%s: %+v", out.Status, out.Answer)
	}
}

func TestAFollowUpOfWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, trainOn("demo"), answering("Under way."), judging("run-1", "evaluate run-1"), answering("Judged."))
	r.turn(t, "train on demo and tell me when it's done")
	r.turn(t, "yes")
	if out := r.turn(t, "forget the follow-ups"); !strings.Contains(out.Answer.Text, "Nothing is followed up") {
		t.Errorf("%+v", out.Answer)
	}
	if _, err := assistant.Wait(r.Follow(t.Context(), r.thread), nil); !errors.Is(err, assistant.ErrNoFollowup) {
		t.Errorf("after forgetting: %v", err)
	}
	if out := r.turn(t, "once it has finished, evaluate it"); !strings.Contains(out.Answer.Text, "I will tell you when run-1 has ended") {
		t.Fatalf("%+v", out.Answer)
	}
	if out := r.follow(t); out.Status != assistant.StatusWaiting {
		t.Fatalf("%+v", out)
	}
	r.turn(t, "yes")
}

func TestAFollowUpOfAFailureSuggestsTheNextStep(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, trainOn("demo"), answering("Under way."), answering("Under way again."))
	r.world.fate["run-1"] = assistant.RunOutcome{State: "failed", Error: "the loss is NaN at step 212", Code: "nan_loss"}
	r.turn(t, "train on demo, tell me when it is done, then evaluate it")
	r.turn(t, "yes")
	out := r.follow(t)
	if out.Status != assistant.StatusWaiting || out.Plan.Steps[0].Tool != "train" || !strings.Contains(string(out.Plan.Steps[0].Args), `"learning_rate":0.0001`) {
		t.Fatalf("%s: %+v", out.Status, out.Plan)
	}
	delete(r.world.fate, "run-1")
	out = r.turn(t, "yes")
	if out.Status != assistant.StatusAnswered || len(out.Answer.Followups) != 1 || out.Answer.Followups[0].Say != "evaluate it" {
		t.Fatalf("what was to follow is lost: %+v", out.Answer)
	}
	if n := len(r.world.acts()); n != 2 {
		t.Errorf("did %v", r.world.acts())
	}
}

func TestAFollowUpWithoutARemedyTellsTheFailure(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, trainOn("demo"), answering("Under way."))
	r.world.fate["run-1"] = assistant.RunOutcome{State: "failed", Error: "the disk is full", Hint: "free some space", Code: "disk_full"}
	r.turn(t, "train on demo, tell me when it is done, then evaluate it")
	r.turn(t, "yes")
	out := r.follow(t)
	if out.Status != assistant.StatusFailed || !strings.Contains(out.Answer.Text, "the disk is full") || !strings.Contains(out.Answer.Text, "free some space") {
		t.Errorf("%s: %+v", out.Status, out.Answer)
	}
}

func TestTwoProcessesTakeUpAFollowUpOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, trainOn("demo"), answering("Under way."), judging("run-1", ""))
	r.turn(t, "train on demo, tell me when it is done, then evaluate it")
	r.turn(t, "yes")
	results := make(chan error)
	for range 2 {
		go func() {
			_, err := assistant.Wait(r.Follow(t.Context(), r.thread), nil)
			results <- err
		}()
	}
	taken := 0
	for range 2 {
		if err := <-results; err == nil {
			taken++
		}
	}
	if taken != 1 {
		t.Errorf("taken up %d times", taken)
	}
}
