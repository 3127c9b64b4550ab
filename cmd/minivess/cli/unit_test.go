package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
)

func TestInterruptIsHeardAtAPrompt(t *testing.T) {
	t.Parallel()
	in, typing := io.Pipe()
	defer typing.Close() //nolint:errcheck // a pipe in memory
	env := &environment{Streams: Streams{In: in}}
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	if line, ok := env.readLine(ctx); ok {
		t.Errorf("an interrupt was taken for the answer %q", line)
	}
}

// Filled text says the same: only blanks outside quotes become line breaks,
// and lines are no longer than they have to be.
func TestFillKeepsTheWords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{
			"select", "run_id,", "from", "runs", "where", "name", "=", "'a  b'", `"odd column"`, "brisk-otter-7f3a", "'it''s'", "(select", "1)",
		}), 1, 60).Draw(t, "words")
		indent := rapid.IntRange(0, 30).Draw(t, "indent")
		statement := strings.Join(words, rapid.SampledFrom([]string{" ", "  ", "\n\t"}).Draw(t, "blank"))
		if diff := cmp.Diff(words, sqlWords(statement)); diff != "" {
			t.Fatalf("words (-want +got):\n%s", diff)
		}
		text := fill("Query 1: ", sqlWords(statement), indent)
		if diff := cmp.Diff(append([]string{"Query", "1:"}, words...), sqlWords(text)); diff != "" {
			t.Fatalf("filled (-want +got):\n%s", diff)
		}
		for line := range strings.SplitSeq(text, "\n") {
			if len(line) > textWidth {
				t.Fatalf("%d columns: %q", len(line), line)
			}
		}
	})
}

func TestCommentedQueryStaysWhole(t *testing.T) {
	t.Parallel()
	const query = "select 1 -- one\nfrom runs"
	if got := sqlWords(query); len(got) != 1 || got[0] != query {
		t.Errorf("%q", got)
	}
}

func TestQueriesAreNumberedAsThePlannerCounts(t *testing.T) {
	t.Parallel()
	sql := func(query string) assistant.Step {
		return assistant.Step{Tool: "runs_sql", State: assistant.StepDone, Result: &tools.Result{Query: query}}
	}
	plans := []assistant.Plan{
		{Steps: []assistant.Step{sql("select  1"), {Tool: "dataset_list", Result: &tools.Result{}}}},
		{Steps: []assistant.Step{{Tool: "runs_sql", State: assistant.StepFailed}, sql("select 3")}},
	}
	var out bytes.Buffer
	env := &environment{Streams: Streams{Out: &out}}
	answer := &assistant.Answer{
		Text:      "Which dataset shall I train on: a, b? It is 3. Source: query 3.",
		Sources:   []assistant.Source{{Tool: "compare_runs", Query: "select 4"}, {Tool: "runs_sql", Query: "select 3"}, {Tool: "runs_sql", Query: "select  1"}, {Tool: "runs_sql", Query: "select 0"}},
		Questions: []assistant.Question{{Text: "Which dataset shall I train on?", Choices: []string{"a", "b"}}, {Text: "Sure?"}},
	}
	if err := env.printAnswer(answer, plans); err != nil {
		t.Fatal(err)
	}
	want := "Which dataset shall I train on: a, b? It is 3. Source: query 3.\nSure?\n\nQuery 1: select 1\n\nQuery 3: select 3\n\nEarlier query: select 0\n\nQuery of compare_runs: select 4\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestNarratorSaysHowALaunchedRunEnded(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	n := newNarrator(Streams{Err: &out}, false)
	same := tools.Progress{Phase: "train", Done: 1, Total: 4}
	for range 3 {
		n.see(assistant.Event{Kind: assistant.EventProgress, StepID: "1", Progress: &same})
	}
	n.see(assistant.Event{Kind: assistant.EventStep, Step: &assistant.Step{
		ID: "1", State: assistant.StepDone, Result: &tools.Result{Summary: "started run-1"},
		Outcome: &assistant.RunOutcome{State: "finished", Summary: "run-1 finished at step 4"},
	}})
	n.see(assistant.Event{Kind: assistant.EventStep, Step: &assistant.Step{ID: "2", State: assistant.StepDone, Result: &tools.Result{Summary: "2 rows"}}})
	want := "      1 ▸ train  1/4\n      1 ✓ run-1 finished at step 4\n      2 ✓ 2 rows\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		exit int
	}{
		{usagef("no"), ExitUsage},
		{tools.Errorf(tools.CodeRefused, "no"), ExitRefused},
		{fmt.Errorf("while: %w", tools.Errorf(tools.CodeNeedsApproval, "no")), ExitNeedsApproval},
		{problemError{&assistant.Problem{Code: "not_found"}}, ExitNotFound},
		{problemError{&assistant.Problem{Code: "loop"}}, ExitFailed},
		{&silentError{ExitRefused}, ExitRefused},
		{workspace.ErrNotFound, ExitNotFound},
		{fmt.Errorf("read: %w", &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}), ExitNotFound},
		{context.Canceled, ExitFailed},
		{&leftError{"brisk-otter-7f3a"}, ExitFailed},
		{errors.New("anything"), ExitFailed},
	} {
		if got := complaintOf(c.err); got.exit != c.exit || got.Message == "" && c.exit == ExitUsage {
			t.Errorf("%v: %+v; want exit %d", c.err, got, c.exit)
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain µm\n\ttext": "plain µm\n\ttext", "a\x1b[31mred\x1b[0m": "ared", "t\x1b]0;owned\x07x": "tx",
		"\u202eevil\u2066": "evil", "bell\x07\x00\u009b": "bell",
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q; want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		for _, r := range printable(rapid.String().Draw(t, "text")) {
			if r < 0x20 && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
				t.Fatalf("%q is left", r)
			}
		}
	})
}
