package tui

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/tools"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is an assistant that says what a test wrote down, and remembers what
// it was asked.
type script struct {
	turn, decide, goOn []assistant.Event
	asked              []string
	decisions          []assistant.Decision
	fails              error
}

func (s *script) Turn(_ context.Context, _, text string) iter.Seq2[assistant.Event, error] {
	s.asked = append(s.asked, text)
	if s.fails != nil {
		return func(yield func(assistant.Event, error) bool) { yield(assistant.Event{}, s.fails) }
	}
	return play(s.turn)
}

func (s *script) Decide(_ context.Context, _ string, d assistant.Decision) iter.Seq2[assistant.Event, error] {
	s.decisions = append(s.decisions, d)
	return play(s.decide)
}

func (s *script) Continue(context.Context, string) iter.Seq2[assistant.Event, error] {
	s.asked = append(s.asked, "(continue)")
	return play(s.goOn)
}

func (s *script) Abandon(context.Context, string) error {
	s.asked = append(s.asked, "(abandon)")
	return nil
}

func play(events []assistant.Event) iter.Seq2[assistant.Event, error] {
	return func(yield func(assistant.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

type fixedBoard struct {
	runs   []Run
	curves map[string][]Point
}

func (b fixedBoard) Runs(context.Context) ([]Run, error) { return b.runs, nil }

func (b fixedBoard) Curves(context.Context, string) (map[string][]Point, error) { return b.curves, nil }

func demoPlan(state assistant.StepState) *assistant.Plan {
	return &assistant.Plan{Steps: []assistant.Step{
		{ID: "1", Tool: "train_launch", Args: json.RawMessage(`{"dataset":"demo","model":"segresnet"}`), Effect: tools.Launch, State: state, Preview: &tools.Preview{
			Summary: "segresnet-8 (1.18 M parameters), 400 steps of 2×48³", Writes: []string{".minivess/runs/"},
			Cost: tools.Cost{Seconds: 150, MemoryBytes: 1_100_000_000},
		}},
		{ID: "2", Tool: "evaluate_run", Args: json.RawMessage(`{"run":"@1.run","split":"test"}`), Needs: []string{"1"}, Effect: tools.Launch, State: state},
	}}
}

func reviewOf(p *assistant.Plan, confirm ...string) *assistant.Review {
	r := &assistant.Review{ID: "r1", Fingerprint: "f1", Confirm: confirm, Plan: p}
	for _, s := range p.Steps {
		r.Steps = append(r.Steps, s.ID)
	}
	return r
}

func demoBoard() fixedBoard {
	var loss, dice []Point
	for i := range 120 {
		loss = append(loss, Point{float64(i), 1 / (1 + float64(i)/20)})
		if i%20 == 0 {
			dice = append(dice, Point{float64(i), 0.9 - 0.8/(1+float64(i)/20)})
		}
	}
	return fixedBoard{
		runs: []Run{
			{ID: "brisk-otter-7f3a", Kind: "train", Model: "segresnet", Dataset: "demo", State: "running", Step: 212, Steps: 400, Rate: 7.9, ETASeconds: 24, Age: "1 min"},
			{ID: "calm-heron-01aa", Name: "base\x1b[31mline", Kind: "train", Model: "segresnet", Dataset: "demo", State: "finished", Step: 400, Steps: 400, Score: 0.861, HasScore: true, Age: "2 h"},
		},
		curves: map[string][]Point{"loss": loss, "val dice": dice},
	}
}

// drive runs commands until none is left, feeding their messages back; ticks
// are dropped, so that a test ends.
func drive(t *testing.T, m *model, cmd tea.Cmd) {
	t.Helper()
	queue := []tea.Cmd{cmd}
	for step := 0; len(queue) > 0; step++ {
		if step > 500 {
			t.Fatal("commands never came to rest")
		}
		cmd, queue = queue[0], queue[1:]
		if cmd == nil {
			continue
		}
		switch msg := cmd().(type) {
		case nil, tickMsg, abandonedMsg, tea.QuitMsg:
		case tea.BatchMsg:
			queue = append(queue, msg...)
		case eventMsg, endMsg, boardMsg, dueMsg:
			queue = append(queue, update(m, msg))
		}
	}
}

// update drops the clock commands: their wait is what a test must not do.
func update(m *model, msg tea.Msg) tea.Cmd {
	_, cmd := m.Update(msg)
	if _, ok := msg.(boardMsg); ok {
		return nil
	}
	return cmd
}

func newTest(t *testing.T, s *script, width, height int, unfinished *Unfinished) *model {
	t.Helper()
	m := newModel(t.Context(), Options{Assistant: s, Board: demoBoard(), Thread: "t", Model: "planner (offline)", Workspace: "vessels", Unfinished: unfinished})
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	drive(t, m, readBoard(t.Context(), m.options.Board, ""))
	return m
}

func press(t *testing.T, m *model, keys ...string) {
	t.Helper()
	for _, k := range keys {
		var msg tea.KeyPressMsg
		switch k {
		case "enter":
			msg = tea.KeyPressMsg{Code: tea.KeyEnter}
		case "esc":
			msg = tea.KeyPressMsg{Code: tea.KeyEscape}
		case "down":
			msg = tea.KeyPressMsg{Code: tea.KeyDown}
		case "up":
			msg = tea.KeyPressMsg{Code: tea.KeyUp}
		case "ctrl+r", "ctrl+g", "ctrl+c":
			msg = tea.KeyPressMsg{Code: rune(k[5]), Mod: tea.ModCtrl}
		default:
			for _, r := range k {
				drive(t, m, update(m, tea.KeyPressMsg{Code: r, Text: string(r)}))
			}
			continue
		}
		drive(t, m, update(m, msg))
	}
}

func frame(m *model) string { return ansi.Strip(m.View().Content) }

func waiting(p *assistant.Plan, confirm ...string) []assistant.Event {
	r := reviewOf(p, confirm...)
	return []assistant.Event{
		{Kind: assistant.EventTurn},
		{Kind: assistant.EventThinking, Text: "planner"},
		{Kind: assistant.EventPlan, Plan: p},
		{Kind: assistant.EventReview, Plan: p, Review: r},
		{Kind: assistant.EventDone, Outcome: &assistant.Outcome{Status: assistant.StatusWaiting, Review: r}},
	}
}

func TestScreens(t *testing.T) {
	t.Parallel()
	done := demoPlan(assistant.StepDone)
	done.Steps[0].Result = &tools.Result{Summary: "started brisk-otter-7f3a", Run: "brisk-otter-7f3a"}
	done.Steps[0].Outcome = &assistant.RunOutcome{State: "finished", Summary: "run brisk-otter-7f3a finished after 400 steps"}
	for _, size := range []struct{ w, h int }{{80, 24}, {100, 30}, {120, 30}} {
		screens := map[string]func(*testing.T, *model, *script){
			"greeting": func(*testing.T, *model, *script) {},
			"review": func(t *testing.T, m *model, _ *script) {
				t.Helper()
				press(t, m, "train a segresnet on demo and evaluate it", "enter")
			},
			"answer": func(t *testing.T, m *model, s *script) {
				t.Helper()
				s.decide = []assistant.Event{
					{Kind: assistant.EventDecision},
					{Kind: assistant.EventStep, Step: &done.Steps[0]},
					{Kind: assistant.EventStep, Step: &done.Steps[1]},
					{Kind: assistant.EventAnswer, Answer: &assistant.Answer{
						Text:    "Run brisk-otter-7f3a reaches a test Dice of 0.86 (2 volumes, 0.84–0.88). With two volumes the interval is only a range.",
						Sources: []assistant.Source{{Tool: "runs_sql", Query: "select name, avg(value) from case_metrics group by name"}},
					}},
					{Kind: assistant.EventDone, Outcome: &assistant.Outcome{Status: assistant.StatusAnswered, Plan: done}},
				}
				press(t, m, "train a segresnet on demo and evaluate it", "enter", "a")
			},
			"runs":   func(t *testing.T, m *model, _ *script) { t.Helper(); press(t, m, "ctrl+r", "down") },
			"curves": func(t *testing.T, m *model, _ *script) { t.Helper(); press(t, m, "ctrl+g") },
			"help":   func(t *testing.T, m *model, _ *script) { t.Helper(); press(t, m, "?") },
		}
		for name, visit := range screens {
			t.Run(fmt.Sprintf("%s_%dx%d", name, size.w, size.h), func(t *testing.T) {
				t.Parallel()
				s := &script{turn: waiting(demoPlan(assistant.StepPlanned))}
				m := newTest(t, s, size.w, size.h, nil)
				visit(t, m, s)
				screen := frame(m)
				lines := strings.Split(screen, "\n")
				if len(lines) != size.h {
					t.Errorf("%d lines, want %d", len(lines), size.h)
				}
				for i, line := range lines {
					if w := ansi.StringWidth(line); w > size.w {
						t.Errorf("line %d is %d cells wide, want at most %d", i, w, size.w)
					}
				}
				golden.RequireEqual(t, []byte(screen))
			})
		}
	}
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	plan := demoPlan(assistant.StepPlanned)
	for _, c := range []struct {
		name    string
		confirm []string
		keys    []string
		want    assistant.Decision
	}{
		{"approve", nil, []string{"a"}, assistant.Decision{Review: "r1", Fingerprint: "f1", Verdict: assistant.Approve}},
		{"reject with a reason", nil, []string{"r", "too long", "enter"}, assistant.Decision{Review: "r1", Fingerprint: "f1", Verdict: assistant.Reject, Text: "too long"}},
		{"a yes in words still asks about what destroys", []string{"2"}, []string{"yes", "enter", "y"}, assistant.Decision{Review: "r1", Fingerprint: "f1", Verdict: assistant.Approve, Steps: []string{"1", "2"}}},
		{"confirm what destroys", []string{"2"}, []string{"a", "y"}, assistant.Decision{Review: "r1", Fingerprint: "f1", Verdict: assistant.Approve, Steps: []string{"1", "2"}}},
		{"do not confirm", []string{"2"}, []string{"a", "n"}, assistant.Decision{Review: "r1", Fingerprint: "f1", Verdict: assistant.Reject, Text: "the destroying step was not confirmed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &script{turn: waiting(plan, c.confirm...)}
			m := newTest(t, s, 100, 30, nil)
			press(t, m, "train", "enter")
			press(t, m, c.keys...)
			if diff := cmp.Diff([]assistant.Decision{c.want}, s.decisions); diff != "" {
				t.Errorf("decisions (-want +got):\n%s", diff)
			}
		})
	}
}

// What is typed goes to the assistant as it is; if it does not fit, the plan
// still waits.
func TestWhatIsTypedWhileAPlanWaits(t *testing.T) {
	t.Parallel()
	for _, typed := range [][]string{
		{"e", "use 200 steps", "enter"}, {"e", "1.max_steps=200", "enter"}, {"no, on cortex", "enter"}, {"drop step 2", "enter"}, {"e", "yes", "enter"},
	} {
		s := &script{turn: waiting(demoPlan(assistant.StepPlanned))}
		m := newTest(t, s, 100, 30, nil)
		press(t, m, "train", "enter")
		s.turn, s.fails = nil, assistant.ErrDecision
		press(t, m, typed...)
		if got := s.asked[len(s.asked)-1]; len(s.decisions) != 0 || got != typed[len(typed)-2] {
			t.Errorf("%q: asked %q, decided %+v", typed, s.asked, s.decisions)
		}
		if screen := frame(m); m.review == nil || !strings.Contains(screen, "a approve") || !strings.Contains(screen, "does not fit the plan") {
			t.Errorf("after a slip the plan does not wait:\n%s", screen)
		}
	}
}

// follower has one follow-up, which is due when the gate opens.
type follower struct {
	*script
	gate chan struct{}
	left int
}

func (f *follower) Due(ctx context.Context, _ string, _ func(assistant.Event)) (assistant.Followup, error) {
	if f.left == 0 {
		return assistant.Followup{}, assistant.ErrNoFollowup
	}
	select {
	case <-f.gate:
		return assistant.Followup{Turn: 1, Runs: []string{"brisk-otter-7f3a"}, Say: "evaluate it"}, nil
	case <-ctx.Done():
		return assistant.Followup{}, ctx.Err()
	}
}

func (f *follower) Follow(context.Context, string) iter.Seq2[assistant.Event, error] {
	f.left--
	f.asked = append(f.asked, "(follow)")
	return play(waiting(demoPlan(assistant.StepPlanned)))
}

func TestFollowUpsAreTakenUpByThemselves(t *testing.T) {
	t.Parallel()
	s := &script{turn: []assistant.Event{{Kind: assistant.EventAnswer, Answer: &assistant.Answer{Text: "I will tell you."}}, {Kind: assistant.EventDone}}}
	f := &follower{script: s, gate: make(chan struct{}), left: 1}
	m := newModel(t.Context(), Options{Assistant: s, Follower: f, Board: demoBoard(), Thread: "t", Model: "planner (offline)", Workspace: "vessels"})
	m.Update(tea.WindowSizeMsg{Width: 100, Height: 30})
	close(f.gate)
	press(t, m, "train, tell me when it is done, then evaluate it", "enter")
	if diff := cmp.Diff([]string{"train, tell me when it is done, then evaluate it", "(follow)"}, s.asked); diff != "" {
		t.Error(diff)
	}
	if screen := frame(m); !strings.Contains(screen, "Follow-up of turn 1") || !strings.Contains(screen, "a approve") {
		t.Errorf("the follow-up does not wait for a word:\n%s", screen)
	}
}

func TestBlanketApprovalNeverDestroys(t *testing.T) {
	t.Parallel()
	s := &script{turn: waiting(demoPlan(assistant.StepPlanned), "1", "2")}
	m := newTest(t, s, 80, 24, nil)
	press(t, m, "delete everything", "enter", "a")
	if len(s.decisions) != 0 {
		t.Fatalf("approved without a confirmation: %+v", s.decisions)
	}
	if !strings.Contains(frame(m), "step 1 destroys and cannot be undone") {
		t.Errorf("no question about step 1:\n%s", frame(m))
	}
	press(t, m, "y")
	if len(s.decisions) != 0 || !strings.Contains(frame(m), "step 2 destroys") {
		t.Errorf("the second destroying step was not asked for by itself:\n%s", frame(m))
	}
}

func TestUnfinishedWorkIsOffered(t *testing.T) {
	t.Parallel()
	plan := demoPlan(assistant.StepDone)
	plan.Steps[1].State = assistant.StepRunning
	s := &script{}
	m := newTest(t, s, 80, 24, &Unfinished{Plan: plan, Text: "train and evaluate"})
	if screen := frame(m); !strings.Contains(screen, "c continue") || !strings.Contains(screen, "stopped in the middle") {
		t.Fatalf("no offer to go on:\n%s", screen)
	}
	press(t, m, "c")
	if diff := cmp.Diff([]string{"(continue)"}, s.asked); diff != "" {
		t.Error(diff)
	}
}

func TestHostileTextIsHarmless(t *testing.T) {
	t.Parallel()
	evil := "name\x1b[2J\x1b]0;owned\x07\u202egnp.exe\x00"
	if got := clean(evil); strings.ContainsAny(got, "\x1b\x07\x00\u202e") {
		t.Errorf("clean(%q) = %q", evil, got)
	}
	plan := demoPlan(assistant.StepPlanned)
	plan.Steps[0].Preview.Summary = evil
	s := &script{turn: append(waiting(plan), assistant.Event{Kind: assistant.EventAnswer, Answer: &assistant.Answer{Text: evil}})}
	m := newTest(t, s, 80, 24, nil)
	press(t, m, "go", "enter", "ctrl+r")
	for _, page := range []string{m.View().Content, func() string { m.screen = screenChat; return m.View().Content }()} {
		if strings.Contains(page, "\x1b[2J") || strings.Contains(page, "\x1b]0;") || strings.Contains(page, "\x1b[31mline") {
			t.Errorf("an escape sequence from data reached the screen:\n%q", page)
		}
	}
}

func TestResizeToAnySize(t *testing.T) {
	t.Parallel()
	s := &script{turn: waiting(demoPlan(assistant.StepPlanned))}
	m := newTest(t, s, 120, 40, nil)
	press(t, m, "train", "enter")
	for w := 1; w < 160; w += 13 {
		for h := 1; h < 50; h += 7 {
			for _, page := range []screen{screenChat, screenRuns, screenCurves, screenHelp} {
				m.screen = page
				m.Update(tea.WindowSizeMsg{Width: w, Height: h})
				if got := strings.Count(frame(m), "\n") + 1; got != max(h, 8) && h >= 8 {
					t.Errorf("%dx%d page %d: %d lines", w, h, page, got)
				}
			}
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[float64]string{0.4: "<1 s", 42: "42 s", 150: "2 min 30 s", 120: "2 min", 32700: "9 h 5 min"} {
		if got := duration(seconds); got != want {
			t.Errorf("duration(%g) = %q, want %q", seconds, got, want)
		}
	}
	for bytes, want := range map[int64]string{12: "12 B", 1_100_000_000: "1.1 GB", 22_000_000: "22 MB"} {
		if got := size(bytes); got != want {
			t.Errorf("size(%d) = %q, want %q", bytes, got, want)
		}
	}
}
