package assistant_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/graph"
)

// What is told of a thread's writes is what opening the thread shows.
func TestToldIsTheTranscript(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{}, trainOn("demo"), answering("run-1 is under way."))
	check := func(followups int) {
		t.Helper()
		shown, err := r.Transcript(t.Context(), r.thread)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, m := range shown {
			if m.Text != "" {
				want = append(want, m.Text)
			}
		}
		pending := 0
		for rec, err := range r.store.Records(t.Context(), r.thread) {
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range rec.Writes {
				said, n := assistant.Told(r.thread, c)
				got = append(got, said...)
				if n >= 0 {
					pending = n
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
			t.Error(diff)
		}
		if all, err := r.Followups(t.Context(), r.thread); err != nil || len(all) != pending || pending != followups {
			t.Errorf("%d follow-ups told, %d there, want %d; %v", pending, len(all), followups, err)
		}
	}
	r.turn(t, "train on demo and let me know when it finishes")
	check(0)
	r.turn(t, "yes")
	check(1)
	r.turn(t, "forget the follow-ups")
	check(0)
}

func TestToldOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, c := range []graph.Change{
		{Field: "messages", Value: json.RawMessage(`{"not":"a list"}`)},
		{Field: "messages", Value: json.RawMessage(`[`)},
		{Field: "followups", Value: json.RawMessage(`7`)},
		{Field: "plan", Value: json.RawMessage(`{}`)},
		{},
	} {
		if said, n := assistant.Told("t", c); len(said) > 0 || n != -1 {
			t.Errorf("%s %s: %q, %d", c.Field, c.Value, said, n)
		}
	}
	others := graph.Change{Field: "followups", Value: json.RawMessage(`[{"thread":"other"},{"thread":"t"}]`)}
	if _, n := assistant.Told("t", others); n != 1 {
		t.Errorf("%d follow-ups, want the thread's own", n)
	}
}
