package assistant_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/graph"
)

// An approval names what was shown: with the fingerprint of something else it
// is refused, and the question still stands.
func TestAnApprovalQuotesWhatWasShown(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, pipeline(), answering("Done."))
	shown := r.turn(t, wanted)
	if shown.Review.Fingerprint == "" || shown.Review.Expires.IsZero() {
		t.Fatalf("the review says neither what it binds nor until when: %+v", shown.Review)
	}
	d := shown.Review.Quoted(assistant.Decision{Verdict: assistant.Approve})
	forged := d
	forged.Fingerprint = strings.Repeat("0", len(d.Fingerprint))
	if _, err := assistant.Wait(r.Decide(t.Context(), r.thread, forged), nil); !errors.Is(err, assistant.ErrNoReview) || !errors.Is(err, graph.ErrStale) {
		t.Errorf("an approval of something else: %v", err)
	}
	if len(r.world.acts()) != 0 {
		t.Fatalf("did %v", r.world.acts())
	}
	if out := r.decide(t, d); out.Status != assistant.StatusAnswered {
		t.Errorf("the right one afterwards: %+v", out)
	}
	if _, err := assistant.Wait(r.Decide(t.Context(), r.thread, d), nil); !errors.Is(err, assistant.ErrNoReview) {
		t.Errorf("the same again: %v", err)
	}
}

func TestQuestionsExpire(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		verdict assistant.Verdict
		want    assistant.Status
	}{{assistant.Approve, assistant.StatusWaiting}, {assistant.Reject, assistant.StatusAnswered}} {
		now := time.Now()
		r := newRig(t, assistant.Options{Now: func() time.Time { return now }, ApprovalTTL: time.Hour}, pipeline(), answering("Well."))
		r.left = c.verdict == assistant.Approve
		shown := r.turn(t, wanted)
		now = now.Add(time.Hour)
		out := r.decide(t, shown.Review.Quoted(assistant.Decision{Verdict: c.verdict}))
		if out.Status != c.want || len(r.world.acts()) != 0 {
			t.Fatalf("%s of a question that has expired: %s, did %v", c.verdict, out.Status, r.world.acts())
		}
		if c.verdict != assistant.Approve {
			continue
		}
		if out.Review.ID == shown.Review.ID || !slices.ContainsFunc(r.events, func(e assistant.Event) bool { return e.Problem != nil && e.Problem.Code == assistant.CodeStale }) {
			t.Errorf("it is not asked again: %+v; %s", out.Review, r.story())
		}
		if out = r.decide(t, out.Review.Quoted(assistant.Decision{Verdict: assistant.Approve})); out.Status != assistant.StatusAnswered {
			t.Errorf("in time: %+v", out)
		}
	}
}

// TestAQuestionOfAnOlderVersion has a plan wait that a version showed which
// bound its questions to nothing. What approves nothing is taken; an approval
// is asked for anew, bound to what would be done now.
func TestAQuestionOfAnOlderVersion(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, pipeline(), answering("Done."))
	r.turn(t, wanted)
	var records []graph.Record
	for rec, err := range r.store.Records(t.Context(), r.thread) {
		if err != nil {
			t.Fatal(err)
		}
		if in := rec.Interrupt; in != nil {
			in.Strict, in.Allow, in.Expires, in.Fingerprint = false, nil, time.Time{}, strings.Repeat("a", 64)
		}
		records = append(records, rec)
	}
	older := func() {
		info, err := r.store.Create(t.Context(), "older")
		if err != nil {
			t.Fatal(err)
		}
		r.thread = info.ID
		if err := r.store.AppendAll(t.Context(), r.thread, records); err != nil {
			t.Fatal(err)
		}
	}
	older()
	out := r.turn(t, "yes")
	if out.Status != assistant.StatusWaiting || len(r.world.acts()) != 0 || len(out.Review.Changed) != 1 || !strings.Contains(out.Review.Changed[0], "another version") {
		t.Fatalf("%s, review %+v, did %v", out.Status, out.Review, r.world.acts())
	}
	if out = r.turn(t, "yes"); out.Status != assistant.StatusAnswered || len(r.world.acts()) == 0 {
		t.Fatalf("%+v, did %v", out, r.world.acts())
	}
	did := len(r.world.acts())
	older()
	if out = r.turn(t, "drop step 3"); out.Status != assistant.StatusWaiting || out.Review.Fingerprint == "" || len(out.Review.Changed) != 0 {
		t.Errorf("an edit: %s, review %+v", out.Status, out.Review)
	}
	if len(r.world.acts()) != did {
		t.Errorf("did %v", r.world.acts())
	}
}
